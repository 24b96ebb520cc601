//! Get, GetInstances and GetSupportedDM: answered from the tree, with the asker's permissions.
//!
//! Path by path, so that a request which names the whole tree a hundred thousand times costs no more
//! memory than an answer may be long.

use dm::operation::{Get, GetInstances, GetSchema, Instance, MessageFailure, ObjectValues, Requested};
use dm::operation::{SchemaObject, SchemaResult};
use dm::tree::Tree;
use dm::{Code, Fault, Now, Operation, Outcome};

use super::access::NewRows;
use super::controllers::Controller;
use crate::limits::{MAX_ANSWER_BYTES, MAX_PATHS};

/// The answer to a read; of a write, that nothing was asked.
pub(super) fn answer(tree: &Tree, controller: &Controller, now: Now, operation: &Operation) -> Outcome {
    let access = controller.access();
    let rows = NewRows::of(controller, now);
    let who = rows.requester(access);
    let answer = match operation {
        Operation::Get(get) => each(
            &get.paths,
            |objects: &Vec<ObjectValues>| objects_len(objects),
            |paths| match tree.get(&Get { paths, max_depth: get.max_depth }, &who) {
                Outcome::Get(results) => results,
                _ => Vec::new(),
            },
        )
        .map(Outcome::Get),
        Operation::GetInstances(get) => each(
            &get.paths,
            |rows: &Vec<Instance>| instances_len(rows),
            |paths| match tree
                .instances(&GetInstances { paths, first_level_only: get.first_level_only }, &who)
            {
                Outcome::GetInstances(results) => results,
                _ => Vec::new(),
            },
        )
        .map(Outcome::GetInstances),
        Operation::GetSchema(get) => each(&get.paths, schema_len, |paths| {
            // R-GSP.0
            let visible = |object, leaf: &str| access.shows(tree, object, leaf);
            let one = GetSchema {
                paths,
                first_level_only: get.first_level_only,
                commands: get.commands,
                events: get.events,
                params: get.params,
                unique_keys: get.unique_keys,
            };
            match tree.model().schema(&one, &visible) {
                Outcome::GetSchema(results) => results,
                _ => Vec::new(),
            }
        })
        .map(Outcome::GetSchema),
        Operation::Set(_) | Operation::Add(_) | Operation::Delete(_) | Operation::Operate(_) => {
            Ok(Outcome::Get(Vec::new()))
        }
    };
    answer.unwrap_or_else(|fault| Outcome::Failed(MessageFailure { fault, params: Vec::new() }))
}

/// The results of each path; 7005 as soon as their texts alone outgrow an answer.
fn each<T>(
    paths: &[String],
    len: impl Fn(&T) -> usize,
    mut ask: impl FnMut(Vec<String>) -> Vec<Requested<T>>,
) -> Result<Vec<Requested<T>>, Fault> {
    if paths.len() > MAX_PATHS {
        return Err(Fault::new(Code::RESOURCES_EXCEEDED, format!("more than {MAX_PATHS} paths")));
    }
    let mut results = Vec::with_capacity(paths.len());
    let mut total = 0;
    for path in paths {
        for one in ask(vec![path.clone()]) {
            total += one.path.len() + one.result.as_ref().map_or(0, &len);
            results.push(one);
        }
        if total > MAX_ANSWER_BYTES {
            return Err(Fault::new(Code::RESOURCES_EXCEEDED, "the answer is too large: ask for less"));
        }
    }
    Ok(results)
}

fn objects_len(objects: &[ObjectValues]) -> usize {
    objects.iter().map(|object| object.path.len() + pairs_len(&object.params)).sum()
}

fn instances_len(rows: &[Instance]) -> usize {
    rows.iter().map(|row| row.path.len() + pairs_len(&row.unique_keys)).sum()
}

fn schema_len(schema: &SchemaResult) -> usize {
    let object_len = |object: &SchemaObject| {
        object.path.len() + object.params.iter().map(|param| param.name.len()).sum::<usize>()
    };
    schema.objects.iter().map(object_len).sum()
}

fn pairs_len(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stops_growing_where_no_peer_would_take_it() {
        let paths = vec!["Device.".to_owned(); 1000];
        let mut asked = 0;
        let answer = each(&paths, String::len, |mut paths| {
            asked += 1;
            let path = paths.remove(0);
            vec![Requested { path, result: Ok("x".repeat(1024 * 1024)) }]
        });
        assert_eq!(answer.map_err(|fault| fault.code), Err(Code::RESOURCES_EXCEEDED));
        // Eight mebibytes less four kibibytes hold seven of them.
        assert_eq!(asked, 8);
        for (count, expected) in [(4096, Ok(4096)), (4097, Err(Code::RESOURCES_EXCEEDED))] {
            let paths = vec!["Device.X.".to_owned(); count];
            let failing = |paths: Vec<String>| {
                let fault = Fault::new(Code::INVALID_PATH, "unknown");
                paths.into_iter().map(|path| Requested { path, result: Err(fault.clone()) }).collect()
            };
            let answer = each(&paths, String::len, failing);
            assert_eq!(answer.map(|found| found.len()).map_err(|fault| fault.code), expected);
        }
    }
}
