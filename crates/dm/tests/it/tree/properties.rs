//! Whatever is asked of a tree, its keys stay unique, its strong references lead somewhere, and its
//! answers say what became of it.

use std::collections::BTreeSet;

use dm::operation::{Add, Delete, ObjectSettings, ParamSetting, Set};
use dm::tree::{Requester, Tree};
use dm::{Operation, Outcome, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{fill, model_of, place};

const WORLD: &str = "\
Device. object usp=2.0
Device.Link.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Id functional=Name functional=Port,Slot
Device.Link.{i}.Enable param usp=2.0 access=readWrite type=boolean
Device.Link.{i}.Id param usp=2.0 access=writeOnceReadOnly type=unsignedInt range=1:9
Device.Link.{i}.Lower param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.Link.{i}.
Device.Link.{i}.Name param usp=2.0 access=readWrite type=string
Device.Link.{i}.Port param usp=2.0 access=readWrite type=string
Device.Link.{i}.Slot param usp=2.0 access=readWrite type=unsignedInt
";

/// Five links, all enabled.
fn world() -> Tree {
    let mut tree = Tree::new(model_of(WORLD));
    for number in 1..=5 {
        let text = number.to_string();
        let name = ["a", "b", "c", "d", "e"][number - 1];
        let lower = if number > 1 { "Device.Link.1" } else { "" };
        let values =
            [("Id", text.as_str()), ("Name", name), ("Slot", &text), ("Lower", lower), ("Enable", "true")];
        fill(&mut tree, &format!("Device.Link.{number}."), &values);
    }
    tree
}

fn setting() -> impl Strategy<Value = ParamSetting> {
    let row =
        || select(vec!["", "Device.Link.1", "Device.Link.2", "Device.Link.6", "Device.Link.1,Device.Link.7"]);
    let written = prop_oneof![
        ("Enable", select(vec!["true", "false"])),
        ("Id", select(vec!["1", "6", "7", "10"])),
        ("Lower", row()),
        ("Lower", select(vec!["Device.Link.[Name==\"a\"]", "Device.Link.[Id==6]"])),
        ("Name", select(vec!["a", "b", "c", "d", "e", "f"])),
        ("Port", select(vec!["", "p", "q"])),
        ("Slot", select(vec!["1", "2", "3", "x"])),
    ];
    (written, any::<bool>()).prop_map(|((param, value), required)| ParamSetting {
        param,
        value: value.to_owned(),
        required,
    })
}

fn objects(paths: Vec<&'static str>) -> impl Strategy<Value = Vec<ObjectSettings>> {
    let one = (select(paths), vec(setting(), 0..4));
    vec(one.prop_map(|(path, params)| ObjectSettings { path: path.to_owned(), params }), 1..6)
}

fn operation() -> impl Strategy<Value = Operation> {
    let rows = || {
        vec![
            "Device.Link.1.",
            "Device.Link.2.",
            "Device.Link.3.",
            "Device.Link.6.",
            "Device.Link.*.",
            "Device.Link.[Enable==true].",
            "Device.Link.[Name==\"b\"].",
            "Device.Link.2.Lower+.",
        ]
    };
    let paths = vec(select(rows()).prop_map(str::to_owned), 1..3);
    prop_oneof![
        3 => (any::<bool>(), objects(rows()))
            .prop_map(|(allow_partial, objects)| Operation::Set(Set { allow_partial, objects })),
        3 => (any::<bool>(), objects(vec!["Device.Link."]))
            .prop_map(|(allow_partial, objects)| Operation::Add(Add { allow_partial, objects })),
        1 => (any::<bool>(), paths)
            .prop_map(|(allow_partial, paths)| Operation::Delete(Delete { allow_partial, paths })),
    ]
}

/// What is wrong with a tree, if anything.
fn broken(tree: &Tree) -> Option<String> {
    let table = place(tree, "Device.Link.1.").table().expect("a row").0;
    let (mut ids, mut names, mut slots) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for number in tree.rows(&table) {
        let row = table.row(number);
        let text = |name: &str| tree.text_of(&row, name);
        if !ids.insert(text("Id")) {
            return Some(format!("two rows have the id {}", text("Id")));
        }
        if tree.value_of(&row, "Enable") == Some(&Value::Bool(true)) {
            if !names.insert(text("Name")) {
                return Some(format!("two rows have the name {}", text("Name")));
            }
            if !slots.insert((text("Port"), text("Slot"))) {
                return Some(format!("two rows have the slot {} {}", text("Port"), text("Slot")));
            }
        }
        for lower in text("Lower").split(',').filter(|lower| !lower.is_empty()) {
            if !tree.exists(&place(tree, &format!("{lower}."))) {
                return Some(format!("row {number} refers to {lower}"));
            }
        }
    }
    None
}

/// What the answer to a Set claims and the tree does not bear out.
fn untrue(tree: &Tree, outcome: &Outcome, last_writes: bool) -> Option<String> {
    let Outcome::Set(results) = outcome else { return None };
    for updated in results.iter().filter_map(|result| result.result.as_ref().ok()).flatten() {
        for (name, value) in &updated.params {
            let held = tree.text_of(&place(tree, &updated.path), name);
            if last_writes && held != *value {
                return Some(format!("{}{name} is {held}, not {value}", updated.path));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_tree_stays_sound(operations in vec(operation(), 1..5)) {
        let mut tree = world();
        for operation in &operations {
            let before = tree.clone();
            let plan = tree.plan(operation, &Requester::full()).expect("a write");
            prop_assert!(plan.effort().rounds <= 32);
            for transaction in &plan.transactions {
                tree.apply(&transaction.changes);
            }
            if matches!(plan.outcome(), Outcome::Failed(_)) {
                prop_assert!(tree.same(&before), "a failed message changes nothing");
            }
            prop_assert_eq!(broken(&tree), None, "after {:?}\n{:?}", operation, plan.outcome());
            // With one entry nothing is written twice, so that what was reported is what is held.
            let single = matches!(operation, Operation::Set(set) if set.objects.len() == 1);
            prop_assert_eq!(untrue(&tree, plan.outcome(), single), None);
        }
    }
}
