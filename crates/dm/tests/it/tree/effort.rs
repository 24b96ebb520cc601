//! What planning costs: in proportion to the request, however much of it clashes, and bounded.

use std::fmt::Write as _;

use dm::operation::{Add, Delete, ObjectSettings, Set};
use dm::tree::{Effort, Place, Requester, Staging, Tree};
use dm::{Operation, Outcome};
use requirement::requirement;

use super::{fill, model, settings, show};

/// `count` interfaces, disabled, named `n1`, `n2`, ….
fn interfaces(count: usize) -> Tree {
    let mut tree = Tree::new(model());
    for number in 1..=count {
        let (alias, name) = (format!("a{number}"), format!("n{number}"));
        fill(&mut tree, &row(number), &[("Alias", &alias), ("Name", &name)]);
    }
    tree
}

fn row(number: usize) -> String {
    format!("Device.Net.Interface.{number}.")
}

/// The same settings for each of `count` interfaces.
fn for_each(count: usize, params: &[(&str, &str)]) -> Vec<ObjectSettings> {
    (1..=count).map(|number| settings(&row(number), params)).collect()
}

fn set(allow_partial: bool, objects: Vec<ObjectSettings>) -> Operation {
    Operation::Set(Set { allow_partial, objects })
}

fn effort(tree: &Tree, operation: &Operation) -> Effort {
    tree.plan(operation, &Requester::full()).expect("a write").effort()
}

#[test]
fn clashes_are_judged_together() {
    for count in [2, 50, 400] {
        let tree = interfaces(count);
        // All want one name: the first gets it, the others keep their own setting out.
        let optional = set(true, for_each(count, &[("Name", "same"), ("Enable", "true")]));
        let expected =
            Effort { rounds: 2, staged: 2 * count + count + 1, rows: 2 * count, ..Effort::default() };
        assert_eq!(effort(&tree, &optional), expected, "{count}");
        let required = set(true, for_each(count, &[("!Name", "same"), ("!Enable", "true")]));
        let expected = Effort { rounds: 2, staged: 2 * count + 2, rows: 2 * count, ..Effort::default() };
        assert_eq!(effort(&tree, &required), expected, "{count}");
        let plan = tree.plan(&required, &Requester::full()).expect("a write");
        let Outcome::Set(results) = plan.outcome() else { panic!("a Set") };
        let failed: Vec<bool> = results.iter().map(|entry| entry.result.is_err()).collect();
        assert_eq!(failed, [vec![false], vec![true; count - 1]].concat(), "the first wins");
    }
}

#[test]
fn rows_that_clash_are_judged_together() {
    for count in [2, 50, 400] {
        let tree = Tree::new(model());
        let one = settings("Device.Net.Interface.", &[("Alias", "same")]);
        let add = Operation::Add(Add { allow_partial: true, objects: vec![one; count] });
        // Each row is judged by its alias and, left out, its name; both keys read all new rows.
        let expected = Effort { rounds: 2, staged: 2 * count + 2, rows: count + 1, ..Effort::default() };
        let found = effort(&tree, &add);
        assert_eq!((found.rounds, found.staged), (expected.rounds, expected.staged), "{count}");
        assert_eq!(found.rows, 2 * expected.rows, "{count}");
    }
}

/// Each of `count` enabled rows takes the next one's name; the last takes that of a row that keeps it.
fn chain(count: usize) -> (Tree, Operation) {
    let mut tree = interfaces(count + 1);
    for number in 1..=count + 1 {
        fill(&mut tree, &row(number), &[("Enable", "true")]);
        super::put(&mut tree, &row(number), "Name", &format!("n{number}"));
    }
    let object = |number: usize| settings(&row(number), &[("Name", &format!("n{}", number + 1))]);
    (tree, set(true, (1..=count).map(object).collect()))
}

#[test]
fn a_clash_that_follows_from_another_takes_another_round() {
    let (tree, operation) = chain(5);
    let plan = tree.plan(&operation, &Requester::full()).expect("a write");
    assert_eq!(plan.effort().rounds, 6);
    let expected = (1..=5).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "Device.Net.Interface.{number}.  Name!7025");
        text
    });
    assert_eq!(show(plan.outcome()), expected.trim_end());
    let (tree, operation) = chain(40);
    let plan = tree.plan(&operation, &Requester::full()).expect("a write");
    assert_eq!((plan.effort().rounds, show(plan.outcome()).as_str()), (32, "Error 7005 "));
    assert!(plan.transactions.is_empty());
}

fn delete(paths: &[&str]) -> Operation {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Operation::Delete(Delete { allow_partial: true, paths })
}

/// `count` interfaces, each on top of the first, and the first on top of `below` of the others.
fn stacked(count: usize, below: usize) -> Tree {
    let mut tree = interfaces(count);
    for number in 2..=count {
        super::put(&mut tree, &row(number), "LowerLayers", "Device.Net.Interface.1");
    }
    let names: Vec<String> = (2..2 + below).map(|number| format!("Device.Net.Interface.{number}")).collect();
    super::put(&mut tree, &row(1), "LowerLayers", &names.join(","));
    tree
}

#[test]
#[requirement("R-ARC.12")]
fn references_to_deleted_rows_are_read_once() {
    for count in [2, 50, 400] {
        let tree = stacked(count, 1);
        // All of them in the tree, then those that lead to the first row and to the second; the first goes
        // first, and each of the others is written once.
        let expected = Effort { rounds: 1, staged: count - 1, rows: count, references: 2 * count };
        assert_eq!(effort(&tree, &delete(&["Device.Net.Interface.*."])), expected, "{count}");
    }
}

