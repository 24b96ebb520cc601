//! References to rows, on their way over the seam between engine and providers.
//!
//! Providers don't know instance numbers. A parameter or argument that points at a row crosses the seam
//! with the row's key where the number would stand: `Device.Ethernet.Link.{eth0}`. The engine puts the
//! number in its place, and the key back on the way down. In a key, `%`, `{`, `}` and `,` are written as
//! `%` and two hexadecimal digits, so that lists of references can be split as any other list.

use std::fmt::Write;

use dm::Value;
use dm::path::SchemaPath;

use crate::provider::RowKey;

/// A row by its keys, without the dot at the end, as values of reference parameters are.
pub fn by_key(object: &SchemaPath, keys: &[RowKey]) -> String {
    let mut text = String::new();
    let mut keys = keys.iter();
    for piece in object.as_str().trim_end_matches('.').split("{i}") {
        if !text.is_empty()
            && let Some(key) = keys.next()
        {
            text.push('{');
            escape(&mut text, &key.0);
            text.push('}');
        }
        text.push_str(piece);
    }
    text
}

/// The value of a parameter that points at one row, or at several.
pub fn value<'a>(rows: impl IntoIterator<Item = (&'a SchemaPath, &'a [RowKey])>) -> Value {
    let rows: Vec<String> = rows.into_iter().map(|(object, keys)| by_key(object, keys)).collect();
    Value::text(rows.join(","))
}

/// A reference that was written by key: the object in `{i}` form, ending in a dot, and its keys. `None` for
/// every other text.
pub fn parse(text: &str) -> Option<(SchemaPath, Vec<RowKey>)> {
    let mut object = String::with_capacity(text.len());
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}')?;
        keys.push(RowKey(unescape(key)?.into()));
        object.push_str(before);
        object.push_str("{i}");
        rest = after;
    }
    object.push_str(rest);
    object.push('.');
    let object = SchemaPath::parse(&object).ok().filter(|_| !keys.is_empty())?;
    Some((object, keys))
}

fn escape(text: &mut String, key: &str) {
    for character in key.chars() {
        match character {
            '%' | '{' | '}' | ',' => {
                write!(text, "%{:02X}", u32::from(character)).expect("a String takes everything");
            }
            other => text.push(other),
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut key = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let (digits, after) = after.split_at_checked(2)?;
        key.push_str(before);
        key.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        rest = after;
    }
    key.push_str(rest);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &str, keys: &[&str], text: &str) {
        let object = SchemaPath::parse(object).expect("a path");
        let keys: Vec<RowKey> = keys.iter().map(|key| RowKey((*key).into())).collect();
        assert_eq!(by_key(&object, &keys), text);
        assert_eq!(parse(text), Some((object, keys)));
    }

    #[test]
    fn rows_are_named_by_key_and_read_back() {
        check("Device.Ethernet.Link.{i}.", &["eth0"], "Device.Ethernet.Link.{eth0}");
        check(
            "Device.IP.Interface.{i}.IPv4Address.{i}.",
            &["br-lan", "192.0.2.1/24"],
            "Device.IP.Interface.{br-lan}.IPv4Address.{192.0.2.1/24}",
        );
        check("Device.A.{i}.", &["50%,{x}"], "Device.A.{50%25%2C%7Bx%7D}");
    }

    #[test]
    fn other_texts_are_no_keyed_references() {
        for text in ["", "Device.Ethernet.Link.1", "Device.Ethernet.Link.{eth0", "eth0", "Device.A.{50%}"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
