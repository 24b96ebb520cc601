//! `DeviceInfo.MemoryStatus.` from `/proc/meminfo`.

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Pending, Provider, ProviderError, Report};

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use crate::config::Policy;
use crate::system::SystemRoot;

const MEMORY_STATUS: &str = "Device.DeviceInfo.MemoryStatus.";

/// Physical memory.
#[derive(Debug)]
pub struct Memory {
    root: SystemRoot,
}

impl Memory {
    /// Reads below `root`.
    pub fn new(root: SystemRoot) -> Memory {
        Memory { root }
    }
}

impl Provider for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        if self.root.exists("proc/meminfo") {
            Support::new(model, &Policy::default()).object(MEMORY_STATUS, &["Total", "Free"]);
        }
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(MEMORY_STATUS)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async {
            let text = self.root.text("proc/meminfo").unwrap_or_default();
            let row = RowBuilder::new(MEMORY_STATUS, &[]);
            let row = row.maybe_uint("Total", kibibytes(&text, "MemTotal"));
            Ok(report([row.maybe_uint("Free", kibibytes(&text, "MemFree"))]))
        })
    }
}

/// A field of `/proc/meminfo`, whose `kB` are kibibytes.
pub fn kibibytes(meminfo: &str, field: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let (number, unit) = rest.trim().split_once(' ')?;
    if unit.trim() == "kB" { number.parse().ok() } else { None }
}
