//! Changes of a transaction as the edits that providers make, and as the changes that undo them.

use std::collections::BTreeMap;

use dm::Value;
use dm::operation::ParamAccess;
use dm::path::ObjectPath;
use dm::tree::{Change, Place, Tree};

use crate::keys::Keys;
use crate::kind::Kind;
use crate::pointers::to_keys;
use crate::provider::Edit;

/// Edits by provider.
pub(crate) type Batches = BTreeMap<u16, Vec<Edit>>;

/// What each provider has to do for these changes; the engine's own part is left out.
pub(crate) fn batches(kind: &Kind, keys: &Keys, changes: &[Change]) -> Batches {
    let mut batches = Batches::new();
    let mut added = Added::new();
    for change in changes {
        let place = place_of(change);
        let Some(provider) = kind.owner(place.object) else { continue };
        let edits = batches.entry(provider).or_default();
        push(kind, keys, change, &mut added, edits);
        if edits.is_empty() {
            batches.remove(&provider);
        }
    }
    batches
}

/// Where the edits stand that add rows, among those of their provider.
type Added<'a> = BTreeMap<&'a Place, usize>;

/// The object that a change is about.
pub(crate) fn place_of(change: &Change) -> &Place {
    match change {
        Change::Set { place, .. } => place,
        Change::Create { row, .. } | Change::Remove { row } => row,
    }
}

fn push<'a>(kind: &Kind, keys: &Keys, change: &'a Change, added: &mut Added<'a>, edits: &mut Vec<Edit>) {
    let (model, place) = (kind.model(), place_of(change));
    let Ok(path) = ObjectPath::parse(&place.text(model)) else { return };
    let object = model.object(place.object);
    let is_told = |param: u16| {
        !kind.is_own(place.object, param) && object.params[usize::from(param)].access != ParamAccess::ReadOnly
    };
    let told = |param: u16, value: &Value| match value {
        Value::Text(text) if object.params[usize::from(param)].facets.reference.is_some() => {
            Value::text(to_keys(model, keys, text))
        }
        other => other.clone(),
    };
    match change {
        Change::Set { param, value: Some(value), .. } if is_told(*param) => {
            let name = object.params[usize::from(*param)].name.clone();
            let value = told(*param, value);
            // A row and what its creator sets in it are one edit.
            if let Some(Edit::Add { values, .. }) = added.get(place).and_then(|at| edits.get_mut(*at)) {
                values.retain(|(known, _)| *known != name);
                values.push((name, value));
                return;
            }
            let keys = keys.chain(model, place);
            let object = object.path.clone();
            edits.push(Edit::Set { path, object, keys, param: name, value });
        }
        Change::Set { .. } => {}
        Change::Create { values, .. } => {
            let mut parents = keys.chain(model, place);
            parents.pop();
            let known = values.iter().filter(|(param, _)| is_told(*param));
            let values = known
                .map(|(param, value)| (object.params[usize::from(*param)].name.clone(), told(*param, value)));
            added.insert(place, edits.len());
            edits.push(Edit::Add { path, object: object.path.clone(), parents, values: values.collect() });
        }
        Change::Remove { .. } => {
            let keys = keys.chain(model, place);
            edits.push(Edit::Delete { path, object: object.path.clone(), keys });
        }
    }
}

/// The changes that lead the tree back from `changes` to `before`. A value that was not known then is not
/// known again: what the system has in its place only the provider can bring back.
pub(crate) fn undo(before: &Tree, changes: &[Change]) -> Vec<Change> {
    let mut tree = before.clone();
    let mut back: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        back.push(match change {
            Change::Set { place, param, .. } => {
                let value = tree.value(place, *param).cloned();
                vec![Change::Set { place: place.clone(), param: *param, value }]
            }
            Change::Create { row, .. } => vec![Change::Remove { row: row.clone() }],
            Change::Remove { row } => rebuild(&tree, row),
        });
        tree.apply([change]);
    }
    back.into_iter().rev().flatten().collect()
}

/// The changes that make a row and all below it again.
fn rebuild(tree: &Tree, row: &Place) -> Vec<Change> {
    let model = tree.model();
    let object = model.object(row.object);
    let mut changes = Vec::new();
    let known =
        (0..).zip(&object.params).filter_map(|(index, _)| Some((index, tree.value(row, index)?.clone())));
    if row.is_row(model) {
        changes.push(Change::Create { row: row.clone(), values: known.collect() });
    } else {
        let set = |(param, value)| Change::Set { place: row.clone(), param, value: Some(value) };
        changes.extend(known.map(set));
    }
    for &child in &object.children {
        let below = row.child(child);
        if model.object(child).is_multi {
            changes.extend(tree.rows(&below).into_iter().flat_map(|n| rebuild(tree, &below.row(n))));
        } else {
            changes.extend(rebuild(tree, &below));
        }
    }
    changes
}
