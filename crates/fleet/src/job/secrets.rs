//! What a finished job forgets: values that its device's model marks as secured.

use dm::Fault;
use dm::operation::{CommandResult, MessageFailure, Operation, Outcome, ParamFault};

use crate::check::SchemaCheck;
pub use crate::secret::MASK;
use crate::secret::{Quoted, mask_path, mask_value, mask_values};

/// Masks every secret in the request and in the outcome: values of secured parameters and arguments, what
/// search expressions compare them with, and what error messages quote of the request.
pub fn forget_secrets(operation: &mut Operation, outcome: Option<&mut Outcome>, schema: &dyn SchemaCheck) {
    if let Some(outcome) = outcome {
        mask_outcome(outcome, &Quoted::of(operation, schema), schema);
    }
    mask_operation(operation, schema);
}

fn mask_operation(operation: &mut Operation, schema: &dyn SchemaCheck) {
    let all = |paths: &mut Vec<String>| paths.iter_mut().for_each(|path| mask_path(schema, path));
    match operation {
        Operation::Set(dm::operation::Set { objects, .. })
        | Operation::Add(dm::operation::Add { objects, .. }) => {
            for object in objects {
                for setting in &mut object.params {
                    mask_value(schema, &object.path, &setting.param, &mut setting.value);
                }
                mask_path(schema, &mut object.path);
            }
        }
        Operation::Operate(command) => {
            mask_values(schema, &command.command, &mut command.args);
            mask_path(schema, &mut command.command);
        }
        Operation::Get(get) => all(&mut get.paths),
        Operation::GetInstances(get) => all(&mut get.paths),
        Operation::GetSchema(get) => all(&mut get.paths),
        Operation::Delete(delete) => all(&mut delete.paths),
    }
}

/// Masks every secret in what a device answered; `quoted` are those of the request.
fn mask_outcome(outcome: &mut Outcome, quoted: &Quoted, schema: &dyn SchemaCheck) {
    let fault = |fault: &mut Fault| quoted.mask(&mut fault.message);
    let faults = |errors: &mut Vec<ParamFault>| {
        for error in errors {
            fault(&mut error.fault);
        }
    };
    match outcome {
        Outcome::Get(results) => {
            for one in results {
                mask_path(schema, &mut one.path);
                match &mut one.result {
                    Ok(objects) => {
                        objects.iter_mut().for_each(|one| mask_row(schema, &mut one.path, &mut one.params));
                    }
                    Err(error) => fault(error),
                }
            }
        }
        Outcome::GetInstances(results) => {
            for one in results {
                mask_path(schema, &mut one.path);
                match &mut one.result {
                    Ok(rows) => {
                        rows.iter_mut().for_each(|row| mask_row(schema, &mut row.path, &mut row.unique_keys));
                    }
                    Err(error) => fault(error),
                }
            }
        }
        Outcome::Set(results) => {
            for one in results {
                mask_path(schema, &mut one.path);
                match &mut one.result {
                    Ok(rows) => rows.iter_mut().for_each(|row| {
                        mask_row(schema, &mut row.path, &mut row.params);
                        faults(&mut row.errors);
                    }),
                    Err(failure) => {
                        fault(&mut failure.fault);
                        failure.instances.iter_mut().for_each(|row| faults(&mut row.errors));
                    }
                }
            }
        }
        Outcome::Add(results) => {
            for one in results {
                match &mut one.result {
                    Ok(row) => {
                        mask_row(schema, &mut row.path, &mut row.unique_keys);
                        faults(&mut row.errors);
                    }
                    Err(error) => fault(error),
                }
            }
        }
        Outcome::Delete(results) => {
            for one in results {
                mask_path(schema, &mut one.path);
                match &mut one.result {
                    Ok(deleted) => {
                        deleted.affected.iter_mut().for_each(|path| mask_path(schema, path));
                        deleted.unaffected.iter_mut().for_each(|(path, error)| {
                            mask_path(schema, path);
                            fault(error);
                        });
                    }
                    Err(error) => fault(error),
                }
            }
        }
        Outcome::Operate(results) => {
            for one in results {
                match &mut one.result {
                    Ok(CommandResult::Output(output)) => {
                        mask_values(schema, &one.path, output);
                        output.iter_mut().for_each(|(_, value)| quoted.mask(value));
                    }
                    Ok(CommandResult::Started(_)) => {}
                    Err(error) => fault(error),
                }
            }
        }
        Outcome::GetSchema(_) => {}
        Outcome::Failed(MessageFailure { fault: whole, params }) => {
            fault(whole);
            faults(params);
        }
    }
}

/// A device that answers with the path as it was asked does not get its search expression kept either.
fn mask_row(schema: &dyn SchemaCheck, path: &mut String, values: &mut [(String, String)]) {
    mask_values(schema, path, values);
    mask_path(schema, path);
}
