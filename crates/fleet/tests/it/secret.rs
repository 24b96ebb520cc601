//! Secrets in what devices say.

use dm::UtcTime;
use dm::operation::{
    GetInstances, Instance, Operate, Operation, Outcome, ParamFault, ParamSetting, Requested, Set,
    UpdateFailure, UpdatedInstance,
};
use dm::{Code, Fault};
use fleet::check::{NoSchema, SchemaCheck};
use fleet::event::{EventBody, EventKind};
use fleet::job::{MASK, forget_secrets};
use fleet::secret::{Quoted, mask_delta, mask_event};
use fleet::twin::{Change, Delta, Source};

/// `Key` is secret in `Device.T.`, and nowhere else.
struct Model;

impl SchemaCheck for Model {
    fn setting(&self, _: &str, _: &str, _: &str, _: bool) -> Result<(), Fault> {
        Ok(())
    }

    fn row(&self, _: &str, _: bool) -> Result<(), Fault> {
        Ok(())
    }

    fn command(&self, _: &str, _: &[(String, String)], _: bool) -> Result<(), Fault> {
        Ok(())
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        path.starts_with("Device.T.") && name == "Key"
    }
}

fn delete(path: &str) -> Operation {
    Operation::Delete(dm::operation::Delete { allow_partial: false, paths: vec![path.to_owned()] })
}

#[test]
fn search_expressions_compare_with_masks() {
    for (path, expected) in [
        ("Device.T.1.", "Device.T.1."),
        ("Device.T.[Key==\"sesame\"].", "Device.T.[Key==\"••••\"]."),
        ("Device.T.[Name==\"sesame\"].", "Device.T.[Name==\"sesame\"]."),
        ("Device.S.[Key==\"sesame\"].", "Device.S.[Key==\"sesame\"]."),
        ("Device.T.[Key!=sesame].", "Device.T.[Key!=\"••••\"]."),
        ("Device.T.[Name==\"a&&b]\"&&Key>=\"x]&&y\"].Z", "Device.T.[Name==\"a&&b]\"&&Key>=\"••••\"].Z"),
        ("Device.T.[Key==\"1\"&&Key==\"2\"].", "Device.T.[Key==\"••••\"&&Key==\"••••\"]."),
        ("Device.T.[A==1].U.[Key~=\"x\"].", "Device.T.[A==1].U.[Key~=\"••••\"]."),
        ("Device.T.[Key==\"torn", "Device.T.[Key==\"••••\""),
        ("Device.T.[Key==].", "Device.T.[Key==]."),
    ] {
        let mut operation = delete(path);
        forget_secrets(&mut operation, None, &Model);
        assert_eq!(operation, delete(expected), "{path}");
    }
}

#[test]
fn answers_quote_no_secret_of_their_request() {
    let setting =
        |name: &str, value: &str| ParamSetting { param: name.into(), value: value.into(), required: true };
    let params = vec![setting("Key", "sesame"), setting("Key", "sesame open"), setting("Key", "x")];
    let object = dm::operation::ObjectSettings { path: "Device.T.1.".into(), params };
    let mut operation = Operation::Set(Set { allow_partial: true, objects: vec![object] });
    let fault = |text: &str| Fault::new(Code::INVALID_VALUE, text);
    let params = |text: &str| vec![ParamFault { param: "Key".into(), fault: fault(text) }];
    let row = |value: &str, text: &str| UpdatedInstance {
        path: "Device.T.1.".into(),
        params: vec![("Key".into(), value.into()), ("Name".into(), value.into())],
        errors: params(text),
    };
    let failure = |text: &str| UpdateFailure {
        fault: fault(text),
        instances: vec![dm::operation::InstanceFailure { path: "Device.T.2.".into(), errors: params(text) }],
    };
    let answer = |value: &str, named: &str, text: &str| {
        let mut row = row(value, text);
        row.params[1].1 = named.to_owned();
        Outcome::Set(vec![
            Requested { path: "Device.T.1.".into(), result: Ok(vec![row]) },
            Requested { path: "Device.T.2.".into(), result: Err(failure(text)) },
        ])
    };
    let mut outcome = answer("sesame", "router x", "'sesame open' is too long for x, sesame");
    forget_secrets(&mut operation, Some(&mut outcome), &Model);
    assert_eq!(outcome, answer(MASK, "router x", "'••••' is too long for x, ••••"));
    assert!(!format!("{outcome:?}{operation:?}").contains("sesame"));
}

#[test]
fn unique_keys_of_listed_rows_are_masked() {
    let rows = |value: &str| {
        let row = Instance {
            path: "Device.T.1.".into(),
            unique_keys: vec![("Key".into(), value.into()), ("Alias".into(), "a".into())],
        };
        Outcome::GetInstances(vec![Requested { path: "Device.T.".into(), result: Ok(vec![row]) }])
    };
    let mut outcome = rows("sesame");
    let mut operation = Operation::GetInstances(GetInstances::default());
    forget_secrets(&mut operation, Some(&mut outcome), &Model);
    assert_eq!(outcome, rows(MASK));
}

/// Knows no secret, and is asked about nothing that is too long to be a path.
struct Short;

impl SchemaCheck for Short {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        Model.setting(object, param, value, force)
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        Model.row(path, add)
    }

    fn command(&self, command: &str, args: &[(String, String)], force: bool) -> Result<(), Fault> {
        Model.command(command, args, force)
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        assert!(path.len() + name.len() <= 4096, "{} bytes", path.len());
        false
    }
}

