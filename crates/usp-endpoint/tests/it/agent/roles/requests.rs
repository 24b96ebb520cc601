//! What each request needs: one bit, and no other.

use dm::Operation;
use dm::operation::GetSchema;
use requirement::requirement;

use super::super::commands::operate;
use super::super::reads::{get, instances};
use super::super::writes::{add, delete, set};
use super::{ALL, NONE, Permission, READ, Strings, running};

fn schema(path: &str) -> Operation {
    Operation::GetSchema(GetSchema {
        paths: vec![path.to_owned()],
        first_level_only: false,
        commands: true,
        events: false,
        params: true,
        unique_keys: false,
    })
}

/// Everything but one letter.
fn without(string: usize, letter: char) -> Strings {
    let mut strings = ALL;
    strings[string] = match letter {
        'r' => "-wxn",
        'w' => "r-xn",
        'x' => "rw-n",
        _ => "rwx-",
    };
    strings
}

const PARAM: usize = 0;
const OBJ: usize = 1;
const INSTANTIATED: usize = 2;
const COMMAND: usize = 3;

/// Each request with the letter that it needs: with all, and with all but that one.
#[test]
#[requirement(
    "R-SEC.1", "R-GET.1", "R-GET.4", "R-GIN.0", "R-GIN.1", "R-ADD.6", "R-SET.3", "R-DEL.1", "R-DEL.2"
)]
fn each_request_needs_its_letter() {
    let info = "Device.Info.";
    let row = "Device.Net.Interface.3.";
    let table = "Device.Net.Interface.";
    let keyed = "Device.Net.Interface.1.[Alias=lan,Name=eth0] Device.Net.Interface.3.[Alias=wan,Name=eth1]";
    let cases: Vec<(Operation, (usize, char), String, String)> = vec![
        (
            get(&["Device.Info.Name"], 0),
            (PARAM, 'r'),
            "Device.Info.Name => Device.Info.[Name=cusp]".to_owned(),
            "Device.Info.Name => 7026".to_owned(),
        ),
        (
            get(&["Device.Info.Name"], 0),
            (OBJ, 'r'),
            "Device.Info.Name => Device.Info.[Name=cusp]".to_owned(),
            "Device.Info.Name => 7026".to_owned(),
        ),
        (
            get(&[row], 1),
            (PARAM, 'r'),
            format!("{row} => {row}[Alias=wan,Enable=false,Mtu=1400,Name=eth1]"),
            format!("{row} => {row}[]"),
        ),
        (
            instances(table, true),
            (INSTANTIATED, 'r'),
            format!("{table} => {keyed}"),
            format!("{table} => nothing"),
        ),
        (
            instances(table, true),
            (PARAM, 'r'),
            format!("{table} => {keyed}"),
            format!("{table} => Device.Net.Interface.1.[] Device.Net.Interface.3.[]"),
        ),
        (
            schema(info),
            (PARAM, 'r'),
            format!("{info} => {info}{{Key,Load,Name,Password,UpTime}}{{Ping(),Probe(),Scan()}}"),
            format!("{info} => {info}{{}}{{Ping(),Probe(),Scan()}}"),
        ),
        (
            schema(info),
            (COMMAND, 'r'),
            format!("{info} => {info}{{Key,Load,Name,Password,UpTime}}{{Ping(),Probe(),Scan()}}"),
            format!("{info} => {info}{{Key,Load,Name,Password,UpTime}}{{}}"),
        ),
        (
            schema(info),
            (OBJ, 'r'),
            format!("{info} => {info}{{Key,Load,Name,Password,UpTime}}{{Ping(),Probe(),Scan()}}"),
            format!("{info} => 7026"),
        ),
        (
            set(true, &[(info, &["!Name=x"])]),
            (PARAM, 'w'),
            format!("{info} => {info}[Name=x]"),
            format!("{info} => 7021 {info}!Name 7006"),
        ),
        (
            set(true, &[(info, &["Name=x"])]),
            (PARAM, 'w'),
            format!("{info} => {info}[Name=x]"),
            format!("{info} => {info}[]!Name 7006"),
        ),
        (
            set(false, &[(info, &["!Name=x"])]),
            (PARAM, 'w'),
            format!("{info} => {info}[Name=x]"),
            "Error 7021 Device.Info.Name 7006".to_owned(),
        ),
        // Written, and not shown.
        (
            set(true, &[(info, &["!Name=x"])]),
            (PARAM, 'r'),
            format!("{info} => {info}[Name=x]"),
            format!("{info} => {info}[]"),
        ),
        (
            add(true, &[(table, &["Name=eth9"])]),
            (OBJ, 'w'),
            format!("{table} => Device.Net.Interface.4.[Alias=cpe-4,Name=eth9]"),
            format!("{table} => 7006"),
        ),
        (
            add(false, &[(table, &["Name=eth9"])]),
            (OBJ, 'w'),
            format!("{table} => Device.Net.Interface.4.[Alias=cpe-4,Name=eth9]"),
            "Error 7006 Device.Net.Interface. 7006".to_owned(),
        ),
        // A setting without permission is an error of its own; a key is required.
        (
            add(true, &[(table, &["Mtu=1300"])]),
            (PARAM, 'w'),
            format!("{table} => Device.Net.Interface.4.[Alias=cpe-4,Name=]"),
            format!("{table} => Device.Net.Interface.4.[Alias=cpe-4,Name=]!Mtu 7006"),
        ),
        (
            add(true, &[(table, &["Name=eth9"])]),
            (PARAM, 'w'),
            format!("{table} => Device.Net.Interface.4.[Alias=cpe-4,Name=eth9]"),
            format!("{table} => 7021"),
        ),
        (
            add(true, &[(table, &["Mtu=1300"])]),
            (PARAM, 'r'),
            format!("{table} => Device.Net.Interface.4.[Alias=cpe-4,Name=]"),
            format!("{table} => Device.Net.Interface.4.[]"),
        ),
        (delete(true, &[row]), (INSTANTIATED, 'w'), format!("{row} => {row}"), format!("{row} => 7006")),
        (
            delete(false, &[row]),
            (INSTANTIATED, 'w'),
            format!("{row} => {row}"),
            format!("Error 7006 {row} 7006"),
        ),
        (delete(true, &[row]), (INSTANTIATED, 'r'), format!("{row} => {row}"), format!("{row} => nothing")),
        (
            operate("Device.Info.Ping()", "k", true, &[("Host", "a")]),
            (COMMAND, 'x'),
            "-".to_owned(),
            "Device.Info.Ping() => 7006".to_owned(),
        ),
    ];
    for (operation, (string, letter), with_all, with_less) in cases {
        // One row that holds for everything, and the same in pieces that are asked one by one.
        for targets in ["Device.", "Device.Info.,Device.Net.Interface.[Mtu>0].,Device.Net.Interface."] {
            let whole: Permission = (0, targets, ALL);
            assert_eq!(running(&[&[whole]], &[1]).ask(operation.clone()), with_all, "{targets}");
            let less: Permission = (0, targets, without(string, letter));
            let answer = running(&[&[less]], &[1]).ask(operation.clone());
            assert_eq!(answer, with_less, "{targets} without {letter} of {string}");
        }
    }
}

