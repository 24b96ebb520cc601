//! `cusp serve`: composes the roles, the store, the transports and the API.
//!
//! One module per role; roles meet each other only through the ports of `fleet`.

mod buckets;
pub mod clock;
pub mod config;
mod connect;
pub mod control;
pub mod data_dir;
mod descriptors;
mod discovery;
mod doors;
mod gateway;
mod http;
mod init;
mod jobs;
mod lanes;
pub mod limits;
pub mod metrics;
mod pace;
mod schema;
mod schemas;
mod start;
mod tasks;
mod transports;
mod trust;
pub mod usp;

pub use config::Config;
pub use data_dir::Listeners;
pub use init::init;
pub use start::Server;

use std::path::Path;

use anyhow::Context;

/// Reads certificates, CAs and lists of revoked certificates again, while the server runs.
pub type Reload = trust::Reload<store::SqliteStore>;

/// Puts a copy made by a backup in place of the store of a folder that no server uses.
///
/// # Errors
/// When the copy is damaged, or the folder is in use.
pub fn restore(copy: &Path, data: &Path) -> anyhow::Result<()> {
    store::restore(copy, data).with_context(|| format!("restoring {}", copy.display()))
}
