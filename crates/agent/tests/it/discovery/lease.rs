//! Leases between the hook and the agent.

use agent::discovery::lease::{Lease, all, folder, forget};

fn lease(interface: &str, version: u8) -> Lease {
    let option = if version == 4 { "00000de9051a03502d37" } else { "00000de9001a0003502d37" };
    let gateways = vec!["192.0.2.1".parse().expect("an address")];
    Lease { interface: interface.to_owned(), version, option: option.to_owned(), gateways }
}

#[test]
fn what_the_hook_leaves_is_found_until_it_is_taken_away() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().expect("a folder");
    assert_eq!(all(data.path()), []);
    for lease in [lease("wlan0", 4), lease("eth0", 6), lease("eth0", 4)] {
        lease.keep(data.path()).expect("it is written");
    }
    let mode = std::fs::metadata(folder(data.path())).expect("the folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(all(data.path()), [lease("eth0", 4), lease("eth0", 6), lease("wlan0", 4)]);
    let code = |lease: &Lease| lease.answer().expect("an option").provisioning_code;
    assert!(all(data.path()).iter().all(|lease| code(lease).as_deref() == Some("P-7")));
    forget(data.path(), "eth0", 4).expect("it is gone");
    forget(data.path(), "eth0", 4).expect("it was gone");
    assert_eq!(all(data.path()), [lease("eth0", 6), lease("wlan0", 4)]);
}

#[test]
fn names_that_are_no_interfaces_are_no_files() {
    let data = tempfile::tempdir().expect("a folder");
    for name in ["", ".", "..", "../../etc/x", "a/b", "a b", "sixteen-letters-", "\u{e4}"] {
        assert!(lease(name, 4).keep(data.path()).is_err(), "{name:?}");
        assert!(forget(data.path(), name, 4).is_err(), "{name:?}");
    }
    for name in ["eth0", "br-lan", "eth0.100", "eth0:1", "wlp0s20f3"] {
        assert!(lease(name, 4).keep(data.path()).is_ok(), "{name:?}");
    }
}

#[test]
fn files_that_are_no_leases_are_left_out() {
    let data = tempfile::tempdir().expect("a folder");
    lease("eth0", 4).keep(data.path()).expect("it is written");
    let good = std::fs::read_to_string(folder(data.path()).join("eth0.v4.toml")).expect("the file");
    for (number, text) in [
        "",
        "interface = 1",
        &good.replace("version = 4", "version = 5"),
        // The lengths are those of the other version.
        &good.replace("version = 4", "version = 6"),
        &good.replace("051a", "ff1a"),
        &good.replace("051a", "zz1a"),
        &format!("{good}\nmore = 1\n"),
        &format!("{good}#{}", "x".repeat(70_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder(data.path()).join(format!("bad{number}.toml"));
        std::fs::write(path, text).expect("a file");
    }
    std::fs::write(folder(data.path()).join("eth1.v4.toml.new"), &good).expect("a file");
    // The last one is long, but what it says comes first.
    let found: Vec<_> = all(data.path()).into_iter().map(|lease| lease.interface).collect();
    assert_eq!(found, ["eth0", "eth0"]);
}

#[test]
fn no_more_than_16_are_read() {
    let data = tempfile::tempdir().expect("a folder");
    for number in 0..20 {
        lease(&format!("eth{number}"), 4).keep(data.path()).expect("it is written");
    }
    assert_eq!(all(data.path()).len(), 16);
}
