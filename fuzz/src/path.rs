//! Any text as each kind of path.

use std::fmt::{Debug, Display};

use dm::limits::{MAX_PATH_BYTES, MAX_PATH_SEGMENTS};
use dm::path::{ReferenceValue, RelativePath};
use dm::{Name, ObjectPath, Path, PathError, SchemaPath};

/// Reads the bytes as every kind of path. What parses prints to a text that parses to the same; an
/// error points into the text; what one path is turned into is a path too.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    inverse(text, Name::parse);
    inverse(text, ReferenceValue::parse);
    inverse(text, RelativePath::parse);
    if let Some(object) = inverse(text, ObjectPath::parse) {
        assert_eq!(Path::parse(text), Ok(Path::from(&object)));
        assert_eq!(
            ReferenceValue::parse(&object.reference_text()).map(|value| value.concrete_object()),
            Ok(Some(object))
        );
    }
    if let Some(schema) = inverse(text, SchemaPath::parse) {
        for made in [schema.as_row(), schema.as_table()].into_iter().chain(schema.parent()) {
            is_schema_path(&made);
        }
    }
    if let Some(schema) = inverse(text, Path::parse).and_then(|path| path.to_schema()) {
        is_schema_path(&schema);
    }
}

/// `{i}` is longer than most numbers, so a path at a limit may be made into one beyond it.
fn is_schema_path(made: &SchemaPath) {
    if made.as_str().len() <= MAX_PATH_BYTES && made.segments().count() <= MAX_PATH_SEGMENTS {
        assert_eq!(SchemaPath::parse(made.as_str()).as_ref(), Ok(made));
    }
}

fn inverse<T: PartialEq + Debug + Display>(text: &str, parse: fn(&str) -> Result<T, PathError>) -> Option<T> {
    match parse(text) {
        Ok(parsed) => {
            assert_eq!(parse(&parsed.to_string()).as_ref(), Ok(&parsed));
            Some(parsed)
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.offset), "{error}");
            None
        }
    }
}
