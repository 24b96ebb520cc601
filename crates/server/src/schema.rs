//! What writes are checked against before a device sees them, and what of its answers is secret: its own
//! model, with the facts that the catalogue adds (ranges, words, secrets), or the catalogue alone.

use std::sync::Arc;

use api::Imported;
use dm::model::{Command, Located, Model, ModelBuilder, Object, ObjectId, Param};
use dm::operation::{ObjectAccess, ParamAccess};
use dm::schema::{Protocol, Row, tr_181};
use dm::value::Type;
use dm::{Code, Fault, Path, SchemaPath};
use fleet::check::{NoSchema, SchemaCheck};
use fleet::model::StoredModel;

/// One device's model, ready for checks.
pub(crate) struct DeviceSchema(Arc<Model>, CatalogueSchema);

impl DeviceSchema {
    /// From what the device said, and what imported models say where the catalogue is silent.
    pub(crate) fn new(stored: &StoredModel, imported: Imported) -> Self {
        let own = Model::from_schema_result(&stored.schema);
        DeviceSchema(own.with_facts(&tr_181(), Protocol::Usp), CatalogueSchema::new(imported))
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
        if parsed(object)?.is_none() {
            return Ok(());
        }
        let located = self.object(object).and_then(|id| self.param(id, param));
        let (id, index) = match located {
            Ok(found) => found,
            Err(_) if force => return Ok(()),
            Err(fault) => return Err(fault),
        };
        check_setting(&self.0.object(id).params[usize::from(index)], param, value, force)?;
        self.1.check_imported(object, param, value)
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
            Some(param) if param.is_secret() || self.1.is_imported_secret(path, name) => true,
            // No name makes a secret of a switch or a number.
            Some(param) if !matches!(param.ty, Type::String | Type::Base64 | Type::HexBinary) => false,
            _ => self.1.is_secret(path, name),
        }
    }
}

/// What is known of a device before it has told its model: parameters and commands of the catalogue, and where
/// that is silent of imported models, and tables of the catalogue are checked; anything else passes.
#[derive(Clone, Default, Debug)]
pub(crate) struct CatalogueSchema(Imported);

impl CatalogueSchema {
    /// With these imported models.
    pub(crate) fn new(imported: Imported) -> Self {
        CatalogueSchema(imported)
    }

    /// The definition of a parameter or command.
    fn item(&self, full: &str) -> Option<Row> {
        let item = tr_181().item(full, Protocol::Usp).map(|item| item.to_row());
        item.or_else(|| self.0.row(full).cloned())
    }

    /// What imported models alone say of a value.
    fn check_imported(&self, object: &str, param: &str, value: &str) -> Result<(), Fault> {
        let Some(full) = full_path(object, param) else { return Ok(()) };
        if tr_181().item(&full, Protocol::Usp).is_some() {
            return Ok(());
        }
        let Some(row) = self.0.row(&full) else { return Ok(()) };
        let (owner, name) = full.split_at(full.rfind('.').map_or(0, |dot| dot + 1));
        let alone = alone(owner, row);
        let found = find(&alone, owner).and_then(|object| object.param(name));
        found.map_or(Ok(()), |param| param.check(value).map(drop))
    }

    fn is_imported_secret(&self, path: &str, name: &str) -> bool {
        full_path(path, name)
            .is_some_and(|full| tr_181().item(&full, Protocol::Usp).is_none() && self.0.is_secret(&full))
    }
}

/// The path in `{i}` form of a parameter relative to an object.
fn full_path(object: &str, param: &str) -> Option<String> {
    Some(item_path(&row_path(&schema_path(object)?), param))
}

