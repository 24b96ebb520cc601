//! `[services]` of `agent.toml`: whether USP Services may connect, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use dm::path::SchemaPath;
use engine::broker::Trust;
use mtp::EndpointId;
use serde::Deserialize;

/// The Broker's socket for the agents of USP Services. It holds at every start.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicesConfig {
    /// Its file.
    #[serde(default = "well_known")]
    pub socket: PathBuf,
    /// The rights of that file, which say who may connect and take part in the data model.
    #[serde(default = "own_user")]
    pub mode: u32,
    /// Which parts of the data model each endpoint may register; without it everybody what is free.
    pub allow: Option<BTreeMap<String, Vec<String>>>,
}

fn well_known() -> PathBuf {
    PathBuf::from(mtp::uds::BROKER_CONTROLLER_PATH)
}

fn own_user() -> u32 {
    0o600
}

impl ServicesConfig {
    pub(crate) fn check(&self) -> Result<()> {
        if self.mode > 0o777 {
            bail!("services: mode: three octal digits, such as 0o660");
        }
        self.trust().map(drop)
    }

    /// What services are trusted with, if that is limited.
    pub(crate) fn trust(&self) -> Result<Option<Trust>> {
        let Some(allow) = &self.allow else { return Ok(None) };
        let mut trust = Trust::new();
        for (endpoint, paths) in allow {
            let named = || format!("services.allow: {endpoint:?}");
            let endpoint = EndpointId::receive(endpoint).with_context(named)?;
            let parts = paths.iter().map(|path| part(path).with_context(named)).collect::<Result<_>>()?;
            trust.insert(endpoint, parts);
        }
        Ok(Some(trust))
    }
}

fn part(path: &str) -> Result<SchemaPath> {
    let parsed = SchemaPath::parse(path).with_context(|| format!("{path:?}"))?;
    if !path.ends_with('.') || path.contains("{i}") || parsed.has_numbers() {
        bail!("{path:?}: an object path without instances, such as \"Device.X_CUSP_Lamp.\"");
    }
    Ok(parsed)
}
