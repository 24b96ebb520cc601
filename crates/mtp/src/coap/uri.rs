//! `coap://` and `coaps://` URIs (RFC 7252 section 6), as far as they name a USP Endpoint (R-COAP.0): without a query.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::limits::MAX_URI;
use crate::error::Error;

/// The port of `coap`.
pub const PORT: u16 = 5683;
/// The port of `coaps`.
pub const SECURE_PORT: u16 = 5684;

/// A parsed URI. Displaying it gives the text back, with the default port left out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CoapUri {
    /// Whether DTLS is used (`coaps`).
    pub secure: bool,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// UDP port.
    pub port: u16,
    /// The segments of the path, decoded. None for the root.
    pub path: Vec<String>,
}

impl CoapUri {
    /// The URI of a resource at an address.
    pub fn at(secure: bool, address: SocketAddr, path: &[String]) -> CoapUri {
        let host = address.ip().to_canonical().to_string();
        CoapUri { secure, host, port: address.port(), path: path.to_vec() }
    }

    /// The path as it is written, beginning with `/`; `/` for the root.
    pub fn path_text(&self) -> String {
        let mut text = String::new();
        // A String takes everything.
        let _ = path(&mut text, &self.path);
        if text.is_empty() { "/".to_owned() } else { text }
    }

    /// Where it is, if its host is an address.
    pub fn address(&self) -> Option<SocketAddr> {
        let host: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(host.to_canonical(), self.port))
    }
}

impl FromStr for CoapUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<CoapUri, Error> {
        if text.len() > MAX_URI {
            return Err(Error::Url("too long"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Url("only printable ASCII is allowed"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(Error::Url("no scheme"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "coap" => false,
            "coaps" => true,
            _ => return Err(Error::Url("the scheme must be coap or coaps")),
        };
        if rest.contains(['#', '?']) {
            return Err(Error::Url("neither a query nor a fragment is allowed"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority_of(authority)?;
        let port = port.unwrap_or(if secure { SECURE_PORT } else { PORT });
        Ok(CoapUri { secure, host, port, path: segments(path)? })
    }
}

impl fmt::Display for CoapUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.secure { ("coaps", SECURE_PORT) } else { ("coap", PORT) };
        write!(f, "{scheme}://")?;
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        path(f, &self.path)
    }
}

/// The address that a URI leads to, of which it may say behind a `#` whose certificate is meant to be there.
pub fn leads_to(uri: &str) -> Option<SocketAddr> {
    uri.split('#').next()?.parse::<CoapUri>().ok()?.address()
}

/// The segments of a path, decoded; a `/` before them is let pass.
///
/// # Errors
/// When a percent sign is not followed by two hexadecimal digits, or what they say is no UTF-8.
pub fn segments(path: &str) -> Result<Vec<String>, Error> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/').map(decoded).collect()
}

/// Writes a path, encoded.
pub(super) fn path(f: &mut impl fmt::Write, segments: &[String]) -> fmt::Result {
    for segment in segments {
        f.write_char('/')?;
        for byte in segment.bytes() {
            match byte {
                // RFC 3986 section 3.3: pchar.
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => f.write_char(char::from(byte))?,
                _ if b"-._~!$&'()*+,;=:@".contains(&byte) => f.write_char(char::from(byte))?,
                _ => write!(f, "%{byte:02X}")?,
            }
        }
    }
    Ok(())
}

fn decoded(segment: &str) -> Result<String, Error> {
    const WRONG: Error = Error::Url("a percent sign without two hexadecimal digits");
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let Some((digits, tail)) = rest.split_first_chunk::<2>() else { return Err(WRONG) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(digits[0]), digit(digits[1])) else { return Err(WRONG) };
        bytes.push(high << 4 | low);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| Error::Url("the path is no UTF-8"))
}

fn authority_of(authority: &str) -> Result<(String, Option<u16>), Error> {
    if authority.contains('@') {
        return Err(Error::Url("no user name is allowed"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(Error::Url("a bracket is not closed"))?;
            let is_v6 = matches!(host.parse(), Ok(IpAddr::V6(_)));
            match (is_v6, after.strip_prefix(':')) {
                (true, None) if after.is_empty() => (host, None),
                (true, Some(port)) => (host, Some(port)),
                _ => return Err(Error::Url("not an IPv6 address in the brackets")),
            }
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(['[', ']']) {
        return Err(Error::Url("no host"));
    }
    let port = match port {
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(text.parse().ok().filter(|port| *port > 0).ok_or(Error::Url("not a port"))?)
        }
        Some(_) => return Err(Error::Url("not a port")),
        None => None,
    };
    Ok((host.to_ascii_lowercase(), port))
}
