//! The arguments that a command runs with: those that were given, and the defaults of the others.

use std::collections::BTreeSet;

use dm::model::{Arg, Command};

/// Adds the default of every optional argument that was left out (R-OPR.7). Those of an object with
/// instances (`TimeWindow.{i}.Mode`) belong to the instances of which something was given.
pub(super) fn complete(command: &Command, args: &mut Vec<(String, String)>) {
    let absent = |arg: &&Arg| !arg.mandatory && arg.default.is_some();
    if !command.inputs.iter().any(|arg| absent(&arg)) {
        return;
    }
    let mut known: BTreeSet<String> = args.iter().map(|(name, _)| name.clone()).collect();
    let given = args.len();
    for arg in command.inputs.iter().filter(absent) {
        for name in instances(&arg.name, &args[..given]) {
            if known.insert(name.clone()) {
                args.push((name, arg.default.clone().unwrap_or_default()));
            }
        }
    }
}

/// The names of an argument: itself, or one for each instance of which some argument was given.
fn instances(name: &str, given: &[(String, String)]) -> Vec<String> {
    let Some(at) = name.rfind("{i}.") else { return vec![name.to_owned()] };
    let (object, leaf) = name.split_at(at + "{i}.".len());
    let found = given.iter().filter_map(|(known, _)| instance_of(object, known));
    found.map(|instance| format!("{instance}{leaf}")).collect()
}

/// The beginning of `name` that is an instance of `object`: `TimeWindow.1.` of `TimeWindow.{i}.`.
fn instance_of<'a>(object: &str, name: &'a str) -> Option<&'a str> {
    let mut rest = name;
    for part in object.split_terminator('.') {
        let (head, tail) = rest.split_once('.')?;
        let is_number = !head.is_empty() && head.bytes().all(|b| b.is_ascii_digit());
        let fits = if part == "{i}" { is_number } else { part == head };
        if !fits {
            return None;
        }
        rest = tail;
    }
    Some(&name[..name.len() - rest.len()])
}
