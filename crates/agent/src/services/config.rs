//! `[services]` of `agent.toml`: whether USP Services may connect, and where.

use std::path::PathBuf;

use anyhow::{Result, bail};
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
        Ok(())
    }
}
