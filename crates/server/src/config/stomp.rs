//! `usp.stomp`: STOMP servers that we connect to, to reach the agents behind them.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use mtp::stomp::{Pattern, ServerAddress, is_destination};
use serde::Deserialize;

use super::connect::{self, ByUrl, one_or_many};

/// Where agents are answered unless the configuration says where else.
const AGENTS: &str = "/queue/usp.agents.*";
/// The usual ports, without and with TLS.
const PORTS: [u16; 2] = [61613, 61614];

/// USP over STOMP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stomp {
    /// The servers: a list of tables, or the URL of the only one.
    #[serde(deserialize_with = "one_or_many")]
    pub connect: Vec<StompConnect>,
}

/// A STOMP server, and how we present ourselves to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StompConnect {
    /// `stomp://HOST[:61613]`, or `stomps://HOST[:61614]` with TLS.
    pub url: String,
    /// The virtual host, where the server has several.
    pub host: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// A file whose first line is the password; read anew for each connection.
    pub password_file: Option<PathBuf>,
    /// The destination that agents send to, unless the server assigns another one. Default
    /// `/queue/usp.controllers.` and our endpoint id.
    pub destination: Option<String>,
    /// Patterns of the destinations at which agents are answered, with `*` for any name; a Record that names
    /// another one is dropped. Default `/queue/usp.agents.*`.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Seconds between heart-beats, in both directions; 0 for none. Default 30.
    pub heart_beat_seconds: Option<u32>,
    /// The shortest wait before the next attempt, 1 to 3600 seconds; it grows. Default 5.
    pub retry_seconds: Option<u32>,
    /// Whether the server's word counts on who sent a Record (R-SEC.9). Only with TLS.
    #[serde(default)]
    pub trusted: bool,
    /// CAs of the server's certificate beside the internal one, PEM.
    pub ca: Option<PathBuf>,
    /// The chain that we show to the server, PEM; with `key`.
    pub cert: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Where devices reach the server, if not by `url`.
    pub public_url: Option<String>,
    /// Speak plaintext with a server that is not on this host.
    #[serde(default)]
    pub allow_plaintext: bool,
}

impl ByUrl for StompConnect {
    fn by_url(url: &str) -> StompConnect {
        StompConnect { url: url.to_owned(), ..StompConnect::default() }
    }

    fn url(&self) -> &str {
        &self.url
    }

    fn check(&self) -> anyhow::Result<()> {
        let address = connect::address_of(&self.url, "stomp", PORTS)?;
        address.check_plaintext("stomp", self.allow_plaintext)?;
        self.public_address().context("public_url")?;
        connect::check_trusted(self.trusted, &address, "stomps://")?;
        connect::check_identity(self.cert.as_ref(), self.key.as_ref())?;
        if self.password_file.is_some() && self.username.is_none() {
            bail!("password_file needs a username");
        }
        connect::check_retry(self.retry_seconds())?;
        if self.heart_beat_seconds() > 86_400 {
            bail!("heart_beat_seconds = {} is longer than a day", self.heart_beat_seconds());
        }
        self.agent_patterns()?;
        if let Some(destination) = &self.destination
            && !is_destination(destination)
        {
            bail!("destination = {destination:?} is none");
        }
        for (key, text) in [("host", &self.host), ("username", &self.username)] {
            if text.as_ref().is_some_and(|text| text.contains(char::is_control)) {
                bail!("{key} has a control character");
            }
        }
        Ok(())
    }

    /// Whether both lead to one destination of one server. Each would deliver what the other does: what one of them
    /// believes, and the other does not, would count.
    fn hears_the_same_as(&self, other: &StompConnect) -> bool {
        let site = |one: &StompConnect| one.address().ok().map(|at| connect::site(&at.host, at.port));
        let is_there = site(self) == site(other) && self.host == other.host;
        self.url == other.url || is_there && self.destination == other.destination
    }
}

impl Stomp {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        connect::check_all("usp.stomp.connect", &self.connect)
    }

    pub(super) fn show(&self, text: &mut String) {
        for server in &self.connect {
            server.show(text);
        }
    }
}

impl StompConnect {
    /// Where the server is.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn address(&self) -> anyhow::Result<ServerAddress> {
        address_of(&self.url)
    }

    /// Where devices reach it.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn public_address(&self) -> anyhow::Result<ServerAddress> {
        address_of(self.public_url.as_ref().unwrap_or(&self.url))
    }

    /// The destination that agents send to, when we are this endpoint.
    pub fn destination(&self, endpoint: &str) -> String {
        self.destination.clone().unwrap_or_else(|| format!("/queue/usp.controllers.{endpoint}"))
    }

    /// `agents`; never empty.
    ///
    /// # Errors
    /// Which is no pattern.
    pub fn agent_patterns(&self) -> anyhow::Result<Vec<Pattern>> {
        connect::agents(&self.agents, AGENTS)
    }

    /// `heart_beat_seconds`.
    pub fn heart_beat_seconds(&self) -> u32 {
        self.heart_beat_seconds.unwrap_or(30)
    }

    /// `retry_seconds`.
    pub fn retry_seconds(&self) -> u32 {
        self.retry_seconds.unwrap_or(5)
    }

    fn show(&self, text: &mut String) {
        let _ = writeln!(text, "\n[[usp.stomp.connect]]\nurl = {:?}", self.url);
        let files = [
            ("password_file", &self.password_file),
            ("ca", &self.ca),
            ("cert", &self.cert),
            ("key", &self.key),
        ];
        let texts = [
            ("host", &self.host),
            ("username", &self.username),
            ("destination", &self.destination),
            ("public_url", &self.public_url),
        ];
        connect::show(text, &files, &texts, &self.agents);
        let _ = writeln!(
            text,
            "heart_beat_seconds = {}\nretry_seconds = {}\ntrusted = {}\nallow_plaintext = {}",
            self.heart_beat_seconds(),
            self.retry_seconds(),
            self.trusted,
            self.allow_plaintext
        );
    }
}

fn address_of(url: &str) -> anyhow::Result<ServerAddress> {
    let connect::Address { host, port, secure } = connect::address_of(url, "stomp", PORTS)?;
    Ok(ServerAddress { host, port, secure })
}

#[cfg(test)]
mod tests {
    use super::{ByUrl, Stomp, StompConnect};

    /// A trusted connection and another one to the same destination: what anybody says there would be proven.
    #[test]
    fn one_destination_of_one_server_is_heard_once() {
        // (URL, virtual host and destination of the second one, whether both may be)
        for (url, host, destination, fine) in [
            ("stomps://stomp.example.com", None, None, false),
            ("stomps://STOMP.example.com.:61614", None, None, false),
            ("stomps://stomp.example.com/", None, None, false),
            ("stomps://stomp.example.com:61614", Some("v"), None, true),
            ("stomps://stomp.example.com:61614", None, Some("/queue/other"), true),
            ("stomps://stomp.example.com:61615", None, None, true),
            ("stomps://other.example.com", None, None, true),
        ] {
            let first = StompConnect { trusted: true, ..StompConnect::by_url("stomps://stomp.example.com") };
            let second = StompConnect {
                host: host.map(str::to_owned),
                destination: destination.map(str::to_owned),
                ..StompConnect::by_url(url)
            };
            let checked = Stomp { connect: vec![first, second] }.check();
            assert_eq!(checked.is_ok(), fine, "{url} {host:?} {destination:?}: {checked:?}");
        }
    }
}
