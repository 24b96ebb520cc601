//! Roles: `Device.LocalAgent.ControllerTrust.Role.`, who has which, and what they grant.
//!
//! The tables are read when they change; requests are judged by what was compiled from them. An agent whose
//! model has no roles has one that grants everything but secured values.

mod bits;
mod permissions;
mod target;

use std::num::NonZeroU32;
use std::sync::Arc;

use dm::model::Model;
use dm::path::ReferenceValue;
use dm::tree::{Place, Requester, Tree};
use dm::value::split_list;
use dm::{Code, Fault, Value};

use super::access::Access;
use super::controllers::uint;
use super::places;
use crate::limits::{MAX_CONTROLLER_ROLES, MAX_ROLE_TARGETS};
use bits::Bits;
use permissions::Rule;
use target::Target;

pub(super) use permissions::Permissions;

/// The roles of one controller, by row number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// There are no roles in this device.
    NoRoles,
    /// It has the BannedRole: nothing is taken from it, and nothing sent.
    Banned,
    /// Its assigned and inherited roles, or where it has neither the UntrustedRole.
    Roles(Box<[NonZeroU32]>),
}

/// What the tables say of a row of the Controller table.
pub(super) fn standing(tree: &Tree, controller: &Place) -> Standing {
    let assigned = tree.model().param_index(controller.object, "AssignedRole");
    let (Some(trust), Some(_), Some(_)) =
        (places::table(tree, places::TRUST), places::table(tree, places::ROLE), assigned)
    else {
        return Standing::NoRoles;
    };
    let mut roles = references(tree, controller, "AssignedRole");
    roles.extend(references(tree, controller, "InheritedRole"));
    if references(tree, &trust, "BannedRole").iter().any(|banned| roles.contains(banned)) {
        return Standing::Banned;
    }
    if roles.is_empty() {
        roles = references(tree, &trust, "UntrustedRole");
    }
    roles.sort_unstable();
    roles.dedup();
    roles.truncate(MAX_CONTROLLER_ROLES);
    Standing::Roles(roles.into())
}

/// The rows of the Role table that a parameter refers to.
fn references(tree: &Tree, place: &Place, param: &str) -> Vec<NonZeroU32> {
    let Some(table) = places::table(tree, places::ROLE) else { return Vec::new() };
    let text = tree.text_of(place, param);
    let rows = split_list(&text).filter_map(|item| {
        let path = ReferenceValue::parse(&item).ok()?.concrete_object()?;
        tree.locate(&path).filter(|place| place.object == table.object)?.rows().last().copied()
    });
    rows.collect()
}

/// What the roles of these rows grant together.
pub(super) fn access(tree: &Tree, roles: &[NonZeroU32]) -> Access {
    let Some(table) = places::table(tree, places::ROLE) else { return Access::Full { secured: false } };
    let rows = roles.iter().map(|number| table.row(*number));
    let enabled: Vec<Place> = rows.filter(|row| is_enabled(tree, row)).collect();
    let secured = places::table(tree, places::TRUST).map(|trust| references(tree, &trust, "SecuredRoles"));
    let secured = secured.unwrap_or_default();
    let sees_secured = enabled.iter().any(|row| row.rows().last().is_some_and(|n| secured.contains(n)));
    let rules = enabled.iter().map(|role| rules(tree, role)).collect();
    let permissions = Permissions::compile(tree.model(), rules, sees_secured);
    match permissions.is_everything() {
        true => Access::Full { secured: sees_secured },
        false => Access::Limited(Arc::new(permissions)),
    }
}

fn is_enabled(tree: &Tree, row: &Place) -> bool {
    tree.value_of(row, "Enable") == Some(&Value::Bool(true))
}

