//! The whole program from outside: its orderly end, and connections that follow the tables.

use dm::operation::{ObjectSettings, ParamSetting, Set};
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
    let program = Program::start(folder.path(), controller.port, "");
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
    let _program = Program::start(folder.path(), first.port, "");
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
