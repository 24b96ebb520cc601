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
