//! Which permission counts where: targets, Order, and several roles.

use requirement::requirement;

use super::super::host::Host;
use super::super::reads::get;
use super::{ALL, NONE, Permission, READ, ROLE, list, running};

/// Asks [`super::ONE`]'s Get, which answers a path in one line without the path itself.
fn read(host: &mut Host, path: &str) -> String {
    let answer = host.ask(get(&[path], 1));
    answer.strip_prefix(&format!("{path} => ")).unwrap_or(&answer).to_owned()
}

const INFO: &str = "Device.Info.[Key=,Load=7,Name=cusp,Password=,UpTime=0]";

#[test]
#[requirement("R-SEC.1", "R-GET.1", "R-GET.4")]
fn a_target_covers_what_it_names() {
    for (targets, path, expected) in [
        ("Device.", "Device.Info.", INFO),
        ("Device", "Device.Info.", INFO),
        ("Device.Info.", "Device.Info.", INFO),
        ("Device.Info", "Device.Info.", INFO),
        ("Device.Net.,Device.Info.", "Device.Info.", INFO),
        ("", "Device.Info.", "7026"),
        ("Device.Net.", "Device.Info.", "7026"),
        ("Device.Inf", "Device.Info.", "7026"),
        // Elements alone: their object is not theirs.
        ("Device.Info.Name", "Device.Info.Name", "7026"),
        ("Device.Net.Interface.", "Device.Net.Interface.1.Mtu", "Device.Net.Interface.1.[Mtu=1500]"),
        (
            "Device.Net.Interface.",
            "Device.Net.Interface.1.Address.1.",
            "Device.Net.Interface.1.Address.1.[Ip=192.0.2.1]",
        ),
        ("Device.Net.Interface.1.", "Device.Net.Interface.1.Mtu", "Device.Net.Interface.1.[Mtu=1500]"),
        ("Device.Net.Interface.1", "Device.Net.Interface.*.Mtu", "Device.Net.Interface.1.[Mtu=1500]"),
        ("Device.Net.Interface.1.", "Device.Net.Interface.3.Mtu", "7026"),
        ("Device.Net.Interface.2.", "Device.Net.Interface.*.Mtu", "nothing"),
        ("Device.Net.Interface.*.", "Device.Net.Interface.3.Mtu", "Device.Net.Interface.3.[Mtu=1400]"),
        ("Device.Net.Interface.*.", "Device.Net.Interface.", "7026"),
        (
            "Device.Net.Interface.*.Address.",
            "Device.Net.Interface.1.Address.1.Ip",
            "Device.Net.Interface.1.Address.1.[Ip=192.0.2.1]",
        ),
        ("Device.Net.Interface.*.Address.", "Device.Net.Interface.1.Mtu", "7026"),
        ("Device.Net.Interface.3.Address.", "Device.Net.Interface.1.Address.1.Ip", "7026"),
        (
            "Device.Net.Interface.[Name==\"eth1\"].",
            "Device.Net.Interface.*.Mtu",
            "Device.Net.Interface.3.[Mtu=1400]",
        ),
        (
            "Device.Net.Interface.[Name==\"eth0\"].Address.",
            "Device.Net.Interface.*.Address.*.Ip",
            "Device.Net.Interface.1.Address.1.[Ip=192.0.2.1]",
        ),
        ("Device.Net.Interface.[Name==\"eth1\"].Address.", "Device.Net.Interface.*.Address.*.Ip", "nothing"),
        // Not of the expression's type: it grants nothing.
        ("Device.Net.Interface.[Enable==\"x\"].", "Device.Net.Interface.*.Mtu", "nothing"),
    ] {
        let targets: &'static str = targets;
        let mut host = running(&[&[(0, targets, READ)]], &[1]);
        assert_eq!(read(&mut host, path), expected, "{targets:?} {path}");
    }
}

