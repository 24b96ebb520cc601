//! What writes are checked against before a device sees them, and what of its answers is secret: its own
//! model, with the facts that the catalogue adds (ranges, words, secrets), or the catalogue alone.

use std::sync::Arc;

use dm::model::{Command, Located, Model, ModelBuilder, Object, ObjectId, Param};
use dm::operation::{ObjectAccess, ParamAccess};
use dm::schema::{Protocol, Row, tr_181};
use dm::value::Type;
use dm::{Code, Fault, Path, SchemaPath};
use fleet::check::{NoSchema, SchemaCheck};
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
        let Some(schema) = parsed(path)? else { return Ok(None) };
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
        check_setting(&self.0.object(id).params[usize::from(index)], param, value, force)
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        if self.locate(path)?.is_none() {
            return Ok(());
        }
        check_row(self.0.object(self.object(path)?), path, add)
    }

    fn command(&self, command: &str, args: &[(String, String)], force: bool) -> Result<(), Fault> {
        let located = match self.locate(command) {
            Err(_) if force => return Ok(()),
            other => other?,
        };
        match located {
            Some(Located::Command(id, index)) => {
                check_command(&self.0.object(id).commands[usize::from(index)], args)
            }
            Some(_) => Err(unknown(command)),
            None => Ok(()),
        }
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        let own = schema_path(path).and_then(|schema| match self.0.locate(&schema)? {
            Located::Object(id) => {
                let (id, index) = self.param(id, name).ok()?;
                Some(&self.0.object(id).params[usize::from(index)])
            }
            _ => None,
        });
        match own {
            // The device says that it reads it to nobody.
            Some(param) if param.access == ParamAccess::WriteOnly => true,
            Some(param) if param.is_secret() => true,
            // No name makes a secret of a switch or a number.
            Some(param) if !matches!(param.ty, Type::String | Type::Base64 | Type::HexBinary) => false,
            _ => CatalogueSchema.is_secret(path, name),
        }
    }
}

/// What is known of a device before it has told its model: the catalogue's parameters, tables and commands
/// are checked, anything else passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CatalogueSchema;

impl SchemaCheck for CatalogueSchema {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        let Some(schema) = parsed(object)? else { return Ok(()) };
        let full = item_path(&row_path(&schema), param);
        let Some(item) = tr_181().item(&full, Protocol::Usp) else { return Ok(()) };
        let (owner, name) = full.split_at(full.rfind('.').map_or(0, |dot| dot + 1));
        let alone = alone(owner, &item.to_row());
        match find(&alone, owner).and_then(|object| object.param(name)) {
            Some(found) => check_setting(found, param, value, force),
            None => Ok(()),
        }
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        let Some(schema) = parsed(path)? else { return Ok(()) };
        let object = row_path(&schema);
        let Some(facts) = tr_181().object(&object).and_then(|object| object.facts(Protocol::Usp)) else {
            return Ok(());
        };
        let alone = alone(&object, &facts.to_row());
        find(&alone, &object).map_or(Ok(()), |found| check_row(found, path, add))
    }

    fn command(&self, command: &str, args: &[(String, String)], _force: bool) -> Result<(), Fault> {
        let Some(schema) = parsed(command)? else { return Ok(()) };
        let full = schema.as_str();
        let (owner, name) = full.split_at(full.rfind('.').map_or(0, |dot| dot + 1));
        let Some(name) = name.strip_suffix("()") else {
            return Err(Fault::new(Code::INVALID_PATH, format!("{command} is no command")));
        };
        let Some(item) = tr_181().item(full, Protocol::Usp) else { return Ok(()) };
        let alone = alone(owner, &item.to_row());
        match find(&alone, owner).and_then(|object| object.command(name)) {
            Some(found) => check_command(found, args),
            None => Ok(()),
        }
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        let by_name = || NoSchema.is_secret(path, name);
        if path.ends_with(['!', ')']) {
            return by_name();
        }
        let known = schema_path(path)
            .and_then(|schema| tr_181().item(&item_path(&row_path(&schema), name), Protocol::Usp));
        known.map_or_else(by_name, |item| item.is_secret())
    }
}

/// A path that is one; `None` behind a reference, where anything may stand.
fn parsed(path: &str) -> Result<Option<SchemaPath>, Fault> {
    Ok(Path::parse(path).map_err(Fault::from)?.to_schema())
}

fn schema_path(path: &str) -> Option<SchemaPath> {
    parsed(path).ok().flatten()
}

/// The catalogue's name of an object: a table stands there as its row.
fn row_path(schema: &SchemaPath) -> String {
    let mut path = schema.as_str().to_owned();
    if !path.ends_with('.') {
        path.push('.');
    }
    if tr_181().object(&path).is_none() {
        let row = [&path, "{i}."].concat();
        if tr_181().object(&row).is_some() {
            return row;
        }
    }
    path
}

/// A parameter relative to an object, which may reach over rows of its own.
fn item_path(object: &str, relative: &str) -> String {
    let general = relative.split('.').map(|element| {
        let is_number = !element.is_empty() && element.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { "{i}" } else { element }
    });
    [object, &general.collect::<Vec<_>>().join(".")].concat()
}

/// A model of one row of the catalogue.
fn alone(object: &str, row: &Row) -> Arc<Model> {
    let mut builder = ModelBuilder::new("", Protocol::Usp);
    // What the catalogue holds, a model takes; if it did not, nothing would be known of it.
    let _ = builder.add_row(object, row);
    builder.build()
}

fn find<'a>(model: &'a Model, path: &str) -> Option<&'a Object> {
    model.find(&SchemaPath::parse(path).ok()?).map(|id| model.object(id))
}

fn check_setting(param: &Param, name: &str, value: &str, force: bool) -> Result<(), Fault> {
    if param.access == ParamAccess::ReadOnly && !force {
        return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, format!("{name} is read-only")));
    }
    param.check(value).map(drop)
}

fn check_row(object: &Object, path: &str, add: bool) -> Result<(), Fault> {
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

fn check_command(command: &Command, args: &[(String, String)]) -> Result<(), Fault> {
    for (name, value) in args {
        if let Some(arg) = command.inputs.iter().find(|arg| arg.name == *name) {
            arg.check(value).map_err(|fault| {
                Fault::new(Code::INVALID_COMMAND_ARGUMENTS, format!("{name}: {}", fault.message))
            })?;
        }
    }
    let missing = command.inputs.iter().find(|arg| {
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
