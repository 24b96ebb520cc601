//! Reads of less than whole objects: a provider that is worth it is asked for that alone, and the rest stays as it is.

use std::sync::Arc;
use std::time::Duration;

use dm::Value;
use engine::Journal;
use engine::provider::Row;

use crate::providers::{Fake, interfaces, row};
use crate::world::World;

const INTERFACE: &str = "Device.Net.Interface.{i}.";
const STATS: &str = "Device.Net.Interface.{i}.Stats.";

/// Two interfaces of a provider that reads parts, or does not.
async fn world(reads_parts: bool) -> (Arc<Fake>, World) {
    let mut net = Fake::new("net", "Device.Net.", crate::world::net_model);
    net.reads_parts = reads_parts;
    let net = Arc::new(net);
    net.set_rows(interfaces(&["eth0", "eth1"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.log();
    (net, world)
}

/// Everything that is said once it has been asked, the answer last.
async fn heard(world: &World, asked: &str) -> Vec<String> {
    world.say(asked);
    world.pass(Duration::from_millis(1)).await;
    world.peer.heard()
}

fn mtu(name: &str) -> Row {
    row(INTERFACE, &[name], &[("Mtu", Value::Uint(9))])
}

#[tokio::test(start_paused = true)]
async fn what_is_named_to_the_end_is_asked_for_alone() {
    for (path, rows, called, expected) in [
        (
            "Device.Net.Interface.2.Mtu",
            vec![mtu("eth1")],
            "read Device.Net.Interface.{i}.Mtu [eth1]",
            &["note Device.Net.Interface.2.Mtu=9", "Device.Net.Interface.2.Mtu=9"][..],
        ),
        // It gives more, but not all of that.
        (
            "Device.Net.Interface.2.Mtu",
            vec![mtu("eth0"), mtu("eth1")],
            "read Device.Net.Interface.{i}.Mtu [eth1]",
            &[
                "note Device.Net.Interface.1.Mtu=9",
                "note Device.Net.Interface.2.Mtu=9",
                "Device.Net.Interface.2.Mtu=9",
            ],
        ),
        (
            "Device.Net.Interface.2.Mtu",
            vec![],
            "read Device.Net.Interface.{i}.Mtu [eth1]",
            &["note Device.Net.Interface.2.Mtu=absent", "Device.Net.Interface.2.Mtu is absent"],
        ),
        (
            "Device.Net.Interface.2.Stats.",
            vec![row(INTERFACE, &["eth1"], &[]), row(STATS, &["eth1"], &[("Bytes", Value::Uint(8))])],
            "read Device.Net.Interface.{i}.Stats. [eth1]",
            &["note Device.Net.Interface.2.Stats.Bytes=8", "Device.Net.Interface.2.Stats. has "],
        ),
        (
            "Device.Net.Interface.2.",
            vec![],
            "read Device.Net.Interface.{i}. [eth1]",
            &[
                "note -Device.Net.Interface.2.",
                "note Device.Net.InterfaceNumberOfEntries=1",
                "Device.Net.Interface.2. does not exist",
            ],
        ),
        // Of a row that the provider has not told of, its table.
        (
            "Device.Net.Interface.9.Mtu",
            interfaces(&["eth0", "eth1"]),
            "refresh Device.Net.Interface.{i}.",
            &["Device.Net.Interface.9.Mtu does not exist"],
        ),
    ] {
        let (net, world) = world(true).await;
        net.set_rows(rows);
        assert_eq!(heard(&world, &format!("read {path}")).await, expected, "{path}");
        assert_eq!(net.log(), [called]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_is_read_by_itself_too() {
    let (net, world) = world(true).await;
    net.set_rows(interfaces(&["eth1"]));
    let expected = [
        "note -Device.Net.Interface.1.",
        "note Device.Net.InterfaceNumberOfEntries=1",
        "Device.Net.Interface. has 2",
    ];
    assert_eq!(heard(&world, "read Device.Net.Interface.").await, expected);
    assert_eq!(net.log(), ["read Device.Net.Interface.{i}. []"]);
}

#[tokio::test(start_paused = true)]
async fn other_providers_are_asked_for_objects() {
    let (net, world) = world(false).await;
    heard(&world, "read Device.Net.Interface.2.Mtu").await;
    assert_eq!(net.log(), ["refresh Device.Net.Interface.{i}."]);
}

/// What is told beyond what was wanted says nothing of what it leaves out: a change of it would be told to nobody.
#[tokio::test(start_paused = true)]
async fn what_was_not_wanted_and_is_not_given_stays() {
    let (net, world) = world(false).await;
    net.set_rows(vec![
        row(INTERFACE, &["eth0"], &[]),
        row(STATS, &["eth0"], &[("Bytes", Value::Uint(8))]),
        row(INTERFACE, &["eth1"], &[]),
    ]);
    let expected = [
        "note Device.Net.Interface.1.Stats.Bytes=8",
        "note Device.Net.Interface.2.Stats.Bytes=absent",
        "Device.Net.Interface.1.Stats.Bytes=8",
    ];
    assert_eq!(heard(&world, "get Device.Net.Interface.1.Stats.Bytes").await, expected);
    assert_eq!(net.log(), ["refresh Device.Net.Interface.{i}.Stats."]);
}
