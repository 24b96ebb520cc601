//! Changes and diagnostics on a real kernel, in a network namespace that the test makes: never on an
//! interface of this machine. A namespace belongs to a thread, so each test has one of its own.

use std::future::Future;
use std::sync::Arc;

use agent::config::Policy;
use agent::providers::diagnostics::Diagnostics;
use agent::providers::ethernet::Ethernet;
use agent::providers::ip::Ip;
use agent::providers::layers::Network;
use agent::providers::netlink::Netlink;
use agent::providers::rows::{key, object};
use agent::system::SystemRoot;
use dm::{Code, Name, ObjectPath, Value};
use engine::provider::{Call, CommandResult, Edit, Provider, Push, Sink};
use rtnetlink::LinkVeth;
use tokio::sync::{mpsc, watch};

use crate::support::{refreshed, report_lines};

const CAP_SYS_ADMIN: u32 = 21;

/// Runs a test in a namespace of its own. Where the system forbids that to this user, it says so and
/// does not run; a user who may and still can't is a failure.
pub(crate) fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        #[expect(unsafe_code, reason = "a network namespace for this thread alone; no memory is involved")]
        let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        if result != 0 {
            let error = std::io::Error::last_os_error();
            assert!(!may_make_namespaces(), "no network namespace: {error}");
            return drop(writeln(&format!("not run, no network namespace: {error}")));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn writeln(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stderr(), "{text}")
}

fn may_make_namespaces() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("capabilities");
    u64::from_str_radix(line.trim(), 16).expect("hexadecimal") >> CAP_SYS_ADMIN & 1 == 1
}

/// Two ends of a cable, both down.
async fn cable() {
    let (connection, handle, _) = rtnetlink::new_connection().expect("netlink");
    tokio::spawn(connection);
    handle.link().add(LinkVeth::new("test0", "test1").build()).execute().await.expect("a pair of interfaces");
}

