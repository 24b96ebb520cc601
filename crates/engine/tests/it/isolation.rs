//! Many instances in one process, each on its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use engine::{Host, Journal, Kind, KindConfig, SystemClock};

use crate::providers::{interface, net};
use crate::world::{World, own_model};

const BYTES: &str = "Device.Net.Interface.1.Stats.Bytes";

#[tokio::test(start_paused = true)]
async fn a_panic_ends_one_instance_alone() {
    let host = Host::new(Arc::new(SystemClock::new()));
    let net = net();
    net.set_rows(interface("eth0", 7));
    let list = std::slice::from_ref(&net);
    let one = World::start_on(host.clone(), list, Journal::memory(), "1").await;
    let two = World::start_on(host, list, Journal::memory(), "1").await;
    for world in [&one, &two] {
        world.say(&format!("watch {BYTES}"));
    }
    assert!(catch_unwind(AssertUnwindSafe(|| one.say("panic"))).is_err());
    one.say("boot");
    assert_eq!(one.peer.heard(), Vec::<String>::new());
    assert!(one.instance.with_tree(|_| ()).is_none());
    // Who hosts nothing else ends with it, so that a supervisor can start it again.
    one.instance.failed().await;
    // The shared timer goes on for the other.
    net.set_rows(interface("eth0", 8));
    two.pass(Duration::from_secs(11)).await;
    assert_eq!(two.peer.heard(), [format!("note {BYTES}=8")]);
    assert_eq!(two.ask("boot").await, r#"LocalReboot "" false"#);
}

#[test]
fn a_default_must_fit_the_model() {
    let build = |path: &str, param: &str, value: &str| {
        let config = KindConfig {
            uri: "urn:example:test".to_owned(),
            own: &own_model,
            stored: Vec::new(),
            volatile: Vec::new(),
            defaults: vec![engine::FactoryDefault::new(path, param, value)],
        };
        Kind::build(&config, &[]).map(|_| ()).map_err(|error| error.to_string())
    };
    let controller = "Device.LocalAgent.Controller.1.";
    assert_eq!(build(controller, "Enable", "true"), Ok(()));
    let unknown = "Device.Nowhere. is not in the supported data model";
    assert_eq!(build("Device.Nowhere.", "Enable", "true"), Err(unknown.to_owned()));
    let table = "Device.LocalAgent.Controller. is not in the supported data model";
    assert_eq!(build("Device.LocalAgent.Controller.", "Enable", "true"), Err(table.to_owned()));
    for (param, value, code) in [("Enable", "yes", "7011"), ("Nothing", "1", "7010")] {
        let error = build(controller, param, value).unwrap_err();
        let start = format!("the factory default of {controller}{param} is not allowed: {code}");
        assert!(error.starts_with(&start), "{error}");
    }
}