/// Otherwise a device could have the server busy for hours with one answer.
#[test]
fn what_is_too_long_to_be_a_path_is_not_looked_into() {
    let answer = |path: &str, value: &str| {
        let row =
            Instance { path: path.to_owned(), unique_keys: vec![("Name".to_owned(), value.to_owned())] };
        Outcome::GetInstances(vec![Requested { path: "Device.T.".into(), result: Ok(vec![row]) }])
    };
    let path = |expressions: usize| format!("Device.T{}.", ".[Key==1]".repeat(expressions));
    let longest = format!("Device.{}.", "x".repeat(4096 - 12));
    let (longer, cut) = (format!("Device.y{}", &longest[7..]), format!("Device.T.{MASK}"));
    for (said, kept, value) in [
        (path(64).as_str(), path(64).as_str(), "a"),
        // More expressions than a path has places.
        (&path(65), &cut, "a"),
        (&path(1_000_000), &cut, MASK),
        (&longest, &longest, "a"),
        (&longer, &longer, MASK),
    ] {
        let mut outcome = answer(said, "a");
        forget_secrets(&mut Operation::GetInstances(GetInstances::default()), Some(&mut outcome), &Short);
        assert!(outcome == answer(kept, value), "{} bytes", said.len());
    }
}

#[test]
fn an_event_of_a_path_without_end_is_cut() {
    for (length, kept) in [(4095, 4095), (4097, 4095), (8 << 20, 4095)] {
        let path = format!("D{}", "ä".repeat((length - 1) / 2));
        let event = EventBody::new(EventKind::Event).at_path(path).with("a", "b").bounded();
        assert_eq!(event.path.as_ref().map(String::len), Some(kept), "{length}");
        let cut = event.params.iter().any(|(name, value)| name == "cut" && value == "true");
        assert_eq!(cut, length > kept, "{length}");
        assert_eq!(event.clone().bounded(), event, "once is enough");
    }
}

#[test]
fn events_are_masked_by_what_they_are_about() {
    let check = |kind, path: &str, name: &str, value: &str, expected: &str| {
        let mut event = EventBody::new(kind).at_path(path).with(name, value);
        mask_event(&mut event, &Quoted::default(), &Model);
        assert_eq!(event.params, [(name.to_owned(), expected.to_owned())], "{path}");
    };
    check(EventKind::ValueChange, "Device.T.1.Key", "value", "sesame", MASK);
    check(EventKind::ValueChange, "Device.T.1.Key", "value", "", "");
    check(EventKind::ValueChange, "Device.T.1.Name", "value", "sesame", "sesame");
    check(EventKind::ObjectCreation, "Device.T.1.", "Key", "sesame", MASK);
    check(EventKind::Event, "Device.T.1.Done!", "Key", "sesame", MASK);
    check(EventKind::OperationComplete, "Device.T.Go()", "Key", "sesame", MASK);
    let map = "ParameterMap";
    let plain = "{\"Device.T.1.Name\": \"x\"}";
    check(EventKind::Boot, "Device.Boot!", map, plain, plain);
    check(
        EventKind::Boot,
        "Device.Boot!",
        map,
        "{\"Device.T.1.Key\":\"x\"}",
        "{\"Device.T.1.Key\":\"••••\"}",
    );
    check(EventKind::Boot, "Device.Boot!", map, "Device.T.1.Key=sesame", MASK);
    check(EventKind::Boot, "Device.Boot!", map, "", "");
    check(EventKind::Boot, "Device.Boot!", "Cause", "LocalReboot", "LocalReboot");
}

#[test]
fn a_failed_command_quotes_no_argument() {
    let operate = Operation::Operate(Operate {
        command: "Device.T.Go()".into(),
        args: vec![("Key".into(), "sesame".into()), ("Name".into(), "Hall".into())],
        ..Operate::default()
    });
    let quoted = Quoted::of(&operate, &Model);
    let mut event = EventBody::new(EventKind::OperationComplete)
        .at_path("Device.T.Go()")
        .with("err_msg", "Hall: wrong key sesame");
    mask_event(&mut event, &quoted, &Model);
    assert_eq!(event.params[0].1, "Hall: wrong key ••••");
}

#[test]
fn a_twin_holds_masks() {
    let mut delta = Delta::new(UtcTime(0), Source::Notified);
    for (path, value) in
        [("Device.T.1.Key", "sesame"), ("Device.T.1.Name", "x"), ("Device.T.1.", ""), ("Device.T.2.Key", "")]
    {
        delta.put(path, value);
    }
    mask_delta(&mut delta, &Model);
    let values: Vec<&str> = delta
        .changes
        .iter()
        .map(|change| match change {
            Change::Put { value, .. } => &**value,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(values, [MASK, "x", "", ""]);
}

#[test]
fn names_tell_where_no_model_does() {
    for (path, name, expected) in [
        ("Device.X_EX_Box.", "AdminPassword", true),
        ("Device.X_EX_Box.", "Security.PreSharedKey", true),
        ("Device.X_EX_Box.", "PasswordLength", false),
        ("Device.X_EX_Box.Go()", "Secret", true),
        ("Device.LocalAgent.ControllerTrust.ChallengeResponse()", "Value", true),
        ("Device.LocalAgent.ControllerTrust.ChallengeResponse()", "ChallengeID", false),
    ] {
        assert_eq!(NoSchema.is_secret(path, name), expected, "{path}{name}");
    }
}
