//! Values for unique keys that an Add left out (TR-369 R-ADD.5).
//!
//! Texts become `cpe-<n>`, whole numbers `<n>`, from the row's own number up. References, enumerations
//! and patterns cannot be made up: they keep their default, and the row fails if that is taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Param;
use crate::operation::ObjectSettings;
use crate::tree::unique::KeyValues;
use crate::tree::{Change, Place, Tree};
use crate::value::{Type, Value};

/// What the rows of one message may be given. It serves one round of staging, in which values are only
/// ever taken, so that every table is read once.
pub(super) struct Assigner<'a> {
    /// Names and texts of all settings of the message: what one row asks for, no other is given.
    asked: BTreeSet<(&'a str, &'a str)>,
    free: BTreeMap<(Place, u16), Free>,
    taken: BTreeMap<(Place, usize), BTreeSet<KeyValues>>,
}

/// The values of one parameter in one table that are not free, and where to look on.
struct Free {
    taken: BTreeSet<String>,
    next: u64,
    /// It began again from the lowest number, having passed the highest.
    again: bool,
}

impl<'a> Assigner<'a> {
    pub(super) fn new(requests: &'a [ObjectSettings]) -> Assigner<'a> {
        let settings = requests.iter().flat_map(|request| &request.params);
        let asked = settings.map(|setting| (setting.param.as_str(), setting.value.as_str()));
        Assigner { asked: asked.collect(), free: BTreeMap::new(), taken: BTreeMap::new() }
    }

    /// Gives a staged row its keys: those left out and null, where they identify the row, and one of
    /// those left out wherever the row would otherwise equal another.
    pub(super) fn complete(&mut self, tree: &mut Tree, row: &Place, left_out: &[u16]) -> Vec<Change> {
        let model = tree.model().clone();
        let Some((table, _)) = row.table() else { return Vec::new() };
        let mut changes = Vec::new();
        for (at, key) in model.object(row.object).unique_keys.iter().enumerate() {
            let mut open = key.params.iter().copied().filter(|index| left_out.contains(index));
            for index in open.clone() {
                if !key.functional && is_null(tree, row, index) {
                    changes.extend(self.assign(tree, &table, row, index));
                }
            }
            let Some(values) = tree.key_values(row, key) else { continue };
            let known = self.taken.entry((table.clone(), at)).or_insert_with(|| {
                let others = tree.rows(&table).into_iter().map(|number| table.row(number));
                others.filter(|other| other != row).filter_map(|other| tree.key_values(&other, key)).collect()
            });
            if !known.insert(values)
                && let Some(change) = open.find_map(|index| self.assign(tree, &table, row, index))
            {
                changes.push(change);
                if let (Some(known), Some(values)) =
                    (self.taken.get_mut(&(table.clone(), at)), tree.key_values(row, key))
                {
                    known.insert(values);
                }
            }
        }
        changes
    }

    fn assign(&mut self, tree: &mut Tree, table: &Place, row: &Place, index: u16) -> Option<Change> {
        let model = tree.model().clone();
        let param = &model.object(row.object).params[usize::from(index)];
        let spell = spelling(param)?;
        let own = row.rows().last().map_or(1, |number| u64::from(number.get()));
        let free = self.free.entry((table.clone(), index)).or_insert_with(|| {
            let others = tree.rows(table).into_iter();
            let values = others.filter_map(|number| tree.value(&table.row(number), index));
            Free { taken: values.map(|value| value.expose().into_owned()).collect(), next: 0, again: false }
        });
        let asked = |text: &str| self.asked.contains(&(param.name.as_str(), text));
        let value = free.take(
            own,
            lowest(param),
            |number| {
                let text = spell(number);
                param.check(&text).ok().map(|value| (text, value))
            },
            asked,
        )?;
        let change = Change::Set { place: row.clone(), param: index, value: Some(value) };
        tree.apply([&change]);
        Some(change)
    }
}

impl Free {
    /// The next value that nobody has; none if the type's range is used up.
    fn take(
        &mut self,
        own: u64,
        lowest: u64,
        value: impl Fn(u64) -> Option<(String, Value)>,
        asked: impl Fn(&str) -> bool,
    ) -> Option<Value> {
        if !self.again {
            self.next = self.next.max(own);
        }
        loop {
            let Some((text, value)) = value(self.next).filter(|_| self.next < u64::MAX) else {
                if self.again {
                    return None;
                }
                (self.again, self.next) = (true, lowest);
                continue;
            };
            self.next += 1;
            if !asked(&text) && self.taken.insert(text) {
                return Some(value);
            }
        }
    }
}

fn is_null(tree: &Tree, row: &Place, index: u16) -> bool {
    let ty = tree.model().object(row.object).params[usize::from(index)].ty;
    tree.value(row, index).is_none_or(|value| value.expose().is_empty() || *value == Value::null(ty))
}

/// How a parameter's made-up values are written, if they can be made up.
fn spelling(param: &Param) -> Option<fn(u64) -> String> {
    match param.ty {
        Type::String if param.is_free_text() => Some(|number| format!("cpe-{number}")),
        Type::Int | Type::UnsignedInt | Type::Long | Type::UnsignedLong if !param.is_list() => {
            Some(|number| number.to_string())
        }
        _ => None,
    }
}

/// The lowest number that a made-up value may have; 0 is what was left out.
fn lowest(param: &Param) -> u64 {
    let least = param.facets.ranges.iter().filter_map(|range| range.min).min();
    least.and_then(|least| u64::try_from(least).ok()).unwrap_or(1).max(1)
}
