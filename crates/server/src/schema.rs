//! What writes are checked against before a device sees them: its own model, with the facts that the
//! catalogue adds (ranges, words, secrets).

use std::sync::Arc;

use dm::model::{Located, Model, ObjectId};
use dm::operation::{ObjectAccess, ParamAccess};
use dm::schema::{Protocol, tr_181};
use dm::{Code, Fault, Path, SchemaPath};
use fleet::check::SchemaCheck;
use fleet::model::StoredModel;

/// One device's model, ready for checks.
pub(crate) struct DeviceSchema(Arc<Model>);

impl DeviceSchema {
    /// From what the device said.
    pub(crate) fn new(stored: &StoredModel) -> Self {
        let own = Model::from_schema_result(&stored.schema);
        DeviceSchema(own.with_facts(&tr_181(), Protocol::Usp))
    }

    fn object(&self, path: &str) -> Result<ObjectId, Fault> {
        match self.locate(path)? {
            Some(Located::Object(id)) => Ok(id),
            _ => Err(unknown(path)),
        }
    }

    /// `Ok(None)`: behind a reference, where anything may stand.
    fn locate(&self, path: &str) -> Result<Option<Located>, Fault> {
        let parsed = Path::parse(path).map_err(Fault::from)?;
        let Some(schema) = parsed.to_schema() else { return Ok(None) };
        self.0.locate(&schema).map(Some).ok_or_else(|| unknown(path))
    }
}

fn unknown(path: &str) -> Fault {
    Fault::new(Code::INVALID_PATH, format!("the device's model has no {path}"))
}

impl SchemaCheck for DeviceSchema {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        if self.locate(object)?.is_none() {
            return Ok(());
        }
        let located = self.object(object).and_then(|id| self.param(id, param));
        let (id, index) = match located {
            Ok(found) => found,
            Err(_) if force => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let found = &self.0.object(id).params[usize::from(index)];
        if found.access == ParamAccess::ReadOnly && !force {
            return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, format!("{param} is read-only")));
        }
        found.check(value).map(drop)
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        if self.locate(path)?.is_none() {
            return Ok(());
        }
        let object = self.0.object(self.object(path)?);
        let (allowed, code, verb) = match add {
            true => (
                matches!(object.access, ObjectAccess::AddDelete | ObjectAccess::AddOnly),
                Code::NON_CREATABLE_OBJECT,
                "created",
            ),
            false => (
                matches!(object.access, ObjectAccess::AddDelete | ObjectAccess::DeleteOnly),
                Code::DELETE_FAILURE,
                "deleted",
            ),
        };
        match (object.is_multi, allowed) {
            (false, _) => Err(Fault::new(Code::OBJECT_IS_NOT_A_TABLE, format!("{path} is not a table"))),
            (true, false) => Err(Fault::new(code, format!("rows of {path} cannot be {verb}"))),
            (true, true) => Ok(()),
        }
    }

    fn command(&self, command: &str, args: &[(String, String)], force: bool) -> Result<(), Fault> {
        let located = match self.locate(command) {
            Err(_) if force => return Ok(()),
            other => other?,
        };
        let Some(Located::Command(id, index)) = located else {
            return if located.is_none() { Ok(()) } else { Err(unknown(command)) };
        };
        let found = &self.0.object(id).commands[usize::from(index)];
        for (name, value) in args {
            if let Some(arg) = found.inputs.iter().find(|arg| arg.name == *name) {
                arg.check(value).map_err(|fault| {
                    Fault::new(Code::INVALID_COMMAND_ARGUMENTS, format!("{name}: {}", fault.message))
                })?;
            }
        }
        let missing = found.inputs.iter().find(|arg| {
            arg.mandatory && !arg.name.contains("{i}") && !args.iter().any(|(name, _)| *name == arg.name)
        });
        match missing {
            Some(arg) => Err(Fault::new(
                Code::INVALID_COMMAND_ARGUMENTS,
                format!("the argument {} is mandatory", arg.name),
            )),
            None => Ok(()),
        }
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        let in_model = Path::parse(path).ok().and_then(|path| path.to_schema()).and_then(|schema| match self
            .0
            .locate(&schema)?
        {
            Located::Object(id) => {
                let (id, index) = self.param(id, name).ok()?;
                Some(self.0.object(id).params[usize::from(index)].is_secret())
            }
            _ => None,
        });
        in_model.unwrap_or(false) || fleet::check::NoSchema.is_secret(path, name)
    }
}

impl DeviceSchema {
    /// A parameter by its name relative to an object; it may stand in a single-instance child.
    fn param(&self, object: ObjectId, relative: &str) -> Result<(ObjectId, u16), Fault> {
        let missing = || {
            let path = self.0.object(object).path.as_str();
            Fault::new(Code::UNSUPPORTED_PARAMETER, format!("{path} has no parameter {relative}"))
        };
        let full = SchemaPath::parse(&format!("{}{relative}", self.0.object(object).path.as_str()))
            .map_err(|_| missing())?;
        match self.0.locate(&full) {
            Some(Located::Param(id, index)) => Ok((id, index)),
            _ => Err(missing()),
        }
    }
}
