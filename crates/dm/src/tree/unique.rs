//! Unique keys (TR-369 R-KEY.1, R-KEY.2; TR-106 `uniqueKey`).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use crate::fault::{Code, Fault};
use crate::model::{Object, UniqueKey};
use crate::path::Name;
use crate::tree::judge::Touch;
use crate::tree::{Place, Tree};
use crate::value::Value;

/// The lexical values of a key's parameters; none where the row has no value.
pub(super) type KeyValues = Vec<Option<String>>;

impl Tree {
    /// The values of a key, or nothing where it does not bind: functional keys bind enabled rows only.
    pub(super) fn key_values(&self, row: &Place, key: &UniqueKey) -> Option<KeyValues> {
        let switch = self.model().object(row.object).enable_param.as_ref();
        let disabled = |name: &Name| self.value_of(row, name.as_str()) == Some(&Value::Bool(false));
        if key.functional && switch.is_some_and(disabled) {
            return None;
        }
        let text = |index: &u16| self.value(row, *index).map(|value| value.expose().into_owned());
        Some(key.params.iter().map(text).collect())
    }
}

/// Which rows have which values, for every unique key that a message touched.
#[derive(Default)]
pub(super) struct KeyIndex(BTreeMap<(Place, usize), Group>);

/// One key of one table.
#[derive(Default)]
struct Group {
    values: BTreeMap<NonZeroU32, KeyValues>,
    rows: BTreeMap<KeyValues, BTreeSet<NonZeroU32>>,
}

impl KeyIndex {
    /// Reads the rows of each table concerned once, and counts them.
    pub(super) fn of(tree: &Tree, touches: &[Touch], read: &mut usize) -> KeyIndex {
        let mut index = KeyIndex::default();
        for touch in touches.iter().filter(|touch| touch.place.is_row(tree.model())) {
            let object = tree.model().object(touch.place.object);
            let Some((table, _)) = touch.place.table() else { continue };
            for at in concerned(object, touch.param) {
                index.0.entry((table.clone(), at)).or_insert_with(|| {
                    let rows = tree.rows(&table);
                    *read += rows.len();
                    Group::of(tree, &table, &rows, &object.unique_keys[at])
                });
            }
        }
        index
    }

    /// Whether the touched parameter makes its row equal to another in a unique key.
    pub(super) fn clash(&self, tree: &Tree, touch: &Touch) -> Option<Fault> {
        let (table, number) = touch.place.table()?;
        let other = concerned(tree.model().object(touch.place.object), touch.param).find_map(|at| {
            let group = self.0.get(&(table.clone(), at))?;
            group.rows[group.values.get(&number)?].iter().find(|other| **other != number)
        })?;
        let row = table.row(*other).text(tree.model());
        Some(Fault::new(Code::DUPLICATE_KEY, format!("{row} has the same unique key")))
    }

    /// Takes a row out of the keys of a touched parameter that lost: others no longer clash with it.
    pub(super) fn leave(&mut self, tree: &Tree, touch: &Touch) {
        let Some((table, number)) = touch.place.table() else { return };
        for at in concerned(tree.model().object(touch.place.object), touch.param) {
            if let Some(group) = self.0.get_mut(&(table.clone(), at))
                && let Some(values) = group.values.remove(&number)
                && let Some(rows) = group.rows.get_mut(&values)
            {
                rows.remove(&number);
            }
        }
    }
}

impl Group {
    fn of(tree: &Tree, table: &Place, rows: &[NonZeroU32], key: &UniqueKey) -> Group {
        let mut group = Group::default();
        for number in rows {
            if let Some(values) = tree.key_values(&table.row(*number), key) {
                group.rows.entry(values.clone()).or_default().insert(*number);
                group.values.insert(*number, values);
            }
        }
        group
    }
}

/// The keys that writing a parameter may break. Enabling a row subjects it to its functional keys, so the
/// switch counts as part of them.
fn concerned(object: &Object, param: u16) -> impl Iterator<Item = usize> {
    let enables = object.enable_param.as_ref() == Some(&object.params[usize::from(param)].name);
    let keys = object.unique_keys.iter().enumerate();
    keys.filter(move |(_, key)| key.params.contains(&param) || (enables && key.functional)).map(|(at, _)| at)
}
