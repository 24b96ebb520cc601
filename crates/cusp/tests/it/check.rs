//! `cusp check` against a simulated agent, both as processes.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::fake::run;

/// A process that does not outlive the test.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `cusp`.
pub(crate) fn cusp(args: &[&str]) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cusp"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["CUSP_URL", "CUSP_TOKEN"] {
        command.env_remove(name);
    }
    Killed(command.spawn().expect("the program starts"))
}

#[test]
fn an_agent_that_connects_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let page = page.to_str().expect("a plain name");
    let mut check =
        cusp(&["check", "--listen", "ws://127.0.0.1:0/usp", "--html", page, "R-GET.2", "R-GET.3"]);
    let mut said = BufReader::new(check.0.stderr.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("text");
    let address = line.trim().strip_prefix("waiting for the agent at ").expect("it says where it listens");
    let _agent = cusp(&["sim", "usp", "--count", "1", "--to", address]);
    let mut tap = String::new();
    check.0.stdout.take().expect("it is piped").read_to_string(&mut tap).expect("text");
    assert_eq!(
        tap,
        "TAP version 14\n1..2\nok 1 - R-GET.2-parent-is-the-resolved-path\nok 2 - R-GET.3-that-parameter-alone\n"
    );
    assert_eq!(check.0.wait().expect("it ends").code(), Some(0));
    assert!(std::fs::read_to_string(page).expect("the page").contains("2 passed, 0 failed, 0 warnings"));
}

#[test]
fn what_can_not_be_checked_is_wrong_usage() {
    for (args, says) in [
        (["--list", "R-NOPE"], "no check has such an id"),
        (["--listen", "wss://127.0.0.1:0/usp"], "wss:// needs --tls DIR"),
        (
            ["--listen", "ws://agent.example:8183/usp"],
            "an address to listen at is ws://IP:PORT/PATH or wss://IP:PORT/PATH",
        ),
        (["--connect", "http://127.0.0.1/"], "is no address"),
        (["--connect", "wss://127.0.0.1/"], "wss:// needs --tls DIR"),
        (["--broker", "mqtts://127.0.0.1:0"], "mqtts:// needs --tls DIR"),
        (["--broker", "amqp://127.0.0.1:0"], "an address to be a broker at is mqtt://IP:PORT"),
        (["--broker", "mqtt://broker.example:1883"], "an address to be a broker at is mqtt://IP:PORT"),
        (["--connect", "mqtt://broker.example"], "is no address: mqtt://HOST:PORT is"),
        (["--listen", "unix:"], "an address of a UNIX domain socket is unix:PATH"),
    ] {
        let ran = run(&[&["check"], &args[..]].concat(), &[], "");
        assert_eq!(ran.code, Some(2), "{args:?}");
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn the_folder_of_our_ca_is_made_if_there_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("not/there");
    let address = "wss://127.0.0.1:0/usp";
    let text = |path: &std::path::Path| path.to_str().expect("a plain name").to_owned();
    let check = |dir: &std::path::Path| {
        run(&["check", "--listen", address, "--tls", &text(dir), "--wait", "1s"], &[], "")
    };
    let ran = check(&dir);
    assert!(dir.join("ca.pem").is_file(), "{}", ran.stderr);
    std::fs::write(folder.path().join("file"), "").expect("written");
    let ran = check(&folder.path().join("file"));
    assert!(ran.code != Some(0) && ran.stderr.contains(&text(&folder.path().join("file"))), "{}", ran.stderr);
}
