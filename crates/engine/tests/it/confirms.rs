//! Changes that could cut the way to the controllers.

use std::sync::Arc;
use std::time::Duration;

use dm::Value;
use engine::Journal;
use usp_endpoint::link::LinkId;

use crate::providers::{Fake, interfaces, net, row};
use crate::world::{LINK, World};

const MTU: &str = "set Device.Net.Interface.1. Mtu 1400";
const ABORT: &str = "abort Device.Net.Interface.1.Mtu=1400 [eth0]";
const NEWER: LinkId = LinkId(2);

async fn world() -> (Arc<Fake>, World) {
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    net.with(|state| state.needs_confirm = true);
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.log();
    (net, world)
}

/// What happens on the links after the change.
enum After {
    Connects(LinkId),
    Says(LinkId, &'static str),
}

#[tokio::test(start_paused = true)]
async fn only_a_controller_that_is_recognised_on_a_newer_connection_confirms() {
    const GET: &str = "get Device.LocalAgent.EndpointID";
    use After::{Connects, Says};
    for (what, before, after, stands) in [
        ("silence", None, vec![], false),
        ("a Record on the old connection", None, vec![Says(LINK, GET)], false),
        ("a connection that says nothing", None, vec![Connects(NEWER)], false),
        ("a Record that nobody believes", None, vec![Connects(NEWER), Says(NEWER, "noise")], false),
        ("a Record on a new connection", None, vec![Connects(NEWER), Says(NEWER, GET)], true),
        ("a Record on another old connection", Some(NEWER), vec![Says(NEWER, GET)], false),
    ] {
        let (net, world) = world().await;
        if let Some(link) = before {
            world.connect(link);
        }
        assert_eq!(world.ask(MTU).await, "ok", "{what}");
        world.pass(Duration::from_secs(50)).await;
        for event in after {
            match event {
                Connects(link) => world.connect(link),
                Says(link, text) => world.say_on(link, text),
            }
        }
        net.log();
        world.pass(Duration::from_secs(120)).await;
        let expected = if stands { vec![] } else { vec![ABORT] };
        assert_eq!(net.log(), expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_connection_is_made_anew_once_the_answer_has_left() {
    let (_, world) = world().await;
    assert_eq!(world.ask(MTU).await, "ok");
    assert_eq!(world.peer.heard(), ["renewed"]);
}

#[tokio::test(start_paused = true)]
async fn a_risky_change_is_undone_after_a_minute_and_told() {
    let (net, world) = world().await;
    assert_eq!(world.ask(MTU).await, "ok");
    net.log();
    world.pass(Duration::from_secs(59)).await;
    assert_eq!(net.log(), Vec::<String>::new());
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(net.log(), [ABORT]);
    assert_eq!(world.peer.heard(), ["renewed", "note Device.Net.Interface.1.Mtu=1500"]);
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(net.log(), Vec::<String>::new(), "an undoing is not itself undone");
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_need_not_be_known_to_come_back() {
    let (net, world) = world().await;
    let name = [("Name", Value::text("eth0"))];
    net.set_rows(vec![row("Device.Net.Interface.{i}.", &["eth0"], &name)]);
    assert_eq!(
        world.ask("get Device.Net.Interface.1.Mtu").await,
        "note Device.Net.Interface.1.Enable=absent"
    );
    world.pass(Duration::from_secs(1)).await;
    world.peer.heard();
    assert_eq!(world.ask(MTU).await, "ok");
    world.pass(Duration::from_secs(61)).await;
    assert_eq!(net.log().last().unwrap(), ABORT);
    world.peer.heard();
    assert_eq!(world.ask("get Device.Net.Interface.1.Mtu").await, "Device.Net.Interface.1.Mtu is absent");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_comes_back_has_the_number_that_it_had() {
    let (net, world) = world().await;
    net.set_rows(interfaces(&["eth0", "eth1"]));
    world.say("get Device.Net.Interface.");
    world.pass(Duration::from_secs(1)).await;
    world.peer.heard();
    assert_eq!(world.ask("delete Device.Net.Interface.1.").await, "ok");
    net.log();
    world.pass(Duration::from_secs(61)).await;
    assert_eq!(net.log(), ["abort -Device.Net.Interface.1. [eth0]"]);
    world.say("get Device.Net.Interface.");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.peer.heard().last().unwrap(), "Device.Net.Interface. has 1,2");
    assert_eq!(world.ask("get Device.Net.Interface.1.Name").await, "Device.Net.Interface.1.Name=eth0");
}

#[tokio::test(start_paused = true)]
async fn two_risky_changes_in_a_row_are_both_undone() {
    let (net, world) = world().await;
    world.say(MTU);
    world.say("set Device.Net.Interface.1. Mtu 1300");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.peer.heard(), ["ok", "renewed", "ok", "renewed"]);
    net.log();
    world.pass(Duration::from_secs(61)).await;
    assert_eq!(net.log(), ["abort Device.Net.Interface.1.Mtu=1300 [eth0]", ABORT]);
    world.peer.heard();
    assert_eq!(world.ask("get Device.Net.Interface.1.Mtu").await, "Device.Net.Interface.1.Mtu=1500");
}

#[tokio::test(start_paused = true)]
async fn what_the_system_does_not_take_back_shows_as_it_is() {
    let (net, world) = world().await;
    assert_eq!(world.ask(MTU).await, "ok");
    net.with(|state| {
        state.fails.insert("abort");
        let now = [("Name", Value::text("eth0")), ("Mtu", Value::Uint(1400))];
        state.rows = vec![row("Device.Net.Interface.{i}.", &["eth0"], &now)];
    });
    world.pass(Duration::from_secs(61)).await;
    world.say("get Device.Net.Interface.1.Mtu");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.peer.heard().last().unwrap(), "Device.Net.Interface.1.Mtu=1400");
}