impl SchemaCheck for CatalogueSchema {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        let Some(schema) = parsed(object)? else { return Ok(()) };
        let full = item_path(&row_path(&schema), param);
        let Some(row) = self.item(&full) else { return Ok(()) };
        let (owner, name) = full.split_at(full.rfind('.').map_or(0, |dot| dot + 1));
        let alone = alone(owner, &row);
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
        let Some(row) = self.item(full) else { return Ok(()) };
        let alone = alone(owner, &row);
        match find(&alone, owner).and_then(|object| object.command(name)) {
            Some(found) => check_command(found, args),
            None => Ok(()),
        }
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        if path.ends_with(['!', ')']) {
            return api::is_secret_argument(path, name);
        }
        let by_name = || NoSchema.is_secret(path, name);
        let known = schema_path(path)
            .and_then(|schema| tr_181().item(&item_path(&row_path(&schema), name), Protocol::Usp));
        known.map_or_else(|| self.is_imported_secret(path, name) || by_name(), |item| item.is_secret())
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

#[cfg(test)]
mod tests {
    use super::{CatalogueSchema, DeviceSchema};
    use api::Imported;
    use dm::operation::{Delete, Operation};
    use dm::operation::{ObjectAccess, ParamAccess, SchemaObject, SchemaParam, SchemaResult};
    use dm::value::Type;
    use fleet::check::{SchemaCheck, check_operation};
    use fleet::model::StoredModel;

    /// The code of a refusal; 0 for none.
    fn code(result: Result<(), dm::Fault>) -> u32 {
        result.map_or_else(|fault| fault.code.0, |()| 0)
    }

    #[test]
    fn standard_settings_are_checked_before_the_model_is_known() {
        for (object, param, value, expected) in [
            ("Device.IP.Interface.1.", "MaxMTUSize", "1400", 0),
            ("Device.IP.Interface.1.", "MaxMTUSize", "63", 7012),
            ("Device.IP.Interface.*.", "MaxMTUSize", "many", 7011),
            ("Device.IP.Interface.[Alias==\"x\"].", "MaxMTUSize", "65536", 7012),
            ("Device.IP.Interface.", "MaxMTUSize", "63", 7012),
            ("Device.DeviceInfo.", "UpTime", "1", 7013),
            ("Device.DeviceInfo.", "FriendlyName", "Hall", 0),
            ("Device.DeviceInfo", "FriendlyName", "123456789012345678901234567890123", 7012),
            ("Device.Time.", "Enable", "perhaps", 7011),
            ("Device.LocalAgent.Controller.1.MTP.", "WebSocket.Port", "443", 0),
            ("Device.LocalAgent.Controller.1.MTP.", "WebSocket.Port", "0", 7012),
            // What the catalogue does not know, or can't.
            ("Device.DeviceInfo.", "X_EX_Colour", "blue", 0),
            ("Device.X_EX_Box.1.", "Enable", "perhaps", 0),
            ("Device.Routing.Router.1.Interface+.", "Enable", "perhaps", 0),
        ] {
            assert_eq!(
                code(CatalogueSchema::default().setting(object, param, value, false)),
                expected,
                "{object}{param}"
            );
        }
        assert_eq!(
            code(CatalogueSchema::default().setting("Device.DeviceInfo.", "UpTime", "1", true)),
            0,
            "forced"
        );
        assert_eq!(code(CatalogueSchema::default().setting("Device..", "UpTime", "1", false)), 7008);
        assert_eq!(code(CatalogueSchema::default().setting("", "UpTime", "1", false)), 7008);
    }

    #[test]
    fn standard_tables_and_commands_are_checked_before_the_model_is_known() {
        for (path, add, expected) in [
            ("Device.IP.Interface.", true, 0),
            ("Device.IP.Interface.3.", false, 0),
            ("Device.Hosts.Host.", true, 7019),
            ("Device.Hosts.Host.1.", false, 7024),
            ("Device.Time.", true, 7018),
            ("Device.X_EX_Box.", true, 0),
        ] {
            assert_eq!(code(CatalogueSchema::default().row(path, add)), expected, "{path}");
        }
        let ping = |changes: &[(&str, &str)]| {
            let mut args = vec![
                ("Host", "192.0.2.1"),
                ("ProtocolVersion", "Any"),
                ("NumberOfRepetitions", "1"),
                ("Timeout", "1000"),
                ("DataBlockSize", "64"),
            ];
            args.retain(|(name, _)| !changes.iter().any(|(other, _)| name == other));
            args.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
            let args: Vec<_> = args.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            code(CatalogueSchema::default().command("Device.IP.Diagnostics.IPPing()", &args, false))
        };
        assert_eq!(ping(&[]), 0);
        assert_eq!(ping(&[("DSCP", "64")]), 7027);
        assert_eq!(ping(&[("ProtocolVersion", "IPv5")]), 7027);
        assert_eq!(ping(&[("Host", "")]), 7027, "it is mandatory");
        assert_eq!(ping(&[("X_EX_Flood", "yes")]), 0);
        assert_eq!(code(CatalogueSchema::default().command("Device.X_EX_Go()", &[], false)), 0);
        assert_eq!(code(CatalogueSchema::default().command("Device.Time.", &[], false)), 7026);
    }

