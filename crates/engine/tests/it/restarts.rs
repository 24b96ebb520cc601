//! What a restart keeps, and what a factory reset does not.

use dm::Value;
use engine::Journal;
use engine::journal::Entry;
use requirement::requirement;
use usp_endpoint::agent::io::Boot;

use crate::disk::Disk;
use crate::providers::{interfaces, net, process, row};
use crate::world::World;

fn open(disk: &Disk) -> Journal {
    Journal::open(disk.clone()).unwrap()
}

#[requirement("R-ARC.8")]
#[tokio::test]
async fn stored_rows_values_and_numbers_come_back() {
    let disk = Disk::default();
    let world = World::start(&[], open(&disk)).await;
    for (request, answer) in [
        ("add Device.LocalAgent.Controller. EndpointID proto::two", "added Device.LocalAgent.Controller.2."),
        (
            "add Device.LocalAgent.Controller. EndpointID proto::three",
            "added Device.LocalAgent.Controller.3.",
        ),
        ("set Device.LocalAgent.Controller.2. Secret changed", "ok"),
        ("delete Device.LocalAgent.Controller.3.", "ok"),
    ] {
        assert_eq!(world.ask(request).await, answer);
    }
    drop(world);
    let world = World::start(&[], open(&disk)).await;
    for (request, answer) in [
        ("get Device.LocalAgent.Controller.", "Device.LocalAgent.Controller. has 1,2"),
        ("get Device.LocalAgent.ControllerNumberOfEntries", "Device.LocalAgent.ControllerNumberOfEntries=2"),
        (
            "get Device.LocalAgent.Controller.2.EndpointID",
            "Device.LocalAgent.Controller.2.EndpointID=proto::two",
        ),
        ("get Device.LocalAgent.Controller.2.Secret", "Device.LocalAgent.Controller.2.Secret=********"),
        ("add Device.LocalAgent.Controller.", "added Device.LocalAgent.Controller.4."),
    ] {
        assert_eq!(world.ask(request).await, answer);
    }
    let secret = world.instance.with_tree(|tree| {
        let path = dm::ObjectPath::parse("Device.LocalAgent.Controller.2.").unwrap();
        tree.text_of(&tree.locate(&path).unwrap(), "Secret")
    });
    assert_eq!(secret.unwrap(), "changed");
}

#[requirement("R-ARC.8")]
#[tokio::test]
async fn a_providers_rows_keep_their_numbers_and_aliases() {
    let disk = Disk::default();
    let net = net();
    net.set_rows(interfaces(&["eth0", "eth1"]));
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert_eq!(world.ask("set Device.Net.Interface.2. Alias uplink").await, "ok");
    drop(world);
    net.set_rows(interfaces(&["eth2", "eth1"]));
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    for (request, answer) in [
        ("get Device.Net.Interface.", "Device.Net.Interface. has 2,3"),
        ("get Device.Net.Interface.2.Name", "Device.Net.Interface.2.Name=eth1"),
        ("get Device.Net.Interface.2.Alias", "Device.Net.Interface.2.Alias=uplink"),
        ("get Device.Net.Interface.3.Alias", "Device.Net.Interface.3.Alias=cpe-3"),
    ] {
        assert_eq!(world.ask(request).await, answer);
    }
}

#[tokio::test]
async fn a_row_that_the_system_does_not_know_comes_back_until_it_does() {
    let disk = Disk::default();
    let net = net();
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert_eq!(world.ask("add Device.Net.Interface. Mtu 1280").await, "added Device.Net.Interface.1.");
    drop(world);
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert_eq!(world.ask("get Device.Net.Interface.1.Mtu").await, "Device.Net.Interface.1.Mtu=1280");
    net.with(|state| state.new_keys = vec![("Device.Net.Interface.1.".to_owned(), "vlan5".to_owned())]);
    assert_eq!(world.ask("set Device.Net.Interface.1. Enable true").await, "ok");
    drop(world);
    net.set_rows(interfaces(&["vlan5"]));
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert_eq!(world.ask("get Device.Net.Interface.1.Name").await, "Device.Net.Interface.1.Name=vlan5");
    assert_eq!(world.ask("get Device.Net.Interface.").await, "Device.Net.Interface. has 1");
}

