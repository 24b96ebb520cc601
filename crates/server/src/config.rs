//! `cusp.toml`: read, overridden by the environment, checked.
//!
//! An unknown key is an error that names it. A listener that would speak plaintext on an address that
//! others can reach is refused unless the file says `allow_plaintext = true`.

mod coap;
mod connect;
mod limits;
pub(crate) mod mqtt;
mod stomp;
mod uds;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use fleet::enrolment::Policy;
use serde::Deserialize;

pub use coap::Coap;
pub use limits::Limits;
pub use mqtt::{Mqtt, MqttBroker, MqttConnect, MqttVersion};
pub use stomp::{Stomp, StompConnect};
pub use uds::Uds;

/// The server's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where everything is kept. Default `./cusp-data`.
    pub data: Option<PathBuf>,
    /// API, page, metrics.
    pub http: Http,
    /// The USP controller.
    pub usp: Usp,
    /// What happens to devices that nobody knows.
    pub enrolment: Enrolment,
    /// What peers that have not proven who they are may cost.
    pub limits: Limits,
    /// Who may find us on the local network, and whom we find.
    pub discovery: Discovery,
}

/// Who may find us on the local network, and whom we find.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discovery {
    /// Answer agents that ask for us by mDNS, and ask it for names in `.local` that we dial. Default false.
    pub mdns: bool,
    /// Also list us for agents that know no controller. Default false.
    pub listed: bool,
    /// Interfaces; all but loopback and tunnels is the default.
    pub interfaces: Vec<String>,
}

/// API, page, metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Default `127.0.0.1:8080`.
    pub listen: Option<SocketAddr>,
    /// What people and devices are told; default from `listen`.
    pub public_url: Option<String>,
    /// Certificate and key.
    pub tls: Option<Tls>,
    /// Speak plaintext even where others can reach it.
    pub allow_plaintext: bool,
}

/// The USP controller.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usp {
    /// Our own Endpoint; default made at first start and kept.
    pub endpoint: Option<String>,
    /// Whether Messages travel in end-to-end sessions: `"allow"`, the default, where a device starts one;
    /// `"require"`, always; `"forbid"`, never.
    pub sessions: SessionMode,
    /// Agents that dial in.
    pub websocket: WebSocket,
    /// Agents that listen, and are dialled.
    pub dial: Dial,
    /// Agents behind MQTT brokers.
    pub mqtt: Mqtt,
    /// Agents behind STOMP servers.
    pub stomp: Stomp,
    /// Agents of this host.
    pub uds: Uds,
    /// Agents that speak CoAP alone.
    pub coap: Coap,
}

/// Whether Messages travel in end-to-end sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionMode {
    /// Where a device starts one.
    #[default]
    Allow,
    /// Always: what comes outside of one is ignored.
    Require,
    /// Never.
    Forbid,
}

/// Agents that listen, and are dialled.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dial {
    /// The shortest wait before one is dialled again, 1 to 3600 seconds; it grows while nobody answers.
    /// Default 5.
    pub retry_seconds: Option<u32>,
}

/// Agents that dial in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSocket {
    /// Default `127.0.0.1:8183`.
    pub listen: Option<SocketAddr>,
    /// Default `/usp`.
    pub path: Option<String>,
    /// What devices are told; default from `listen` and `path`.
    pub public_url: Option<String>,
    /// Certificate and key.
    pub tls: Option<Tls>,
    /// Speak plaintext even where others can reach it.
    pub allow_plaintext: bool,
}

/// Files of a listener's credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// CAs of client certificates beside the internal one, PEM.
    pub client_ca: Option<PathBuf>,
    /// Lists of the certificates that those CAs have revoked, PEM, or one in DER.
    pub client_crl: Option<PathBuf>,
}

/// Devices that nobody knows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enrolment {
    /// `approve` (default), `open` or `closed`.
    pub policy: PolicyName,
    /// How long the certificates last that devices are given, 1 to 825 days. Default 90; agents renew them
    /// after two thirds of it.
    pub certificate_days: Option<u32>,
}

/// Names of [`Policy`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyName {
    /// They wait for a person.
    #[default]
    Approve,
    /// They are let in: for labs.
    Open,
    /// They are refused.
    Closed,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Policy {
        match name {
            PolicyName::Approve => Policy::Approve,
            PolicyName::Open => Policy::Open,
            PolicyName::Closed => Policy::Closed,
        }
    }
}

