//! `DeviceInfo.VendorLogFile.`: the log files that the policy names, the agent's audit log, and their upload.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::time::UtcTime;
use dm::{Code, Fault};
use engine::provider::{Call, CommandResult, Pending, Provider, ProviderError, Push, Report, Sink};
use pki::ClientTls;
use tokio::sync::watch;

use super::diagnostics::{Args, unless_cancelled};
use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::time::credible;
use super::upload::{self, Target};
use crate::audit;
use crate::config::Policy;
use crate::limits::MAX_AUDIT_BYTES;
use crate::system::SystemRoot;

const LOG_FILE: &str = "Device.DeviceInfo.VendorLogFile.{i}.";

/// Where logs usually are; shown unless the policy names others.
const USUAL: [&str; 2] = ["/var/log/messages", "/var/log/syslog"];

/// Makes the TLS of uploads.
pub type UploadTls = Arc<dyn Fn() -> anyhow::Result<ClientTls> + Send + Sync>;

/// The log files.
pub struct VendorLog {
    root: SystemRoot,
    policy: Arc<Policy>,
    tls: UploadTls,
    sink: OnceLock<Sink>,
}

impl VendorLog {
    /// Reads below `root`.
    pub fn new(root: SystemRoot, policy: Arc<Policy>, tls: UploadTls) -> VendorLog {
        VendorLog { root, policy, tls, sink: OnceLock::new() }
    }

    /// Paths of the files that are there.
    pub fn files(&self) -> Vec<String> {
        let named: Vec<String> =
            self.policy.log_files.iter().map(|path| path.display().to_string()).collect();
        let usual = || USUAL.iter().map(|path| (*path).to_owned()).collect();
        let paths: Vec<String> = if named.is_empty() { usual() } else { named };
        let own = self.policy.audit_log.iter().flat_map(|path| [path.clone(), audit::old(path)]);
        let own = own.map(|path| path.display().to_string());
        paths.into_iter().chain(own).filter(|path| self.place(path).is_file()).collect()
    }

    /// Where a file is. The agent's own are where its state is, whatever stands in for the system.
    fn place(&self, file: &str) -> PathBuf {
        match self.is_own(file) {
            true => PathBuf::from(file),
            false => self.root.path(file),
        }
    }

    fn is_own(&self, file: &str) -> bool {
        let own = self.policy.audit_log.as_ref();
        own.is_some_and(|path| *path == *file || audit::old(path) == *file)
    }

    async fn upload(&self, call: &Call) -> Result<(), Fault> {
        let key = call.keys.first().and_then(Option::as_ref);
        let file = key.map(|key| key.0.to_string()).filter(|path| self.files().contains(path));
        let file = file.ok_or_else(|| Fault::new(Code::OBJECT_DOES_NOT_EXIST, "the log file is gone"))?;
        let args = Args(call);
        let target = Target::parse(args.required("URL")?)?;
        let login = args.text("Username").map(|user| (user, args.text("Password").unwrap_or_default()));
        let tls = match target.secure {
            true => {
                Some((self.tls)().map_err(|error| Fault::new(Code::COMMAND_FAILURE, format!("{error:#}")))?)
            }
            false => None,
        };
        upload::put(&self.place(&file), &target, login, tls).await
    }

    async fn tell(&self, call: &Call, start: Option<UtcTime>, end: &Result<(), Fault>) {
        let Some(sink) = self.sink.get() else { return };
        let time = |time: Option<UtcTime>| time.unwrap_or(UtcTime::UNKNOWN).to_string();
        let (code, reason) = match end {
            Ok(()) => ("0".to_owned(), String::new()),
            Err(fault) => (fault.code.to_string(), fault.message.chars().take(256).collect()),
        };
        let affected = call.path.trim_end_matches("Upload()").trim_end_matches('.').to_owned();
        let url = Args(call).text("URL").unwrap_or_default().to_owned();
        let params = [
            ("Command", call.path.clone()),
            ("CommandKey", call.command_key.clone()),
            ("TransferType", "Upload".to_owned()),
            ("Affected", affected),
            ("TransferURL", url),
            ("StartTime", time(start)),
            ("CompleteTime", time(credible(SystemTime::now()))),
            ("FaultCode", code),
            ("FaultString", reason),
        ];
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let name = "TransferComplete!".to_owned();
        let event = Push::Event { object: object("Device.LocalAgent."), keys: Vec::new(), name, params };
        let _ = sink.0.send(event).await;
    }
}

impl Provider for VendorLog {
    fn name(&self) -> &'static str {
        "vendor-log"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        Support::new(model, &self.policy)
            .object(LOG_FILE, &["Alias", "Name", "MaximumSize"])
            .actions(LOG_FILE, &["Upload()"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(LOG_FILE)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async {
            let rows = self.files().into_iter().map(|path| {
                // 0: the maximum is not known.
                let maximum = if self.is_own(&path) { MAX_AUDIT_BYTES } else { 0 };
                RowBuilder::new(LOG_FILE, &[&path]).text_up_to("Name", &path, 64).uint("MaximumSize", maximum)
            });
            Ok(report(rows.collect::<Vec<_>>()))
        })
    }

    fn watch(&self, sink: Sink) -> bool {
        // For the events of transfers alone: nothing tells that a file has come or gone.
        let _ = self.sink.set(sink);
        false
    }

    fn operate(&self, call: Call, cancelled: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        Box::pin(async move {
            let start = credible(SystemTime::now());
            let work = Box::pin(async { self.upload(&call).await.map(|()| Vec::new()) });
            let end = unless_cancelled(work, cancelled).await;
            self.tell(&call, start, &end.clone().map(drop)).await;
            end
        })
    }
}

impl std::fmt::Debug for VendorLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VendorLog").finish_non_exhaustive()
    }
}
