//! The orderly end of an instance.

use std::time::Duration;

use engine::Journal;
use usp_endpoint::link::LinkId;

use crate::disk::{Disk, Leftover};
use crate::world::{LINK, World, pass};

const LABEL: &str = "Device.LocalAgent.Label";

#[tokio::test]
async fn it_says_good_bye_and_ends_when_the_connections_are_gone() {
    let world = World::start(&[], Journal::memory()).await;
    let ending = tokio::spawn({
        let instance = world.instance.clone();
        async move { instance.shut_down().await }
    });
    assert_eq!(world.peer.hear().await, "good-bye");
    assert_eq!(world.peer.hear().await, "closed: GoingAway");
    assert!(!ending.is_finished());
    world.connect(LinkId(2));
    assert_eq!(world.peer.hear().await, "closed: GoingAway", "who comes now is sent away");
    world.instance.link_down(LINK);
    ending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_go_holds_it_up_for_a_bounded_time() {
    let world = World::start(&[], Journal::memory()).await;
    let ending = tokio::spawn({
        let instance = world.instance.clone();
        async move { instance.shut_down().await }
    });
    pass(Duration::from_millis(2900)).await;
    assert!(!ending.is_finished());
    pass(Duration::from_millis(200)).await;
    assert!(ending.is_finished());
}

#[tokio::test]
async fn what_was_written_just_before_is_on_stable_storage_at_its_end() {
    let disk = Disk::default();
    let world = World::start(&[], Journal::open(disk.clone()).unwrap()).await;
    world.say("set Device.LocalAgent. Label last");
    world.instance.link_down(LINK);
    world.instance.shut_down().await;
    disk.restart(Leftover { tail: 0, names: false });
    let world = World::start(&[], Journal::open(disk).unwrap()).await;
    assert_eq!(world.ask(&format!("get {LABEL}")).await, format!("{LABEL}=last"));
}
