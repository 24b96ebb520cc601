//! Snapshots: a clone does not see later changes, and shares all that did not change.

use std::sync::Arc;

use dm::Value;
use dm::tree::{Change, Happening};

use super::{place, put, tree};

#[test]
fn a_clone_keeps_what_it_saw() {
    let mut live = tree();
    let seen = live.clone();
    assert!(seen.same(&live));
    put(&mut live, "Device.Info.", "UpTime", "78");
    let info = place(&live, "Device.Info.");
    assert_eq!(
        (seen.text_of(&info, "UpTime").as_str(), live.text_of(&info, "UpTime").as_str()),
        ("77", "78")
    );
    assert!(!seen.same(&live));
    assert!(Arc::ptr_eq(seen.model(), live.model()));
}

#[test]
fn changes_of_what_is_not_there_do_nothing() {
    let mut live = tree();
    let gone = place(&live, "Device.Net.Interface.9.");
    let table_row = place(&live, "Device.Net.Interface.9.Address.1.");
    let changes = [
        Change::Set { place: gone.clone(), param: 0, value: Some(Value::Bool(true)) },
        Change::Remove { row: gone },
        Change::Create { row: table_row, values: Vec::new() },
        Change::Set { place: place(&live, "Device.Info."), param: 99, value: None },
    ];
    assert_eq!(live.apply(&changes), Vec::new());
    let existing = place(&live, "Device.Net.Interface.1.");
    assert_eq!(live.apply(&[Change::Create { row: existing, values: Vec::new() }]), Vec::new());
}

#[test]
fn a_change_says_before_and_after() {
    let mut live = tree();
    let info = place(&live, "Device.Info.");
    let param = live.model().param_index(info.object, "Name").expect("a parameter");
    let expected = Happening::Changed {
        place: info,
        param,
        old: Some(Value::text("cusp")),
        new: Some(Value::text("x")),
    };
    assert_eq!(put(&mut live, "Device.Info.", "Name", "x"), vec![expected]);
    assert_eq!(put(&mut live, "Device.Info.", "Name", "x"), Vec::new(), "the same value is no change");
}
