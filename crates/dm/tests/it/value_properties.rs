//! Printing and reading values are inverse, order is that of numbers, and no text makes a parser panic.

use dm::path::{Literal, Operator};
use dm::value::{compare, join_list, split_list};
use dm::{Type, Value};
use proptest::prelude::*;

fn any_type() -> impl Strategy<Value = Type> {
    proptest::sample::select(Type::ALL.to_vec())
}

/// Texts, many of them of some type.
fn near_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[+-]?[0-9]{0,22}\\.?[0-9]{0,5}",
        "[0-9a-fA-F]{0,20}",
        "[A-Za-z0-9+/ ]{0,20}={0,2}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,8})?(Z|[+-][01][0-9]:[0-6][0-9])?",
    ]
}

proptest! {
    #[test]
    fn printed_values_read_back(ty in any_type(), text in near_value()) {
        if let Ok(value) = Value::parse(ty, &text) {
            let canonical = value.expose().into_owned();
            prop_assert_eq!(Value::parse(ty, &canonical), Ok(value.clone()));
            prop_assert_eq!(compare(&value, ty, false, Operator::NotEqual, &equal_literal(ty, &value)), Ok(false));
        }
    }

    #[test]
    fn lists_read_back(items in proptest::collection::vec(any::<String>(), 0..6)) {
        let text = join_list(&items);
        let back: Vec<String> = split_list(&text).map(|item| item.into_owned()).collect();
        let expected = if items == [""] { vec![] } else { items };
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn percent_signs_survive_lists(items in proptest::collection::vec("[%0-9A-D, ]{0,8}", 2..4)) {
        let text = join_list(&items);
        let back: Vec<String> = split_list(&text).map(|item| item.into_owned()).collect();
        prop_assert_eq!(back, items);
    }

    #[test]
    fn any_list_is_answered(ty in any_type(), text in any::<String>()) {
        if let Ok(list) = Value::parse_list(ty, &text) {
            prop_assert_eq!(Value::parse_list(ty, &list.expose()), Ok(list));
        }
    }

    #[test]
    fn order_is_that_of_numbers(a in any::<i32>(), b in any::<i32>()) {
        let holds = |operator| compare(
            &Value::Int(a.into()), Type::Int, false, operator, &Literal::bare(&b.to_string()).unwrap(),
        ).unwrap();
        prop_assert_eq!(holds(Operator::Less), a < b);
        prop_assert_eq!(holds(Operator::LessOrEqual), a <= b);
        prop_assert_eq!(holds(Operator::Greater), a > b);
        prop_assert_eq!(holds(Operator::GreaterOrEqual), a >= b);
        prop_assert_eq!(holds(Operator::Equal), a == b);
        prop_assert_eq!(holds(Operator::NotEqual), a != b);
    }
}

/// The constant that a value of this type equals.
fn equal_literal(ty: Type, value: &Value) -> Literal {
    match ty {
        Type::String | Type::Base64 => Literal::quoted(&value.expose()),
        _ => Literal::Bare(value.expose().into()),
    }
}