#[test]
#[requirement("R-SEC.1")]
fn the_largest_order_wins_within_a_role() {
    let objects: Strings4 = ["----", "r---", "r---", "----"];
    type Strings4 = [&'static str; 4];
    let cases: [(&[Permission], &str, &str); 9] = [
        (&[(1, "Device.", READ), (2, "Device.Info.", NONE)], "Device.Info.", "7026"),
        (&[(2, "Device.", READ), (1, "Device.Info.", NONE)], "Device.Info.", INFO),
        // The order of the rows is nothing.
        (&[(2, "Device.Info.", NONE), (1, "Device.", READ)], "Device.Info.", "7026"),
        (&[(1, "Device.Info.", READ), (2, "Device.", NONE)], "Device.Info.", "7026"),
        (
            &[(1, "Device.", READ), (2, "Device.Info.Name", NONE)],
            "Device.Info.",
            "Device.Info.[Key=,Load=7,Password=,UpTime=0]",
        ),
        (&[(1, "Device.", READ), (2, "Device.Info.Name", NONE)], "Device.Info.Name", "7026"),
        (
            &[(1, "Device.", objects), (2, "Device.Info.Name", READ)],
            "Device.Info.",
            "Device.Info.[Name=cusp]",
        ),
        (
            &[(1, "Device.", READ), (7, "Device.Net.Interface.[Mtu>1400].", NONE)],
            "Device.Net.Interface.*.Mtu",
            "Device.Net.Interface.3.[Mtu=1400]",
        ),
        // The row that wins grants all that is granted: there is no union within a role.
        (
            &[(1, "Device.", READ), (2, "Device.Info.", ["-w--", "r---", "----", "----"])],
            "Device.Info.",
            "Device.Info.[]",
        ),
    ];
    for (permissions, path, expected) in cases {
        let mut host = running(&[permissions], &[1]);
        assert_eq!(read(&mut host, path), expected, "{permissions:?} {path}");
    }
}

#[test]
#[requirement("R-SEC.1")]
fn roles_are_united() {
    let objects: Permission = (9, "Device.", ["----", "r---", "----", "----"]);
    let names: Permission = (1, "Device.Info.Name", READ);
    let shut: Permission = (100, "Device.", NONE);
    for (roles, one, expected) in [
        (&[&[objects][..], &[names]], &[1, 2][..], "Device.Info.[Name=cusp]"),
        (&[&[objects], &[names]], &[1], "Device.Info.[]"),
        (&[&[objects], &[names]], &[2], "7026"),
        (&[&[objects], &[shut]], &[1, 2], "Device.Info.[]"),
        (&[&[(0, "Device.", ALL)], &[shut]], &[2, 1], INFO),
        (&[&[shut], &[shut]], &[1, 2], "7026"),
    ] {
        let mut host = running(roles, one);
        assert_eq!(read(&mut host, "Device.Info."), expected, "{roles:?} {one:?}");
    }
}

#[test]
fn inherited_roles_count_like_assigned_ones() {
    let mut host = super::device(&[&[(0, "Device.Info.", READ)]], &[]);
    host.fill_more("Device.LocalAgent.Controller.1.", "InheritedRole", &list(&[1]));
    super::start(&mut host);
    assert_eq!(read(&mut host, "Device.Info."), INFO);
}

#[test]
fn an_expression_is_asked_when_something_is_asked() {
    let mut host = running(&[&[(0, "Device.Net.Interface.[Enable==true].", READ)]], &[1]);
    let path = "Device.Net.Interface.*.Mtu";
    assert_eq!(read(&mut host, path), "Device.Net.Interface.1.[Mtu=1500]");
    host.change("Device.Net.Interface.3.", "Enable", "true");
    assert_eq!(read(&mut host, path), "Device.Net.Interface.1.[Mtu=1500] Device.Net.Interface.3.[Mtu=1400]");
    host.change("Device.Net.Interface.1.", "Enable", "false");
    assert_eq!(read(&mut host, path), "Device.Net.Interface.3.[Mtu=1400]");
}

#[test]
fn what_is_disabled_grants_nothing() {
    for path in [format!("{ROLE}1."), format!("{ROLE}1.Permission.1.")] {
        let mut host = running(&[&[(0, "Device.", READ)]], &[1]);
        assert_eq!(read(&mut host, "Device.Info."), INFO);
        host.change(&path, "Enable", "false");
        assert_eq!(read(&mut host, "Device.Info."), "7026", "{path}");
        host.change(&path, "Enable", "true");
        assert_eq!(read(&mut host, "Device.Info."), INFO, "{path}");
    }
}

#[test]
fn a_role_with_too_many_targets_grants_nothing() {
    let many = vec!["Device.Net."; usp_endpoint::limits::MAX_ROLE_TARGETS].join(",");
    let mut host = running(&[&[(0, "Device.Info.", READ), (1, "Device.Net.", NONE)]], &[1]);
    assert_eq!(read(&mut host, "Device.Info."), INFO);
    host.change(&format!("{ROLE}1.Permission.2."), "Targets", &many);
    assert_eq!(read(&mut host, "Device.Info."), "7026");
}

/// Roles follow the model: its objects have other numbers in the next one.
#[test]
fn roles_hold_in_another_model() {
    let mut host = running(&[&[(0, "Device.Info.", READ)]], &[1]);
    host.remodel("Device.Early. object usp=2.0\nDevice.Early.X param usp=2.0 access=readOnly type=string\n");
    assert_eq!(read(&mut host, "Device.Early."), "7026");
    assert_eq!(read(&mut host, "Device.Net.Interface.1.Mtu"), "7026");
    assert_eq!(read(&mut host, "Device.Info."), INFO);
}
