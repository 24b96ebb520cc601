//! Any text as a value and a list of each type, and compared with itself.

use dm::path::{Literal, Operator};
use dm::value::{compare, join_list, split_list};
use dm::{Type, Value};

/// Reads the bytes as every type. A canonical form is read back to the same value, and a value equals
/// the constant that is its own text.
pub fn value(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for ty in Type::ALL {
        if let Ok(value) = Value::parse(ty, text) {
            let canonical = value.expose();
            assert_eq!(Value::parse(ty, &canonical).as_ref(), Ok(&value));
            let literal = match ty {
                Type::String | Type::Base64 => Some(Literal::quoted(&canonical)),
                _ => Literal::bare(&canonical),
            };
            if let Some(literal) = literal {
                assert_eq!(compare(&value, ty, false, Operator::Equal, &literal), Ok(true));
            }
        }
        if let Ok(list) = Value::parse_list(ty, text) {
            assert_eq!(Value::parse_list(ty, &list.expose()), Ok(list));
        }
    }
    let items: Vec<_> = split_list(text).collect();
    let joined = join_list(&items);
    assert!(split_list(&joined).eq(items));
}
