//! One transaction at one service: a message for each kind of change, and what leads back.
//!
//! USP knows no dry run. Preparing reads the values that will be overwritten, which shows that the service is
//! there; what it does not take shows when it is asked to make the change. A deleted row can't be brought back
//! under its number, so what was deleted stays deleted, and is named.

use std::collections::{BTreeMap, BTreeSet};

use dm::operation::{Add, Delete, Get, ObjectSettings, Operation, Outcome, ParamSetting, Set};
use dm::path::{Name, ObjectPath};
use dm::{Code, Fault, Value};
use engine::provider::{Committed, Edit, RowKey};
use mtp::LinkId;

use super::hub::Hub;
use super::paths::join;
use super::serve::unexpected;
use crate::limits::SERVICE_ANSWER;

/// A transaction, and how far it has come.
#[derive(Debug)]
pub(super) struct Transaction {
    link: LinkId,
    steps: Vec<Step>,
    /// How many steps the service has made.
    done: usize,
    /// Rows that it has made.
    created: Vec<String>,
}

/// One message.
#[derive(Debug)]
enum Step {
    /// What to set, and what was there before, as far as that is known. Secrets read as nothing, and are not known.
    Set {
        objects: Vec<ObjectSettings>,
        secrets: BTreeSet<String>,
        before: Vec<ObjectSettings>,
        unknown: Vec<String>,
    },
    Add {
        objects: Vec<ObjectSettings>,
        rows: Vec<ObjectPath>,
    },
    Delete {
        paths: Vec<String>,
    },
}

impl Transaction {
    pub(super) async fn prepare(hub: &Hub, link: LinkId, edits: &[Edit]) -> Result<Transaction, Fault> {
        let mut steps = steps(edits)?;
        for step in &mut steps {
            if let Step::Set { objects, secrets, before, unknown } = step {
                (*before, *unknown) = values(hub, link, objects, secrets).await?;
            }
        }
        Ok(Transaction { link, steps, done: 0, created: Vec::new() })
    }

    /// Makes the changes. What was made before a failure is undone.
    pub(super) async fn commit(&mut self, hub: &Hub) -> Result<Committed, Fault> {
        let mut committed = Committed::default();
        for at in 0..self.steps.len() {
            match self.make(hub, at, &mut committed).await {
                Ok(()) => self.done = at + 1,
                Err(fault) => {
                    let Err(lost) = self.take_back(hub).await else { return Err(fault) };
                    let text = format!("{}; could not be undone: {}", fault.message, lost.message);
                    return Err(Fault::new(Code::INTERNAL_ERROR, text));
                }
            }
        }
        Ok(committed)
    }

    /// Whether the service has changed anything.
    pub(super) fn is_done(&self) -> bool {
        self.done > 0
    }

    /// Takes back what was made.
    ///
    /// # Errors
    /// What could not be.
    pub(super) async fn undo(mut self, hub: &Hub) -> Result<(), Fault> {
        self.take_back(hub).await
    }

    async fn make(&mut self, hub: &Hub, at: usize, committed: &mut Committed) -> Result<(), Fault> {
        let operation = match &self.steps[at] {
            Step::Set { objects, .. } => {
                Operation::Set(Set { allow_partial: false, objects: objects.clone() })
            }
            Step::Add { objects, .. } => {
                Operation::Add(Add { allow_partial: false, objects: objects.clone() })
            }
            Step::Delete { paths } => {
                Operation::Delete(Delete { allow_partial: false, paths: paths.clone() })
            }
        };
        let outcome = hub.ask(self.link, operation, SERVICE_ANSWER).await?;
        match (outcome, &self.steps[at]) {
            (Outcome::Set(results), Step::Set { .. }) => results
                .into_iter()
                .try_for_each(|result| result.result.map(drop).map_err(|failure| failure.fault)),
            (Outcome::Delete(results), Step::Delete { .. }) => {
                results.into_iter().try_for_each(|result| result.result.map(drop))
            }
            (Outcome::Add(results), Step::Add { rows, .. }) => {
                if results.len() != rows.len() {
                    let text = "the USP Service answered for other rows than it was asked for";
                    return Err(Fault::new(Code::INTERNAL_ERROR, text));
                }
                for (row, result) in rows.iter().zip(results) {
                    let made = result.result?;
                    let keys = made
                        .unique_keys
                        .into_iter()
                        .filter_map(|(name, value)| Some((row.clone(), Name::parse(&name).ok()?, value)));
                    committed.values.extend(keys);
                    let created = made.path;
                    let number = created.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
                    committed.keys.push((row.clone(), RowKey(number.into())));
                    self.created.push(created);
                }
                Ok(())
            }
            (other, _) => Err(unexpected(other)),
        }
    }

    async fn take_back(&mut self, hub: &Hub) -> Result<(), Fault> {
        let mut lost: Vec<String> = Vec::new();
        for step in self.steps[..std::mem::take(&mut self.done)].iter().rev() {
            let operation = match step {
                Step::Set { before, unknown, .. } => {
                    lost.extend(unknown.iter().cloned());
                    Operation::Set(Set { allow_partial: false, objects: before.clone() })
                }
                Step::Add { .. } => {
                    // The first one takes back the rows of all.
                    let paths = std::mem::take(&mut self.created);
                    if paths.is_empty() {
                        continue;
                    }
                    Operation::Delete(Delete { allow_partial: false, paths })
                }
                Step::Delete { paths } => {
                    lost.extend(paths.iter().map(|path| format!("{path} is deleted")));
                    continue;
                }
            };
            match hub.ask(self.link, operation, SERVICE_ANSWER).await {
                Ok(Outcome::Failed(failure)) => lost.push(failure.fault.message),
                Ok(_) => {}
                Err(fault) => lost.push(fault.message),
            }
        }
        if lost.is_empty() { Ok(()) } else { Err(Fault::new(Code::INTERNAL_ERROR, lost.join("; "))) }
    }
}

