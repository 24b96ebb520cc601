//! The header of an envelope.

use crate::envelope::scope::Scope;
use crate::error::Error;
use crate::limits::MAX_ID_BYTES;
use crate::notice::Notice;
use crate::value::{Reading, read_boolean, read_integer};
use crate::version::CwmpVersion;
use crate::xml::{Out, Pull};

/// The header of an envelope.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// The id, which the answer repeats. Ours are at most 32 characters long.
    pub id: Option<String>,
    /// The CPE is to hold its requests back; only from an ACS. Absent means no.
    pub hold_requests: Option<bool>,
    /// Seconds that the CPE may take between two messages; only in an Inform.
    pub session_timeout: Option<u32>,
    /// What the CPE speaks; only in an Inform.
    pub supported_versions: Option<Vec<CwmpVersion>>,
    /// What is spoken from here on; only in an InformResponse.
    pub use_version: Option<CwmpVersion>,
    /// From the first version, and without meaning since.
    pub no_more_requests: Option<bool>,
}

impl Header {
    /// A header with an id, and nothing else.
    pub fn with_id(id: impl Into<String>) -> Header {
        Header { id: Some(id.into()), ..Header::default() }
    }
}

/// Reads what is in the element `Header`.
pub(super) fn read(x: &mut Pull<'_>, scope: &mut Scope) -> Result<Header, Error> {
    const NAMES: [&str; 6] =
        ["ID", "HoldRequests", "SessionTimeout", "SupportedCWMPVersions", "UseCWMPVersion", "NoMoreRequests"];
    let mut header = Header::default();
    while let Some(element) = x.child()? {
        scope.enter(x, &element);
        scope.check_prefix(x, &element);
        let Some(name) = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(element.name())) else {
            x.note(Notice::ElementUnknown(element.name().to_owned()));
            x.skip()?;
            continue;
        };
        if name != element.name() {
            x.note(Notice::HeaderSpelling);
        }
        let text = x.text()?;
        header.set(x, name, text.trim());
    }
    Ok(header)
}

impl Header {
    fn set(&mut self, x: &mut Pull<'_>, name: &'static str, text: &str) {
        let flag = |x: &mut Pull<'_>| {
            let reading = read_boolean(text);
            if reading.exact().is_none() {
                x.note(Notice::ValueForm(name));
            }
            reading.value()
        };
        match name {
            "ID" if text.is_empty() => x.note(Notice::IdEmpty),
            "ID" if text.len() > MAX_ID_BYTES => x.note(Notice::IdTooLong),
            "ID" => self.id = Some(text.to_owned()),
            "HoldRequests" => self.hold_requests = flag(x),
            "SessionTimeout" => match read_integer(text) {
                Reading::Exact(seconds) | Reading::Lenient(seconds) if u32::try_from(seconds).is_ok() => {
                    self.session_timeout = u32::try_from(seconds).ok();
                }
                _ => x.note(Notice::ValueForm(name)),
            },
            "SupportedCWMPVersions" => self.supported_versions = Some(CwmpVersion::parse_list(text)),
            "UseCWMPVersion" => {
                self.use_version = CwmpVersion::parse(text);
                if self.use_version.is_none() {
                    x.note(Notice::ValueForm(name));
                }
            }
            _ => {
                x.note(Notice::NoMoreRequests);
                self.no_more_requests = flag(x);
            }
        }
    }
}

/// Writes the element `Header`; none if there is nothing in it.
pub(super) fn write(header: &Header, request: bool, out: &mut Out<'_>) {
    let style = out.style();
    let no_more = header.no_more_requests.or((request && style.no_more_requests).then_some(false));
    let soap = style.prefixes.envelope();
    let (element, understand) = (format!("{soap}:Header"), format!("{soap}:mustUnderstand"));
    let digit = |flag: bool| if flag { "1" } else { "0" }.to_owned();
    let rows = [
        ("cwmp:ID", "1", header.id.clone()),
        ("cwmp:HoldRequests", "1", header.hold_requests.map(digit)),
        ("cwmp:SessionTimeout", "0", header.session_timeout.map(|seconds| seconds.to_string())),
        ("cwmp:SupportedCWMPVersions", "0", header.supported_versions.as_deref().map(CwmpVersion::list)),
        ("cwmp:UseCWMPVersion", "1", header.use_version.map(|version| version.to_string())),
        ("cwmp:NoMoreRequests", "1", no_more.map(digit)),
    ];
    if rows.iter().all(|row| row.2.is_none()) {
        return;
    }
    out.open(&element, &[]);
    for (name, must, text) in rows {
        if let Some(text) = text {
            out.leaf(name, &[(&understand, must)], &text);
        }
    }
    out.close(&element);
}
