//! `[discovery]` of `agent.toml`. Like the policy it is read at every start.

use anyhow::{Context, Result, bail};
use mtp::discovery::Location;
use mtp::discovery::ask::is_local;
use serde::Deserialize;

use crate::config::Config;
use crate::roles;

/// Whom the agent may find, and what it thinks of them.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// Take the controller of a DHCP lease.
    #[serde(default)]
    pub dhcp: bool,
    /// Take the controller of this name; DNS says where it is and by which transport. mDNS, if it ends in `.local`.
    pub fqdn: Option<String>,
    /// Ask by mDNS, where a name needs it, and be found by it where controllers may dial in.
    #[serde(default)]
    pub mdns: bool,
    /// Kinds of device under which the agent is listed too (`iot-device`, `gateway`).
    #[serde(default)]
    pub subtypes: Vec<String>,
    /// Take a controller that is listed by mDNS.
    #[serde(default)]
    pub browse: bool,
    /// The role of a controller that was found; *Untrusted* if there is none.
    pub role: Option<String>,
    /// Certificates that vouch for such controllers: PEM text, or the path of a file.
    pub ca: Option<String>,
    /// Connect without TLS too. Whoever answers first on the network is then believed.
    #[serde(default)]
    pub allow_plaintext: bool,
    /// Interfaces for mDNS; all but loopback and tunnels if there is none.
    #[serde(default)]
    pub interfaces: Vec<String>,
}

impl DiscoveryConfig {
    /// Checks what can be checked without the network.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(crate) fn check(&self, config: &Config) -> Result<()> {
        if let Some(fqdn) = &self.fqdn {
            let location = Location::parse(fqdn).with_context(|| format!("discovery.fqdn: {fqdn:?}"))?;
            if location != Location::Fqdn(fqdn.clone()) {
                bail!("discovery.fqdn: {fqdn:?}: a domain name without a dot at the end");
            }
            if !self.mdns && is_local(fqdn) {
                bail!("discovery.fqdn: {fqdn:?}: names in .local need discovery.mdns");
            }
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        for subtype in &self.subtypes {
            if subtype.is_empty() || subtype.len() > 62 || !subtype.bytes().all(fits) {
                bail!(
                    "discovery.subtypes: {subtype:?}: letters, digits and hyphens, at most 62, without the _ before"
                );
            }
        }
        if self.browse && !self.mdns {
            bail!("discovery.browse needs discovery.mdns");
        }
        if let Some(role) = &self.role
            && roles::number(config, role).is_none()
        {
            bail!("discovery: there is no role {role:?}");
        }
        Ok(())
    }
}
