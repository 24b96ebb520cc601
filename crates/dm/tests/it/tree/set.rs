//! Set: the allow_partial matrix, atomic searches, keys, references, value checks.

use dm::operation::Set;
use dm::tree::{Authority, Bit, NoInitial, Place, Requester, Tree};
use dm::{Code, Fault, Operation};
use requirement::requirement;

use super::{put, settings, show, tree, write, write_as};

/// One entry: path, then settings; `!` marks required ones.
type Entry<'a> = (&'a str, &'a [(&'a str, &'a str)]);

fn set(allow_partial: bool, entries: &[Entry<'_>]) -> Operation {
    let objects = entries.iter().map(|(path, params)| settings(path, params)).collect();
    Operation::Set(Set { allow_partial, objects })
}

fn check(allow_partial: bool, entries: &[Entry<'_>], expected: &str) -> Tree {
    let mut tree = tree();
    let outcome = write(&mut tree, &set(allow_partial, entries));
    assert_eq!(show(&outcome), expected, "{entries:?}");
    tree
}

const ONE: &str = "Device.Net.Interface.1.";
const THREE: &str = "Device.Net.Interface.3.";

#[test]
#[requirement("R-SET.0", "R-SET.1", "R-SET.2")]
fn the_matrix_of_allow_partial_and_required() {
    // Nothing fails.
    for partial in [true, false] {
        check(
            partial,
            &[(ONE, &[("!Mtu", "1400"), ("Name", "lan")])],
            "Device.Net.Interface.1. Mtu=1400,Name=lan",
        );
    }
    // Only a non-required one fails: success with a parameter error, whatever allow_partial is.
    for partial in [true, false] {
        let tree = check(
            partial,
            &[(ONE, &[("Mtu", "1"), ("Name", "lan")])],
            "Device.Net.Interface.1. Name=lan Mtu!7012",
        );
        assert_eq!(tree.text_of(&super::place(&tree, ONE), "Mtu"), "1500");
    }
    // A required one fails: that object fails, the other proceeds.
    let entries: &[Entry<'_>] = &[(ONE, &[("Name", "lan"), ("!Mtu", "1")]), (THREE, &[("Name", "wan")])];
    let tree = check(
        true,
        entries,
        "failed 7021 [Device.Net.Interface.1. Mtu!7012]\nDevice.Net.Interface.3. Name=wan",
    );
    assert_eq!(
        tree.text_of(&super::place(&tree, ONE), "Name"),
        "eth0",
        "nothing of the failed object is kept"
    );
    // Or the whole message fails, and nothing changes anywhere.
    let tree = check(false, entries, "Error 7021 Device.Net.Interface.1.Mtu=7012");
    assert_eq!(tree.text_of(&super::place(&tree, THREE), "Name"), "eth1");
}

#[test]
#[requirement("R-SET.2a")]
fn a_search_that_matches_several_is_atomic_even_with_allow_partial() {
    let mut tree = tree();
    put(&mut tree, THREE, "LowerLayers", "");
    // `Name` must stay unique, so the second match clashes once both are enabled.
    let entries: &[Entry<'_>] = &[("Device.Net.Interface.*.", &[("!Enable", "true"), ("!Name", "same")])];
    let outcome = write(&mut tree, &set(true, entries));
    assert_eq!(show(&outcome), "failed 7021 [Device.Net.Interface.3. Name!7025]");
    assert_eq!(tree.text_of(&super::place(&tree, ONE), "Name"), "eth0", "the first match is rolled back");
    let outcome = write(&mut tree, &set(false, entries));
    assert_eq!(show(&outcome), "Error 7021 Device.Net.Interface.3.Name=7025");
}

#[test]
fn every_kind_of_failure_has_its_code() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("Device.Info.", "Nothing", "1", "Device.Info.  Nothing!7010"),
        ("Device.Info.", "UpTime", "1", "Device.Info.  UpTime!7013"),
        ("Device.Info.", "Name", "12345678901234567", "Device.Info.  Name!7012"),
        (ONE, "Mtu", "many", "Device.Net.Interface.1.  Mtu!7011"),
        (ONE, "Mtu", "9001", "Device.Net.Interface.1.  Mtu!7012"),
        (ONE, "Mode", "auto", "Device.Net.Interface.1.  Mode!7012"),
        (ONE, "Enable", "yes", "Device.Net.Interface.1.  Enable!7011"),
        (ONE, "Stats.Bytes", "1", "Device.Net.Interface.1.  Stats.Bytes!7013"),
        (ONE, "Address.1.Ip", "1", "Device.Net.Interface.1.  Address.1.Ip!7010"),
        ("Device.Net.Interface.2.", "Mtu", "1400", "failed 7016 []"),
        ("Device.Net.Interface.", "Mtu", "1400", "failed 7020 []"),
        ("Device.Nothing.", "Mtu", "1400", "failed 7026 []"),
        ("Device.Info.Name", "Mtu", "1400", "failed 7026 []"),
        ("Device.[", "Mtu", "1400", "failed 7008 []"),
    ];
    for (path, param, value, expected) in cases {
        check(true, &[(path, &[(param, value)])], expected);
    }
    check(
        false,
        &[("Device.Net.Interface.2.", &[("Mtu", "1400")])],
        "Error 7016 Device.Net.Interface.2.=7016",
    );
}

#[test]
#[requirement("R-MSG.4a")]
fn a_search_without_hits_is_an_empty_success() {
    check(false, &[("Device.Net.Interface.[Name==\"nope\"].", &[("!Mtu", "1400")])], "");
}

#[test]
#[requirement("R-KEY.1")]
fn non_functional_keys_do_not_change_after_creation() {
    check(true, &[(ONE, &[("Alias", "lan")])], "Device.Net.Interface.1.  Alias!7013");
    check(
        true,
        &[("Device.Net.Interface.1.Address.1.", &[("Ip", "192.0.2.7")])],
        "Device.Net.Interface.1.Address.1.  Ip!7013",
    );
}

#[test]
#[requirement("R-KEY.2")]
fn functional_keys_change_and_stay_unique_among_enabled_rows() {
    check(true, &[(ONE, &[("Name", "eth7")])], "Device.Net.Interface.1. Name=eth7");
    // Row 3 is disabled, so its key does not bind yet; enabling it later makes the clash.
    let mut tree = check(true, &[(THREE, &[("Name", "eth0")])], "Device.Net.Interface.3. Name=eth0");
    let outcome = write(&mut tree, &set(true, &[(THREE, &[("!Enable", "true")])]));
    assert_eq!(show(&outcome), "failed 7021 [Device.Net.Interface.3. Enable!7025]");
    // Uniqueness is judged after the whole message: a swap is fine.
    let mut tree = super::tree();
    put(&mut tree, THREE, "Enable", "true");
    let swap = set(false, &[(ONE, &[("!Name", "eth1")]), (THREE, &[("!Name", "eth0")])]);
    assert_eq!(
        show(&write(&mut tree, &swap)),
        "Device.Net.Interface.1. Name=eth1\nDevice.Net.Interface.3. Name=eth0"
    );
}

#[test]
#[requirement("R-ARC.12", "R-ARC.11")]
fn strong_references_must_lead_somewhere_and_key_form_becomes_numbers() {
    check(
        true,
        &[(ONE, &[("LowerLayers", "Device.Net.Interface.9")])],
        "Device.Net.Interface.1.  LowerLayers!7012",
    );
    check(
        true,
        &[(ONE, &[("Peer", "Device.Net.Interface.9")])],
        "Device.Net.Interface.1. Peer=Device.Net.Interface.9",
    );
    check(
        true,
        &[(ONE, &[("LowerLayers", "Device.Net.Interface.[Alias==\"wan\"],Device.Net.Port.1")])],
        "Device.Net.Interface.1. LowerLayers=Device.Net.Interface.3,Device.Net.Port.1",
    );
}

#[test]
fn a_transaction_that_fails_at_commit_is_reported() {
    let tree = tree();
    let fault = Fault::new(Code::INTERNAL_ERROR, "the driver refused");
    let entries: &[Entry<'_>] = &[(ONE, &[("Mtu", "1400")]), (THREE, &[("Mtu", "1300")])];
    let plan = tree.plan(&set(true, entries), &Requester::full()).expect("a write");
    assert_eq!(plan.transactions.len(), 2, "each object is its own transaction");
    assert_eq!(
        show(&plan.finish(&[Err(fault.clone()), Ok(())])),
        "failed 7003 []\nDevice.Net.Interface.3. Mtu=1300"
    );
    let plan = tree.plan(&set(false, entries), &Requester::full()).expect("a write");
    assert_eq!(plan.transactions.len(), 1, "the message is one transaction");
    assert_eq!(show(&plan.finish(&[Err(fault)])), "Error 7003 ");
}

#[test]
fn a_value_set_to_what_it_is_changes_nothing() {
    let tree = tree();
    let plan = tree.plan(&set(false, &[(ONE, &[("Mtu", "1500")])]), &Requester::full()).expect("a write");
    assert!(plan.transactions.is_empty());
    assert_eq!(show(plan.outcome()), "Device.Net.Interface.1. Mtu=1500");
}

struct NoMtu;

impl Authority for NoMtu {
    fn allows(&self, _: &Tree, bit: Bit, _: &Place, leaf: &str) -> bool {
        !(bit == Bit::ParamWrite && leaf == "Mtu" || bit == Bit::ParamRead && leaf == "Name")
    }
    fn allows_in_model(&self, _: &Tree, _: Bit, _: dm::model::ObjectId, _: &str) -> bool {
        true
    }
    fn sees_secured(&self) -> bool {
        true
    }
}

#[test]
#[requirement("R-SET.3")]
fn permissions_are_asked_and_unreadable_values_left_out() {
    let mut tree = tree();
    let who = Requester { authority: &NoMtu, defaults: &NoInitial };
    let outcome = write_as(&mut tree, &set(true, &[(ONE, &[("Mtu", "1400"), ("Name", "x")])]), &who);
    assert_eq!(show(&outcome), "Device.Net.Interface.1.  Mtu!7006");
    assert_eq!(tree.text_of(&super::place(&tree, ONE), "Name"), "x", "written all the same");
}
