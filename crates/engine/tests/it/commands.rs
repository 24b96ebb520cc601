//! Commands run beside everything else, and end.

use engine::Journal;

use crate::providers::{interfaces, net};
use crate::world::World;

async fn world() -> World {
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    World::start(&[net], Journal::memory()).await
}

const RESET: &str = "run Device.Net.Interface.1.Reset()";

#[tokio::test(start_paused = true)]
async fn a_command_gets_the_rows_key_and_gives_its_output() {
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.log();
    assert_eq!(world.ask(&format!("{RESET} now")).await, r#"ended [("Result", "done")]"#);
    assert_eq!(net.log(), ["operate Device.Net.Interface.1.Reset() eth0"]);
}

#[tokio::test(start_paused = true)]
async fn a_running_command_holds_nothing_up_and_can_be_cancelled() {
    let world = world().await;
    world.say(&format!("{RESET} wait"));
    assert_eq!(world.ask("get Device.LocalAgent.EndpointID").await, "Device.LocalAgent.EndpointID=os::1");
    assert_eq!(world.ask("cancel").await, "ended 7023 stopped");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_stop_is_cut_off() {
    let world = world().await;
    world.say(&format!("{RESET} hang"));
    assert_eq!(world.ask("cancel").await, "ended 7023 Device.Net.Interface.1.Reset() was cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_panics_has_failed() {
    let world = world().await;
    assert_eq!(
        world.ask(&format!("{RESET} panic")).await,
        "ended 7022 Device.Net.Interface.1.Reset() panicked"
    );
    assert_eq!(world.ask("get Device.LocalAgent.EndpointID").await, "Device.LocalAgent.EndpointID=os::1");
}

#[test]
fn arguments_are_not_printed() {
    let call = engine::provider::Call {
        path: "Device.Net.Interface.1.Reset()".to_owned(),
        object: dm::SchemaPath::parse("Device.Net.Interface.{i}.").unwrap(),
        command: dm::Name::parse("Reset").unwrap(),
        keys: Vec::new(),
        command_key: "key".to_owned(),
        args: vec![("Password".to_owned(), "hunter2".to_owned())],
    };
    let printed = format!("{call:?}");
    assert!(printed.contains("Password") && !printed.contains("hunter2"), "{printed}");
}
