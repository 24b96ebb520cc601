//! Unique keys that an Add leaves out: what the agent makes up, and what it cannot.

use dm::operation::Add;
use dm::tree::{Authority, Bit, NoInitial, Place, Requester, Tree};
use dm::{Operation, Outcome};
use requirement::requirement;

use super::{fill, model_of, settings, show, tree, write, write_as};

const KEYS: &str = "\
Device. object usp=2.0
Device.Band.{i}. object usp=2.0 access=readWrite entries=0: key=Kind
Device.Band.{i}.Kind param usp=2.0 access=writeOnceReadOnly type=string enum=2.4GHz,5GHz default=object:2.4GHz
Device.Disk.{i}. object usp=2.0 access=readWrite entries=0: key=Bus,Unit
Device.Disk.{i}.Bus param usp=2.0 access=writeOnceReadOnly type=unsignedInt
Device.Disk.{i}.Unit param usp=2.0 access=writeOnceReadOnly type=int range=-1:8
Device.Rule.{i}. object usp=2.0 access=readWrite entries=0: functional=Order
Device.Rule.{i}.Order param usp=2.0 access=readWrite type=unsignedLong default=object:10
Device.Short.{i}. object usp=2.0 access=readWrite entries=0: key=Id
Device.Short.{i}.Id param usp=2.0 access=writeOnceReadOnly type=string size=0:5
Device.Vlan.{i}. object usp=2.0 access=readWrite entries=0: key=Id
Device.Vlan.{i}.Id param usp=2.0 access=writeOnceReadOnly type=unsignedInt range=1:6
";

/// Two VLANs, 3 and 4, in rows 1 and 2.
fn keyed() -> Tree {
    let mut tree = Tree::new(model_of(KEYS));
    fill(&mut tree, "Device.Vlan.1.", &[("Id", "3")]);
    fill(&mut tree, "Device.Vlan.2.", &[("Id", "4")]);
    tree
}

type Entry<'a> = (&'a str, &'a [(&'a str, &'a str)]);

