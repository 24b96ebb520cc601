//! A USP Service: a lamp that takes part in the data model of the device's agent. See docs/guide/services.md.
//!
//! `cargo run -p agent --example lamp -- /var/run/usp/broker_controller_path`

mod service;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).init();
    let usual = || PathBuf::from(mtp::uds::BROKER_CONTROLLER_PATH);
    let socket = std::env::args_os().nth(1).map_or_else(usual, PathBuf::from);
    service::serve(&socket, "proto::lamp").await.with_context(|| format!("{}", socket.display()))
}
