//! Get, GetInstances, GetSupportedDM, GetSupportedProtocol.

use dm::Operation;
use dm::operation::{Get, GetInstances, GetSchema};
use requirement::requirement;
use usp_proto::Request;
use usp_proto::get_supported_protocol::GetSupportedProtocol;

use super::host::Host;

pub(crate) fn get(paths: &[&str], max_depth: u32) -> Operation {
    Operation::Get(Get { paths: paths.iter().map(|path| (*path).to_owned()).collect(), max_depth })
}

pub(crate) fn instances(path: &str, first_level_only: bool) -> Operation {
    Operation::GetInstances(GetInstances { paths: vec![path.to_owned()], first_level_only })
}

#[test]
#[requirement("R-GET.0", "R-GET.1a", "R-GET.2", "R-GET.3", "R-GET.5", "R-MSG.4a", "R-MSG.3")]
fn get_answers_each_path_for_itself() {
    let mut host = Host::running();
    for (paths, depth, expected) in [
        (&["Device.Info.Name"][..], 0, "Device.Info.Name => Device.Info.[Name=cusp]"),
        (&["Device.Info.Password"], 0, "Device.Info.Password => Device.Info.[Password=]"),
        // Secured, and nobody has a SecuredRole.
        (&["Device.Info.Key"], 0, "Device.Info.Key => Device.Info.[Key=]"),
        (&["Device.Info.Nothing"], 0, "Device.Info.Nothing => 7026"),
        (&["Device.Net.Interface.2.Mtu"], 0, "Device.Net.Interface.2.Mtu => 7026"),
        (&["Device.Nowhere.*.X"], 0, "Device.Nowhere.*.X => 7026"),
        (&["Device.Net..X"], 0, "Device.Net..X => 7008"),
        (
            &["Device.Net.Interface.[Name==\"none\"].Mtu", "Device.Info.Load"],
            0,
            "Device.Net.Interface.[Name==\"none\"].Mtu => nothing; Device.Info.Load => Device.Info.[Load=7]",
        ),
        (
            &["Device.Net.Interface.[Name==\"eth1\"].Mtu"],
            0,
            "Device.Net.Interface.[Name==\"eth1\"].Mtu => Device.Net.Interface.3.[Mtu=1400]",
        ),
        (
            &["Device.Net.Interface.1."],
            1,
            "Device.Net.Interface.1. => Device.Net.Interface.1.[Alias=lan,Enable=true,Mtu=1500,Name=eth0]",
        ),
        (
            &["Device.Net.Interface.1."],
            0,
            "Device.Net.Interface.1. => Device.Net.Interface.1.[Alias=lan,Enable=true,Mtu=1500,Name=eth0] \
             Device.Net.Interface.1.Address.1.[Ip=192.0.2.1]",
        ),
    ] {
        assert_eq!(host.ask(get(paths, depth)), expected, "{paths:?}");
    }
}

#[test]
fn values_are_refreshed_before_they_are_read() {
    let mut host = Host::running();
    for (path, expected) in [
        ("Device.Info.Load", "Device.Info.Load"),
        ("Device.Net.Interface.1.", "Device.Net.Interface.1."),
        ("Device.Net.Interface.1.Mtu", "Device.Net.Interface.1.Mtu"),
        ("Device.Net.Interface.", "Device.Net.Interface."),
        ("Device.Net.Interface.*.Mtu", "Device.Net.Interface."),
        ("Device.Net.Interface.[Mtu>1400].", "Device.Net.Interface."),
    ] {
        host.refreshed.clear();
        host.ask(get(&[path], 0));
        assert_eq!(host.refreshed, [expected], "{path}");
    }
    host.refreshed.clear();
    host.ask(get(&["Device.Info.Load", "Device.Info.Name", "Device.", "Device.Net."], 0));
    assert_eq!(host.refreshed, ["Device."]);
    // Each once, without what stands in another.
    host.refreshed.clear();
    let paths = ["Device.Net.Interface.*.Mtu", "Device.Net.Interface.1.Mtu", "Device.Info.Name"];
    host.ask(get(&[paths[0], paths[1], paths[2], paths[2]], 0));
    assert_eq!(host.refreshed, ["Device.Net.Interface.", "Device.Info.Name"]);
    host.refreshed.clear();
    host.ask(get(&["Device.Info.", "Device.Info.Name", "Device.Net.Interface.1.Mtu"], 0));
    assert_eq!(host.refreshed, ["Device.Info.", "Device.Net.Interface.1.Mtu"]);
}

