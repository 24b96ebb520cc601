//! The whole program from outside: its orderly end, and connections that follow the tables.

use dm::operation::{Get, ObjectSettings, ParamSetting, Set};
use dm::{Operation, Outcome};
use requirement::requirement;

use crate::peer::{Controller, Heard, Program};

fn set(path: &str, param: &str, value: &str) -> Operation {
    let params = vec![ParamSetting { param: param.to_owned(), value: value.to_owned(), required: true }];
    Operation::Set(Set {
        allow_partial: false,
        objects: vec![ObjectSettings { path: path.to_owned(), params }],
    })
}

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

/// As in a container: no DMI, no sensors, no interfaces but the kernel's.
#[tokio::test]
async fn without_sysfs_it_serves_what_it_can_and_says_once_what_it_can_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::listen().await;
    let bare = "mount -t tmpfs none /sys && exec \"$@\"";
    let words = ["unshare", "-m", "sh", "-c", bare, "sh"];
    if !std::process::Command::new(words[0]).args(["-m", "true"]).status().is_ok_and(|end| end.success()) {
        let _ = crate::peer::note("not run, no mount namespace");
        return;
    }
    let program = Program::start_by(&words, folder.path(), controller.port);
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