fn add(tree: &mut Tree, entries: &[Entry<'_>]) -> Outcome {
    let objects = entries.iter().map(|(path, params)| settings(path, params)).collect();
    write(tree, &Operation::Add(Add { allow_partial: true, objects }))
}

fn check(entries: &[Entry<'_>], expected: &[&str]) {
    let outcome = add(&mut keyed(), entries);
    assert_eq!(show(&outcome).lines().collect::<Vec<_>>(), expected, "{entries:?}");
}

const NONE: &[(&str, &str)] = &[];
const VLAN: Entry<'_> = ("Device.Vlan.", NONE);

#[test]
#[requirement("R-ADD.5")]
fn a_number_left_out_is_the_next_free_one() {
    // From the row's own number up, past those taken; behind the end of the range from its start.
    check(
        &[VLAN, VLAN, VLAN, VLAN],
        &["Device.Vlan.3. Id=5", "Device.Vlan.4. Id=6", "Device.Vlan.5. Id=1", "Device.Vlan.6. Id=2"],
    );
    // What another entry asks for is left to it, whichever comes first.
    check(&[VLAN, ("Device.Vlan.", &[("Id", "5")])], &["Device.Vlan.3. Id=6", "Device.Vlan.4. Id=5"]);
    check(&[("Device.Vlan.", &[("Id", "5")]), VLAN], &["Device.Vlan.3. Id=5", "Device.Vlan.4. Id=6"]);
    // A number that was asked for and is taken is still an error.
    check(&[("Device.Vlan.", &[("Id", "4")]), VLAN], &["failed 7021", "Device.Vlan.3. Id=5"]);
}

#[test]
#[requirement("R-ADD.5")]
fn a_key_that_cannot_be_made_up_is_judged_all_the_same() {
    // The range is used up: one row may stay without a number, a second would equal it.
    check(
        &[VLAN, VLAN, VLAN, VLAN, VLAN, VLAN],
        &[
            "Device.Vlan.3. Id=5",
            "Device.Vlan.4. Id=6",
            "Device.Vlan.5. Id=1",
            "Device.Vlan.6. Id=2",
            "Device.Vlan.7. Id=0",
            "failed 7021",
        ],
    );
    // A word of an enumeration is not the agent's to choose.
    let outcome = add(&mut keyed(), &[("Device.Band.", NONE), ("Device.Band.", NONE)]);
    assert_eq!(show(&outcome), "Device.Band.1. Kind=2.4GHz\nfailed 7021");
    let Outcome::Add(results) = outcome else { panic!("an Add") };
    let fault = results[1].result.as_ref().expect_err("a duplicate");
    assert_eq!(
        fault.message,
        "1 required parameter(s) failed; Kind: 7025 Device.Band.1. has the same unique key"
    );
    check(
        &[("Device.Band.", &[("Kind", "5GHz")]), ("Device.Band.", NONE)],
        &["Device.Band.1. Kind=5GHz", "Device.Band.2. Kind=2.4GHz"],
    );
}

#[test]
#[requirement("R-ADD.5")]
fn every_kind_of_key_is_assigned() {
    // Both parts of a key that has two; one if the other is given.
    check(
        &[("Device.Disk.", NONE), ("Device.Disk.", &[("Bus", "1")]), ("Device.Disk.", &[("Unit", "1")])],
        &["Device.Disk.1. Bus=2,Unit=2", "Device.Disk.2. Bus=1,Unit=3", "Device.Disk.3. Bus=3,Unit=1"],
    );
    // A functional key keeps its default while that is free.
    check(
        &[("Device.Rule.", NONE), ("Device.Rule.", NONE), ("Device.Rule.", NONE)],
        &["Device.Rule.1. Order=10", "Device.Rule.2. Order=2", "Device.Rule.3. Order=3"],
    );
    let ids = ["Device.Short.1. Id=cpe-1", "Device.Short.2. Id=cpe-2"];
    check(&[("Device.Short.", NONE), ("Device.Short.", NONE)], &ids);
}

#[test]
#[requirement("R-ADD.5")]
fn an_enabled_row_gets_a_functional_key_of_its_own() {
    let mut tree = tree();
    let enabled: Entry<'_> = ("Device.Net.Interface.", &[("Enable", "true")]);
    let outcome = add(&mut tree, &[enabled, enabled, ("Device.Net.Interface.", NONE)]);
    assert_eq!(
        show(&outcome),
        "Device.Net.Interface.4. Alias=cpe-4,Name=\n\
         Device.Net.Interface.5. Alias=cpe-5,Name=cpe-5\n\
         Device.Net.Interface.6. Alias=cpe-6,Name="
    );
}

/// Reads everything but `Alias`.
struct NoAlias;

impl Authority for NoAlias {
    fn allows(&self, _: &Tree, bit: Bit, _: &Place, leaf: &str) -> bool {
        !(bit == Bit::ParamRead && leaf == "Alias")
    }
    fn allows_in_model(&self, _: &Tree, _: Bit, _: dm::model::ObjectId, _: &str) -> bool {
        true
    }
    fn sees_secured(&self) -> bool {
        true
    }
}

#[test]
#[requirement("R-ADD.6")]
fn a_key_that_the_requester_may_not_read_is_not_returned() {
    let mut tree = tree();
    let who = Requester { authority: &NoAlias, defaults: &NoInitial };
    let objects = vec![settings("Device.Net.Interface.", &[("Alias", "lan"), ("Name", "n")])];
    let outcome = write_as(&mut tree, &Operation::Add(Add { allow_partial: false, objects }), &who);
    assert_eq!(show(&outcome), "Device.Net.Interface.4. Name=n");
    assert_eq!(tree.text_of(&super::place(&tree, "Device.Net.Interface.4."), "Alias"), "lan");
}