/// The messages that make these edits, in their order.
fn steps(edits: &[Edit]) -> Result<Vec<Step>, Fault> {
    let (mut steps, mut places) = (Vec::new(), BTreeMap::new());
    for edit in edits {
        push(&mut steps, &mut places, edit)?;
    }
    Ok(steps)
}

/// Adds an edit to the message before it, if that is of its kind. `places` tells where the objects of the last Set stand
/// in it.
fn push(steps: &mut Vec<Step>, places: &mut BTreeMap<String, usize>, edit: &Edit) -> Result<(), Fault> {
    match edit {
        Edit::Set { object, keys, param, value, .. } => {
            let path = join(object, keys)?;
            if !matches!(steps.last(), Some(Step::Set { .. })) {
                places.clear();
                steps.push(Step::Set {
                    objects: Vec::new(),
                    secrets: BTreeSet::new(),
                    before: Vec::new(),
                    unknown: Vec::new(),
                });
            }
            if let Some(Step::Set { objects, secrets, .. }) = steps.last_mut() {
                let setting = setting(param, value);
                if value.is_secret() {
                    secrets.insert(format!("{path}{param}"));
                }
                match places.get(&path).and_then(|at| objects.get_mut(*at)) {
                    Some(known) => known.params.push(setting),
                    None => {
                        places.insert(path.clone(), objects.len());
                        objects.push(ObjectSettings { path, params: vec![setting] });
                    }
                }
            }
        }
        Edit::Add { path, object, parents, values } => {
            let table = join(object, parents)?;
            if !matches!(steps.last(), Some(Step::Add { .. })) {
                steps.push(Step::Add { objects: Vec::new(), rows: Vec::new() });
            }
            if let Some(Step::Add { objects, rows }) = steps.last_mut() {
                let params = values.iter().map(|(name, value)| setting(name, value)).collect();
                objects.push(ObjectSettings { path: table, params });
                rows.push(path.clone());
            }
        }
        Edit::Delete { object, keys, .. } => {
            let path = join(object, keys)?;
            match steps.last_mut() {
                Some(Step::Delete { paths }) => paths.push(path),
                _ => steps.push(Step::Delete { paths: vec![path] }),
            }
        }
    }
    Ok(())
}

fn setting(param: &Name, value: &Value) -> ParamSetting {
    ParamSetting { param: param.to_string(), value: value.expose().into_owned(), required: true }
}

/// What these parameters hold now, and which of them do not tell.
async fn values(
    hub: &Hub,
    link: LinkId,
    objects: &[ObjectSettings],
    secrets: &BTreeSet<String>,
) -> Result<(Vec<ObjectSettings>, Vec<String>), Fault> {
    let params = objects.iter().flat_map(|object| object.params.iter().map(move |set| (object, set)));
    let paths = params.map(|(object, set)| format!("{}{}", object.path, set.param)).collect();
    let outcome = hub.ask(link, Operation::Get(Get { paths, max_depth: 0 }), SERVICE_ANSWER).await?;
    let Outcome::Get(results) = outcome else { return Err(unexpected(outcome)) };
    let mut results = results.into_iter();
    let (mut before, mut unknown) = (Vec::new(), Vec::new());
    for object in objects {
        let mut known = ObjectSettings { path: object.path.clone(), params: Vec::new() };
        for set in &object.params {
            let found = results.next().and_then(|result| result.result.ok());
            let value = found.into_iter().flatten().flat_map(|object| object.params).next();
            let path = format!("{}{}", object.path, set.param);
            match value {
                Some((_, value)) if !secrets.contains(&path) => {
                    known.params.push(ParamSetting { param: set.param.clone(), value, required: true });
                }
                _ => unknown.push(path),
            }
        }
        if !known.params.is_empty() {
            before.push(known);
        }
    }
    Ok((before, unknown))
}

#[cfg(test)]
mod tests {
    use dm::path::SchemaPath;

    use super::*;

    fn set(row: u32, param: &str) -> Edit {
        Edit::Set {
            path: ObjectPath::parse(&format!("Device.X.Row.{row}.")).expect("a path"),
            object: SchemaPath::parse("Device.X.Row.{i}.").expect("a path"),
            keys: vec![Some(RowKey(row.to_string().into()))],
            param: Name::parse(param).expect("a name"),
            value: Value::text(param),
        }
    }

    fn delete(row: u32) -> Edit {
        let Edit::Set { path, object, keys, .. } = set(row, "A") else { unreachable!("it is one") };
        Edit::Delete { path, object, keys }
    }

    #[test]
    fn what_is_set_in_an_object_between_two_other_messages_is_set_together() {
        let edits = [set(1, "A"), set(2, "A"), set(1, "B"), delete(3), set(1, "C"), set(2, "C"), set(1, "D")];
        let said = steps(&edits).expect("the rows are known").into_iter().map(|step| match step {
            Step::Set { objects, .. } => {
                let object = |object: ObjectSettings| {
                    let params: Vec<String> = object.params.into_iter().map(|set| set.param).collect();
                    format!("{} {}", object.path, params.join(","))
                };
                objects.into_iter().map(object).collect::<Vec<_>>().join("; ")
            }
            Step::Add { .. } => "add".to_owned(),
            Step::Delete { paths } => format!("-{}", paths.join(",")),
        });
        let expected = [
            "Device.X.Row.1. A,B; Device.X.Row.2. A",
            "-Device.X.Row.3.",
            "Device.X.Row.1. C,D; Device.X.Row.2. C",
        ];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
}
