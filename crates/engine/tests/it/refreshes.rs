//! Asking providers: what for, how often, and what their answers do.

use std::time::Duration;

use dm::Value;
use engine::Journal;

use crate::providers::{Fake, interface, interfaces, net, process, row};
use crate::world::{World, net_model};

#[tokio::test(start_paused = true)]
async fn only_what_is_read_is_asked_for() {
    let (net, process) = (net(), process());
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(&[net.clone(), process.clone()], Journal::memory()).await;
    assert_eq!(net.log(), ["refresh Device.Net."]);
    assert_eq!(process.log(), ["refresh Device.Proc."]);
    let cases = [
        ("get Device.Net.Interface.1.Stats.Bytes", "refresh Device.Net.Interface.{i}.Stats.", ""),
        ("get Device.Net.Interface.1.Name", "refresh Device.Net.Interface.{i}.", ""),
        ("get Device.LocalAgent.EndpointID", "", ""),
        ("get Device.", "refresh Device.Net.", "refresh Device.Proc."),
    ];
    for (request, of_net, of_process) in cases {
        world.ask(request).await;
        assert_eq!(net.log().join(","), of_net, "{request}");
        assert_eq!(process.log().join(","), of_process, "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_come_fresh_and_absent_ones_are_absent() {
    let net = net();
    net.set_rows(interface("eth0", 7));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.set_rows(interface("eth0", 8));
    let bytes = "Device.Net.Interface.1.Stats.Bytes";
    world.say(&format!("get {bytes}"));
    assert_eq!(world.peer.hear().await, format!("note {bytes}=8"));
    assert_eq!(world.peer.hear().await, format!("{bytes}=8"));
    // The system can no longer tell.
    net.set_rows(interfaces(&["eth0"]).into_iter().take(1).collect());
    world.say(&format!("get {bytes}"));
    assert_eq!(world.peer.hear().await, format!("note {bytes}=absent"));
    assert_eq!(world.peer.hear().await, format!("{bytes} is absent"));
}

#[tokio::test(start_paused = true)]
async fn a_broken_provider_keeps_what_was_known() {
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.with(|state| state.broken = true);
    assert_eq!(world.ask("get Device.Net.Interface.1.Name").await, "Device.Net.Interface.1.Name=eth0");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_does_not_hold_a_read_for_ever() {
    let mut fake = Fake::new("net", "Device.Net.", net_model);
    fake.gate = tokio::sync::Semaphore::new(0);
    let net = std::sync::Arc::new(fake);
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    assert_eq!(world.ask("get Device.Net.Interface.").await, "Device.Net.Interface. has ");
}

#[tokio::test(start_paused = true)]
async fn fresh_values_are_not_asked_for_again() {
    let mut fake = Fake::new("net", "Device.Net.", net_model);
    fake.max_age = Duration::from_secs(1);
    let net = std::sync::Arc::new(fake);
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.log();
    world.ask("get Device.Net.Interface.").await;
    assert_eq!(net.log(), ["refresh Device.Net.Interface.{i}."]);
    world.pass(Duration::from_millis(999)).await;
    // What is below is as fresh as what is above.
    world.ask("get Device.Net.Interface.1.Stats.Bytes").await;
    assert_eq!(net.log(), Vec::<String>::new());
    world.pass(Duration::from_millis(2)).await;
    world.ask("get Device.Net.Interface.1.Stats.Bytes").await;
    assert_eq!(net.log(), ["refresh Device.Net.Interface.{i}.Stats."]);
}

#[tokio::test(start_paused = true)]
async fn readers_at_the_same_time_share_a_refresh() {
    let mut fake = Fake::new("net", "Device.Net.", net_model);
    fake.max_age = Duration::from_secs(1);
    fake.gate = tokio::sync::Semaphore::new(1);
    let net = std::sync::Arc::new(fake);
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.log();
    for _ in 0..5 {
        world.say("get Device.Net.Interface.1.Name");
    }
    tokio::task::yield_now().await;
    assert_eq!(net.log(), ["refresh Device.Net.Interface.{i}."]);
    net.gate.add_permits(1);
    for _ in 0..5 {
        assert_eq!(world.peer.hear().await, "Device.Net.Interface.1.Name=eth0");
    }
    assert_eq!(net.log(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn providers_are_asked_side_by_side() {
    let (mut one, mut two) = (
        Fake::new("net", "Device.Net.", net_model),
        Fake::new("process", "Device.Proc.", crate::world::process_model),
    );
    one.gate = tokio::sync::Semaphore::new(1);
    two.gate = tokio::sync::Semaphore::new(1);
    let (one, two) = (std::sync::Arc::new(one), std::sync::Arc::new(two));
    let world = World::start(&[one.clone(), two.clone()], Journal::memory()).await;
    one.log();
    two.log();
    world.say("get Device.");
    tokio::task::yield_now().await;
    assert_eq!((one.log().len(), two.log().len()), (1, 1), "both are asked before either answers");
    one.gate.add_permits(1);
    tokio::task::yield_now().await;
    assert_eq!(world.peer.heard(), Vec::<String>::new(), "the answer needs both");
    two.gate.add_permits(1);
    assert_eq!(world.peer.hear().await, "Device. has ");
}

#[tokio::test(start_paused = true)]
async fn rows_come_and_go_and_are_counted() {
    let net = net();
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    let count = "Device.Net.InterfaceNumberOfEntries";
    assert_eq!(world.ask(&format!("get {count}")).await, format!("{count}=0"));
    net.set_rows(interfaces(&["eth0", "eth1"]));
    world.say(&format!("get {count}"));
    assert_eq!(world.peer.hear().await, "note +Device.Net.Interface.1.");
    assert_eq!(world.peer.hear().await, "note +Device.Net.Interface.2.");
    world.peer.hear().await;
    world.peer.hear().await;
    assert_eq!(world.peer.hear().await, format!("note {count}=2"));
    assert_eq!(world.peer.hear().await, format!("{count}=2"));
    net.set_rows(interfaces(&["eth1"]));
    world.say("get Device.Net.Interface.");
    assert_eq!(world.peer.hear().await, "note -Device.Net.Interface.1.");
    assert_eq!(world.peer.hear().await, format!("note {count}=1"));
    assert_eq!(world.peer.hear().await, "Device.Net.Interface. has 2");
    // What comes back has its old number; what is new has one that never was given.
    net.set_rows(interfaces(&["eth2", "eth0", "eth1"]));
    world.say("get Device.Net.Interface.");
    assert_eq!(world.peer.hear().await, "note +Device.Net.Interface.1.");
    assert_eq!(world.peer.hear().await, "note +Device.Net.Interface.3.");
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(world.peer.heard().last().unwrap(), "Device.Net.Interface. has 1,2,3");
}

#[tokio::test(start_paused = true)]
async fn a_report_of_what_is_not_the_providers_own_is_left_out() {
    let net = net();
    let foreign = row("Device.LocalAgent.", &[], &[("EndpointID", Value::text("os::evil"))]);
    let no_keys = row("Device.Net.Interface.{i}.", &[], &[("Name", Value::text("eth9"))]);
    let no_parent = row("Device.Net.Interface.{i}.Stats.", &["eth8"], &[("Bytes", Value::Uint(1))]);
    net.set_rows(vec![foreign, no_keys, no_parent]);
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    assert_eq!(world.ask("get Device.LocalAgent.EndpointID").await, "Device.LocalAgent.EndpointID=os::1");
    assert_eq!(world.ask("get Device.Net.Interface.").await, "Device.Net.Interface. has ");
}