/// The enabled rows of a role's Permission table. A role with more targets than are evaluated grants
/// nothing: what is left out could be what denies.
fn rules(tree: &Tree, role: &Place) -> Vec<Rule> {
    let Some(table) = places::below(tree.model(), role, &["Permission"]) else { return Vec::new() };
    let mut left = MAX_ROLE_TARGETS;
    let mut rules = Vec::new();
    for row in places::rows(tree, &table).into_iter().filter(|row| is_enabled(tree, row)) {
        let list = tree.text_of(&row, "Targets");
        let count = split_list(&list).count();
        if count > left {
            return Vec::new();
        }
        left -= count;
        let text = |param| tree.text_of(&row, param);
        let targets = split_list(&list).filter_map(|item| Target::locate(tree.model(), &item));
        rules.push(Rule {
            order: uint(tree, &row, "Order").unwrap_or(0),
            bits: Bits::parse(&text("Param"), &text("Obj"), &text("InstantiatedObj"), &text("CommandEvent")),
            targets: targets.map(Arc::new).collect(),
        });
    }
    rules
}

/// Checks a value on its way into a row of a Permission table: `Targets`, a list of paths, and the four strings
/// of letters. Other parameters pass.
///
/// # Errors
/// 7012 for what is no permission string or target, 7005 for too many targets.
pub fn check_permission(param: &str, value: &str) -> Result<(), Fault> {
    let bad = |why: String| Fault::new(Code::INVALID_VALUE, why);
    match param {
        "Param" | "Obj" | "InstantiatedObj" | "CommandEvent" => match bits::letters(value) {
            Some(_) => Ok(()),
            None => Err(bad(format!("{param} is four letters of rwxn in this order, or dashes"))),
        },
        "Targets" => {
            for (index, item) in split_list(value).enumerate() {
                if index >= MAX_ROLE_TARGETS {
                    let message = format!("more than {MAX_ROLE_TARGETS} targets");
                    return Err(Fault::new(Code::RESOURCES_EXCEEDED, message));
                }
                target::parse(&item).map_err(|why| bad(format!("{item}: {why}")))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether a target names something of this model. One that does not grants nothing, and denies nothing.
pub fn is_target(model: &Model, target: &str) -> bool {
    Target::locate(model, target).is_some()
}

/// Checks the targets of one permission beside those of the others of its role: a role with too many grants nothing.
///
/// # Errors
/// 7005
pub(super) fn check_targets(tree: &Tree, permission: &Place, value: &str) -> Result<(), Fault> {
    let Some((table, number)) = permission.table() else { return Ok(()) };
    let others = tree.rows(&table).into_iter().filter(|other| *other != number);
    let others = others.map(|other| split_list(&tree.text_of(&table.row(other), "Targets")).count());
    match split_list(value).count() + others.sum::<usize>() <= MAX_ROLE_TARGETS {
        true => Ok(()),
        false => {
            let message = format!("more than {MAX_ROLE_TARGETS} targets in this role");
            Err(Fault::new(Code::RESOURCES_EXCEEDED, message))
        }
    }
}

/// Checks a value on its way into a row of the Controller table: a role that bans stands alone.
///
/// # Errors
/// 7012
pub(super) fn check_assigned(tree: &Tree, value: &str, who: &Requester<'_>) -> Result<(), Fault> {
    match split_list(value).count() > 1 && names(tree, value, "BannedRole", who) {
        true => Err(Fault::new(Code::INVALID_VALUE, "the role that bans is the only one of a controller")),
        false => Ok(()),
    }
}

/// Whether a list of references, as `who` resolves them, names one of the roles that a parameter of
/// `ControllerTrust.` does.
pub(super) fn names(tree: &Tree, list: &str, param: &str, who: &Requester<'_>) -> bool {
    let Some(trust) = places::table(tree, places::TRUST) else { return false };
    let Some(table) = places::table(tree, places::ROLE) else { return false };
    let meant = references(tree, &trust, param);
    split_list(list).any(|item| {
        let reference = ReferenceValue::parse(&item).ok();
        let found = reference.and_then(|value| tree.resolve(value.object()?, who).ok());
        let is_meant = |place: &Place| place.rows().last().is_some_and(|row| meant.contains(row));
        found.is_some_and(|found| {
            found.places.iter().any(|place| place.object == table.object && is_meant(place))
        })
    })
}