#[tokio::test]
async fn numbers_of_a_volatile_table_are_not_remembered() {
    let disk = Disk::default();
    let process = process();
    let rows = |pids: &[&str]| {
        let row = |pid: &&str| row("Device.Proc.Process.{i}.", &[pid], &[("Command", Value::text("sh"))]);
        pids.iter().map(row).collect::<Vec<_>>()
    };
    process.set_rows(rows(&["100", "200"]));
    let world = World::start(std::slice::from_ref(&process), open(&disk)).await;
    assert_eq!(world.ask("get Device.Proc.Process.").await, "Device.Proc.Process. has 1,2");
    drop(world);
    assert!(open(&disk).live().keys.is_empty());
    process.set_rows(rows(&["200"]));
    let world = World::start(std::slice::from_ref(&process), open(&disk)).await;
    assert_eq!(world.ask("get Device.Proc.Process.").await, "Device.Proc.Process. has 1");
}

#[tokio::test]
async fn a_boot_has_its_cause_once() {
    let disk = Disk::default();
    let world = World::start(&[], open(&disk)).await;
    assert_eq!(world.ask("boot").await, r#"LocalFactoryReset "" false"#);
    let boot = Boot {
        cause: "RemoteReboot".to_owned(),
        command_key: "key-7".to_owned(),
        reason: String::new(),
        firmware_updated: false,
    };
    world.instance.remember_boot(&boot).await.unwrap();
    drop(world);
    for (version, answer) in [("1.1", r#"RemoteReboot "key-7" true"#), ("1.1", r#"LocalReboot "" false"#)] {
        let world = World::start_version(&[], open(&disk), version).await;
        assert_eq!(world.ask("boot").await, answer);
    }
}

#[tokio::test]
async fn a_factory_reset_starts_again_with_the_defaults() {
    let disk = Disk::default();
    let journal = open(&disk);
    let world = World::start(&[], journal.clone()).await;
    assert_eq!(world.ask("set Device.LocalAgent.Controller.1. EndpointID proto::other").await, "ok");
    let boot = Boot {
        cause: "RemoteFactoryReset".to_owned(),
        command_key: "k".to_owned(),
        reason: String::new(),
        firmware_updated: false,
    };
    world.instance.factory_reset(&boot).await.unwrap();
    assert_eq!(world.ask("get Device.LocalAgent.EndpointID").await, "Device.LocalAgent.EndpointID=os::1");
    let late = "set Device.LocalAgent.Controller.1. EndpointID proto::late";
    assert_eq!(world.ask(late).await, "7002 the agent is being reset");
    let again = World::start(&[], journal).await;
    assert_eq!(again.ask("boot").await, r#"RemoteFactoryReset "k" false"#);
    assert_eq!(
        again.ask("get Device.LocalAgent.Controller.1.EndpointID").await,
        "Device.LocalAgent.Controller.1.EndpointID=proto::first"
    );
}

#[tokio::test]
async fn what_this_version_does_not_know_is_left_alone() {
    let disk = Disk::default();
    drop(World::start(&[], open(&disk)).await);
    let journal = open(&disk);
    journal.append(&[Entry::CreateRow { path: "Device.Later.Thing.1.".to_owned() }]).unwrap();
    drop(journal);
    let world = World::start(&[], open(&disk)).await;
    assert_eq!(world.ask("get Device.LocalAgent.EndpointID").await, "Device.LocalAgent.EndpointID=os::1");
    drop(world);
    assert!(open(&disk).live().objects.contains_key("Device.Later.Thing.1."));
}

#[tokio::test]
async fn keys_of_vanished_rows_are_remembered_up_to_a_limit() {
    let disk = Disk::default();
    let net = net();
    let names: Vec<String> = (0..1100).map(|n| format!("v{n:04}")).collect();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.push("eth0");
    net.set_rows(interfaces(&all));
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    net.set_rows(interfaces(&["eth0"]));
    world.say("get Device.Net.Interface.");
    while world.peer.hear().await != "Device.Net.Interface. has 1101" {}
    drop(world);
    let live = open(&disk).live();
    let keys = &live.keys["Device.Net.Interface."];
    assert_eq!(keys.len(), 1025, "1024 without a row, and one with");
    assert_eq!(keys.get("eth0"), Some(&1101));
    assert_eq!(keys.get("v0000"), None, "the oldest go first");
    assert_eq!(live.last["Device.Net.Interface."], 1101);
}

#[tokio::test]
async fn nothing_after_a_factory_reset_is_remembered() {
    let disk = Disk::default();
    let net = net();
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    let boot = Boot {
        cause: "LocalFactoryReset".to_owned(),
        command_key: String::new(),
        reason: String::new(),
        firmware_updated: false,
    };
    world.instance.factory_reset(&boot).await.unwrap();
    net.set_rows(interfaces(&["eth0"]));
    world.say("get Device.Net.Interface.");
    while world.peer.hear().await != "Device.Net.Interface. has 1" {}
    drop(world);
    let live = open(&disk).live();
    assert_eq!(live.meta.into_iter().collect::<Vec<_>>().len(), 3, "cause, command key, reason");
    assert!(live.keys.is_empty() && live.objects.is_empty());
}

#[tokio::test]
async fn after_a_loss_of_power_the_same_is_there_without_the_one_before() {
    let disk = Disk::default();
    for journal in [Journal::memory(), open(&disk)] {
        let before = World::start(&[], journal).await;
        let added = before.ask("add Device.LocalAgent.Controller. EndpointID proto::two").await;
        assert_eq!(added, "added Device.LocalAgent.Controller.2.");
        let world = before.lose_power().await;
        for (request, answer) in [
            (
                "get Device.LocalAgent.Controller.2.EndpointID",
                "Device.LocalAgent.Controller.2.EndpointID=proto::two",
            ),
            ("add Device.LocalAgent.Controller.", "added Device.LocalAgent.Controller.3."),
        ] {
            assert_eq!(world.ask(request).await, answer);
        }
        assert!(before.instance.with_tree(|_| ()).is_none(), "the one before is still there");
    }
}

/// What a controller had not confirmed when the process died is taken back by the next one, the last change first,
/// and not again by the one after it.
#[tokio::test]
async fn a_change_that_nobody_confirmed_does_not_outlive_the_process() {
    let disk = Disk::default();
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    net.with(|state| state.needs_confirm = true);
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    for (request, answer) in [
        ("set Device.Net.Interface.1. Mtu 1400", "ok"),
        ("set Device.Net.Interface.1. Mtu 1300", "ok"),
        ("add Device.Net.Interface. Mtu 1280", "added Device.Net.Interface.2."),
    ] {
        world.say(request);
        while world.peer.hear().await != answer {}
    }
    drop(world);
    net.log();
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    let edits: Vec<String> = net.log().into_iter().filter(|line| line.starts_with("prepare")).collect();
    assert_eq!(
        edits,
        [
            "prepare -Device.Net.Interface.2. [-]",
            "prepare Device.Net.Interface.1.Mtu=1400 [eth0]",
            "prepare Device.Net.Interface.1.Mtu=1500 [eth0]",
        ]
    );
    drop(world);
    World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert!(!net.log().iter().any(|line| line.starts_with("prepare")), "once is enough");
}

/// One that was confirmed stands.
#[tokio::test]
async fn a_confirmed_change_outlives_the_process() {
    let disk = Disk::default();
    let net = net();
    net.set_rows(interfaces(&["eth0"]));
    net.with(|state| state.needs_confirm = true);
    let world = World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert_eq!(world.ask("set Device.Net.Interface.1. Mtu 1400").await, "ok");
    let newer = usp_endpoint::link::LinkId(2);
    world.connect(newer);
    world.say_on(newer, "get Device.LocalAgent.EndpointID");
    while world.peer.hear().await != "Device.LocalAgent.EndpointID=os::1" {}
    drop(world);
    net.log();
    World::start(std::slice::from_ref(&net), open(&disk)).await;
    assert!(!net.log().iter().any(|line| line.starts_with("prepare")));
}

/// How something fares at the moment is not remembered, and costs the disk nothing.
#[tokio::test]
async fn what_is_fleeting_begins_anew() {
    let disk = Disk::default();
    let world = World::start(&[], open(&disk)).await;
    assert_eq!(world.ask("set Device.LocalAgent.Controller.1. Fares up").await, "ok");
    assert_eq!(
        world.ask("get Device.LocalAgent.Controller.1.Fares").await,
        "Device.LocalAgent.Controller.1.Fares=up"
    );
    drop(world);
    let journal = open(&disk);
    let kept = &journal.live().objects["Device.LocalAgent.Controller.1."];
    assert!(!kept.params.contains_key("Fares"), "{kept:?}");
    let world = World::start(&[], journal).await;
    assert_eq!(
        world.ask("get Device.LocalAgent.Controller.1.Fares").await,
        "Device.LocalAgent.Controller.1.Fares=down"
    );
}
