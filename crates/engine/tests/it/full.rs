//! A disk that stands still until the journal is full: writes are refused, and nothing else happens.

use std::sync::Arc;

use engine::Journal;
use engine::journal::Entry;

use crate::disk::{Disk, Held};
use crate::providers::{Fake, interfaces, net};
use crate::world::World;

const BOTH: &str = "set Device.Net.Interface.1. Mtu 1400 Device.LocalAgent. Label x";

async fn world() -> (Disk, Journal, Arc<Fake>, World) {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), journal.clone()).await;
    journal.flush().unwrap();
    net.log();
    (disk, journal, net, world)
}

/// Holds the disk up, and fills what commits may fill to the last byte.
fn fill(disk: &Disk, journal: &Journal) -> Held {
    let entry = |size: usize| Entry::Meta { key: "filler".to_owned(), value: Some("z".repeat(size)) };
    let held = disk.hold();
    journal.append(&[entry(1)]).unwrap();
    held.until_reached();
    for size in [1 << 20, 1 << 10, 1] {
        while journal.append(&[entry(size)]).is_ok() {}
    }
    held
}

#[tokio::test]
async fn a_write_that_is_refused_did_not_take_effect() {
    let refused = "7005 too much is waiting for the disk";
    let lost = "7003 too much is waiting for the disk; could not be undone: Device.Net.Interface.1.Mtu \
                (net cannot abort)";
    for (fails, expected) in [(None, refused), (Some("abort"), lost)] {
        let (disk, journal, net, world) = world().await;
        let held = fill(&disk, &journal);
        net.with(|state| state.fails.extend(fails));
        assert_eq!(world.ask(BOTH).await, expected);
        let calls = ["prepare Device.Net.Interface.1.Mtu=1400 [eth0]", "commit"];
        let abort = "abort Device.Net.Interface.1.Mtu=1400 [eth0]";
        assert_eq!(net.log(), [calls[0], calls[1], abort]);
        drop(held);
        journal.flush().unwrap();
        assert_eq!(world.ask("get Device.Net.Interface.1.Mtu").await, "Device.Net.Interface.1.Mtu=1500");
        assert_eq!(world.ask(BOTH).await, "ok", "the disk moves again");
    }
}

#[tokio::test]
async fn the_agents_own_changes_find_room_and_wait_for_the_disk() {
    let (disk, journal, net, world) = world().await;
    let held = fill(&disk, &journal);
    // A row that the system made gets a number, and the machine changes something of its own.
    net.set_rows(interfaces(&["eth0", "eth1"]));
    world.say("get Device.Net.Interface.");
    world.say("own Label y");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(world.instance.with_tree(|_| ()).is_some(), "a disk that is slow ends nothing");
    assert_eq!(world.peer.heard(), Vec::<String>::new(), "stored, then said");
    drop(held);
    assert_eq!(world.peer.hear().await, "did");
    journal.flush().unwrap();
    let label = &journal.live().objects["Device.LocalAgent."].params["Label"].text;
    assert_eq!(&**label, "y");
}