/// A server that was set up in one data folder is not begun anew in another: with a second CA and a second
/// endpoint id it would be a stranger to all its devices.
fn one_ca(named: &Path, chosen: &Path) -> anyhow::Result<()> {
    let has_ca = |folder: &Path| folder.join("ca").exists();
    if has_ca(named) && !has_ca(chosen) {
        bail!(
            "the configuration names data = \"{}\", where the CA and the endpoint id are, but {} was asked for, \
             which has none: leave it out, or move the folder there",
            named.display(),
            chosen.display()
        );
    }
    Ok(())
}

impl Config {
    /// The file (defaults without one), then the environment, then `data`; checked.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key and value.
    pub fn load(path: Option<&Path>, data: Option<&Path>) -> anyhow::Result<Config> {
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Config::load_with(path, data, environment)
    }

    /// [`Config::load`] with another environment, for tests.
    ///
    /// # Errors
    /// The same.
    pub fn load_with(
        path: Option<&Path>,
        data: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Config> {
        let mut config = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Config::parse(&text).with_context(|| format!("in {}", path.display()))?
            }
            None => Config::default(),
        };
        let named = config.data.clone();
        config.override_with(environment)?;
        if let Some(data) = data {
            config.data = Some(data.to_owned());
        }
        if let Some(named) = named {
            one_ca(&named, &config.data())?;
        }
        config.check()?;
        Ok(config)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What the TOML reader says, with line and key.
    pub fn parse(text: &str) -> anyhow::Result<Config> {
        Ok(toml::from_str(text)?)
    }

    fn override_with(&mut self, environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
        let address = |name: &str| -> anyhow::Result<Option<SocketAddr>> {
            let Some(text) = environment(name) else { return Ok(None) };
            Ok(Some(text.parse().with_context(|| format!("{name}={text} is not an address with a port"))?))
        };
        if let Some(listen) = address("CUSP_HTTP_LISTEN")? {
            self.http.listen = Some(listen);
        }
        if let Some(listen) = address("CUSP_USP_WEBSOCKET_LISTEN")? {
            self.usp.websocket.listen = Some(listen);
        }
        if let Some(listen) = address("CUSP_USP_MQTT_BROKER_LISTEN")? {
            self.usp.mqtt.broker.listen = Some(listen);
        }
        if let Some(data) = environment("CUSP_DATA") {
            self.data = Some(data.into());
        }
        if let Some(policy) = environment("CUSP_ENROLMENT_POLICY") {
            self.enrolment.policy = match policy.as_str() {
                "approve" => PolicyName::Approve,
                "open" => PolicyName::Open,
                "closed" => PolicyName::Closed,
                _ => bail!("CUSP_ENROLMENT_POLICY={policy} is none of approve, open, closed"),
            };
        }
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        let listeners = [
            ("http", self.http_listen(), self.http.tls.is_some(), self.http.allow_plaintext),
            (
                "usp.websocket",
                self.websocket_listen(),
                self.usp.websocket.tls.is_some(),
                self.usp.websocket.allow_plaintext,
            ),
        ];
        let broker = &self.usp.mqtt.broker;
        let brokers = [broker.listen, broker.websocket].into_iter().flatten();
        let brokers =
            brokers.map(|listen| ("usp.mqtt.broker", listen, broker.tls.is_some(), broker.allow_plaintext));
        for (name, listen, tls, allowed) in listeners.into_iter().chain(brokers) {
            if !tls && !allowed && !listen.ip().is_loopback() {
                bail!(
                    "{name}.listen = \"{listen}\" would speak plaintext where others can reach it: give \
                     {name}.tls, or say {name}.allow_plaintext = true"
                );
            }
        }
        if let Some(endpoint) = &self.usp.endpoint {
            usp_endpoint::EndpointId::receive(endpoint)
                .with_context(|| format!("usp.endpoint = \"{endpoint}\" is not an endpoint id"))?;
        }
        if !(1..=3600).contains(&self.dial_retry_seconds()) {
            bail!("usp.dial.retry_seconds = {} is not from 1 to 3600", self.dial_retry_seconds());
        }
        if self.discovery.listed && !self.discovery.mdns {
            bail!("discovery.listed needs discovery.mdns");
        }
        self.limits.check()?;
        if !(1..=825).contains(&self.certificate_days()) {
            bail!("enrolment.certificate_days = {} is not from 1 to 825", self.certificate_days());
        }
        if !self.websocket_path().starts_with('/') {
            bail!("usp.websocket.path = \"{}\" does not begin with /", self.websocket_path());
        }
        self.usp.mqtt.check()?;
        self.usp.stomp.check()?;
        self.usp.uds.check()?;
        self.usp.coap.check()?;
        Ok(())
    }