/// A request that names so many parameters is not split into as many questions.
#[test]
fn many_parameters_are_refreshed_by_their_objects() {
    let mut host = Host::running();
    for (count, expected) in [(256, "Device.Net.Interface.256.Mtu"), (257, "Device.")] {
        let paths: Vec<String> = (1..=count).map(|row| format!("Device.Net.Interface.{row}.Mtu")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        host.refreshed.clear();
        host.ask(get(&paths, 0));
        assert_eq!(host.refreshed.last().map(String::as_str), Some(expected));
    }
}

#[test]
#[requirement("R-GIN.0")]
fn get_instances_lists_rows_with_their_keys() {
    let mut host = Host::running();
    for (path, first, expected) in [
        (
            "Device.Net.Interface.",
            true,
            "Device.Net.Interface. => Device.Net.Interface.1.[Alias=lan,Name=eth0] \
             Device.Net.Interface.3.[Alias=wan,Name=eth1]",
        ),
        (
            "Device.Net.Interface.1.",
            false,
            "Device.Net.Interface.1. => Device.Net.Interface.1.[Alias=lan,Name=eth0] \
             Device.Net.Interface.1.Address.1.[Ip=192.0.2.1]",
        ),
        ("Device.Info.", true, "Device.Info. => 7018"),
        ("Device.Net.Interface.9.Address.", true, "Device.Net.Interface.9.Address. => 7016"),
        ("Device.Nowhere.", true, "Device.Nowhere. => 7026"),
    ] {
        assert_eq!(host.ask(instances(path, first)), expected, "{path}");
    }
}

#[test]
fn get_supported_dm_answers_from_the_model() {
    let mut host = Host::running();
    let schema = |path: &str| {
        Operation::GetSchema(GetSchema {
            paths: vec![path.to_owned()],
            first_level_only: true,
            commands: true,
            events: true,
            params: true,
            unique_keys: true,
        })
    };
    for (path, expected) in [
        (
            "Device.Net.Interface.{i}.",
            "Device.Net.Interface.{i}. => Device.Net.Interface.{i}.{Alias,Enable,Mtu,Name}{Reset()} \
             Device.Net.Interface.{i}.Address.{i}.{}{}",
        ),
        ("Device.Info.Ping()", "Device.Info.Ping() => Device.Info.{}{Ping()}"),
        ("Device.Nowhere.", "Device.Nowhere. => 7026"),
    ] {
        assert_eq!(host.ask(schema(path)), expected, "{path}");
    }
    assert_eq!(host.refreshed, [""; 0], "the model needs no fresh values");
}

#[test]
fn an_answer_that_no_record_can_hold_is_an_error() {
    let mut host = Host::running();
    host.change("Device.Net.Interface.1.", "Name", &"x".repeat(100_000));
    // The Record has 8 MiB.
    assert_eq!(host.ask(get(&["Device.Net.Interface.1.Name"; 84], 0)), "Error 7005");
    assert_ne!(host.ask(get(&["Device.Net.Interface.1.Name"; 83], 0)), "Error 7005");
}

#[test]
fn versions_are_told() {
    let mut host = Host::running();
    let request = GetSupportedProtocol { controller_supported_protocol_versions: "1.2".to_owned() };
    assert_eq!(host.ask(Request::GetSupportedProtocol(request)), "1.0,1.1,1.2,1.3,1.4");
}