    /// A model with a vendor's parameters, one of which can only be written.
    fn own_model() -> DeviceSchema {
        let param = |name: &str, access, ty| SchemaParam {
            name: name.into(),
            access,
            value_type: Some(ty),
            value_change: None,
        };
        let vendor = SchemaObject {
            path: "Device.X_EX_Box.{i}.".into(),
            access: ObjectAccess::AddDelete,
            is_multi: true,
            params: vec![
                param("Pin", ParamAccess::WriteOnly, Type::String),
                param("AllowPassword", ParamAccess::ReadWrite, Type::Boolean),
                param("DoorPassword", ParamAccess::ReadWrite, Type::String),
                param("Colour", ParamAccess::ReadWrite, Type::String),
            ],
            ..SchemaObject::default()
        };
        let security = SchemaObject {
            path: "Device.WiFi.AccessPoint.{i}.Security.".into(),
            params: vec![param("KeyPassphrase", ParamAccess::ReadWrite, Type::String)],
            ..SchemaObject::default()
        };
        let schema = SchemaResult { model_uri: String::new(), objects: vec![vendor, security] };
        DeviceSchema::new(&StoredModel::new(schema).expect("small"), Imported::default())
    }

    #[test]
    fn force_lets_pass_what_the_model_does_not_have() {
        let own = own_model();
        for (object, param, unforced) in
            [("Device.X_EX_Other.", "Colour", 7026), ("Device.X_EX_Box.1.", "Size", 7010)]
        {
            assert_eq!(code(own.setting(object, param, "1", false)), unforced, "{object}{param}");
            assert_eq!(code(own.setting(object, param, "1", true)), 0, "{object}{param}");
        }
        let rows = |force| {
            let delete =
                |path: &str| Operation::Delete(Delete { allow_partial: true, paths: vec![path.into()] });
            ["Device.X_EX_Other.1.", "Device.WiFi.AccessPoint.1.Security."]
                .map(|path| check_operation(&delete(path), &own, force).len())
        };
        assert_eq!(rows(false), [1, 1]);
        assert_eq!(rows(true), [0, 0]);
    }

    #[test]
    fn what_is_secret_is_known_with_and_without_a_model() {
        let own = own_model();
        for (path, name, with_model, without) in [
            ("Device.WiFi.AccessPoint.1.Security.", "KeyPassphrase", true, true),
            ("Device.WiFi.AccessPoint.*.Security", "KeyPassphrase", true, true),
            ("Device.WiFi.AccessPoint.1.", "Security.KeyPassphrase", true, true),
            ("Device.Users.User.2.", "Password", true, true),
            ("Device.Users.User.2.", "Username", false, false),
            ("Device.LocalAgent.ControllerTrust.Challenge.1.", "Type", false, false),
            ("Device.X_EX_Box.1.", "Pin", true, false),
            ("Device.X_EX_Box.1.", "AllowPassword", false, true),
            ("Device.X_EX_Box.1.", "DoorPassword", true, true),
            ("Device.X_EX_Box.1.", "Colour", false, false),
            ("Device.X_EX_Other.", "Secret", true, true),
            ("Device.SoftwareModules.InstallDU()", "Password", true, true),
            ("Device.SoftwareModules.InstallDU()", "URL", false, false),
        ] {
            assert_eq!(own.is_secret(path, name), with_model, "{path}{name} by its own model");
            assert_eq!(
                CatalogueSchema::default().is_secret(path, name),
                without,
                "{path}{name} by the catalogue"
            );
        }
    }
}
