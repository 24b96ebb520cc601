//! The real program.

use std::path::Path;
use std::process::{Command, Output};

use dm::operation::Get;
use dm::{Operation, Outcome};

use crate::peer::{Controller, Heard, Program};

/// A call of the hook with these variables, and no others.
fn hook(folder: &Path, event: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cusp-agent"));
    command.arg("dhcp-hook").arg("--config").arg(folder.join("agent.toml")).arg(event).env_clear();
    command.envs(variables.iter().copied()).output().expect("the program")
}

/// DHCPv4, with a controller of our own on this port.
fn option(port: u16, code: &str) -> String {
    let url = format!("ws://127.0.0.1:{port}/usp");
    let parts = [(25, url.as_str()), (26, code), (29, "proto::controller")];
    let inner: Vec<u8> = parts
        .iter()
        .flat_map(|(code, text)| {
            let length = u8::try_from(text.len()).expect("short");
            [&[*code, length], text.as_bytes()].concat()
        })
        .collect();
    let length = u8::try_from(inner.len()).expect("short");
    let bytes = [&[0, 0, 0x0d, 0xe9, length][..], &inner].concat();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One parameter; waits until it is as expected.
async fn becomes(controller: &mut Controller, path: &str, expected: &str) {
    loop {
        let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
        let outcome = controller.ask(Operation::Get(get)).await;
        let Outcome::Get(mut results) = outcome else { panic!("{outcome:?}") };
        let objects = results.remove(0).result.expect("it is readable");
        if objects[0].params[0].1 == expected {
            return;
        }
    }
}

const DISCOVERY: &str = "[discovery]\ndhcp = true\nallow_plaintext = true\nrole = \"Full Access\"\n";

#[tokio::test]
async fn an_agent_that_knows_nobody_finds_its_controller_by_a_lease() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::listen().await;
    let program = Program::start_with(&[], folder.path(), DISCOVERY);
    let lease = |code| {
        let done = hook(
            folder.path(),
            "bound",
            &[("interface", "eth0"), ("opt125", &option(controller.port, code))],
        );
        assert!(done.status.success(), "{done:?}");
    };
    lease("P-7");
    controller.connected().await;
    let row = "Device.LocalAgent.Controller.[Alias==\"cpe-dhcp\"].";
    let code = format!("{row}ProvisioningCode");
    becomes(&mut controller, &code, "P-7").await;
    // It is told of a renewed lease while it runs.
    let done =
        hook(folder.path(), "renew", &[("interface", "eth0"), ("opt125", &option(controller.port, "P-8"))]);
    assert!(done.status.success(), "{done:?}");
    becomes(&mut controller, &code, "P-8").await;
    // After a restart the lease is still there, and the row stands without it.
    program.kill();
    let gone = hook(folder.path(), "deconfig", &[("interface", "eth0")]);
    assert!(gone.status.success(), "{gone:?}");
    while !matches!(controller.hear().await, Heard::Down) {}
    let _program = Program::start_with(&[], folder.path(), DISCOVERY);
    controller.connected().await;
    becomes(&mut controller, &code, "P-8").await;
}

#[test]
fn a_hook_that_is_called_wrongly_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("agent.toml");
    std::fs::write(
        &config,
        format!("data_dir = {:?}\n[agent]\nserial = \"S1\"\n", folder.path().join("data")),
    )
    .expect("a file");
    for (event, variables, code) in [
        ("bound", &[][..], 1),
        ("bound", &[("interface", "../x"), ("opt125", "00000de900")], 1),
        ("bound", &[("interface", "eth0"), ("opt125", "00000de9ff")], 1),
        ("preinit", &[("interface", "eth0")], 0),
    ] {
        let done = hook(folder.path(), event, variables);
        assert_eq!(done.status.code(), Some(code), "{event} {variables:?} {done:?}");
        assert!(!folder.path().join("data").exists(), "{event} {variables:?}");
    }
    for words in
        [&["dhcp-hook"][..], &["dhcp-options", "--json", "--config", "x"], &["dhcp", "--config", "x"]]
    {
        let done = Command::new(env!("CARGO_BIN_EXE_cusp-agent")).args(words).output().expect("the program");
        assert_eq!(done.status.code(), Some(2), "{words:?}");
    }
}
