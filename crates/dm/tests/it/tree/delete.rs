//! Delete: partial and whole, what points at deleted rows, and every refusal.

use dm::operation::Delete;
use dm::tree::{Authority, Bit, Happening, NoInitial, Place, Requester, Staging, Tree};
use dm::{Code, Fault, Operation};
use requirement::requirement;

use super::{place, put, show, tree, write, write_as};

fn delete(allow_partial: bool, paths: &[&str]) -> Operation {
    Operation::Delete(Delete { allow_partial, paths: paths.iter().map(|p| (*p).to_owned()).collect() })
}

fn check(allow_partial: bool, paths: &[&str], expected: &str) -> Tree {
    let mut tree = tree();
    assert_eq!(show(&write(&mut tree, &delete(allow_partial, paths))), expected, "{paths:?}");
    tree
}

#[test]
#[requirement("R-DEL.0", "R-DEL.1")]
fn rows_go_with_all_below_them() {
    let gone = "Device.Net.Interface.1.Address.1. Device.Net.Interface.1.Address.2. Device.Net.Interface.1.";
    for partial in [true, false] {
        check(partial, &["Device.Net.Interface.1."], gone);
    }
    check(true, &["Device.Nothing.", "Device.Net.Interface.1."], &format!("failed 7026\n{gone}"));
    let tree =
        check(false, &["Device.Net.Interface.1.", "Device.Nothing."], "Error 7026 Device.Nothing.=7026");
    assert!(tree.exists(&place(&tree, "Device.Net.Interface.1.")));
}

#[test]
#[requirement("R-DEL.2a", "R-MSG.4a", "R-DEL.1")]
fn a_missing_row_is_a_success_only_with_allow_partial() {
    check(true, &["Device.Net.Interface.2."], "");
    check(false, &["Device.Net.Interface.2."], "Error 7016 Device.Net.Interface.2.=7016");
    check(true, &["Device.Net.Interface.[Mtu==1]."], "");
    check(false, &["Device.Net.Interface.[Mtu==1]."], "");
}

#[test]
#[requirement("R-DEL.1")]
fn every_refusal_has_its_code() {
    for (path, expected) in [
        ("Device.Net.Interface.", "failed 7018"),
        ("Device.Info.", "failed 7018"),
        ("Device.Net.Port.1.", "failed 7024"),
        ("Device.Nothing.1.", "failed 7026"),
        ("Device.[", "failed 7008"),
        ("Device.Info.Name", "failed 7018"),
    ] {
        check(true, &[path], expected);
    }
}

#[test]
#[requirement("R-ARC.12")]
fn strong_references_lose_the_row_and_weak_ones_keep_it() {
    let mut tree = tree();
    put(&mut tree, "Device.Net.Interface.1.", "LowerLayers", "Device.Net.Port.1,Device.Net.Interface.3");
    put(&mut tree, "Device.Net.Interface.1.", "Peer", "Device.Net.Interface.3");
    write(&mut tree, &delete(false, &["Device.Net.Interface.3."]));
    let one = place(&tree, "Device.Net.Interface.1.");
    assert_eq!(tree.text_of(&one, "LowerLayers"), "Device.Net.Port.1");
    assert_eq!(tree.text_of(&one, "Peer"), "Device.Net.Interface.3");
    assert_eq!(tree.text_of(&place(&tree, "Device.Net.Port.1."), "Owner"), "");
}

/// With `allow_partial` each row is a transaction of its own: what led to one that stayed still does.
#[test]
#[requirement("R-ARC.12")]
fn what_leads_to_a_row_that_stayed_stays_though_another_one_went() {
    let addresses = ["Device.Net.Interface.1.Address.1.", "Device.Net.Interface.1.Address.2."];
    let rows = ["Device.Net.Interface.3.", addresses[0], addresses[1]];
    let leading = rows.map(|row| row.trim_end_matches('.'));
    // Which of them fail, one bit for each.
    for failing in 0..8_usize {
        let fails = |at: usize| failing >> at & 1 == 1;
        let mut tree = tree();
        put(&mut tree, "Device.Net.Interface.1.", "LowerLayers", &leading.join(","));
        let plan = tree.plan(&delete(true, &rows), &Requester::full()).expect("a write");
        assert_eq!(plan.transactions.len(), 3);
        let mut staging = Staging::default();
        for (at, transaction) in plan.transactions.iter().enumerate() {
            let changes = staging.next(&tree, &transaction.changes);
            if !fails(at) {
                tree.apply(&changes);
            }
            staging.ended(!fails(at));
        }
        let kept: Vec<&str> = (0..3).filter(|at| fails(*at)).map(|at| leading[at]).collect();
        let shown = tree.text_of(&place(&tree, "Device.Net.Interface.1."), "LowerLayers");
        assert_eq!(shown, kept.join(","), "{failing:03b}");
        // The port leads to the first of them.
        let owner = if fails(0) { leading[0] } else { "" };
        assert_eq!(tree.text_of(&place(&tree, "Device.Net.Port.1."), "Owner"), owner, "{failing:03b}");
    }
}

#[test]
#[requirement("R-DEL.3")]
fn a_match_that_could_not_go_is_listed() {
    let tree = tree();
    let plan = tree
        .plan(&delete(true, &["Device.Net.Interface.1.Address.*."]), &Requester::full())
        .expect("a write");
    assert_eq!(plan.transactions.len(), 2, "a search is not atomic");
    let fault = Fault::new(Code::INTERNAL_ERROR, "busy");
    assert_eq!(
        show(&plan.finish(&[Ok(()), Err(fault)])),
        "Device.Net.Interface.1.Address.1. kept Device.Net.Interface.1.Address.2. 7003"
    );
}

#[test]
fn a_row_named_twice_goes_once() {
    check(
        true,
        &["Device.Net.Interface.3.", "Device.Net.Interface.*."],
        "Device.Net.Interface.3.\nDevice.Net.Interface.1.Address.1. Device.Net.Interface.1.Address.2. Device.Net.Interface.1.",
    );
}

struct OneHidden;

impl Authority for OneHidden {
    fn allows(&self, tree: &Tree, bit: Bit, place: &Place, _: &str) -> bool {
        let text = place.text(tree.model());
        match bit {
            Bit::InstanceRead => text != "Device.Net.Interface.1.Address.1.",
            Bit::InstanceDelete => text != "Device.Net.Interface.1.Address.2.",
            _ => true,
        }
    }
    fn allows_in_model(&self, _: &Tree, _: Bit, _: dm::model::ObjectId, _: &str) -> bool {
        true
    }
    fn sees_secured(&self) -> bool {
        true
    }
}

#[test]
#[requirement("R-DEL.2", "R-DEL.4")]
fn rows_that_may_not_be_read_are_not_spoken_of() {
    let mut tree = tree();
    let who = Requester { authority: &OneHidden, defaults: &NoInitial };
    let outcome = write_as(&mut tree, &delete(true, &["Device.Net.Interface.1.Address.*."]), &who);
    assert_eq!(show(&outcome), " kept Device.Net.Interface.1.Address.2. 7006");
    assert!(!tree.exists(&place(&tree, "Device.Net.Interface.1.Address.1.")));
}

#[test]
fn the_change_set_names_what_went() {
    let mut tree = tree();
    let row = place(&tree, "Device.Net.Interface.1.");
    let below = |n: &str| Happening::Deleted(place(&tree, &format!("Device.Net.Interface.1.Address.{n}.")));
    let expected = vec![below("1"), below("2"), Happening::Deleted(row.clone())];
    assert_eq!(tree.apply(&[dm::tree::Change::Remove { row }]), expected);
}
