//! Foreign peers: `coap-client` and `coap-server` of Debian's libcoap3-bin, and aiocoap.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mtp::Role;
use requirement::requirement;

use super::sockets::{End, Heard};
use super::world::record;
use crate::daemons::Group;
use crate::ports::free_port;

const PACKAGE: &str = "libcoap3-bin";

/// Runs a program on a thread of its own; gives what it prints.
async fn run(mut command: Command) -> String {
    let ran = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
    let ran = ran.await.expect("no panic").unwrap_or_else(|error| panic!("{PACKAGE} is needed: {error}"));
    String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
}

/// Debian has it with and without TLS, under two names.
fn program(name: &str) -> Command {
    let plain = format!("{name}-notls");
    let is_there = Path::new("/usr/bin").join(&plain).exists();
    Command::new(if is_there { plain.as_str() } else { name })
}

fn client(words: &[&str]) -> Command {
    let mut command = program("coap-client");
    command.args(["-B", "30", "-v", "6"]).args(words);
    command
}

/// A server that takes what is posted to any resource, and gives it back when it is asked for; and its port.
async fn server() -> (Group, u16) {
    let mut said = String::new();
    // Somebody else may take the port before it does.
    for _ in 0..3 {
        let port = free_port();
        let mut command = program("coap-server");
        command.args(["-A", "127.0.0.1", "-d", "10", "-p", &port.to_string()]);
        let group = Group::spawn(&mut command, PACKAGE);
        let core = format!("coap://127.0.0.1:{port}/.well-known/core");
        // The client itself asks again until somebody answers.
        said = run(client(&["-m", "get", &core])).await;
        if said.contains("2.05") {
            return (group, port);
        }
    }
    panic!("coap-server does not start: {said}");
}

#[requirement("R-COAP.4", "R-COAP.5", "R-COAP.6", "R-COAP.7")]
#[tokio::test]
async fn records_go_to_libcoap() {
    let (_server, port) = server().await;
    let controller = End::open(Role::Controller).await;
    let folder = tempfile::tempdir().expect("a folder");
    for bytes in [100, 100_000] {
        let uri = format!("coap://127.0.0.1:{port}/usp-{bytes}");
        controller.send(&uri, record(bytes));
        // They go one after the other: when this one is there, the one before is.
        let last = format!("{uri}-done");
        controller.send(&last, record(1));
        while run(client(&["-m", "get", &last])).await.contains("c:4.04") {}
        let file = folder.path().join("got");
        run(client(&["-m", "get", "-o", file.to_str().expect("a plain name"), &uri])).await;
        assert_eq!(std::fs::read(&file).expect("a file"), record(bytes));
    }
}

#[requirement("R-COAP.1", "R-COAP.5", "R-COAP.7", "R-COAP.11", "R-COAP.12", "R-COAP.13")]
#[tokio::test]
async fn records_come_from_libcoap() {
    let (_server, port) = server().await;
    let mut controller = End::open(Role::Controller).await;
    let folder = tempfile::tempdir().expect("a folder");
    let uri = controller.uri();
    let reply_to = format!("coap://127.0.0.1:{port}/usp");
    let to = format!("{uri}?reply-to={reply_to}");
    let file = folder.path().join("record");
    let name = file.to_str().expect("a plain name");
    for (bytes, block) in [(100, "1024"), (5_000, "64"), (100_000, "1024")] {
        std::fs::write(&file, record(bytes)).expect("written");
        let said = run(client(&["-m", "post", "-t", "42", "-b", block, "-f", name, &to])).await;
        assert!(said.contains("c:2.04"), "{said}");
        assert_eq!(controller.record().await, (reply_to.clone(), record(bytes)));
    }
    let core = uri.replace("/usp", "/.well-known/core");
    let said = run(client(&["-m", "get", "-b", "16", "-o", name, &core])).await;
    assert!(said.contains("Block2:3/_/16"), "{said}");
    let listed = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(listed, "</usp>;rt=\"bbf.usp.endpoint\";if=\"bbf.usp.c\";ct=42");
    for (words, expected) in [
        (&["-m", "put", "-t", "42", "-e", "x"][..], "c:4.05"),
        (&["-m", "post", "-t", "50", "-e", "x"], "c:4.15"),
        (&["-m", "post", "-t", "42", "-e", "x"], "c:4.00"),
    ] {
        let said = run(client(&[words, &[&to]].concat())).await;
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

/// Some datagrams of libcoap are lost.
#[requirement("R-COAP.5")]
#[tokio::test]
async fn libcoap_on_a_bad_line() {
    let (_server, port) = server().await;
    let mut controller = End::open(Role::Controller).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("record");
    std::fs::write(&file, record(4000)).expect("written");
    let to = format!("{}?reply-to=coap://127.0.0.1:{port}/usp", controller.uri());
    let name = file.to_str().expect("a plain name");
    // The second, the fourth and the sixth that it sends.
    let said = run(client(&["-l", "2,4,6", "-m", "post", "-t", "42", "-b", "1024", "-f", name, &to])).await;
    assert!(said.contains("c:2.04"), "{said}");
    assert_eq!(controller.record().await.1, record(4000));
}

/// A Python that has aiocoap: the one that `scripts/test.sh` makes, or any.
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci/aiocoap/bin/python3");
    let has_it = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", "import aiocoap"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    [made, PathBuf::from("python3")].into_iter().find(has_it)
}

#[requirement("R-COAP.1", "R-COAP.2", "R-COAP.2a", "R-COAP.5", "R-COAP.6", "R-COAP.7", "R-COAP.12")]
#[tokio::test]
async fn records_come_from_aiocoap_and_go_back() {
    let python = python().expect("aiocoap is needed: pip install aiocoap, or scripts/test.sh");
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = End::open(Role::Controller).await;
    let port = free_port();
    let mut command = Command::new(&python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/coap/endpoint.py"));
    command.args([&port.to_string(), &controller.uri()]);
    // Of a stranger only a short one is taken.
    for bytes in [100, 100_000] {
        let file = folder.path().join(bytes.to_string());
        std::fs::write(&file, record(bytes)).expect("written");
        command.arg(file);
    }
    let running = tokio::spawn(run(command));
    let Heard::Refused(_, why) = controller.hear().await else { panic!("it is told of") };
    assert_eq!(why, "a content format that is not octet-stream");
    let own = format!("coap://127.0.0.1:{port}/usp");
    for bytes in [100, 100_000] {
        assert_eq!(controller.record().await, (own.clone(), record(bytes)));
        controller.send(&own, record(bytes));
    }
    let said = running.await.expect("no panic");
    let got = format!("posted 2.04 Changed\ngot the same 42 reply-to={}\n", controller.uri());
    let expected = format!(
        "core </usp>;rt=\"bbf.usp.endpoint\";if=\"bbf.usp.c\";ct=42\nwrong format 4.15 Unsupported Content Format\n\
         {got}{got}"
    );
    assert_eq!(said, expected);
}
