//! `[[policy.guard]]`: commands and writes that one controller alone may not do, and how often they may be done. The
//! machine asks for consent; [`limit`] counts.

pub mod limit;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use dm::model::Model;
use engine::Instance;
use engine::consent::{Guard, is_known};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{Config, Policy};
use crate::limits::{CONSENT_PERIOD, MAX_CONSENT_BYTES};
use crate::roles;

/// One guard.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardConfig {
    /// Commands (`Device.Reboot()`), parameters, or objects with all below them (`Device.IP.`), in their supported
    /// form.
    pub targets: Vec<String>,
    /// The name of the role that one of two controllers has to have, who both ask for the same.
    pub role: Option<String>,
    /// Whether somebody at the device can consent instead: by `policy.consent_file`.
    #[serde(default)]
    pub local: bool,
    /// Seconds that a request waits for consent.
    #[serde(default = "usual_window")]
    pub window: u32,
    /// How often the commands among the targets may run together.
    pub limit: Option<u32>,
    /// Within how many seconds.
    #[serde(default = "a_day")]
    pub per: u32,
}

fn usual_window() -> u32 {
    600
}

fn a_day() -> u32 {
    86_400
}

/// Checks the guards of a file.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn check(config: &Config) -> Result<()> {
    for (at, guard) in (1..).zip(&config.policy.guards) {
        if guard.targets.is_empty() {
            bail!("policy.guard {at}: no targets");
        }
        if guard.role.is_none() && !guard.local && guard.limit.is_none() {
            bail!("policy.guard {at}: a role, local or a limit");
        }
        if guard.role.as_ref().is_some_and(|role| roles::number(config, role).is_none()) {
            bail!("policy.guard {at}: there is no role {:?}", guard.role.as_deref().unwrap_or_default());
        }
        if guard.local && config.policy.consent_file.is_none() {
            bail!("policy.guard {at}: local needs policy.consent_file");
        }
        if guard.limit == Some(0) || guard.per == 0 || guard.window == 0 {
            bail!("policy.guard {at}: limit, per and window are at least 1");
        }
        let is_command = |target: &String| target.ends_with("()") || target.ends_with('.');
        if guard.limit.is_some() && !guard.targets.iter().all(is_command) {
            bail!("policy.guard {at}: a limit is for commands");
        }
    }
    Ok(())
}

/// Checks that what the guards name is there: one that is misspelt would guard nothing.
///
/// # Errors
/// Which target is not in the model.
pub(crate) fn check_targets(policy: &Policy, model: &Model) -> Result<()> {
    for (at, guard) in (1..).zip(&policy.guards) {
        if let Some(target) = guard.targets.iter().find(|target| !is_known(model, target)) {
            bail!("policy.guard {at}: {target:?} is not in the model of this device");
        }
    }
    Ok(())
}

/// What the machine guards.
pub(crate) fn guards(policy: &Policy) -> Vec<Guard> {
    let guards = policy.guards.iter().filter(|guard| guard.role.is_some() || guard.local);
    let guards = guards.map(|guard| Guard {
        targets: guard.targets.clone(),
        role: guard.role.clone(),
        local: guard.local,
        window: Duration::from_secs(guard.window.into()),
    });
    guards.collect()
}

/// Looks for the file by which somebody at the device consents, and takes it away.
pub async fn watch_consent(instance: Arc<Instance>, file: PathBuf) {
    let mut ticks = interval(CONSENT_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(names) = take_consent(&file) {
            tracing::info!(names, "consent was given at the device");
            instance.consent(&names);
        }
    }
}

/// What stands in the file, if it is there; it is taken away. One that can't be taken away counts for nothing: it would
/// for ever.
pub fn take_consent(file: &Path) -> Option<String> {
    // Whoever opens a pipe waits.
    std::fs::symlink_metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    let mut text = Vec::new();
    let read = std::fs::File::open(file).ok()?.take(MAX_CONSENT_BYTES).read_to_end(&mut text);
    std::fs::remove_file(file).ok()?;
    read.ok()?;
    String::from_utf8(text).ok()
}
