//! Reconciliation: from the rows that an agent has to the writes that bring them to what is wanted.
//!
//! A subscription's type and references are written once, so one that differs is made anew: first the
//! new row is added, and only when it stands, in the next round, the old one is deleted. No event falls
//! between them. Both are ours and stand at the same time, so the new one has another id: `boot~2` after
//! `boot`.

use dm::operation::{Add, Delete, ObjectSettings, ObjectValues, Operation, ParamSetting, Set};
use dm::{Fault, Outcome};

use super::super::io::Subscription;
use super::steps::{row_of, setting};
use crate::limits;

pub(super) const TABLE: &str = "Device.LocalAgent.Subscription.";

/// What to write, in this order; nothing if all is well. Rows of other recipients, and rows of ours whose
/// id has not the prefix and is not wanted, are left alone.
pub(super) fn reconcile(
    wanted: &[Subscription],
    rows: &[ObjectValues],
    own_row: &str,
    prefix: &str,
) -> Vec<Operation> {
    let ours = rows.iter().filter_map(|row| Row::ours(row, own_row));
    let ours: Vec<Row<'_>> = ours.take(limits::SUBSCRIPTION_ROWS).collect();
    let (mut set, mut add, mut delete) = (Vec::new(), Vec::new(), Vec::new());
    for subscription in wanted {
        let same: Vec<&Row<'_>> = ours.iter().filter(|row| row.stem() == subscription.id).collect();
        match same.iter().position(|row| row.means(subscription)) {
            Some(keep) => {
                let params = same[keep].repairs(subscription);
                if !params.is_empty() {
                    set.push(ObjectSettings { path: same[keep].path.to_owned(), params });
                }
                let others = same.iter().enumerate().filter(|(at, _)| *at != keep);
                delete.extend(others.map(|(_, row)| row.path.to_owned()));
            }
            None => add.push(new_row(subscription, &free_id(&subscription.id, &same))),
        }
    }
    let surplus = |row: &&Row<'_>| {
        let wanted = wanted.iter().any(|subscription| subscription.id == row.stem());
        !wanted && !prefix.is_empty() && row.id.starts_with(prefix)
    };
    delete.extend(ours.iter().filter(surplus).map(|row| row.path.to_owned()));
    writes(set, add, delete)
}

/// Whether the agent has no row at all for any of the wanted ids.
pub(super) fn none_stands(wanted: &[Subscription], rows: &[ObjectValues], own_row: &str) -> bool {
    let mut ours = rows.iter().filter_map(|row| Row::ours(row, own_row));
    !wanted.is_empty() && !ours.any(|row| wanted.iter().any(|subscription| subscription.id == row.stem()))
}

/// The ids of the subscriptions that these writes add.
pub(super) fn added(writes: &[Operation]) -> impl Iterator<Item = &str> {
    let objects = writes.iter().flat_map(|write| match write {
        Operation::Add(add) => add.objects.as_slice(),
        _ => &[],
    });
    objects.filter_map(id_of)
}

/// Why rows were not added, by their ids. Results stand in the order of what was asked.
pub(super) fn faults(add: &Add, outcome: &Outcome) -> Vec<(String, Fault)> {
    let ids = add.objects.iter().filter_map(id_of).map(str::to_owned);
    match outcome {
        Outcome::Add(results) => {
            ids.zip(results).filter_map(|(id, one)| Some((id, one.result.as_ref().err()?.clone()))).collect()
        }
        Outcome::Failed(failure) => ids.map(|id| (id, failure.fault.clone())).collect(),
        _ => Vec::new(),
    }
}

/// Our id of a row to be added, without what a replacement has after it.
fn id_of(object: &ObjectSettings) -> Option<&str> {
    let id = object.params.iter().find(|one| one.param == "ID")?.value.as_str();
    Some(id.split_once('~').map_or(id, |(stem, _)| stem))
}

