//! The XMPP connection request (TR-069 Annex K): the stanza that asks, and the stanzas that answer.

use crate::error::Error;
use crate::limits::MAX_STANZA_BYTES;
use crate::secret::Secret;
use crate::xml::text::escape;
use crate::xml::{Element, Pull};

const NAMESPACE: &str = "urn:broadband-forum-org:cwmp:xmppConnReq-1-0";
const ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// Addresses and id of a stanza.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// The JID of the sender.
    pub from: String,
    /// The JID of the receiver.
    pub to: String,
    /// Comes back in the answer.
    pub id: String,
}

/// What a stanza says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stanza {
    /// An ACS asks for a session.
    Request {
        /// `ManagementServer.ConnectionRequestUsername`.
        username: String,
        /// `ManagementServer.ConnectionRequestPassword`.
        password: Secret,
    },
    /// There will be one.
    Accepted,
    /// There will be none.
    Refused(Refusal),
}

/// Why there will be no session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// `not-authorized`: wrong credentials, or nobody who may ask.
    NotAuthorized,
    /// `service-unavailable`: busy, or not there.
    Unavailable,
    /// Another condition, by its name.
    Other(String),
}

impl Refusal {
    fn condition(&self) -> &str {
        match self {
            Refusal::NotAuthorized => "not-authorized",
            Refusal::Unavailable => "service-unavailable",
            Refusal::Other(condition) => condition,
        }
    }
}

impl Stanza {
    /// The stanza as text, without a declaration, as it goes into a stream.
    pub fn to_xml(&self, envelope: &Envelope) -> String {
        let kind = match self {
            Stanza::Request { .. } => "get",
            Stanza::Accepted => "result",
            Stanza::Refused(_) => "error",
        };
        let mut out = format!("<iq type=\"{kind}\"");
        for (name, value) in [("from", &envelope.from), ("to", &envelope.to), ("id", &envelope.id)] {
            out += &format!(" {name}=\"");
            escape(&mut out, value);
            out.push('"');
        }
        match self {
            Stanza::Accepted => out += "/>",
            Stanza::Request { username, password } => {
                out += &format!("><connectionRequest xmlns=\"{NAMESPACE}\"><username>");
                escape(&mut out, username);
                out += "</username><password>";
                escape(&mut out, &password.0);
                out += "</password></connectionRequest></iq>";
            }
            Stanza::Refused(refusal) => {
                let condition = crate::xml::out::xml_name(refusal.condition());
                out += &format!("><error type=\"cancel\"><{condition} xmlns=\"{ERRORS}\"/></error></iq>");
            }
        }
        out
    }

    /// Reads a stanza. None for one of another kind.
    ///
    /// # Errors
    /// What is no XML, or too long.
    pub fn parse(xml: &str) -> Result<Option<(Envelope, Stanza)>, Error> {
        if xml.len() > MAX_STANZA_BYTES {
            return Err(Error::TooLong { bytes: xml.len(), limit: MAX_STANZA_BYTES });
        }
        let mut x = Pull::new(xml);
        let Some(root) = x.child()? else { return Ok(None) };
        let attribute = |name| plain(&root, name);
        let envelope = Envelope { from: attribute("from"), to: attribute("to"), id: attribute("id") };
        let stanza = match (root.name(), attribute("type").as_str()) {
            ("iq", "get" | "set") => request(&mut x)?,
            ("iq", "result") => Some(Stanza::Accepted),
            ("iq", "error") => Some(Stanza::Refused(refusal(&mut x)?)),
            _ => None,
        };
        x.close_to(0)?;
        Ok(stanza.map(|stanza| (envelope, stanza)))
    }
}

/// An attribute without escapes.
fn plain(element: &Element<'_>, name: &str) -> String {
    let raw =
        element.attributes().find(|row| row.0 == name).map(|row| row.1.into_owned()).unwrap_or_default();
    crate::xml::text::unescape(&raw)
}

fn request(x: &mut Pull<'_>) -> Result<Option<Stanza>, Error> {
    let Some(element) = x.child()? else { return Ok(None) };
    if element.name() != "connectionRequest" {
        return Ok(None);
    }
    let (mut username, mut password) = (String::new(), Secret::default());
    while let Some(element) = x.child()? {
        match element.name() {
            "username" => username = x.text()?,
            "password" => password = Secret(x.text()?),
            _ => x.skip()?,
        }
    }
    Ok(Some(Stanza::Request { username, password }))
}

/// The condition of an error; the request may be repeated before it.
fn refusal(x: &mut Pull<'_>) -> Result<Refusal, Error> {
    let mut condition = None;
    while let Some(element) = x.child()? {
        if element.name() != "error" {
            x.skip()?;
            continue;
        }
        while let Some(element) = x.child()? {
            condition.get_or_insert_with(|| element.name().to_owned());
            x.skip()?;
        }
    }
    Ok(match condition.as_deref() {
        Some("not-authorized") => Refusal::NotAuthorized,
        Some("service-unavailable") => Refusal::Unavailable,
        other => Refusal::Other(other.unwrap_or("undefined-condition").to_owned()),
    })
}
