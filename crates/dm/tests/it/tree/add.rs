//! Add: keys, defaults, nested objects, search paths, and every refusal.

use dm::operation::Add;
use dm::path::Name;
use dm::tree::{FullAccess, Place, Requester, RowDefaults, Tree};
use dm::{Operation, UtcTime, Value};
use requirement::requirement;

use super::{place, settings, show, tree, write, write_as};

type Entry<'a> = (&'a str, &'a [(&'a str, &'a str)]);

fn add(allow_partial: bool, entries: &[Entry<'_>]) -> Operation {
    let objects = entries.iter().map(|(path, params)| settings(path, params)).collect();
    Operation::Add(Add { allow_partial, objects })
}

fn check(allow_partial: bool, entries: &[Entry<'_>], expected: &str) -> Tree {
    let mut tree = tree();
    assert_eq!(show(&write(&mut tree, &add(allow_partial, entries))), expected, "{entries:?}");
    tree
}

const TABLE: &str = "Device.Net.Interface.";

#[test]
#[requirement("R-ADD.5")]
fn a_row_gets_a_number_never_used_defaults_and_keys() {
    let tree = check(false, &[(TABLE, &[("Mtu", "1400")])], "Device.Net.Interface.4. Alias=cpe-4,Name=");
    let row = place(&tree, "Device.Net.Interface.4.");
    assert_eq!(tree.text_of(&row, "Mode"), "Auto");
    assert_eq!(tree.text_of(&row, "Mtu"), "1400");
    assert_eq!(tree.text_of(&place(&tree, "Device.Net.Interface.4.Stats."), "Bytes"), "0");
    check(false, &[(TABLE, &[("Alias", "lan")])], "Device.Net.Interface.4. Alias=lan,Name=");
}

#[test]
#[requirement("R-ARC.8")]
fn numbers_are_not_used_again() {
    let mut tree = tree();
    write(&mut tree, &add(false, &[(TABLE, &[])]));
    let delete =
        dm::operation::Delete { allow_partial: false, paths: vec!["Device.Net.Interface.4.".to_owned()] };
    write(&mut tree, &Operation::Delete(delete));
    let outcome = write(&mut tree, &add(false, &[(TABLE, &[])]));
    assert_eq!(show(&outcome), "Device.Net.Interface.5. Alias=cpe-5,Name=");
}

#[test]
#[requirement("R-ADD.0", "R-ADD.1", "R-ADD.3", "R-ADD.4")]
fn required_parameters_decide() {
    check(
        true,
        &[(TABLE, &[("Mtu", "1"), ("Mode", "x"), ("Name", "n")])],
        "Device.Net.Interface.4. Alias=cpe-4,Name=n Mtu!7012 Mode!7012",
    );
    let tree = check(
        true,
        &[(TABLE, &[("!Mtu", "1")]), (TABLE, &[("Name", "n")])],
        "failed 7021\nDevice.Net.Interface.4. Alias=cpe-4,Name=n",
    );
    assert_eq!(tree.rows(&Place::new(place(&tree, "Device.Net.Interface.1.").object, vec![])).len(), 3);
    let tree = check(
        false,
        &[(TABLE, &[("Name", "n")]), (TABLE, &[("!Mtu", "1")])],
        "Error 7021 Device.Net.Interface.5.Mtu=7012",
    );
    assert_eq!(tree.rows(&Place::new(place(&tree, "Device.Net.Interface.1.").object, vec![])).len(), 2);
}

#[test]
fn unique_keys_are_required_whatever_the_flag() {
    check(true, &[(TABLE, &[("Alias", "wan")])], "failed 7021");
    check(true, &[(TABLE, &[("Alias", "9x")])], "failed 7021");
    check(false, &[(TABLE, &[("Alias", "wan")])], "Error 7021 Device.Net.Interface.4.Alias=7025");
    // Two new rows with one key: the later one fails.
    check(
        true,
        &[(TABLE, &[("Alias", "a")]), (TABLE, &[("Alias", "a")])],
        "Device.Net.Interface.4. Alias=a,Name=\nfailed 7021",
    );
}

#[test]
#[requirement("R-ADD.2a")]
fn a_search_path_adds_to_every_table_or_to_none() {
    check(
        true,
        &[("Device.Net.Interface.*.Address.", &[("Ip", "192.0.2.9")])],
        "Device.Net.Interface.1.Address.3. Ip=192.0.2.9\nDevice.Net.Interface.3.Address.1. Ip=192.0.2.9",
    );
    let tree = check(
        false,
        &[("Device.Net.Interface.*.Address.", &[("Ip", "192.0.2.1")])],
        "Error 7021 Device.Net.Interface.1.Address.3.Ip=7025",
    );
    assert!(
        tree.rows(&Place::new(
            place(&tree, "Device.Net.Interface.1.Address.1.").object,
            place(&tree, "Device.Net.Interface.3.").rows().to_vec()
        ))
        .is_empty()
    );
    check(true, &[("Device.Net.Interface.[Name==\"nope\"].Address.", &[])], "");
}

#[test]
fn every_refusal_has_its_code() {
    for (path, expected) in [
        ("Device.Info.", "failed 7018"),
        ("Device.Net.Interface.1.", "failed 7018"),
        ("Device.Net.Port.", "failed 7019"),
        ("Device.Nothing.", "failed 7026"),
        ("Device.Net.Interface.2.Address.", "failed 7016"),
        ("Device.[", "failed 7008"),
        ("Device.Net.Interface.1.Name", "failed 7018"),
    ] {
        check(true, &[(path, &[])], expected);
    }
}

struct Stamp;

impl RowDefaults for Stamp {
    fn row_defaults(&self, _: &Tree, _: &Place) -> Vec<(Name, Value)> {
        vec![(Name::parse("Name").expect("a name"), Value::text(UtcTime(0).to_string()))]
    }
}

#[test]
fn the_agent_fills_in_what_is_its_own() {
    let mut tree = tree();
    let who = Requester { authority: &FullAccess, defaults: &Stamp };
    let outcome = write_as(&mut tree, &add(false, &[(TABLE, &[])]), &who);
    assert_eq!(show(&outcome), "Device.Net.Interface.4. Alias=cpe-4,Name=1970-01-01T00:00:00Z");
}