/// What brings the `BootParameter` rows below our own row to what is wanted. Others are left alone.
pub(super) fn boot_parameters(wanted: &[String], rows: &[ObjectValues], table: &str) -> Vec<Operation> {
    let (mut set, mut add) = (Vec::new(), Vec::new());
    for name in wanted {
        let row = rows.iter().find(|row| {
            row_of(table, &row.path).is_some() && value(row, "ParameterName") == Some(name.as_str())
        });
        match row {
            Some(row) if is_true(value(row, "Enable")) => {}
            Some(row) => {
                let params = vec![setting("Enable", "true")];
                set.push(ObjectSettings { path: row.path.clone(), params });
            }
            None => {
                let params = vec![setting("Enable", "true"), setting("ParameterName", name)];
                add.push(ObjectSettings { path: table.to_owned(), params });
            }
        }
    }
    writes(set, add, Vec::new())
}

/// A row of the table of subscriptions whose recipient is this controller.
struct Row<'a> {
    path: &'a str,
    id: &'a str,
    values: &'a ObjectValues,
}

impl<'a> Row<'a> {
    fn ours(values: &'a ObjectValues, own_row: &str) -> Option<Row<'a>> {
        row_of(TABLE, &values.path)?;
        let recipient = value(values, "Recipient")?.trim_end_matches('.');
        let ours = recipient == own_row.trim_end_matches('.');
        ours.then_some(Row { path: &values.path, id: value(values, "ID")?, values })
    }

    /// The id without what a replacement has after it.
    fn stem(&self) -> &'a str {
        self.id.split_once('~').map_or(self.id, |(stem, _)| stem)
    }

    /// Whether type and references are the wanted ones; their order has no meaning.
    fn means(&self, wanted: &Subscription) -> bool {
        let list = value(self.values, "ReferenceList").unwrap_or_default();
        items(list) == items(&wanted.reference_list)
            && value(self.values, "NotifType") == Some(wanted.notif_type.as_str())
    }

    /// What may be set on a row that stays.
    fn repairs(&self, wanted: &Subscription) -> Vec<ParamSetting> {
        let flags = [("Enable", true), ("Persistent", wanted.persistent), ("NotifRetry", wanted.retry)];
        let differs = |(name, want): &(&str, bool)| {
            let have = value(self.values, name);
            have.is_some() && is_true(have) != *want
        };
        flags.into_iter().filter(differs).map(|(name, want)| flag(name, want)).collect()
    }
}

fn free_id(id: &str, taken: &[&Row<'_>]) -> String {
    let candidates = (2u32..).map(|n| format!("{id}~{n}"));
    let free = |id: &String| taken.iter().all(|row| row.id != id);
    std::iter::once(id.to_owned()).chain(candidates).find(free).expect("rows are finitely many")
}

fn new_row(wanted: &Subscription, id: &str) -> ObjectSettings {
    let params = vec![
        setting("Enable", "true"),
        setting("ID", id),
        setting("NotifType", &wanted.notif_type),
        setting("ReferenceList", &wanted.reference_list),
        flag("Persistent", wanted.persistent),
        flag("NotifRetry", wanted.retry),
    ];
    ObjectSettings { path: TABLE.to_owned(), params }
}

/// A subscription without these is better than none.
fn flag(name: &str, value: bool) -> ParamSetting {
    ParamSetting { required: name == "Enable", ..setting(name, if value { "true" } else { "false" }) }
}

fn writes(set: Vec<ObjectSettings>, add: Vec<ObjectSettings>, delete: Vec<String>) -> Vec<Operation> {
    let set = (!set.is_empty()).then_some(Operation::Set(Set { allow_partial: true, objects: set }));
    let add = (!add.is_empty()).then_some(Operation::Add(Add { allow_partial: true, objects: add }));
    let delete =
        (!delete.is_empty()).then_some(Operation::Delete(Delete { allow_partial: true, paths: delete }));
    [set, add, delete].into_iter().flatten().collect()
}

fn items(list: &str) -> Vec<&str> {
    let mut items: Vec<&str> = list.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    items.sort_unstable();
    items
}

fn value<'a>(row: &'a ObjectValues, name: &str) -> Option<&'a str> {
    row.params.iter().find(|(param, _)| param == name).map(|(_, value)| value.as_str())
}

fn is_true(value: Option<&str>) -> bool {
    matches!(value, Some("true" | "1"))
}
