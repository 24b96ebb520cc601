//! Nothing is answered before it is on stable storage.

use engine::journal::Journal;

use crate::disk::{Disk, Leftover};
use crate::providers::{interfaces, net};
use crate::world::World;

const CONTROLLER: &str = "Device.LocalAgent.Controller.1.";

#[tokio::test]
async fn an_answer_waits_for_the_sync_and_later_ones_for_their_turn() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let world = World::start(&[], journal.clone()).await;
    journal.flush().unwrap();
    let held = disk.hold();
    world.say(&format!("set {CONTROLLER} EndpointID proto::second"));
    world.say(&format!("get {CONTROLLER}EndpointID"));
    world.say("close");
    tokio::task::yield_now().await;
    assert_eq!(world.peer.heard(), Vec::<String>::new());
    drop(held);
    assert_eq!(world.peer.hear().await, "ok");
    assert_eq!(world.peer.hear().await, format!("{CONTROLLER}EndpointID=proto::second"));
    assert_eq!(world.peer.hear().await, "closed: ControllerGone");
}

#[tokio::test]
async fn what_was_answered_survives_a_power_cut_anywhere() {
    for cut in 0..12 {
        let disk = Disk::default();
        drop(World::start(&[], Journal::open(disk.clone()).unwrap()).await);
        disk.cut_after(cut);
        let mut answered = 0;
        if let Ok(journal) = Journal::open(disk.clone()) {
            let world = World::start(&[], journal.clone()).await;
            for round in 1..5 {
                world.say(&format!("set {CONTROLLER} EndpointID proto::{round}"));
                if journal.flush().is_err() {
                    break;
                }
                if world.peer.hear().await == "ok" {
                    answered = round;
                }
            }
        }
        disk.restart(Leftover { tail: 1, names: false });
        let world = World::start(&[], Journal::open(disk).unwrap()).await;
        let found = world.ask(&format!("get {CONTROLLER}EndpointID")).await;
        let expected = match answered {
            0 => "proto::first".to_owned(),
            round => format!("proto::{round}"),
        };
        assert_eq!(found, format!("{CONTROLLER}EndpointID={expected}"), "cut at {cut}");
    }
}

#[tokio::test]
async fn a_row_number_is_told_only_when_it_is_remembered() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let net = net();
    let world = World::start(std::slice::from_ref(&net), journal.clone()).await;
    journal.flush().unwrap();
    let held = disk.hold();
    let before = journal.stats().appends;
    net.set_rows(interfaces(&["eth0"]));
    world.say("get Device.Net.Interface.");
    while journal.stats().appends == before {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.peer.heard(), Vec::<String>::new());
    drop(held);
    assert_eq!(world.peer.hear().await, "note +Device.Net.Interface.1.");
}

#[tokio::test]
async fn a_failed_disk_answers_nothing_more() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let world = World::start(&[], journal.clone()).await;
    journal.flush().unwrap();
    disk.cut_after(0);
    world.say(&format!("set {CONTROLLER} EndpointID proto::second"));
    world.instance.failed().await;
    assert_eq!(world.peer.heard(), Vec::<String>::new());
    assert!(journal.flush().is_err());
}

#[tokio::test]
async fn an_own_change_that_is_not_remembered_stops_the_instance_before_anyone_hears() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let world = World::start(&[], journal.clone()).await;
    journal.flush().unwrap();
    disk.cut_after(0);
    world.say("own Label first");
    assert!(journal.flush().is_err());
    // The journal refuses at once from now on.
    world.say("own Label second");
    world.instance.failed().await;
    assert!(world.instance.with_tree(|_| ()).is_none(), "nobody reads what the next start does not know");
    assert_eq!(world.peer.heard(), Vec::<String>::new());
    disk.restart(Leftover { tail: 2, names: true });
    let world = World::start(&[], Journal::open(disk).unwrap()).await;
    let label = world.ask("get Device.LocalAgent.Label").await;
    assert_eq!(label, "Device.LocalAgent.Label=");
}

#[tokio::test]
async fn a_change_of_the_host_that_is_not_remembered_is_none() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let world = World::start(&[], journal.clone()).await;
    journal.flush().unwrap();
    disk.cut_after(0);
    world.say("own Label first");
    assert!(journal.flush().is_err());
    let path = dm::ObjectPath::parse("Device.LocalAgent.").unwrap();
    let label = |tree: &dm::tree::Tree| tree.text_of(&tree.locate(&path).unwrap(), "Label");
    let changed = world.instance.change(|tree| {
        let place = tree.locate(&path).unwrap();
        let param = tree.model().param_index(place.object, "Label").unwrap();
        vec![dm::tree::Change::Set { place, param, value: Some(dm::Value::text("second")) }]
    });
    assert!(changed.await.is_err());
    assert_eq!(world.instance.with_tree(label).unwrap(), "first");
}
