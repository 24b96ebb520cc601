//! DNS-SD (RFC 6763) as USP uses it: names of services and of their instances, and what TXT records say.
//!
//! Names are lists of labels here. A label of an endpoint id holds colons and dots as they are; only where a
//! name is written as text its dots are escaped ([`escaped`]).

use crate::limits::{MAX_DNS_LABEL_BYTES, MAX_TXT_STRING_BYTES};
use crate::{EndpointId, Malformed};

/// Which side offers the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Party {
    /// `usp-agt-…`
    Agent,
    /// `usp-ctr-…`
    Controller,
}

/// By which transport.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mtp {
    /// `ws`, over TCP.
    WebSocket,
    /// `mqtt`, over TCP: the records are about the broker.
    Mqtt,
    /// `stomp`, over TCP: the records are about the server in between.
    Stomp,
    /// `coap`, over UDP. Obsolete.
    Coap,
}

/// A service that IANA has registered for USP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Service {
    /// Who offers it.
    pub party: Party,
    /// How.
    pub mtp: Mtp,
}

const NAMES: [(&str, Party, Mtp); 8] = [
    ("_usp-agt-ws", Party::Agent, Mtp::WebSocket),
    ("_usp-agt-mqtt", Party::Agent, Mtp::Mqtt),
    ("_usp-agt-stomp", Party::Agent, Mtp::Stomp),
    ("_usp-agt-coap", Party::Agent, Mtp::Coap),
    ("_usp-ctr-ws", Party::Controller, Mtp::WebSocket),
    ("_usp-ctr-mqtt", Party::Controller, Mtp::Mqtt),
    ("_usp-ctr-stomp", Party::Controller, Mtp::Stomp),
    ("_usp-ctr-coap", Party::Controller, Mtp::Coap),
];

impl Service {
    /// Every service of one side.
    pub fn of(party: Party) -> impl Iterator<Item = Service> {
        NAMES.into_iter().filter(move |row| row.1 == party).map(|(_, party, mtp)| Service { party, mtp })
    }

    /// The two labels: `_usp-agt-ws`, `_tcp`.
    pub fn labels(self) -> [&'static str; 2] {
        let row = NAMES.into_iter().find(|row| (row.1, row.2) == (self.party, self.mtp));
        let (name, _, mtp) = row.expect("the table has every pair");
        [name, if mtp == Mtp::Coap { "_udp" } else { "_tcp" }]
    }

    /// The service of two labels, whose case does not matter.
    pub fn from_labels(labels: [&[u8]; 2]) -> Option<Service> {
        let mut services = NAMES.into_iter().map(|(_, party, mtp)| Service { party, mtp });
        services.find(|service| {
            let own = service.labels();
            own[0].as_bytes().eq_ignore_ascii_case(labels[0])
                && own[1].as_bytes().eq_ignore_ascii_case(labels[1])
        })
    }
}

/// The label of an endpoint: the first of the names of its services, and of its host in `.local.` (R-DIS.8).
///
/// # Errors
/// [`Malformed::TooLong`] for an id that is longer than a label: it can't be advertised.
pub fn label(endpoint: &EndpointId) -> Result<&str, Malformed> {
    let id = endpoint.as_str();
    let (what, limit) = ("endpoint id in a domain name", MAX_DNS_LABEL_BYTES);
    if id.len() <= limit { Ok(id) } else { Err(Malformed::TooLong { what, limit }) }
}

/// The endpoint of a label.
///
/// # Errors
/// [`Malformed::EndpointId`] for what is none.
pub fn endpoint(label: &[u8]) -> Result<EndpointId, Malformed> {
    let text = std::str::from_utf8(label);
    let text = text.map_err(|_| Malformed::EndpointId { field: "instance name", why: "not UTF-8" })?;
    EndpointId::receive(text)
}

/// A label as it is written in a zone file or a log: dots and backslashes are escaped (RFC 6763 section 4.3).
pub fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('.', "\\.")
}

/// What the TXT record of a service says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attributes {
    /// URI path of a WebSocket, topic or destination of a broker.
    pub path: Option<String>,
    /// What people call an agent: its `FriendlyName`.
    pub name: Option<String>,
    /// Only with encryption.
    pub encrypt: bool,
}

impl Attributes {
    /// The strings of the record.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] for a value that does not fit.
    // R-DIS.9, R-DIS.11, R-DIS.11a
    pub fn strings(&self) -> Result<Vec<String>, Malformed> {
        let pair = |key, value: &Option<String>| value.as_ref().map(|value| format!("{key}={value}"));
        let encrypt = self.encrypt.then(|| "encrypt".to_owned());
        let strings: Vec<String> =
            [pair("path", &self.path), pair("name", &self.name), encrypt].into_iter().flatten().collect();
        let (what, limit) = ("string of a TXT record", MAX_TXT_STRING_BYTES);
        match strings.iter().any(|string| string.len() > limit) {
            true => Err(Malformed::TooLong { what, limit }),
            false => Ok(strings),
        }
    }

    /// Reads the strings of a record. Keys have no case, the first of a key counts, others are skipped, and
    /// values that are no text count as absent (RFC 6763 section 6.4).
    pub fn read<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Attributes {
        let mut attributes = Attributes::default();
        for string in strings {
            let at = string.iter().position(|byte| *byte == b'=');
            let (key, value) = string.split_at(at.unwrap_or(string.len()));
            let slot = match key.to_ascii_lowercase().as_slice() {
                b"path" => &mut attributes.path,
                b"name" => &mut attributes.name,
                b"encrypt" => {
                    attributes.encrypt = true;
                    continue;
                }
                _ => continue,
            };
            if slot.is_none() && !value.is_empty() {
                let text = std::str::from_utf8(&value[1..]).ok();
                *slot = text.filter(|text| !text.chars().any(char::is_control)).map(str::to_owned);
            }
        }
        attributes
    }
}
