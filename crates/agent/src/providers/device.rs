//! `Device.` itself: the version of the data model, `Reboot()` and `FactoryReset()`.
//!
//! What a restart means for the agent's own state is the host's business: it stands behind [`Restart`].

use std::sync::{Arc, OnceLock};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::{Code, Fault};
use engine::Boot;
use engine::provider::{Call, CommandResult, Pending, Provider, ProviderError, Report};
use tokio::sync::watch;

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use crate::config::Policy;

const DEVICE: &str = "Device.";

/// Who can restart the device and reset the agent. Both return once it is sure to happen; it happens a
/// moment later, so that the answer leaves first.
pub trait Restart: Send + Sync {
    /// Restarts the device.
    fn reboot(&self, boot: Boot) -> Pending<'_, Result<(), Fault>>;
    /// Brings the agent, and the device where a hook does that, to the factory default.
    fn factory_reset(&self, boot: Boot) -> Pending<'_, Result<(), Fault>>;
}

/// The root object.
pub struct Device {
    policy: Arc<Policy>,
    restart: Arc<OnceLock<Arc<dyn Restart>>>,
}

impl Device {
    /// `restart` is set when there is something to restart.
    pub fn new(policy: Arc<Policy>, restart: Arc<OnceLock<Arc<dyn Restart>>>) -> Device {
        Device { policy, restart }
    }
}

impl Provider for Device {
    fn name(&self) -> &'static str {
        "device"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        Support::new(model, &self.policy)
            .object(DEVICE, &["RootDataModelVersion"])
            .actions(DEVICE, &["Reboot()", "FactoryReset()", "Boot!"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(DEVICE)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(report([RowBuilder::new(DEVICE, &[]).text("RootDataModelVersion", "2.19")])) })
    }

    fn operate(&self, call: Call, _: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        Box::pin(async move {
            let Some(restart) = self.restart.get() else {
                return Err(Fault::new(Code::COMMAND_FAILURE, "the agent is still starting"));
            };
            match call.command.as_str() {
                "Reboot" if self.policy.reboot.is_empty() => {
                    return Err(Fault::new(Code::COMMAND_FAILURE, "no hook for it: policy.reboot is empty"));
                }
                "Reboot" => restart.reboot(boot(&call, "RemoteReboot")).await?,
                "FactoryReset" => restart.factory_reset(boot(&call, "RemoteFactoryReset")).await?,
                _ => return Err(Fault::new(Code::COMMAND_FAILURE, "no such command")),
            }
            Ok(Vec::new())
        })
    }
}

/// What the next start tells. A controller may say that somebody at the device asked for it.
fn boot(call: &Call, cause: &str) -> Boot {
    let arg = |name: &str| call.args.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Boot {
        cause: arg("Cause").unwrap_or_else(|| cause.to_owned()),
        command_key: call.command_key.clone(),
        reason: arg("Reason").unwrap_or_default(),
        firmware_updated: false,
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}
