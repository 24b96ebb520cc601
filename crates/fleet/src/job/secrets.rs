//! What a finished job forgets: values that its device's model marks as secured.

use dm::Fault;
use dm::operation::{
    CommandResult, MessageFailure, Operation, Outcome, ParamFault, Requested, UpdateFailure, UpdatedInstance,
};

use crate::check::SchemaCheck;
pub use crate::secret::MASK;
use crate::secret::{Quoted, mask_path, mask_value, mask_values};

/// Masks every secret in the request and in the outcome: values of secured parameters and arguments, what
/// search expressions compare them with, and what error messages quote of the request.
pub fn forget_secrets(operation: &mut Operation, outcome: Option<&mut Outcome>, schema: &dyn SchemaCheck) {
    if let Some(outcome) = outcome {
        Masks { schema, quoted: Quoted::of(operation, schema) }.outcome(outcome);
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

/// What hides the secrets of an answer.
struct Masks<'a> {
    schema: &'a dyn SchemaCheck,
    /// The secrets of the request.
    quoted: Quoted,
}

impl Masks<'_> {
    fn outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Get(results) => self.each(results, |objects| {
                objects.iter_mut().for_each(|one| self.row(&mut one.path, &mut one.params));
            }),
            Outcome::GetInstances(results) => self.each(results, |rows| {
                rows.iter_mut().for_each(|row| self.row(&mut row.path, &mut row.unique_keys));
            }),
            Outcome::Set(results) => results.iter_mut().for_each(|one| self.set(one)),
            Outcome::Add(results) => self.each(results, |row| {
                self.row(&mut row.path, &mut row.unique_keys);
                self.faults(&mut row.errors);
            }),
            Outcome::Delete(results) => self.each(results, |deleted| {
                deleted.affected.iter_mut().for_each(|path| mask_path(self.schema, path));
                for (path, error) in &mut deleted.unaffected {
                    mask_path(self.schema, path);
                    self.fault(error);
                }
            }),
            Outcome::Operate(results) => results.iter_mut().for_each(|one| self.operate(one)),
            Outcome::GetSchema(_) => {}
            Outcome::Failed(MessageFailure { fault, params }) => {
                self.fault(fault);
                self.faults(params);
            }
        }
    }

    /// The requested paths, what they led to, and why they did not.
    fn each<T>(&self, results: &mut [Requested<T>], mask: impl Fn(&mut T)) {
        for one in results {
            mask_path(self.schema, &mut one.path);
            match &mut one.result {
                Ok(found) => mask(found),
                Err(error) => self.fault(error),
            }
        }
    }

    fn set(&self, one: &mut Requested<Vec<UpdatedInstance>, UpdateFailure>) {
        mask_path(self.schema, &mut one.path);
        match &mut one.result {
            Ok(rows) => rows.iter_mut().for_each(|row| {
                self.row(&mut row.path, &mut row.params);
                self.faults(&mut row.errors);
            }),
            Err(failure) => {
                self.fault(&mut failure.fault);
                failure.instances.iter_mut().for_each(|row| self.faults(&mut row.errors));
            }
        }
    }

    fn operate(&self, one: &mut Requested<CommandResult>) {
        match &mut one.result {
            Ok(CommandResult::Output(output)) => {
                mask_values(self.schema, &one.path, output);
                output.iter_mut().for_each(|(_, value)| self.quoted.mask(value));
            }
            Ok(CommandResult::Started(_)) => {}
            Err(error) => self.fault(error),
        }
    }

    /// A device that answers with the path as it was asked does not get its search expression kept either.
    fn row(&self, path: &mut String, values: &mut [(String, String)]) {
        mask_values(self.schema, path, values);
        mask_path(self.schema, path);
    }

    fn faults(&self, errors: &mut [ParamFault]) {
        errors.iter_mut().for_each(|error| self.fault(&mut error.fault));
    }

    fn fault(&self, fault: &mut Fault) {
        self.quoted.mask(&mut fault.message);
    }
}
