//! What a finished job forgets: values that its device's model marks as secured.

use dm::operation::{Operation, Outcome};

use crate::check::SchemaCheck;

/// What stands where a secret stood.
pub const MASK: &str = "••••";

/// Masks every value of a secured parameter or argument, in the request and in the outcome.
pub fn forget_secrets(operation: &mut Operation, outcome: Option<&mut Outcome>, schema: &impl SchemaCheck) {
    match operation {
        Operation::Set(dm::operation::Set { objects, .. })
        | Operation::Add(dm::operation::Add { objects, .. }) => {
            for object in objects {
                for setting in &mut object.params {
                    mask(schema, &object.path, &setting.param, &mut setting.value);
                }
            }
        }
        Operation::Operate(command) => {
            for (name, value) in &mut command.args {
                mask(schema, &command.command, name, value);
            }
        }
        Operation::Get(_) | Operation::GetInstances(_) | Operation::GetSchema(_) | Operation::Delete(_) => {}
    }
    if let Some(outcome) = outcome {
        forget_in_outcome(outcome, schema);
    }
}

fn forget_in_outcome(outcome: &mut Outcome, schema: &impl SchemaCheck) {
    let all = |path: &str, params: &mut Vec<(String, String)>| {
        for (name, value) in params {
            mask(schema, path, name, value);
        }
    };
    match outcome {
        Outcome::Get(results) => {
            for object in results.iter_mut().filter_map(|one| one.result.as_mut().ok()).flatten() {
                all(&object.path, &mut object.params);
            }
        }
        Outcome::Set(results) => {
            for row in results.iter_mut().filter_map(|one| one.result.as_mut().ok()).flatten() {
                all(&row.path, &mut row.params);
            }
        }
        Outcome::Add(results) => {
            for row in results.iter_mut().filter_map(|one| one.result.as_mut().ok()) {
                all(&row.path, &mut row.unique_keys);
            }
        }
        Outcome::Operate(results) => {
            for one in results {
                if let Ok(dm::operation::CommandResult::Output(output)) = &mut one.result {
                    all(&one.path, output);
                }
            }
        }
        Outcome::GetInstances(_) | Outcome::GetSchema(_) | Outcome::Delete(_) | Outcome::Failed(_) => {}
    }
}

fn mask(schema: &impl SchemaCheck, path: &str, name: &str, value: &mut String) {
    if !value.is_empty() && schema.is_secret(path, name) {
        MASK.clone_into(value);
    }
}
