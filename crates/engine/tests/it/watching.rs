//! Changes that nobody asked for.

use std::sync::Arc;
use std::time::Duration;

use dm::path::SchemaPath;
use engine::Journal;
use engine::provider::{Push, Report, RowKey, Sink};
use requirement::requirement;

use crate::providers::{Fake, interface, interfaces, net};
use crate::world::{World, net_model};

const BYTES: &str = "Device.Net.Interface.1.Stats.Bytes";

#[requirement("R-NOT.0a")]
#[tokio::test(start_paused = true)]
async fn a_watched_value_is_polled_and_its_change_reaches_the_peer() {
    let net = net();
    net.set_rows(interface("eth0", 7));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(net.log().len(), 1, "nobody watches");
    world.say(&format!("watch {BYTES}"));
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(net.log(), ["refresh Device.Net.Interface.{i}.Stats."]);
    net.set_rows(interface("eth0", 8));
    world.pass(Duration::from_millis(4500)).await;
    assert_eq!(world.peer.heard(), [format!("note {BYTES}=8")]);
}

fn pushing() -> (Arc<Fake>, impl Fn() -> Sink) {
    let mut fake = Fake::new("net", "Device.Net.", net_model);
    fake.pushes = true;
    let net = Arc::new(fake);
    net.set_rows(interfaces(&["eth0"]));
    let source = net.clone();
    (net, move || source.state.lock().unwrap().sink.clone().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_pushes_is_not_polled() {
    let (net, sink) = pushing();
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    world.say(&format!("watch {BYTES}"));
    world.pass(Duration::from_secs(1)).await;
    net.log();
    let subtrees = vec![SchemaPath::parse("Device.Net.Interface.").unwrap()];
    let report = Report { rows: interface("eth0", 9) };
    sink().0.send(Push::Changed { subtrees, report }).await.unwrap();
    assert_eq!(world.peer.hear().await, format!("note {BYTES}=9"));
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(net.log(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_with_its_rows_number() {
    let (net, sink) = pushing();
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    let event = |key: &str| Push::Event {
        object: SchemaPath::parse("Device.Net.Interface.{i}.").unwrap(),
        keys: vec![RowKey(key.into())],
        name: "Flap!".to_owned(),
        params: Vec::new(),
    };
    sink().0.send(event("eth9")).await.unwrap();
    sink().0.send(event("eth0")).await.unwrap();
    assert_eq!(world.peer.hear().await, "event Device.Net.Interface.1.Flap!");
}

/// Who tells of events alone is polled for its values.
#[tokio::test(start_paused = true)]
async fn events_of_a_provider_that_is_polled_are_told() {
    let net = net();
    net.set_rows(interface("eth0", 7));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    world.say(&format!("watch {BYTES}"));
    let event = Push::Event {
        object: SchemaPath::parse("Device.Net.Interface.{i}.").unwrap(),
        keys: vec![RowKey("eth0".into())],
        name: "Flap!".to_owned(),
        params: Vec::new(),
    };
    let sink = net.state.lock().unwrap().sink.clone().expect("it was given one");
    sink.0.send(event).await.expect("somebody listens");
    assert_eq!(world.peer.hear().await, "event Device.Net.Interface.1.Flap!");
    net.set_rows(interface("eth0", 8));
    assert_eq!(world.peer.hear().await, format!("note {BYTES}=8"));
}

#[tokio::test]
async fn the_host_follows_a_table_of_the_engine() {
    let world = World::start(&[], engine::Journal::memory()).await;
    let path = dm::ObjectPath::parse("Device.LocalAgent.Controller.").unwrap();
    let mut changes = world.instance.follow(&path).unwrap();
    for (request, tells) in [
        ("set Device.LocalAgent. Label other", false),
        ("add Device.LocalAgent.Controller. EndpointID proto::two", true),
        ("set Device.LocalAgent.Controller.2. EndpointID proto::three", true),
        ("get Device.LocalAgent.Controller.2.EndpointID", false),
        ("delete Device.LocalAgent.Controller.2.", true),
    ] {
        world.ask(request).await;
        assert_eq!(changes.has_changed().unwrap(), tells, "{request}");
        changes.mark_unchanged();
    }
    let unknown = dm::ObjectPath::parse("Device.Nothing.").unwrap();
    assert!(world.instance.follow(&unknown).is_none());
}
