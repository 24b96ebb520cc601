//! The URL of a broker, of either protocol.

use anyhow::{Context, Result, bail};

/// Where a broker is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerUrl {
    /// With TLS.
    pub secure: bool,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port; the protocol's usual one where the URL has none.
    pub port: u16,
}

impl BrokerUrl {
    /// `mqtt://HOST[:1883]`, or `mqtts://HOST[:8883]` with TLS.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn mqtt(text: &str) -> Result<BrokerUrl> {
        BrokerUrl::parse(text, "mqtt", [1883, 8883])
    }

    /// `stomp://HOST[:61613]`, or `stomps://HOST[:61614]` with TLS.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn stomp(text: &str) -> Result<BrokerUrl> {
        BrokerUrl::parse(text, "stomp", [61613, 61614])
    }

    fn parse(text: &str, protocol: &str, [plain, tls]: [u16; 2]) -> Result<BrokerUrl> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let secure = match scheme.strip_prefix(protocol) {
            Some("") => false,
            Some("s") => true,
            _ => bail!("the scheme must be {protocol} or {protocol}s"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').context("text after the bracket")?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        // A user name and password have keys of their own.
        if host.is_empty() || host.contains(['@', '/', '?', '#', ' ']) {
            bail!("{protocol}://HOST:PORT is expected");
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).context("not a port")?,
            None if secure => tls,
            None => plain,
        };
        Ok(BrokerUrl { secure, host: host.to_owned(), port })
    }
}
