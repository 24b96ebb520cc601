//! The check of writes, and what finished jobs forget.

use dm::operation::{
    Add, CommandResult, Delete, ObjectSettings, Operate, Operation, Outcome, ParamSetting, Requested, Set,
};
use dm::{Code, Fault};
use fleet::check::{SchemaCheck, check_operation};
use fleet::job::{MASK, forget_secrets};

/// A model of one table and one command.
struct Model;

impl SchemaCheck for Model {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        match (object, param) {
            ("Device.T.1." | "Device.T.", "Enable") if matches!(value, "true" | "false") => Ok(()),
            ("Device.T.1." | "Device.T.", "Enable") => Err(Fault::new(Code::INVALID_TYPE, "not a boolean")),
            ("Device.T.1." | "Device.T.", "Key") => Ok(()),
            _ if force => Ok(()),
            _ => Err(Fault::new(Code::UNSUPPORTED_PARAMETER, "unknown")),
        }
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        match (path, add) {
            ("Device.T.", true) | ("Device.T.1.", false) => Ok(()),
            (_, true) => Err(Fault::new(Code::NON_CREATABLE_OBJECT, "no")),
            (_, false) => Err(Fault::new(Code::OBJECT_IS_NOT_A_TABLE, "no")),
        }
    }

    fn command(&self, command: &str, _args: &[(String, String)], _force: bool) -> Result<(), Fault> {
        if command == "Device.Go()" { Ok(()) } else { Err(Fault::new(Code::INVALID_PATH, "unknown")) }
    }

    fn is_secret(&self, _path: &str, name: &str) -> bool {
        name == "Key"
    }
}

fn objects(path: &str, params: &[(&str, &str)]) -> Vec<ObjectSettings> {
    let params = params
        .iter()
        .map(|(param, value)| ParamSetting { param: (*param).into(), value: (*value).into(), required: true })
        .collect();
    vec![ObjectSettings { path: path.into(), params }]
}

fn set(path: &str, params: &[(&str, &str)]) -> Operation {
    Operation::Set(Set { allow_partial: false, objects: objects(path, params) })
}

fn check(operation: &Operation, force: bool, expected: &[(&str, u32)]) {
    let faults = check_operation(operation, &Model, force);
    let found: Vec<(&str, u32)> = faults.iter().map(|one| (one.param.as_str(), one.fault.code.0)).collect();
    assert_eq!(found, expected);
}

#[test]
fn writes_are_checked_setting_by_setting() {
    check(&set("Device.T.1.", &[("Enable", "true")]), false, &[]);
    check(
        &set("Device.T.1.", &[("Enable", "7"), ("X", "1")]),
        false,
        &[("Device.T.1.Enable", 7011), ("Device.T.1.X", 7010)],
    );
    check(&set("Device.T.1", &[("X", "1")]), false, &[("Device.T.1.X", 7010)]);
    check(&set("Device.T.1.", &[("X", "1")]), true, &[]);
    let add =
        |path| Operation::Add(Add { allow_partial: false, objects: objects(path, &[("Enable", "true")]) });
    check(&add("Device.T."), false, &[]);
    check(&add("Device.S."), false, &[("Device.S.", 7019), ("Device.S.Enable", 7010)]);
    // Forced, the device alone decides.
    check(&add("Device.S."), true, &[]);
    let delete = |path: &str| Operation::Delete(Delete { allow_partial: false, paths: vec![path.into()] });
    check(&delete("Device.T.1."), false, &[]);
    check(&delete("Device.S."), false, &[("Device.S.", 7018)]);
    check(&delete("Device.S."), true, &[]);
    check(&delete(""), true, &[("", 7008)]);
    let operate =
        |command: &str| Operation::Operate(Operate { command: command.into(), ..Operate::default() });
    check(&operate("Device.Go()"), false, &[]);
    check(&operate("Device.Stop()"), false, &[("Device.Stop()", 7026)]);
}

#[test]
fn secrets_are_masked_in_request_and_answer() {
    let mut operation = set("Device.T.1.", &[("Enable", "true"), ("Key", "sesame"), ("Key", "")]);
    let output = vec![("Key".to_owned(), "sesame".to_owned()), ("Other".to_owned(), "x".to_owned())];
    let mut outcome = Outcome::Operate(vec![Requested {
        path: "Device.Go()".into(),
        result: Ok(CommandResult::Output(output)),
    }]);
    forget_secrets(&mut operation, Some(&mut outcome), &Model);
    assert_eq!(operation, set("Device.T.1.", &[("Enable", "true"), ("Key", MASK), ("Key", "")]));
    assert!(!format!("{outcome:?}").contains("sesame"));
    let mut command = Operation::Operate(Operate {
        command: "Device.Go()".into(),
        args: vec![("Key".into(), "sesame".into())],
        ..Operate::default()
    });
    forget_secrets(&mut command, None, &Model);
    assert!(!format!("{command:?}").contains("sesame"));
}
