//! `[limits]`: what peers that have not proven who they are may cost.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::bail;
use serde::Deserialize;

/// What peers that have not proven who they are may cost. It holds on every listener, for each source address
/// (IPv4), or network of 64 bits (IPv6).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once that have proven nothing, 1 to 1,000,000. Default 2048.
    pub connections_per_address: Option<u32>,
    /// How many more in a second, 1 to 100,000. Default 50.
    pub connections_per_second: Option<u32>,
    /// Refusals at once (then one a second), 1 to 100,000. Default 60: a site of many new devices behind one
    /// address is usual.
    pub failures_per_address: Option<u32>,
    /// How long a handshake may take from the first byte on, and a pause in the body of a request; 1 to 60
    /// seconds. Default 10.
    pub handshake_seconds: Option<u32>,
}

impl Limits {
    /// `limits.connections_per_address`.
    pub fn connections_per_address(&self) -> u32 {
        self.connections_per_address.unwrap_or(2048)
    }

    /// `limits.connections_per_second`; never 0.
    pub fn connections_per_second(&self) -> u32 {
        NonZeroU32::new(self.connections_per_second.unwrap_or(50)).map_or(1, NonZeroU32::get)
    }

    /// `limits.failures_per_address`.
    pub fn failures_per_address(&self) -> u32 {
        self.failures_per_address.unwrap_or(60)
    }

    /// `limits.handshake_seconds`.
    pub fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds.unwrap_or(10).into())
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let keys = [
            ("connections_per_address", self.connections_per_address, 1_000_000),
            ("connections_per_second", self.connections_per_second, 100_000),
            ("failures_per_address", self.failures_per_address, 100_000),
            ("handshake_seconds", self.handshake_seconds, 60),
        ];
        for (key, value, most) in keys {
            if let Some(value) = value
                && !(1..=most).contains(&value)
            {
                bail!("limits.{key} = {value} is not from 1 to {most}");
            }
        }
        Ok(())
    }

    pub(super) fn show(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\n[limits]\nconnections_per_address = {}\nconnections_per_second = {}\n\
             failures_per_address = {}\nhandshake_seconds = {}",
            self.connections_per_address(),
            self.connections_per_second(),
            self.failures_per_address(),
            self.handshake().as_secs()
        );
    }
}