fn network() -> Network {
    let policy = Policy { writable: vec!["Device.".to_owned()], ..Policy::default() };
    let netlink = Netlink::open().expect("netlink");
    Network { netlink, root: SystemRoot::host(), policy: Arc::new(policy) }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn path(text: &str) -> ObjectPath {
    ObjectPath::parse(text).expect("a path")
}

fn set(table: &str, row: &str, param: &str, value: Value) -> Edit {
    let path = path("Device.Some.Row.1.");
    Edit::Set { path, object: object(table), keys: vec![Some(key(row))], param: name(param), value }
}

#[track_caller]
fn assert_has(lines: &[String], expected: &[&str]) {
    for line in expected {
        assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
    }
}

const IP: &str = "Device.IP.Interface.{i}.";
const IPV4: &str = "Device.IP.Interface.{i}.IPv4Address.{i}.";

#[test]
fn interfaces_are_switched_and_resized_and_taken_back() {
    in_namespace(|| async {
        cable().await;
        let ip = Ip::new(network());
        let edits = [
            set(IP, "test0", "Enable", true.into()),
            set(IP, "test0", "MaxMTUSize", Value::Uint(1280)),
            set(IP, "test0", "IPv6Enable", false.into()),
        ];
        let mut prepared = ip.prepare(&edits).await.expect("it can be done");
        assert_has(&refreshed(&ip).await, &["IP.Interface.{i}.[test0] Enable = false"]);
        let committed = ip.commit(&mut prepared).await.expect("it is done");
        assert!(committed.needs_confirm);
        let after = refreshed(&ip).await;
        assert_has(
            &after,
            &[
                "IP.Interface.{i}.[test0] Enable = true",
                "IP.Interface.{i}.[test0] MaxMTUSize = 1280",
                "IP.Interface.{i}.[test0] IPv6Enable = false",
                "IP.Interface.{i}.[test0] LowerLayers = Device.Ethernet.Link.{test0}",
                "IP.Interface.{i}.[test1] Enable = false",
            ],
        );
        ip.abort(prepared).await.expect("it is undone");
        assert_has(
            &refreshed(&ip).await,
            &[
                "IP.Interface.{i}.[test0] Enable = false",
                "IP.Interface.{i}.[test0] MaxMTUSize = 1500",
                "IP.Interface.{i}.[test0] IPv6Enable = true",
            ],
        );
    });
}

#[test]
fn addresses_come_change_and_go() {
    in_namespace(|| async {
        cable().await;
        let ip = Ip::new(network());
        let row = || path("Device.IP.Interface.1.IPv4Address.1.");
        let values = |enable: bool| {
            vec![
                (name("Enable"), enable.into()),
                (name("IPAddress"), "192.0.2.7".into()),
                (name("SubnetMask"), "255.255.255.0".into()),
            ]
        };
        let add = |enable| {
            let parents = vec![Some(key("test0"))];
            [Edit::Add { path: row(), object: object(IPV4), parents, values: values(enable) }]
        };
        let refused = ip.prepare(&add(false)).await.map(drop).expect_err("no disabled addresses");
        assert_eq!(refused.code, Code::INVALID_VALUE);
        let mut added = ip.prepare(&add(true)).await.expect("it can be done");
        let committed = ip.commit(&mut added).await.expect("it is done");
        assert_eq!(committed.keys, [(row(), key("192.0.2.7/24"))]);
        let line = "IP.Interface.{i}.IPv4Address.{i}.[test0; 192.0.2.7/24] SubnetMask = 255.255.255.0";
        assert_has(&refreshed(&ip).await, &[line]);

        let keys = || vec![Some(key("test0")), Some(key("192.0.2.7/24"))];
        let moved = [Edit::Set {
            path: row(),
            object: object(IPV4),
            keys: keys(),
            param: name("IPAddress"),
            value: "192.0.2.8".into(),
        }];
        let mut changed = ip.prepare(&moved).await.expect("it can be done");
        let committed = ip.commit(&mut changed).await.expect("it is done");
        assert_eq!(committed.keys, [(row(), key("192.0.2.8/24"))]);
        ip.abort(changed).await.expect("it is undone");
        assert_has(&refreshed(&ip).await, &[line]);

        let delete = [Edit::Delete { path: row(), object: object(IPV4), keys: keys() }];
        let mut deleted = ip.prepare(&delete).await.expect("it can be done");
        ip.commit(&mut deleted).await.expect("it is done");
        assert!(!refreshed(&ip).await.iter().any(|line| line.contains("192.0.2.7")));
    });
}

#[test]
fn a_step_that_fails_takes_back_those_before_it() {
    in_namespace(|| async {
        cable().await;
        let ip = Ip::new(network());
        // 68 bytes are too few once IPv6 is on, but the kernel says so only for sizes below them.
        let edits = [
            set(IP, "test0", "MaxMTUSize", Value::Uint(1400)),
            set(IP, "test0", "MaxMTUSize", Value::Uint(65_536)),
        ];
        let mut prepared = ip.prepare(&edits).await.expect("it looks possible");
        let fault = ip.commit(&mut prepared).await.expect_err("larger than the driver takes");
        assert_eq!(fault.code, Code::PARAMETER_ACTION_FAILED, "{fault}");
        assert_has(&refreshed(&ip).await, &["IP.Interface.{i}.[test0] MaxMTUSize = 1500"]);
    });
}

#[test]
fn changes_by_others_are_pushed() {
    in_namespace(|| async {
        cable().await;
        let network = network();
        let ethernet = Ethernet::new(network.clone());
        let (sender, mut pushes) = mpsc::channel(8);
        assert!(ethernet.watch(Sink(sender)));
        tokio::task::yield_now().await;
        let (connection, handle, _) = rtnetlink::new_connection().expect("netlink");
        tokio::spawn(connection);
        let link = network.layers().await.expect("interfaces").by_name("test0").expect("it is there").index;
        let up = rtnetlink::LinkMessageBuilder::<rtnetlink::LinkUnspec>::new().index(link).up().build();
        handle.link().set(up).execute().await.expect("it is switched on");
        let Some(Push::Changed { subtrees, report }) = pushes.recv().await else {
            panic!("a report was expected")
        };
        assert_eq!(subtrees, [object("Device.Ethernet.")]);
        assert_has(&report_lines(&report), &["Ethernet.Interface.{i}.[test0] Enable = true"]);
    });
}

async fn operate(command: &str, args: &[(&str, &str)], cancelled: watch::Receiver<bool>) -> CommandResult {
    let call = Call {
        path: format!("Device.IP.Diagnostics.{command}()"),
        object: object("Device.IP.Diagnostics."),
        command: name(command),
        keys: Vec::new(),
        command_key: "k".to_owned(),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    Diagnostics::new(SystemRoot::host()).operate(call, cancelled).await
}

async fn loopback_up() {
    let (connection, handle, _) = rtnetlink::new_connection().expect("netlink");
    tokio::spawn(connection);
    let up = rtnetlink::LinkMessageBuilder::<rtnetlink::LinkUnspec>::new().index(1).up().build();
    handle.link().set(up).execute().await.expect("the loopback interface");
}

/// With an unprivileged socket, or, where the group may not have one, with a raw one.
fn pings(groups: &'static str) {
    in_namespace(move || async move {
        loopback_up().await;
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", groups).expect("a setting of this namespace");
        let (_keep, cancelled) = watch::channel(false);
        for host in ["127.0.0.1", "::1"] {
            let args = [
                ("Host", host),
                ("NumberOfRepetitions", "1"),
                ("Timeout", "10000"),
                ("ProtocolVersion", "Any"),
            ];
            let outputs = operate("IPPing", &args, cancelled.clone()).await.expect("it runs");
            let value =
                |name: &str| outputs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            assert_eq!(value("Status"), Some("Complete"), "{host}: {outputs:?}");
            assert_eq!(value("SuccessCount"), Some("1"), "{host}: {outputs:?}");
            assert_eq!(value("IPAddressUsed"), Some(host));
            let args = [("Host", host), ("NumberOfTries", "1"), ("ProtocolVersion", "Any")];
            let outputs = operate("TraceRoute", &args, cancelled.clone()).await.expect("it runs");
            let value =
                |name: &str| outputs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            assert_eq!(value("Status"), Some("Complete"), "{host}: {outputs:?}");
            assert_eq!(value("RouteHops.1.HostAddress"), Some(host), "{host}: {outputs:?}");
        }
    });
}

#[test]
fn pings_with_unprivileged_sockets() {
    pings("0 2147483647");
}

#[test]
fn pings_with_raw_sockets() {
    pings("1 0");
}

#[test]
fn hosts_without_a_route_and_wrong_arguments() {
    in_namespace(|| async {
        let (_keep, cancelled) = watch::channel(false);
        let args = [("Host", "192.0.2.1"), ("NumberOfRepetitions", "1"), ("ProtocolVersion", "IPv4")];
        let outputs = operate("IPPing", &args, cancelled.clone()).await.expect("it runs");
        assert_eq!(outputs[0], ("Status".to_owned(), "Error_NoRouteToHost".to_owned()));
        let args = [("Host", "127.0.0.1"), ("ProtocolVersion", "IPv6")];
        let outputs = operate("IPPing", &args, cancelled.clone()).await.expect("it runs");
        assert_eq!(outputs[0], ("Status".to_owned(), "Error_CannotResolveHostName".to_owned()));
        for bad in [
            ("NumberOfRepetitions", "0"),
            ("DataBlockSize", "65535"),
            ("Timeout", "60001"),
            ("Interface", "x"),
        ] {
            let fault =
                operate("IPPing", &[("Host", "127.0.0.1"), bad], cancelled.clone()).await.expect_err(bad.0);
            assert_eq!(fault.code, Code::INVALID_COMMAND_ARGUMENTS, "{}", bad.0);
        }
    });
}

#[test]
fn a_cancelled_ping_ends() {
    in_namespace(|| async {
        loopback_up().await;
        let (cancel, cancelled) = watch::channel(false);
        let args = [("Host", "127.0.0.1"), ("NumberOfRepetitions", "10000")];
        let (end, ()) = tokio::join!(operate("IPPing", &args, cancelled), async {
            tokio::task::yield_now().await;
            cancel.send_replace(true);
        });
        assert_eq!(end.expect_err("it was cancelled").code, Code::COMMAND_CANCELED);
    });
}
