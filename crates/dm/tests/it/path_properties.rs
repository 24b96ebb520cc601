//! Printing and reading paths are inverse, and no text makes a parser panic.

use dm::path::ReferenceValue;
use dm::{ObjectPath, Path, PathError, SchemaPath};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_-]{0,9}"
}

fn follow() -> impl Strategy<Value = String> {
    let item = prop_oneof![
        Just("+".to_owned()),
        Just("#*+".to_owned()),
        (1..=u32::MAX).prop_map(|n| format!("#{n}+"))
    ];
    (name(), item).prop_map(|(name, item)| name + &item)
}

/// A constant as the printer writes it.
fn literal() -> impl Strategy<Value = String> {
    let quoted =
        any::<String>().prop_map(|text| format!("\"{}\"", text.replace('%', "%25").replace('"', "%22")));
    let bare = prop_oneof![
        Just("true".to_owned()),
        Just("2021-06-06T08:00:00Z".to_owned()),
        "[+-]?[0-9]{1,30}(\\.[0-9]{1,9})?",
        "[0-9A-Fa-f]{1,12}",
    ];
    prop_oneof![quoted, bare]
}

/// The parts of one comparison: everything before the operator, the operator, the constant.
fn comparison() -> impl Strategy<Value = [String; 3]> {
    let steps = proptest::collection::vec(prop_oneof![name(), follow()], 0..3);
    let operator = proptest::sample::select(vec!["==", "!=", "~=", "<", ">", "<=", ">="]);
    (steps, name(), operator, literal()).prop_map(|(mut steps, param, operator, literal)| {
        steps.push(param);
        [steps.join("."), operator.to_owned(), literal]
    })
}

/// One segment of a path behind the root, a selector with its table before it.
fn segment() -> impl Strategy<Value = String> {
    let expr = proptest::collection::vec(comparison(), 1..4)
        .prop_map(|all| format!("[{}]", all.iter().map(|c| c.concat()).collect::<Vec<_>>().join("&&")));
    let selector = prop_oneof![(1..=u32::MAX).prop_map(|n| n.to_string()), Just("*".to_owned()), expr];
    prop_oneof![
        3 => name(),
        2 => (name(), selector).prop_map(|(table, rows)| format!("{table}.{rows}")),
        1 => follow(),
    ]
}

fn target() -> impl Strategy<Value = String> {
    (name(), proptest::sample::select(vec!["", "()", "!"])).prop_map(|(name, end)| name + end)
}

fn path() -> impl Strategy<Value = String> {
    let objects = proptest::collection::vec(segment(), 0..6);
    let target = prop_oneof![Just(String::new()), target()];
    (name(), objects, target).prop_map(|(root, objects, target)| {
        let objects: String = objects.iter().map(|object| format!("{object}.")).collect();
        format!("{root}.{objects}{target}")
    })
}

/// A schema path: numbers only before the first `{i}`.
fn schema_path() -> impl Strategy<Value = String> {
    let numbered = proptest::collection::vec((name(), proptest::option::of(1..=u32::MAX)), 0..3);
    let general = proptest::collection::vec((name(), any::<bool>()), 0..4);
    (numbered, general, prop_oneof![Just(String::new()), target()]).prop_map(|(numbered, general, target)| {
        let mut text = "Device.".to_owned();
        for (name, row) in numbered {
            text += &row.map_or(format!("{name}."), |row| format!("{name}.{row}."));
        }
        for (name, row) in general {
            text += &if row { format!("{name}.{{i}}.") } else { format!("{name}.") };
        }
        text + &target
    })
}

/// Text that is nearly a path.
fn near_path() -> impl Strategy<Value = String> {
    "([A-Za-z_0-9.*+#!(){}\\[\\]&=~<>\"% é-]|Device\\.|\\{i\\}|==|&&){0,60}"
}

/// What parses also prints to a text that parses to the same, and errors point into the text.
fn check<T: PartialEq + std::fmt::Debug + std::fmt::Display>(
    parse: fn(&str) -> Result<T, PathError>,
    text: &str,
) {
    match parse(text) {
        Ok(value) => assert_eq!(parse(&value.to_string()).as_ref(), Ok(&value), "{text}"),
        Err(error) => assert!(text.is_char_boundary(error.offset), "{text}: {error}"),
    }
}

fn check_all(text: &str) {
    check(Path::parse, text);
    check(ObjectPath::parse, text);
    check(SchemaPath::parse, text);
    check(ReferenceValue::parse, text);
}

proptest! {
    #[test]
    fn printed_paths_read_back(text in path()) {
        let parsed = Path::parse(&text);
        prop_assert_eq!(parsed.map(|path| path.to_string()), Ok(text));
    }

    #[test]
    fn blanks_do_not_change_a_path(parts in comparison(), blanks in proptest::collection::vec("[ \t]{0,3}", 4)) {
        let plain = format!("Device.A.[{}].", parts.concat());
        let spaced = format!(
            "Device.A.[{}{}{}{}{}{}{}].",
            blanks[0], parts[0], blanks[1], parts[1], blanks[2], parts[2], blanks[3]
        );
        prop_assert_eq!(Path::parse(&spaced), Path::parse(&plain));
    }

    #[test]
    fn printed_schema_paths_read_back(text in schema_path()) {
        let parsed = SchemaPath::parse(&text);
        prop_assert_eq!(parsed.map(|path| path.to_string()), Ok(text));
    }

    #[test]
    fn a_schema_path_comes_apart_into_paths(text in schema_path()) {
        let mut path = SchemaPath::parse(&text).unwrap();
        let mut levels = path.names().count();
        while let Some(parent) = path.parent() {
            prop_assert_eq!(SchemaPath::parse(parent.as_str()), Ok(parent.clone()));
            levels -= 1;
            path = parent;
        }
        prop_assert_eq!(levels, 1);
    }

    #[test]
    fn objects_and_their_schema_agree_with_paths(text in path()) {
        let path = Path::parse(&text).unwrap();
        if let Some(object) = path.concrete_object() {
            prop_assert_eq!(ObjectPath::parse(&object.to_string()), Ok(object.clone()));
            prop_assert_eq!(Some(object.to_schema()), Path::from(&object).to_schema());
        }
        if let Some(schema) = path.to_schema() {
            prop_assert_eq!(SchemaPath::parse(schema.as_str()), Ok(schema));
        }
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        check_all(&text);
    }

    #[test]
    fn nearly_paths_are_answered(text in near_path()) {
        check_all(&text);
    }

    #[test]
    fn damaged_paths_are_answered(text in path(), at in any::<prop::sample::Index>(), by in any::<char>()) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        check_all(&characters[..at].iter().collect::<String>());
        characters[at] = by;
        check_all(&characters.iter().collect::<String>());
    }
}
