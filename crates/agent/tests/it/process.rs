//! The whole program from outside: its orderly end, and connections that follow the tables.

use dm::operation::{Add, Get, ObjectSettings, ParamSetting};
use dm::{Operation, Outcome};
use requirement::requirement;

use crate::peer::{Controller, Heard, Program, set};

#[requirement("R-MTP.7")]
#[tokio::test]
async fn a_signal_ends_it_with_a_good_bye() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::listen().await;
    let program = Program::start(folder.path(), controller.port);
    controller.connected().await;
    let answer = controller.ask(set("Device.LocalAgent.Controller.1.", "ControllerCode", "last")).await;
    assert!(matches!(answer, Outcome::Set(_)), "{answer:?}");
    program.terminate();
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Disconnect(7105)), "{said:?}");
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    assert_eq!(program.ended().code(), Some(0));
}

#[tokio::test]
async fn a_connection_follows_its_row_and_the_answer_leaves_by_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut first, mut second) = (Controller::listen().await, Controller::listen().await);
    let _program = Program::start(folder.path(), first.port);
    first.connected().await;
    let ws = "Device.LocalAgent.Controller.1.MTP.1.WebSocket.";
    let answer = first.ask(set(ws, "Port", &second.port.to_string())).await;
    assert!(matches!(answer, Outcome::Set(_)), "{answer:?}");
    let said = first.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    second.connected().await;
    let answer = second.ask(set("Device.LocalAgent.Controller.1.", "Enable", "false")).await;
    assert!(matches!(answer, Outcome::Set(_)), "{answer:?}");
    let said = second.hear().await;
    assert!(matches!(said, Heard::Disconnect(_)), "{said:?}");
    let said = second.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
}

/// What a subscription is to set may be a password.
#[tokio::test]
async fn the_settings_of_a_subscription_are_not_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::listen().await;
    let _program = Program::start(folder.path(), controller.port);
    controller.connected().await;
    let settings = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase=\"hunter2\"";
    let params = [("ID", "s"), ("TriggerConfigSettings", settings)];
    let param = |(param, value): (&str, &str)| ParamSetting {
        param: param.to_owned(),
        value: value.to_owned(),
        required: true,
    };
    let path = "Device.LocalAgent.Subscription.".to_owned();
    let objects = vec![ObjectSettings { path, params: params.map(param).to_vec() }];
    let added = controller.ask(Operation::Add(Add { allow_partial: false, objects })).await;
    let row = "Device.LocalAgent.Subscription.1.";
    let get = Get { paths: vec![row.to_owned()], max_depth: 0 };
    let found = controller.ask(Operation::Get(get)).await;
    let Outcome::Get(results) = &found else { panic!("{found:?}") };
    let object = &results[0].result.as_ref().expect("the row")[0];
    let value = |name: &str| object.params.iter().find(|(param, _)| param == name).map(|(_, v)| v.as_str());
    assert_eq!((value("ID"), value("TriggerConfigSettings")), (Some("s"), Some("")));
    assert!(!format!("{added:?}").contains("hunter2"));
}

/// As in a container: no DMI, no sensors, no interfaces but the kernel's.
#[tokio::test]
async fn without_sysfs_it_serves_what_it_can_and_says_once_what_it_can_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::listen().await;
    let bare = "mount -t tmpfs none /sys && exec \"$@\"";
    // Who may not have a mount namespace may have one within a user namespace.
    let ways = ["-m", "-rm"].map(|flags| ["unshare", flags, "sh", "-c", bare, "sh"]);
    let works = |words: &&[&str; 6]| {
        let tried = std::process::Command::new(words[0]).args(&words[1..]).arg("true").status();
        tried.is_ok_and(|end| end.success())
    };
    let Some(words) = ways.iter().find(works) else {
        let _ = crate::peer::note("not run, no mount namespace");
        return;
    };
    let program = Program::start_by(words, folder.path(), controller.port);
    controller.connected().await;
    let paths = ["Device.DeviceInfo.SerialNumber", "Device.DeviceInfo.MemoryStatus.Total"];
    let get = Get { paths: paths.map(str::to_owned).to_vec(), max_depth: 0 };
    let Outcome::Get(results) = controller.ask(Operation::Get(get)).await else { panic!("an answer") };
    // Absent is right, invented is wrong.
    assert_eq!(results[0].result.as_ref().expect_err("nobody knows it").code.0, 7026);
    assert!(results[1].result.is_ok(), "{:?}", results[1]);
    program.terminate();
    assert_eq!(program.ended().code(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("agent.log")).expect("a log");
    for what in ["manufacturer", "OUI", "model name", "product class", "serial number", "hardware version"] {
        let told = log.lines().filter(|line| line.contains(&format!("what=\"{what}\""))).count();
        assert_eq!(told, 1, "{what}: {log}");
    }
}
