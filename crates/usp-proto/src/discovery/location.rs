//! Where a controller is, as a DHCP server says it (R-DIS.1b).

use crate::Malformed;
use crate::limits::{MAX_DNS_LABEL_BYTES, MAX_DNS_NAME_BYTES};

/// An absolute URL, or a name of which DNS tells the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// `wss://acs.example/usp`. Which schemes there are is the transports' business.
    Url(String),
    /// `acs.example`, without a dot at the end.
    Fqdn(String),
}

impl Location {
    /// Reads either.
    ///
    /// # Errors
    /// [`Malformed::Discovery`] for what is neither.
    pub fn parse(text: &str) -> Result<Location, Malformed> {
        match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) && is_target(rest) => {
                Ok(Location::Url(text.to_owned()))
            }
            Some(_) => Err(Malformed::Discovery("not an absolute URL")),
            None => {
                let name = text.strip_suffix('.').unwrap_or(text);
                // There endpoint ids are names of hosts, and no port is ever written.
                let is_local = name.to_ascii_lowercase().ends_with(".local");
                let fits = name.len() <= MAX_DNS_NAME_BYTES
                    && name.split('.').all(|label| is_label(label, is_local));
                fits.then(|| Location::Fqdn(name.to_owned()))
                    .ok_or(Malformed::Discovery("neither an absolute URL nor a domain name"))
            }
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_label(label: &str, is_local: bool) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || is_local && b":%".contains(&byte);
    (1..=MAX_DNS_LABEL_BYTES).contains(&label.len()) && label.bytes().all(fits)
}
