//! The agent and controllers that dial in, and controllers of the same host: WebSockets and UNIX domain sockets.

use std::os::unix::fs::PermissionsExt;

use requirement::requirement;

use crate::peer::{AGENT, CONTROLLER, Controller, Heard, Program, add};
use crate::ports::free_port;

#[requirement("R-UDS.2", "R-UDS.3", "R-UDS.17", "R-MTP.6")]
#[tokio::test]
async fn a_controller_of_this_host_dials_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut other = Controller::listen().await;
    let path = folder.path().join("agent.sock");
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\n\
         [[listen]]\nsocket = {path:?}\nmode = 0o660\n",
        other.port
    );
    let program = Program::start_with(&[], folder.path(), &text);
    other.connected().await;
    other.until("Device.LocalAgent.MTP.1.Status", "Up").await;
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut controller = Controller::dial(&path).await;
    let said = controller.hear().await;
    assert!(matches!(said, Heard::LocalConnect), "{said:?}");
    for (path, expected) in [
        ("Device.LocalAgent.EndpointID", AGENT),
        ("Device.LocalAgent.MTP.1.Protocol", "UDS"),
        ("Device.UnixDomainSockets.UnixDomainSocket.1.Mode", "Listen"),
        ("Device.UnixDomainSockets.UnixDomainSocket.1.Path", path.to_str().expect("UTF-8")),
    ] {
        assert_eq!(controller.value(path).await, expected);
    }
    // Switched off, it is gone behind the answer; and back.
    controller.set("Device.LocalAgent.MTP.1.", "Enable", "false").await;
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    other.until("Device.LocalAgent.MTP.1.Status", "Down").await;
    other.set("Device.LocalAgent.MTP.1.", "Enable", "true").await;
    other.until("Device.LocalAgent.MTP.1.Status", "Up").await;
    let mut controller = Controller::dial(&path).await;
    let said = controller.hear().await;
    assert!(matches!(said, Heard::LocalConnect), "{said:?}");
    program.terminate();
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Disconnect(7105)), "{said:?}");
    assert_eq!(program.ended().code(), Some(0));
    assert!(!path.exists());
}

#[requirement("R-UDS.4", "R-UDS.16", "R-MTP.6")]
#[tokio::test]
async fn a_controller_of_this_host_is_dialled_and_dialled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("controller.sock");
    let mut controller = Controller::listen_at(&path);
    let text = format!("[[controller]]\nendpoint = {CONTROLLER:?}\nsocket = {path:?}\n");
    let _program = Program::start_with(&[], folder.path(), &text);
    controller.connected().await;
    let said = controller.hear().await;
    assert!(matches!(said, Heard::LocalConnect), "{said:?}");
    assert_eq!(controller.value("Device.LocalAgent.Controller.1.MTP.1.Protocol").await, "UDS");
    assert_eq!(controller.value("Device.UnixDomainSockets.UnixDomainSocket.1.Mode").await, "Connect");
    controller.hang_up();
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    let said = controller.hear().await;
    assert!(matches!(said, Heard::LocalConnect), "{said:?}");
    assert_eq!(controller.value("Device.LocalAgent.EndpointID").await, AGENT);
}

#[requirement("R-WS.6")]
#[tokio::test]
async fn a_listener_for_websockets_follows_its_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut other = Controller::listen_at(&folder.path().join("controller.sock"));
    let port = free_port();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).expect("it is free");
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nsocket = {:?}\n\
         [[listen]]\naddress = \"127.0.0.1:{port}\"\ntls = false\n",
        folder.path().join("controller.sock"),
    );
    // Somebody else has the port.
    let _program = Program::start_with(&[], folder.path(), &text);
    other.connected().await;
    let said = other.hear().await;
    assert!(matches!(said, Heard::LocalConnect), "{said:?}");
    let mtp = "Device.LocalAgent.MTP.1.";
    let status = "Device.LocalAgent.MTP.1.Status";
    other.until(status, "Error").await;
    other.set(mtp, "Enable", "false").await;
    other.until(status, "Down").await;
    drop(taken);
    other.set(mtp, "Enable", "true").await;
    other.until(status, "Up").await;
    let mut controller = Controller::call(port).await;
    assert_eq!(controller.value("Device.LocalAgent.MTP.1.WebSocket.Port").await, port.to_string());
    controller.set(mtp, "Enable", "false").await;
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    // Which address would it be at?
    other.ask(add("Device.LocalAgent.MTP.", &[("Enable", "true"), ("Protocol", "WebSocket")])).await;
    other.until("Device.LocalAgent.MTP.2.Status", "Error").await;
}
