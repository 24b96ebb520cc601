//! `agent.toml`.
//!
//! It is the factory default: read at the first start and after a factory reset, and won over afterwards
//! by what controllers stored. Only [`Policy`], [`DiscoveryConfig`] and [`ServicesConfig`] hold at every start, and
//! `data_dir`, where the stored state is. A key that is not known is an error, so that a misspelt one is not a silent nothing.

mod broker_url;
mod coap;
mod mqtt;
mod stomp;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
pub use broker_url::BrokerUrl;
pub use coap::CoapConfig;
use dm::path::SchemaPath;
pub use mqtt::{MqttConfig, MqttVersion};
use mtp::ws::WsUrl;
use serde::Deserialize;
pub use stomp::StompConfig;

use crate::challenges::{self, ChallengeConfig};
use crate::discovery::DiscoveryConfig;
use crate::guard::{self, GuardConfig};
use crate::roles::{self, RoleConfig};
use crate::services::config::ServicesConfig;
use crate::trust::{self, CredentialConfig, TrustConfig};

/// The whole file.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the agent keeps its state.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// Who this device is, where the system does not tell, or tells wrong.
    #[serde(default)]
    pub agent: AgentConfig,
    /// Whom it obeys.
    #[serde(default, rename = "controller")]
    pub controllers: Vec<ControllerConfig>,
    /// What controllers may do, beside the roles that every agent has.
    #[serde(default, rename = "role")]
    pub roles: Vec<RoleConfig>,
    /// What a controller can answer to get a role.
    #[serde(default, rename = "challenge")]
    pub challenges: Vec<ChallengeConfig>,
    /// CAs that vouch for controllers, also for those that stand nowhere.
    #[serde(default, rename = "credential")]
    pub credentials: Vec<CredentialConfig>,
    /// Whom it trusts that nobody vouches for.
    #[serde(default)]
    pub trust: TrustConfig,
    /// Its own certificate.
    #[serde(default)]
    pub tls: TlsConfig,
    /// Where controllers may dial in.
    #[serde(default, rename = "listen")]
    pub listeners: Vec<ListenerConfig>,
    /// Whom it may find.
    #[serde(default)]
    pub discovery: DiscoveryConfig,
    /// Whether programs of this device may take part in the data model.
    pub services: Option<ServicesConfig>,
    /// What may be done to the system.
    #[serde(default)]
    pub policy: Policy,
    /// Whether it has just become the factory default: what is wrong in it can still be said.
    #[serde(skip)]
    pub is_new: bool,
}

/// Identity. What is left out comes from the system.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The endpoint id.
    pub endpoint: Option<String>,
    /// Six hexadecimal digits.
    pub oui: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Product class.
    pub product_class: Option<String>,
    /// Manufacturer's name.
    pub manufacturer: Option<String>,
    /// Model name.
    pub model_name: Option<String>,
    /// Hardware version.
    pub hardware_version: Option<String>,
    /// What people call the device, at most 32 characters.
    pub friendly_name: Option<String>,
}

/// A controller.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControllerConfig {
    /// Its endpoint id.
    pub endpoint: String,
    /// `ws://…` or `wss://…`; none for one that dials in, or is reached in another way.
    pub url: Option<String>,
    /// The broker that it is reached through: instead of the URL, or where that fails.
    pub mqtt: Option<MqttConfig>,
    /// The STOMP server that it is reached through: instead of the others, or where they fail.
    pub stomp: Option<StompConfig>,
    /// The URI that it is reached at by CoAP: where the others fail, or instead of them.
    pub coap: Option<CoapConfig>,
    /// The UNIX domain socket that it listens at: instead of the others, or where they fail.
    pub socket: Option<PathBuf>,
    /// The name of its role; everything if there is none.
    pub role: Option<String>,
    /// Certificates that vouch for it: PEM text, or the path of a file.
    pub ca: Option<String>,
    /// SHA-256 fingerprint of its own certificate, hexadecimal, colons or not.
    pub pin: Option<String>,
    /// One-time token to be given a certificate for.
    pub token: Option<String>,
    /// `https://…`: where the next certificate is asked for, however the controller is reached; where the first one came from,
    /// if it is absent.
    pub renew: Option<String>,
    /// Seconds between `Periodic!` events, from 1; a day where it is absent.
    pub periodic_interval: Option<NonZeroU32>,
}

/// The agent's own certificate, when it is not enrolled for one.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file, leaf first.
    pub cert: Option<PathBuf>,
    /// PEM file.
    pub key: Option<PathBuf>,
}

/// A socket for controllers that dial in.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerConfig {
    /// Address and port of a WebSocket.
    pub address: Option<SocketAddr>,
    /// Path of the WebSocket.
    #[serde(default = "default_path")]
    pub path: String,
    /// With the agent's own certificate.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Instead of an address: the file of a UNIX domain socket.
    pub socket: Option<PathBuf>,
    /// The rights of that file, which say who may connect and speak for a controller.
    #[serde(default = "own_user")]
    pub mode: u32,
}

