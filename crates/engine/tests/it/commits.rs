//! Transactions over the engine's own tables and over providers.

use std::time::Duration;

use engine::Journal;
use requirement::requirement;

use crate::providers::{interfaces, net, process};
use crate::world::World;

const MTU: &str = "set Device.Net.Interface.1. Mtu 1400";
const ABORT: &str = "abort Device.Net.Interface.1.Mtu=1400 [eth0]";

async fn world() -> (std::sync::Arc<crate::providers::Fake>, std::sync::Arc<crate::providers::Fake>, World) {
    let (net, process) = (net(), process());
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(&[net.clone(), process.clone()], Journal::memory()).await;
    net.log();
    process.log();
    (net, process, world)
}

#[tokio::test(start_paused = true)]
async fn stored_tables_need_no_provider() {
    let (net, process, world) = world().await;
    assert_eq!(
        world.ask("add Device.LocalAgent.Controller. EndpointID proto::two").await,
        "added Device.LocalAgent.Controller.2."
    );
    assert_eq!(
        world.ask("get Device.LocalAgent.ControllerNumberOfEntries").await,
        "Device.LocalAgent.ControllerNumberOfEntries=2"
    );
    assert_eq!(world.ask("delete Device.LocalAgent.Controller.1.").await, "ok");
    assert_eq!(world.ask("get Device.LocalAgent.Controller.").await, "Device.LocalAgent.Controller. has 2");
    assert!(net.log().is_empty() && process.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_provider_prepares_and_commits() {
    let (net, _, world) = world().await;
    assert_eq!(world.ask(MTU).await, "ok");
    assert_eq!(net.log(), ["prepare Device.Net.Interface.1.Mtu=1400 [eth0]", "commit"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_prepared_is_not_committed() {
    let (net, process, world) = world().await;
    process.with(|state| {
        state.fails.insert("prepare");
    });
    let both = "set Device.Net.Interface.1. Mtu 1400 Device.Proc. Load 3";
    assert_eq!(world.ask(both).await, "7003 process cannot prepare");
    assert_eq!(net.log(), ["prepare Device.Net.Interface.1.Mtu=1400 [eth0]", ABORT]);
    assert_eq!(world.ask("get Device.Net.Interface.1.Mtu").await, "Device.Net.Interface.1.Mtu=1500");
}

#[tokio::test(start_paused = true)]
async fn a_later_failure_undoes_what_was_committed() {
    let (net, process, world) = world().await;
    process.with(|state| {
        state.fails.insert("commit");
    });
    let both = "set Device.Net.Interface.1. Mtu 1400 Device.Proc. Load 3";
    assert_eq!(world.ask(both).await, "7003 process cannot commit");
    assert_eq!(net.log(), ["prepare Device.Net.Interface.1.Mtu=1400 [eth0]", "commit", ABORT]);
    assert_eq!(process.log(), ["prepare Device.Proc.Load=3 []", "commit"]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_undone_is_listed() {
    let (net, process, world) = world().await;
    process.with(|state| {
        state.fails.insert("commit");
    });
    net.with(|state| {
        state.fails.insert("abort");
    });
    let both = "set Device.Net.Interface.1. Mtu 1400 Device.Proc. Load 3";
    let expected =
        "7003 process cannot commit; could not be undone: Device.Net.Interface.1.Mtu (net cannot abort)";
    assert_eq!(world.ask(both).await, expected);
}

/// With `allow_partial` each row is a transaction of its own.
#[requirement("R-ARC.12", "R-DEL.3")]
#[tokio::test(start_paused = true)]
async fn what_leads_to_a_row_that_its_provider_keeps_stays() {
    const USES: &str = "Device.Net.Interface.1,Device.Net.Interface.2,Device.Net.Interface.3";
    let names = ["eth0", "eth1", "eth2"];
    // The rows that stay, by number.
    for stay in [&[1][..], &[2], &[3], &[1, 2], &[1, 3], &[2, 3], &[1, 2, 3]] {
        let net = net();
        net.set_rows(interfaces(&names));
        let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
        assert_eq!(world.ask(&format!("set Device.LocalAgent. Uses {USES}")).await, "ok");
        net.with(|state| {
            let all = [
                "-Device.Net.Interface.1. [eth0]",
                "-Device.Net.Interface.2. [eth1]",
                "-Device.Net.Interface.3. [eth2]",
            ];
            state.refuses = stay.iter().map(|number| all[number - 1]).collect();
        });
        let path = |number: &usize| format!("Device.Net.Interface.{number}");
        let said = stay.iter().map(|number| format!("{}. stays: 7003 net cannot prepare", path(number)));
        let said: Vec<String> = said.collect();
        assert_eq!(world.ask("delete-each Device.Net.Interface.*.").await, said.join("; "));
        let uses: Vec<String> = stay.iter().map(path).collect();
        let uses = format!("Device.LocalAgent.Uses={}", uses.join(","));
        assert_eq!(world.ask("get Device.LocalAgent.Uses").await, uses, "{stay:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_added_row_keeps_its_number_when_the_system_knows_it() {
    let (net, _, world) = world().await;
    net.with(|state| state.new_keys = vec![("Device.Net.Interface.2.".to_owned(), "vlan5".to_owned())]);
    assert_eq!(world.ask("add Device.Net.Interface. Mtu 1280").await, "added Device.Net.Interface.2.");
    assert_eq!(
        net.log(),
        ["prepare +Device.Net.Interface.2. [] Enable=false,LowerLayers=,Mtu=1280", "commit"]
    );
    net.set_rows(interfaces(&["vlan5", "eth0", "eth7"]));
    world.say("get Device.Net.Interface.2.Name");
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(world.peer.heard().last().unwrap(), "Device.Net.Interface.2.Name=vlan5");
    net.set_rows(interfaces(&["eth0"]));
    world.say("get Device.Net.Interface.");
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(world.peer.heard().last().unwrap(), "Device.Net.Interface. has 1");
}

#[tokio::test(start_paused = true)]
async fn an_added_row_that_the_system_does_not_know_yet_stays() {
    let (net, _, world) = world().await;
    assert_eq!(world.ask("add Device.Net.Interface. Mtu 1280").await, "added Device.Net.Interface.2.");
    assert_eq!(world.ask("get Device.Net.Interface.2.Mtu").await, "Device.Net.Interface.2.Mtu=1280");
    net.log();
    assert_eq!(world.ask("set Device.Net.Interface.2. Mtu 1300").await, "ok");
    assert_eq!(net.log()[0], "prepare Device.Net.Interface.2.Mtu=1300 [-]");
    assert_eq!(world.ask("delete Device.Net.Interface.2.").await, "ok");
    assert_eq!(net.log()[0], "prepare -Device.Net.Interface.2. [-]");
    assert_eq!(world.ask("add Device.Net.Interface.").await, "added Device.Net.Interface.3.");
}

#[tokio::test(start_paused = true)]
async fn an_alias_is_the_engines_own() {
    let (net, _, world) = world().await;
    assert_eq!(world.ask("get Device.Net.Interface.1.Alias").await, "Device.Net.Interface.1.Alias=cpe-1");
    net.log();
    assert_eq!(world.ask("set Device.Net.Interface.1. Alias uplink").await, "ok");
    assert_eq!(net.log(), Vec::<String>::new());
    assert_eq!(world.ask("get Device.Net.Interface.1.Alias").await, "Device.Net.Interface.1.Alias=uplink");
}

#[tokio::test(start_paused = true)]
async fn a_read_after_a_write_does_not_see_what_was_before() {
    let mut fake = crate::providers::Fake::new("net", "Device.Net.", crate::world::net_model);
    fake.max_age = Duration::from_secs(3600);
    let net = std::sync::Arc::new(fake);
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), Journal::memory()).await;
    world.ask("get Device.Net.Interface.1.Mtu").await;
    net.log();
    world.ask(MTU).await;
    world.say("get Device.Net.Interface.1.Mtu");
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(net.log().last().unwrap(), "refresh Device.Net.Interface.{i}.");
}

#[tokio::test]
async fn a_row_whose_key_changes_keeps_its_number() {
    let disk = crate::disk::Disk::default();
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    let world = World::start(std::slice::from_ref(&net), Journal::open(disk.clone()).unwrap()).await;
    net.with(|state| state.new_keys = vec![("Device.Net.Interface.1.".to_owned(), "lan0".to_owned())]);
    assert_eq!(world.ask(MTU).await, "ok");
    net.set_rows(interfaces(&["lan0"]));
    drop(world);
    let world = World::start(std::slice::from_ref(&net), Journal::open(disk).unwrap()).await;
    assert_eq!(world.ask("get Device.Net.Interface.1.Name").await, "Device.Net.Interface.1.Name=lan0");
    assert_eq!(world.ask("get Device.Net.Interface.").await, "Device.Net.Interface. has 1");
}