/// The model shows what some row may show, and not what no row does.
#[test]
#[requirement("R-GSP.0")]
fn the_supported_model_is_that_of_the_role() {
    let table = "Device.Net.Interface.{i}.";
    let whole = "Device.Net.Interface.{i}.{Alias,Enable,Mtu,Name}{Reset()}";
    let address = "Device.Net.Interface.{i}.Address.{i}.{Ip}{}";
    let cases: [(&[Permission], String); 7] = [
        (&[(0, "Device.", READ)], format!("{whole} {address}")),
        (&[(0, "Device.Net.Interface.1.", READ)], format!("{whole} {address}")),
        (&[(0, "Device.Net.Interface.[Name==\"none\"].", READ)], format!("{whole} {address}")),
        (&[(0, "Device.", READ), (1, "Device.Net.Interface.*.Address.", NONE)], whole.to_owned()),
        (&[(0, "Device.", READ), (1, "Device.Net.Interface.3.Address.", NONE)], format!("{whole} {address}")),
        (
            &[(0, "Device.", READ), (1, "Device.Net.Interface.*.Name,Device.Net.Interface.*.Reset()", NONE)],
            format!("Device.Net.Interface.{{i}}.{{Alias,Enable,Mtu}}{{}} {address}"),
        ),
        // The table is there, its rows are not.
        (
            &[(0, "Device.", READ), (1, "Device.Net.Interface.*.", NONE)],
            "Device.Net.Interface.{i}.{}{}".to_owned(),
        ),
    ];
    for (permissions, expected) in cases {
        let mut host = running(&[permissions], &[1]);
        assert_eq!(host.ask(schema(table)), format!("{table} => {expected}"), "{permissions:?}");
    }
}

/// What may not be read can't be searched by.
#[test]
#[requirement("R-GIN.0")]
fn searches_do_not_see_more_than_reads() {
    let mut host = running(&[&[(0, "Device.", READ), (1, "Device.Net.Interface.*.Name", NONE)]], &[1]);
    let path = "Device.Net.Interface.[Name==\"eth1\"].";
    assert_eq!(host.ask(get(&[path], 1)), format!("{path} => nothing"));
    assert_eq!(host.ask(instances(path, true)), format!("{path} => nothing"));
    let path = "Device.Net.Interface.[Alias==\"wan\"].Mtu";
    assert_eq!(host.ask(get(&[path], 1)), format!("{path} => Device.Net.Interface.3.[Mtu=1400]"));
}