/// Whichever rows stay, the later ones are planned anew without reading the tree for each.
#[test]
#[requirement("R-ARC.12")]
fn references_are_read_once_though_rows_stay() {
    for count in [2, 50, 400] {
        // The first stays; the others go. Or every second one stays.
        for every in [count, 2] {
            let mut tree = stacked(count, 1);
            let plan = tree.plan(&delete(&["Device.Net.Interface.*."]), &Requester::full()).expect("a write");
            let mut staging = Staging::default();
            for (at, transaction) in plan.transactions.iter().enumerate() {
                let stays = at % every == 0;
                let changes = staging.next(&tree, &transaction.changes);
                if !stays {
                    tree.apply(&changes);
                }
                staging.ended(!stays);
            }
            let table = Place::new(super::place(&tree, &row(1)).object, vec![]);
            assert_eq!(tree.row_count(&table), count.div_ceil(every), "{count} {every}");
            // All of them in the tree, then the one that leads to the second row: it goes with that.
            let expected = Effort { staged: 1, references: count + 1, ..Effort::default() };
            assert_eq!(staging.effort(), expected, "{count} {every}");
        }
    }
}

#[test]
#[requirement("R-ARC.12")]
fn a_list_is_not_written_anew_without_bound() {
    // A list of n loses one item after another; each writing counts for one, and for what remains in it.
    let rest: Vec<String> = (2..=802).map(row).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let staged = |below: usize| {
        let plan = stacked(802, below).plan(&delete(&rest[..below]), &Requester::full()).expect("a write");
        (show(plan.outcome()).lines().next() == Some("Error 7005 "), plan.effort().staged)
    };
    assert_eq!(staged(3), (false, 6));
    assert_eq!(staged(723), (false, 261_726));
    assert!(staged(801).0, "801 writings would be 321,201");
}

#[test]
fn a_delete_leads_to_at_most_8192_rows() {
    let tree = interfaces(64);
    let named = |times: usize| {
        let plan = tree.plan(&delete(&vec!["Device.Net.Interface.*."; times]), &Requester::full());
        let plan = plan.expect("a write");
        (show(plan.outcome()) == "Error 7005 ", plan.effort().rows)
    };
    assert_eq!(named(128), (false, 8192));
    assert_eq!(named(4096), (true, 8256), "it stops there");
}

#[test]
fn a_request_has_at_most_4096_entries() {
    let tree = Tree::new(model());
    let none = || settings("Device.Info.", &[]);
    let operations = |count: usize| {
        [
            set(true, vec![none(); count]),
            Operation::Add(Add { allow_partial: true, objects: vec![none(); count] }),
            Operation::Delete(Delete { allow_partial: true, paths: vec!["Device.Info.".to_owned(); count] }),
        ]
    };
    let failed = |operation: &Operation| {
        let plan = tree.plan(operation, &Requester::full()).expect("a write");
        matches!(plan.outcome(), Outcome::Failed(failure) if failure.fault.code.0 == 7005)
    };
    assert_eq!(operations(4096).map(|operation| failed(&operation)), [false; 3]);
    assert_eq!(operations(4097).map(|operation| failed(&operation)), [true; 3]);
}

#[test]
fn a_search_path_does_not_multiply_without_bound() {
    let tree = interfaces(65);
    // 65 rows by 4033 settings are 262,145, one too many; 4032 are not.
    let wide = |count: usize| {
        let one = settings("Device.Net.Interface.*.", &[("Nothing", "x")]);
        let params = vec![one.params[0].clone(); count];
        set(true, vec![ObjectSettings { path: one.path, params }, settings("Device.Info.", &[("Name", "x")])])
    };
    let outcome = |count| {
        let plan = tree.plan(&wide(count), &Requester::full()).expect("a write");
        show(plan.outcome()).lines().map(|line| line.chars().take(20).collect()).collect::<Vec<String>>()
    };
    assert_eq!(outcome(4033), ["failed 7005 []", "failed 7005 []"]);
    assert_eq!(outcome(4032), ["Device.Net.Interface", "Device.Info. Name=x"]);
    // 64 tables by 65 entries are 4,160 rows.
    let tables = interfaces(64);
    let entry = settings("Device.Net.Interface.*.Address.", &[]);
    let add = Operation::Add(Add { allow_partial: true, objects: vec![entry; 65] });
    let plan = tables.plan(&add, &Requester::full()).expect("a write");
    assert_eq!(show(plan.outcome()), "Error 7005 ");
}

#[test]
#[requirement("R-SET.2b")]
fn a_search_that_fails_everywhere_is_given_up_after_64_instances() {
    let tree = interfaces(100);
    let all = vec![settings("Device.Net.Interface.*.", &[("!Mtu", "1"), ("Name", "x")])];
    let plan = tree.plan(&set(true, all.clone()), &Requester::full()).expect("a write");
    let Outcome::Set(results) = plan.outcome() else { panic!("a Set") };
    let failure = results[0].result.as_ref().expect_err("every instance fails");
    let paths: Vec<&str> = failure.instances.iter().map(|instance| instance.path.as_str()).collect();
    assert_eq!(
        (paths.len(), paths[0], paths[63]),
        (64, "Device.Net.Interface.1.", "Device.Net.Interface.64.")
    );
    assert!(plan.transactions.is_empty(), "those not looked at are not changed either");
    let plan = tree.plan(&set(false, all), &Requester::full()).expect("a write");
    let Outcome::Failed(failure) = plan.outcome() else { panic!("an Error") };
    assert_eq!((failure.fault.code.0, failure.params.len()), (7021, 64));
    let table = Place::new(super::place(&tree, &row(1)).object, vec![]);
    assert_eq!(tree.row_count(&table), 100);
}
