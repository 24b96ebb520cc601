//! `[[policy.guard]]`: how often, and with whose consent.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use agent::config::{Config, Policy};
use agent::guard::limit::{Limits, Moment, limited};
use agent::guard::{GuardConfig, take_consent};
use agent::host;
use agent::identity::Identity;
use agent::providers::device::Device;
use agent::state::StateDir;
use dm::Code;
use dm::model::ModelBuilder;
use dm::path::{Name, SchemaPath};
use engine::provider::{Call, Pending, Provider, ProviderError, Report};
use mtp::EndpointId;
use tokio::sync::watch;

/// 2026-01-31T12:00:00Z.
const NOON: u64 = 1_769_860_800;

fn guards(text: &str) -> Vec<GuardConfig> {
    Config::parse(text).expect("well-formed").policy.guards
}

const TWICE: &str =
    "[[policy.guard]]\ntargets = [\"Device.Reboot()\", \"Device.FactoryReset()\"]\nlimit = 2\nper = 100\n";

/// Seconds since noon, or with a clock that was never set; the command; and whether it may run.
fn check(steps: &[(Option<u64>, &str, bool)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("limits");
    let origin = Instant::now();
    for (at, command, expected) in steps {
        // A process for each: it remembers.
        let limits = Limits::open(&path, &guards(TWICE)).expect("limits");
        let mono = origin + Duration::from_secs(at.unwrap_or(0));
        let now = Moment { mono, utc: at.map(|at| NOON + at) };
        let verdict = limits.count(now, &format!("Device.{command}()"));
        assert_eq!(verdict.is_ok(), *expected, "{at:?} {command} of {steps:?}");
        let code = verdict.err().map(|fault| fault.code);
        assert_eq!(code, (!*expected).then_some(Code::REQUEST_DENIED));
    }
}

#[test]
fn what_ran_counts_across_restarts_until_its_time_is_over() {
    check(&[
        (Some(0), "Reboot", true),
        (Some(50), "FactoryReset", true),
        (Some(99), "Reboot", false),
        (Some(99), "Elsewhere", true),
        // What was refused does not count.
        (Some(100), "Reboot", true),
        (Some(149), "Reboot", false),
        (Some(150), "Reboot", true),
        // A clock that was set back lets nothing through.
        (Some(10), "Reboot", false),
    ]);
}

#[test]
fn without_a_clock_a_process_counts_its_own() {
    check(&[(None, "Reboot", true), (None, "Reboot", true), (None, "Reboot", true)]);
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits::open(&folder.path().join("limits"), &guards(TWICE)).expect("limits");
    let origin = Instant::now();
    for (at, expected) in [(0, true), (50, true), (99, false), (100, true)] {
        let now = Moment { mono: origin + Duration::from_secs(at), utc: None };
        assert_eq!(limits.count(now, "Device.Reboot()").is_ok(), expected, "{at}");
    }
}

#[tokio::test]
async fn a_command_beyond_its_limit_does_not_reach_its_provider() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits::open(&folder.path().join("limits"), &guards(TWICE)).expect("limits");
    let device: Arc<dyn Provider> =
        Arc::new(Device::new(Arc::new(Policy::default()), Arc::new(OnceLock::new())));
    let providers = limited(vec![device], &limits);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let call = Call {
            path: "Device.Reboot()".to_owned(),
            object: SchemaPath::parse("Device.").expect("a path"),
            command: Name::parse("Reboot").expect("a name"),
            keys: Vec::new(),
            command_key: String::new(),
            args: Vec::new(),
        };
        let (_cancel, cancelled) = watch::channel(false);
        codes.push(providers[0].operate(call, cancelled).await.expect_err("nothing to restart").code);
    }
    // The provider itself has nothing to restart.
    assert_eq!(codes, [Code::COMMAND_FAILURE, Code::COMMAND_FAILURE, Code::REQUEST_DENIED]);
}

/// Counts how often it was told that its part of the model is in effect.
struct Told(AtomicU32);

impl Provider for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn supported(&self, _: &mut ModelBuilder) {}

    fn in_effect(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        Vec::new()
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(std::future::ready(Ok(Report::default())))
    }
}

/// Without it USP Services of a device with limits would be in no table.
#[test]
fn a_provider_behind_limits_hears_when_its_model_is_in_effect() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits::open(&folder.path().join("limits"), &guards(TWICE)).expect("limits");
    let told = Arc::new(Told(AtomicU32::new(0)));
    limited(vec![told.clone()], &limits)[0].in_effect();
    assert_eq!(told.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_guard_of_nothing_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let endpoint = EndpointId::receive("proto:lab:agent").expect("an id");
    for (target, known) in [
        ("Device.LocalAgent.ControllerTrust.", true),
        ("Device.LocalAgent.Controller.{i}.Enable", true),
        ("Device.LocalAgent.AddCertificate()", true),
        ("Device.LocalAgent.ControlerTrust.", false),
        ("Device.LocalAgent.AddCertificate", false),
        ("Device.LocalAgent.Controller.1.Enable", false),
    ] {
        let text = format!("[[policy.guard]]\ntargets = [{target:?}]\nrole = \"Full Access\"\n");
        let config = Config::parse(&text).expect("well-formed");
        let identity = Identity::default();
        let made = host::instance(&config, &state, &identity, &endpoint, None, Vec::new()).await;
        assert_eq!(made.is_ok(), known, "{target}");
        if let Err(error) = made {
            assert!(format!("{error:#}").contains(target), "{error:#}");
        }
    }
}

#[test]
fn the_word_of_somebody_at_the_device_counts_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("consent");
    assert_eq!(take_consent(&file), None);
    std::fs::write(&file, "3f9a61c2\n").expect("a file");
    assert_eq!(take_consent(&file).as_deref(), Some("3f9a61c2\n"));
    assert_eq!(take_consent(&file), None);
    // What can't be taken away would count for ever.
    std::fs::create_dir(&file).expect("a folder");
    assert_eq!(take_consent(&file), None);
}
