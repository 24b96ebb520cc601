//! What may hold secrets does not print them.

use dm::operation::{
    Add, CommandResult, CreatedInstance, Instance, ObjectSettings, ObjectValues, Operate, ParamSetting,
    Requested, Set, UpdatedInstance,
};
use dm::path::{Literal, Operator};
use dm::tree::CommandCall;
use dm::value::Condition;
use dm::{Operation, Outcome, Path, Type};

const SECRET: &str = "hunter2 and more";

fn pair() -> Vec<(String, String)> {
    vec![("Password".to_owned(), SECRET.to_owned())]
}

fn setting() -> ParamSetting {
    ParamSetting { param: "Password".to_owned(), value: SECRET.to_owned(), required: true }
}

fn operate() -> Operate {
    let command = "Device.Go()".to_owned();
    Operate { command, command_key: "k".to_owned(), send_resp: true, args: pair() }
}

#[test]
fn names_and_lengths_are_shown() {
    let shown = format!("{:?}", setting());
    assert_eq!(shown, r#"ParamSetting { param: "Password", value: <16 chars>, required: true }"#);
    assert_eq!(
        format!("{:?}", operate()),
        r#"Operate { command: "Device.Go()", command_key: "k", send_resp: true, args: {"Password": <16 chars>} }"#
    );
    let values = ObjectValues { path: "Device.".to_owned(), params: pair() };
    assert_eq!(
        format!("{values:?}"),
        r#"ObjectValues { path: "Device.", params: {"Password": <16 chars>} }"#
    );
}

#[test]
fn no_value_is_shown_however_deep() {
    let path = || "Device.X.1.".to_owned();
    let objects = || vec![ObjectSettings { path: path(), params: vec![setting()] }];
    let created = CreatedInstance { path: path(), unique_keys: pair(), errors: Vec::new() };
    let updated = UpdatedInstance { path: path(), params: pair(), errors: Vec::new() };
    let row = Instance { path: path(), unique_keys: pair() };
    let values = ObjectValues { path: path(), params: pair() };
    let place = dm::tree::Place::root();
    let literal = Literal::Quoted(SECRET.into());
    let printed: Vec<String> = vec![
        format!("{:?}", Operation::Set(Set { allow_partial: true, objects: objects() })),
        format!("{:#?}", Operation::Add(Add { allow_partial: true, objects: objects() })),
        format!("{:?}", Operation::Operate(operate())),
        format!("{:?}", Outcome::Get(vec![Requested { path: path(), result: Ok(vec![values]) }])),
        format!("{:?}", Outcome::GetInstances(vec![Requested { path: path(), result: Ok(vec![row]) }])),
        format!("{:?}", Outcome::Set(vec![Requested { path: path(), result: Ok(vec![updated]) }])),
        format!("{:?}", Outcome::Add(vec![Requested { path: path(), result: Ok(created) }])),
        format!(
            "{:?}",
            Outcome::Operate(vec![Requested { path: path(), result: Ok(CommandResult::Output(pair())) }])
        ),
        format!("{:?}", CommandCall { place, path: path(), command: 0, args: pair() }),
        format!("{:?}", Path::parse(&format!("Device.X.[Password==\"{SECRET}\"].")).expect("a path")),
        format!(
            "{:?}",
            Condition::new(Type::String, false, Operator::Equal, &literal).expect("a comparison")
        ),
    ];
    for text in printed {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
