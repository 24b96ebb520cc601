//! The check of every write before it is stored: the device's own model first, then the catalogue.
//!
//! The facts come through [`SchemaCheck`]; this walks an operation and collects what breaks them.

use dm::operation::{Operation, ParamFault};
use dm::{Code, Fault};

/// What is known about parameters, of one device: its own model where it has one, the catalogue
/// otherwise. Paths are the requester's: instance numbers, `{i}`, `*` and search expressions all name the
/// same row kind.
pub trait SchemaCheck {
    /// Whether `value` may be written to `param` of the object (or new row) at `object`; `param` may reach
    /// into single-instance children. A parameter that nobody knows is an error, unless `force` is given.
    ///
    /// # Errors
    /// The fault that the device would answer with.
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault>;

    /// Whether rows may be added to (`true`) or removed from (`false`) the table or row at `path`.
    ///
    /// # Errors
    /// The fault that the device would answer with.
    fn row(&self, path: &str, add: bool) -> Result<(), Fault>;

    /// Whether a command exists and takes these arguments.
    ///
    /// # Errors
    /// The fault that the device would answer with.
    fn command(&self, command: &str, args: &[(String, String)], force: bool) -> Result<(), Fault>;

    /// Whether a parameter of the object, or an argument of the command or event, at `path` must not be
    /// kept or shown: it is secured, hidden or write-only, or its name says so where no model knows it.
    fn is_secret(&self, path: &str, name: &str) -> bool;
}

/// Knows nothing: lets every write pass that has a path at all, and masks names that commonly hold
/// secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSchema;

/// Ends of names that hold secrets in every model.
const SECRET_NAMES: [&str; 9] = [
    "Password",
    "Passphrase",
    "KeyPassphrase",
    "PreSharedKey",
    "PSK",
    "SecretKey",
    "PrivateKey",
    "WEPKey",
    "Secret",
];

impl SchemaCheck for NoSchema {
    fn setting(&self, object: &str, _param: &str, _value: &str, _force: bool) -> Result<(), Fault> {
        self.row(object, true)
    }

    fn row(&self, path: &str, _add: bool) -> Result<(), Fault> {
        if path.is_empty() { Err(Fault::new(Code::INVALID_PATH_SYNTAX, "the path is empty")) } else { Ok(()) }
    }

    fn command(&self, command: &str, _args: &[(String, String)], _force: bool) -> Result<(), Fault> {
        self.row(command, true)
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        if path.ends_with("ControllerTrust.ChallengeResponse()") && name == "Value" {
            return true;
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        SECRET_NAMES.iter().any(|end| last.ends_with(end))
    }
}

/// Everything in a write that breaks what is known; empty for reads and for good writes. A parameter is
/// named by its full path. With `force` the device alone decides what exists, what can be written, and which
/// rows can be added or deleted.
pub fn check_operation(operation: &Operation, schema: &dyn SchemaCheck, force: bool) -> Vec<ParamFault> {
    let mut faults = Vec::new();
    let mut note = |param: String, result: Result<(), Fault>| {
        if let Err(fault) = result {
            faults.push(ParamFault { param, fault });
        }
    };
    let row = |path: &str, add| if force { NoSchema.row(path, add) } else { schema.row(path, add) };
    match operation {
        Operation::Get(_) | Operation::GetInstances(_) | Operation::GetSchema(_) => {}
        Operation::Set(set) => {
            for object in &set.objects {
                for one in &object.params {
                    note(
                        join(&object.path, &one.param),
                        schema.setting(&object.path, &one.param, &one.value, force),
                    );
                }
            }
        }
        Operation::Add(add) => {
            for object in &add.objects {
                note(object.path.clone(), row(&object.path, true));
                for one in &object.params {
                    note(
                        join(&object.path, &one.param),
                        schema.setting(&object.path, &one.param, &one.value, force),
                    );
                }
            }
        }
        Operation::Delete(delete) => {
            for path in &delete.paths {
                note(path.clone(), row(path, false));
            }
        }
        Operation::Operate(operate) => {
            note(operate.command.clone(), schema.command(&operate.command, &operate.args, force));
        }
    }
    faults
}

fn join(object: &str, param: &str) -> String {
    let dot = if object.ends_with('.') { "" } else { "." };
    [object, dot, param].concat()
}