    /// Where everything is kept.
    pub fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("./cusp-data"))
    }

    /// `http.listen`.
    pub fn http_listen(&self) -> SocketAddr {
        self.http.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    /// `usp.websocket.listen`.
    pub fn websocket_listen(&self) -> SocketAddr {
        self.usp.websocket.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8183)))
    }

    /// `usp.websocket.path`.
    pub fn websocket_path(&self) -> &str {
        self.usp.websocket.path.as_deref().unwrap_or("/usp")
    }

    /// `usp.dial.retry_seconds`.
    pub fn dial_retry_seconds(&self) -> u32 {
        self.usp.dial.retry_seconds.unwrap_or(5)
    }

    /// `enrolment.certificate_days`.
    pub fn certificate_days(&self) -> u32 {
        self.enrolment.certificate_days.unwrap_or(90)
    }

    /// Whether agents are served in plaintext where others can reach it.
    pub fn plaintext_warning(&self) -> bool {
        let broker = &self.usp.mqtt.broker;
        let listeners = [
            (self.usp.websocket.tls.is_some(), Some(self.websocket_listen())),
            (broker.tls.is_some(), broker.listen),
            (broker.tls.is_some(), broker.websocket),
        ];
        let reachable = |listen: Option<SocketAddr>| listen.is_some_and(|listen| !listen.ip().is_loopback());
        listeners.into_iter().any(|(tls, listen)| !tls && reachable(listen)) || self.usp.coap.is_reachable()
    }

    /// The configuration in force, as TOML. It holds no secrets: keys stay in their files.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "data = {:?}\n\n[http]\nlisten = \"{}\"", self.data(), self.http_listen());
        show_option(&mut text, "public_url", self.http.public_url.as_deref());
        show_tls(&mut text, self.http.tls.as_ref(), self.http.allow_plaintext);
        let _ = writeln!(text, "\n[usp]");
        show_option(&mut text, "endpoint", self.usp.endpoint.as_deref());
        let sessions = match self.usp.sessions {
            SessionMode::Allow => "allow",
            SessionMode::Require => "require",
            SessionMode::Forbid => "forbid",
        };
        let _ = writeln!(text, "sessions = \"{sessions}\"");
        let _ = writeln!(
            text,
            "\n[usp.websocket]\nlisten = \"{}\"\npath = \"{}\"",
            self.websocket_listen(),
            self.websocket_path()
        );
        show_option(&mut text, "public_url", self.usp.websocket.public_url.as_deref());
        show_tls(&mut text, self.usp.websocket.tls.as_ref(), self.usp.websocket.allow_plaintext);
        let _ = writeln!(text, "\n[usp.dial]\nretry_seconds = {}", self.dial_retry_seconds());
        self.usp.mqtt.show(&mut text);
        self.usp.stomp.show(&mut text);
        self.usp.uds.show(&mut text);
        self.usp.coap.show(&mut text);
        let policy = match self.enrolment.policy {
            PolicyName::Approve => "approve",
            PolicyName::Open => "open",
            PolicyName::Closed => "closed",
        };
        let days = self.certificate_days();
        let _ = writeln!(text, "\n[enrolment]\npolicy = \"{policy}\"\ncertificate_days = {days}");
        self.limits.show(&mut text);
        let Discovery { mdns, listed, interfaces } = &self.discovery;
        let _ =
            writeln!(text, "\n[discovery]\nmdns = {mdns}\nlisted = {listed}\ninterfaces = {interfaces:?}");
        text
    }
}

fn show_option(text: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = writeln!(text, "{key} = {value:?}");
    }
}

fn show_tls(text: &mut String, tls: Option<&Tls>, allow_plaintext: bool) {
    if let Some(tls) = tls {
        let _ = write!(text, "tls = {{ cert = {:?}, key = {:?}", tls.cert, tls.key);
        for (key, file) in [("client_ca", &tls.client_ca), ("client_crl", &tls.client_crl)] {
            if let Some(file) = file {
                let _ = write!(text, ", {key} = {file:?}");
            }
        }
        let _ = writeln!(text, " }}");
    }
    let _ = writeln!(text, "allow_plaintext = {allow_plaintext}");
}
