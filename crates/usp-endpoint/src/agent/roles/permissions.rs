//! Roles compiled for one supported model: what a controller may do, answered without reading a table.
//!
//! Within a role the row of the largest Order that covers a place decides alone; among roles the bits are united
//! (R-SEC.1, TR-369 section "Role Definition"). Where the rows that count hold for every place of an object, a
//! bit mask of that object is the answer. Only where row numbers, search expressions or single elements are
//! concerned, the rows are looked at one after another, the largest Order first.

use std::cmp::Reverse;
use std::sync::Arc;

use dm::model::{Model, ObjectId};
use dm::tree::{Authority, Bit, Place, Tree};

use super::bits::Bits;
use super::target::Target;

/// One enabled row of a Permission table.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) order: u64,
    pub(super) bits: Bits,
    pub(super) targets: Vec<Arc<Target>>,
}

/// What the roles of a controller grant.
#[derive(Debug)]
pub(in crate::agent) struct Permissions {
    /// By object of the model.
    objects: Box<[Grant]>,
    sees_secured: bool,
}

/// What is granted at one object.
#[derive(Clone, Debug, Default)]
struct Grant {
    /// By roles that make no difference among its places and elements.
    known: Bits,
    /// The other roles, each with its rows that concern the object.
    roles: Vec<Vec<Candidate>>,
}

/// A row of a role that may cover a place of an object.
#[derive(Clone, Debug)]
struct Candidate {
    bits: Bits,
    target: Arc<Target>,
    any_row: bool,
    /// Covers the table too, if the object is one.
    table: bool,
}

impl Candidate {
    /// Covers every place and element of the object.
    fn is_whole(&self) -> bool {
        self.target.leaf.is_none() && self.any_row && self.table
    }
}

impl Permissions {
    /// Compiles roles, each by its enabled rows.
    pub(super) fn compile(model: &Model, roles: Vec<Vec<Rule>>, sees_secured: bool) -> Permissions {
        let mut objects = vec![Grant::default(); model.len()];
        for mut rules in roles {
            rules.sort_by_key(|rule| Reverse(rule.order));
            for (grant, candidates) in objects.iter_mut().zip(candidates(model, &rules)) {
                match candidates.first() {
                    None => {}
                    Some(first) if first.is_whole() => grant.known = grant.known.union(first.bits),
                    Some(_) => grant.roles.push(candidates),
                }
            }
        }
        for grant in &mut objects {
            grant.roles.shrink_to_fit();
        }
        Permissions { objects: objects.into(), sees_secured }
    }

    /// Whether everything is granted everywhere.
    pub(super) fn is_everything(&self) -> bool {
        self.objects.iter().all(|grant| grant.known == Bits::ALL)
    }

    fn grant(&self, object: ObjectId) -> Option<&Grant> {
        self.objects.get(usize::try_from(object.0).ok()?)
    }
}

/// The rows of a role that concern each object, the largest Order first, as far as the first that covers
/// all of it.
fn candidates(model: &Model, rules: &[Rule]) -> Vec<Vec<Candidate>> {
    let mut objects: Vec<Vec<Candidate>> = vec![Vec::new(); model.len()];
    for rule in rules {
        for target in &rule.targets {
            let below = model.subtree(target.object).map(|(object, _)| object);
            let all = if target.leaf.is_some() { 1 } else { usize::MAX };
            for object in below.take(all) {
                let Some(known) = usize::try_from(object.0).ok().and_then(|at| objects.get_mut(at)) else {
                    continue;
                };
                if known.last().is_none_or(|last| !last.is_whole()) {
                    known.push(Candidate {
                        bits: rule.bits,
                        target: target.clone(),
                        any_row: target.is_any_row(),
                        table: target.reaches_table(model, object),
                    });
                }
            }
        }
    }
    objects
}

impl Authority for Permissions {
    fn allows(&self, tree: &Tree, bit: Bit, place: &Place, leaf: &str) -> bool {
        let Some(grant) = self.grant(place.object) else { return false };
        grant.known.has(bit) || grant.roles.iter().any(|role| decide(role, tree, bit, place, leaf))
    }

    /// Whether some place of the object may have the bit.
    fn allows_in_model(&self, _: &Tree, bit: Bit, object: ObjectId, leaf: &str) -> bool {
        let Some(grant) = self.grant(object) else { return false };
        grant.known.has(bit) || grant.roles.iter().any(|role| may(role, bit, leaf))
    }

    fn sees_secured(&self) -> bool {
        self.sees_secured
    }
}

/// What the row that counts says of a bit. Where nobody can tell whether a row counts, it counts if it
/// denies.
fn decide(role: &[Candidate], tree: &Tree, bit: Bit, place: &Place, leaf: &str) -> bool {
    for candidate in role {
        let granted = candidate.bits.has(bit);
        match candidate.target.covers(tree, place, leaf) {
            Some(true) => return granted,
            None if !granted => return false,
            Some(false) | None => {}
        }
    }
    false
}

/// Whether a bit is granted at any place of an object.
fn may(role: &[Candidate], bit: Bit, leaf: &str) -> bool {
    let of_rows = !leaf.is_empty() || matches!(bit, Bit::InstanceRead);
    for candidate in role.iter().filter(|c| c.target.leaf.as_ref().is_none_or(|own| own == leaf)) {
        if candidate.bits.has(bit) {
            return true;
        }
        if candidate.any_row && (candidate.table || of_rows) {
            return false;
        }
    }
    false
}
