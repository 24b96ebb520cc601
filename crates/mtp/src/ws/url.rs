//! `ws://` and `wss://` URLs (RFC 6455 section 3, R-WS.1).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::error::Error;

/// A parsed URL. Displaying it gives the text back, with the default port left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WsUrl {
    /// Whether TLS is used (`wss`).
    pub secure: bool,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path, starting with `/`. It names the USP Endpoint on that host (R-WS.2).
    pub path: String,
    /// Query without the `?`, if any.
    pub query: Option<String>,
}

impl WsUrl {
    /// The value of the Host header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.secure) { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for WsUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<WsUrl, Error> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::Url("only printable ASCII is allowed"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(Error::Url("no scheme"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(Error::Url("the scheme must be ws or wss")),
        };
        if rest.contains('#') {
            return Err(Error::Url("no fragment is allowed"));
        }
        let (authority, target) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = split_authority(authority)?;
        let port = port.unwrap_or(default_port(secure));
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(WsUrl { secure, host, port, path: path.to_owned(), query })
    }
}

impl fmt::Display for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn split_authority(authority: &str) -> Result<(String, Option<u16>), Error> {
    if authority.contains('@') {
        return Err(Error::Url("no user name is allowed"));
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(Error::Url("a bracket is not closed"))?;
        host.parse::<Ipv6Addr>().map_err(|_| Error::Url("not an IPv6 address in the brackets"))?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(Error::Url("text after the bracket")),
        }
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err(Error::Url("no host"));
    }
    let port = port.map(str::parse).transpose().map_err(|_| Error::Url("not a port"))?;
    if port == Some(0) {
        return Err(Error::Url("not a port"));
    }
    Ok((host.to_owned(), port))
}