/// What may be done to the system, and with what. Nothing may be written unless it is said here.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Subtrees of the data model that controllers may write (`Device.IP.`).
    #[serde(default)]
    pub writable: Vec<String>,
    /// Command line that restarts the device, for `Device.Reboot()`.
    #[serde(default)]
    pub reboot: Vec<String>,
    /// Command line that brings the device to its factory state, for `Device.FactoryReset()`. The agent's
    /// own state is reset whether there is one or not.
    #[serde(default)]
    pub factory_reset: Vec<String>,
    /// Log files that are shown and may be uploaded.
    #[serde(default)]
    pub log_files: Vec<PathBuf>,
    /// What one controller alone may not do, and how often it may be done.
    #[serde(default, rename = "guard")]
    pub guards: Vec<GuardConfig>,
    /// Whether Messages count, and are sent, that nothing protects: neither TLS with the controller, nor a trusted
    /// broker, nor a session under TLS (R-SEC.0). Connections within this host count in any case.
    #[serde(default)]
    pub unprotected: bool,
    /// Files with lists of revoked certificates (CRL, PEM or DER). Read again when they change.
    #[serde(default)]
    pub revoked: Vec<PathBuf>,
    /// A file that somebody at the device makes to consent to what waits for it; the agent takes it away.
    pub consent_file: Option<PathBuf>,
    /// The agent's own audit log, shown beside them. Not of the file: the state's folder says.
    #[serde(skip)]
    pub audit_log: Option<PathBuf>,
    /// The file of the NTP client that names its servers, when it is none of the usual ones.
    pub ntp_config: Option<PathBuf>,
    /// Command line that makes the NTP client read its servers again.
    #[serde(default)]
    pub ntp_reload: Vec<String>,
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("/var/lib/cusp-agent")
}

fn default_path() -> String {
    "/usp".to_owned()
}

fn yes() -> bool {
    true
}

fn own_user() -> u32 {
    0o600
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read, or says something that is not understood; the message names line and key.
    pub fn load(path: &Path) -> Result<Config> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        Config::parse(&text).with_context(|| format!("{}", path.display()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Those of [`Config::load`].
    pub fn parse(text: &str) -> Result<Config> {
        // The parser's own message quotes the line, which may hold a token.
        let config: Config = toml::from_str(text).map_err(|error| described(text, &error))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        for path in &self.policy.writable {
            let parsed = SchemaPath::parse(path).with_context(|| format!("policy.writable: {path:?}"))?;
            if !path.ends_with('.') || parsed.has_numbers() {
                bail!(
                    "policy.writable: {path:?}: an object path in its supported form, such as \"Device.IP.\""
                );
            }
        }
        for (at, controller) in self.controllers.iter().enumerate() {
            let repeated = self.controllers[..at].iter().any(|other| other.endpoint == controller.endpoint);
            if repeated {
                bail!("controller: {} stands there twice", controller.endpoint);
            }
        }
        for controller in &self.controllers {
            let named = || format!("controller {}", controller.endpoint);
            controller.mqtt.as_ref().map_or(Ok(()), MqttConfig::check).with_context(named)?;
            controller.stomp.as_ref().map_or(Ok(()), StompConfig::check).with_context(named)?;
            controller.coap.as_ref().map_or(Ok(()), CoapConfig::check).with_context(named)?;
            controller.renewal().with_context(named)?;
        }
        self.listeners.iter().try_for_each(ListenerConfig::check)?;
        self.services.as_ref().map_or(Ok(()), ServicesConfig::check)?;
        roles::check(self)?;
        self.discovery.check(self)?;
        challenges::check(self)?;
        trust::check(self)?;
        guard::check(self)?;
        if let Some(name) = &self.agent.friendly_name
            && (name.is_empty() || name.chars().count() > 32 || name.chars().any(char::is_control))
        {
            bail!("agent.friendly_name: 1 to 32 characters");
        }
        if self.tls.cert.is_some() != self.tls.key.is_some() {
            bail!("tls: cert and key come together");
        }
        if let Some(oui) = &self.agent.oui
            && !(oui.len() == 6
                && oui.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)))
        {
            bail!("agent.oui: six hexadecimal digits in upper case");
        }
        Ok(())
    }
}

impl ControllerConfig {
    /// Where its CA gives next certificates, if that is said.
    ///
    /// # Errors
    /// When it is no URL of HTTPS.
    pub fn renewal(&self) -> Result<Option<WsUrl>> {
        let Some(text) = &self.renew else { return Ok(None) };
        let place = text.strip_prefix("https://").context("renew: https://HOST[:PORT]/PATH is expected")?;
        Ok(Some(format!("wss://{place}").parse().context("renew")?))
    }
}

impl ListenerConfig {
    fn check(&self) -> Result<()> {
        match (self.address, &self.socket) {
            (Some(address), None) if !self.tls && !address.ip().is_loopback() => {
                bail!("listen: {address}: without TLS only on this host itself")
            }
            (Some(_), None) => Ok(()),
            (None, Some(_)) if self.mode <= 0o777 => Ok(()),
            (None, Some(_)) => bail!("listen: mode: three octal digits, such as 0o660"),
            _ => bail!("listen: either an address or a socket"),
        }
    }
}

fn described(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    match line {
        Some(line) => anyhow::anyhow!("line {line}: {}", error.message()),
        None => anyhow::anyhow!("{}", error.message()),
    }
}

impl Policy {
    /// Whether an object may be written: it lies at or below one of the open subtrees. The `{i}.` of a
    /// table may be left out.
    pub fn allows(&self, object: &str) -> bool {
        self.writable.iter().any(|open| object.starts_with(open.as_str()))
    }
}

impl std::fmt::Debug for ControllerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControllerConfig")
            .field("endpoint", &self.endpoint)
            .field("url", &self.url)
            .field("mqtt", &self.mqtt)
            .field("stomp", &self.stomp)
            .field("coap", &self.coap)
            .field("socket", &self.socket)
            .field("role", &self.role)
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}
