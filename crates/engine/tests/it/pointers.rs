//! Values that point at rows cross the provider seam by key.

use dm::Value;
use engine::Journal;

use crate::providers::{interfaces, net, row};
use crate::world::World;

const INTERFACE: &str = "Device.Net.Interface.{i}.";

#[tokio::test(start_paused = true)]
async fn a_report_points_by_key_even_at_rows_that_come_later() {
    let net = net();
    let lower = Value::text("Device.Net.Interface.{eth0},Device.Net.Interface.{eth1}");
    let mut rows = vec![row(INTERFACE, &["br0"], &[("LowerLayers", lower)])];
    rows.extend(interfaces(&["eth1", "eth0"]));
    net.set_rows(rows);
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    for (request, answer) in [
        (
            "get Device.Net.Interface.1.LowerLayers",
            "Device.Net.Interface.1.LowerLayers=Device.Net.Interface.2,Device.Net.Interface.3",
        ),
        ("get Device.Net.Interface.2.Name", "Device.Net.Interface.2.Name=eth0"),
        ("get Device.Net.Interface.3.Name", "Device.Net.Interface.3.Name=eth1"),
    ] {
        assert_eq!(world.ask(request).await, answer);
    }
}

#[tokio::test(start_paused = true)]
async fn what_points_at_no_table_points_at_nothing() {
    let net = net();
    let lower = Value::text("Device.Nowhere.{eth0}");
    net.set_rows(vec![row(INTERFACE, &["br0"], &[("LowerLayers", lower)])]);
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    assert_eq!(
        world.ask("get Device.Net.Interface.1.LowerLayers").await,
        "Device.Net.Interface.1.LowerLayers="
    );
}

#[tokio::test(start_paused = true)]
async fn edits_and_commands_point_by_key() {
    let net = net();
    net.set_rows(interfaces(&["eth0", "eth1"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    net.log();
    assert_eq!(world.ask("set Device.Net.Interface.1. LowerLayers Device.Net.Interface.2").await, "ok");
    assert_eq!(net.log()[0], "prepare Device.Net.Interface.1.LowerLayers=Device.Net.Interface.{eth1} [eth0]");
    let via = "run Device.Net.Interface.1.Via() Device.Net.Interface.2";
    // The provider answers with the argument as it got it, and the engine puts the number back.
    assert_eq!(world.ask(via).await, r#"ended [("Via", "Device.Net.Interface.2")]"#);
}

#[tokio::test(start_paused = true)]
async fn a_reserved_number_is_not_given_to_an_added_row() {
    let net = net();
    let lower = Value::text("Device.Net.Interface.{later}");
    net.set_rows(vec![row(INTERFACE, &["br0"], &[("LowerLayers", lower)])]);
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    assert_eq!(world.ask("add Device.Net.Interface.").await, "added Device.Net.Interface.3.");
}
