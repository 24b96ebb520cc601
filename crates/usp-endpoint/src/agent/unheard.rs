//! Reads of parts whose keeper did not answer: a fault where such a part was asked for, and nothing of it where
//! more was asked for. Absent is right, outdated is wrong.

use dm::model::Model;
use dm::path::{ObjectPath, Path, SchemaPath};
use dm::tree::Tree;
use dm::{Fault, Outcome};

use super::io::Ticket;
use super::requests::Pending;
use super::{AgentMachine, places};

/// A part that is not known, and why.
#[derive(Clone, Debug)]
pub(super) struct Unheard {
    subtrees: Vec<SchemaPath>,
    fault: Fault,
}

impl AgentMachine {
    pub(super) fn unheard(&mut self, ticket: Ticket, subtrees: Vec<SchemaPath>, fault: Fault) {
        if matches!(self.pending.get(&ticket), Some(Pending::Request(..))) {
            self.unheard.entry(ticket).or_default().push(Unheard { subtrees, fault });
        }
    }
}

/// Takes what is not known out of an answer.
pub(super) fn blank(tree: &Tree, unheard: &[Unheard], outcome: &mut Outcome) {
    let model = tree.model();
    let why = |object: &SchemaPath| {
        let covers = |subtree: &SchemaPath| object.as_str().starts_with(subtree.as_str());
        unheard.iter().find(|part| part.subtrees.iter().any(covers)).map(|part| part.fault.clone())
    };
    let asked = |path: &str| why(&touched(model, path)?);
    let told = |path: &str| ObjectPath::parse(path).is_ok_and(|path| why(&path.to_schema()).is_none());
    match outcome {
        Outcome::Get(results) => {
            for requested in results {
                match (asked(&requested.path), &mut requested.result) {
                    (Some(fault), result) => *result = Err(fault),
                    (None, Ok(objects)) => objects.retain(|object| told(&object.path)),
                    (None, Err(_)) => {}
                }
            }
        }
        Outcome::GetInstances(results) => {
            for requested in results {
                match (asked(&requested.path), &mut requested.result) {
                    (Some(fault), result) => *result = Err(fault),
                    (None, Ok(rows)) => rows.retain(|row| told(&row.path)),
                    (None, Err(_)) => {}
                }
            }
        }
        _ => {}
    }
}

/// The object that a path leads into, as far as it is names and numbers.
fn touched(model: &Model, text: &str) -> Option<SchemaPath> {
    let place = places::touched(model, &Path::parse(text).ok()?)?;
    Some(model.object(place.object).path.clone())
}
