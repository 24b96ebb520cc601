//! A real DHCP server and a real client, at the two ends of a cable in a network namespace of the test's own: what the
//! agent has the client send is what the server answers to, and what it answers reaches the agent.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use agent::discovery::lease;
use mtp::discovery::dhcp::{Answer, Identity};
use requirement::requirement;

use crate::namespace::in_namespace;

fn run(program: &str, words: &str) {
    let done = Command::new(program).args(words.split(' ')).status();
    let done = done.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(done.success(), "{program} {words}: {done}");
}

/// Debian's dnsmasq. What it says to a client depends on what the client has sent.
struct Server(Child);

impl Server {
    fn start(folder: &Path, options: &[&str]) -> Server {
        let log = std::fs::File::create(folder.join("dnsmasq.log")).expect("a file");
        let mut command = Command::new("/usr/sbin/dnsmasq");
        command.args([
            "--no-daemon",
            "--conf-file=/dev/null",
            "--port=0",
            "--interface=server",
            "--bind-interfaces",
        ]);
        command.args(["--dhcp-range=192.0.2.10,192.0.2.20,120", "--log-dhcp", "--no-ping", "--user=root"]);
        command.arg(format!("--dhcp-leasefile={}", folder.join("leases").display())).args(options);
        let child = command.stdin(Stdio::null()).stderr(log).spawn();
        Server(child.unwrap_or_else(|error| panic!("dnsmasq is needed (dnsmasq-base): {error}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent(words: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_cusp-agent")).args(words).output().expect("the program");
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("text")
}

/// What the agent reads after the client has got a lease from a server with these options, having sent what the agent
/// says, as far as `sends` allows.
fn leased(folder: &Path, options: &[&str], sends: impl Fn(&str) -> bool) -> Vec<Answer> {
    let (config, script, data) = (folder.join("agent.toml"), folder.join("script"), folder.join("data"));
    let text =
        format!("data_dir = {data:?}\n[agent]\noui = \"00256D\"\nserial = \"S1\"\nproduct_class = \"P\"\n");
    std::fs::write(&config, text).expect("a file");
    let program = env!("CARGO_BIN_EXE_cusp-agent");
    let text = format!("#!/bin/sh\nexec {program} dhcp-hook --config {} \"$1\"\n", config.display());
    std::fs::write(&script, text).expect("a file");
    run("chmod", &format!("755 {}", script.display()));
    run("ip", "link add server type veth peer name client");
    run("ip", "address add 192.0.2.1/24 dev server");
    run("ip", "link set server up");
    run("ip", "link set client up");
    let _server = Server::start(folder, options);
    let told = agent(&["dhcp-options", "--config", config.to_str().expect("text")]);
    let mut words = format!("-f -n -q -t 20 -T 1 -i client -O 125 -s {}", script.display());
    for line in told.lines().filter(|line| sends(line)) {
        let [version, code, bytes] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if version == "v4" {
            words.push_str(&format!(" -x 0x{:02x}:{bytes}", code.parse::<u8>().expect("a code")));
        }
    }
    run("/usr/sbin/udhcpc", &words);
    let leases = lease::all(&data);
    assert!(
        leases
            .iter()
            .all(|lease| lease.gateways == ["192.0.2.1".parse::<std::net::IpAddr>().expect("an address")])
    );
    leases.iter().map(|lease| lease.answer().expect("an option")).collect()
}

/// The controller only for those who call themselves `usp`.
const CONTROLLER: [&str; 3] = [
    "--dhcp-match=set:usp,vi-encap:3561,usp",
    "--dhcp-option=tag:usp,vi-encap:3561,25,wss://acs.example/usp",
    "--dhcp-option=tag:usp,vi-encap:3561,29,os::012345-A",
];

/// Who the gateway is only for those who say who they are.
const GATEWAY: [&str; 3] = [
    "--dhcp-option=tag:cpewan-id,vi-encap:3561,4,0050C2",
    "--dhcp-option=tag:cpewan-id,vi-encap:3561,5,GW01",
    "--dhcp-option=tag:cpewan-id,vi-encap:3561,6,R",
];

fn controller() -> Answer {
    Answer {
        controller: Some("wss://acs.example/usp".to_owned()),
        endpoint: Some("os::012345-A".to_owned()),
        ..Answer::default()
    }
}

#[requirement("R-DIS.1", "R-DIS.2a")]
#[test]
fn a_client_that_says_so_is_told_of_controller_and_gateway() {
    in_namespace(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        let options = [CONTROLLER, GATEWAY].concat();
        let gateway = Identity { oui: "0050C2".into(), serial: "GW01".into(), product_class: "R".into() };
        let expected = Answer { gateway: Some(gateway), ..controller() };
        assert_eq!(leased(folder.path(), &options, |_| true), [expected]);
    });
}

#[test]
fn a_client_that_says_nothing_is_told_nothing() {
    in_namespace(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        let options = [CONTROLLER, GATEWAY].concat();
        assert_eq!(leased(folder.path(), &options, |_| false), []);
    });
}

#[requirement("R-DIS.1")]
#[test]
fn who_asks_for_a_controller_alone_is_told_of_it_alone() {
    in_namespace(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        let options = [CONTROLLER, GATEWAY].concat();
        assert_eq!(leased(folder.path(), &options, |line| line.starts_with("v4 124")), [controller()]);
    });
}
