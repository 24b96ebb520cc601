//! Building reports: rows with the values that are known, everything else left out.

use dm::Value;
use dm::path::{Name, SchemaPath};
use dm::time::UtcTime;
use engine::provider::{Report, Row, RowKey};
use engine::reference;

/// A row in the making. Values that are `None` are absent.
#[derive(Clone, Debug)]
pub struct RowBuilder {
    row: Row,
}

/// A row key.
pub fn key(text: &str) -> RowKey {
    RowKey(text.into())
}

/// The path of an object in `{i}` form.
///
/// # Panics
/// When it is none: paths here are literals.
pub fn object(path: &str) -> SchemaPath {
    SchemaPath::parse(path).expect("object paths are literals")
}

impl RowBuilder {
    /// A row of `object` with one key per `{i}`.
    pub fn new(path: &str, keys: &[&str]) -> RowBuilder {
        let keys = keys.iter().map(|text| key(text)).collect();
        RowBuilder { row: Row { object: object(path), keys, values: Vec::new() } }
    }

    /// Any value.
    #[must_use]
    pub fn value(mut self, name: &str, value: Option<Value>) -> RowBuilder {
        if let Some(value) = value {
            let name = Name::parse(name).expect("parameter names are literals");
            self.row.values.push((name, value));
        }
        self
    }

    /// A text.
    #[must_use]
    pub fn text(self, name: &str, text: impl AsRef<str>) -> RowBuilder {
        self.value(name, Some(Value::text(text.as_ref())))
    }

    /// A text, if it is known.
    #[must_use]
    pub fn maybe_text(self, name: &str, text: Option<impl AsRef<str>>) -> RowBuilder {
        self.value(name, text.map(|text| Value::text(text.as_ref())))
    }

    /// A text cut to the characters that the parameter may have.
    #[must_use]
    pub fn text_up_to(self, name: &str, text: &str, characters: usize) -> RowBuilder {
        let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
        self.text(name, &text[..end])
    }

    /// An unsigned number.
    #[must_use]
    pub fn uint(self, name: &str, number: u64) -> RowBuilder {
        self.value(name, Some(Value::Uint(number)))
    }

    /// An unsigned number, if it is known.
    #[must_use]
    pub fn maybe_uint(self, name: &str, number: Option<u64>) -> RowBuilder {
        self.value(name, number.map(Value::Uint))
    }

    /// An unsigned number of 32 bits; counters go round as RFC 2863 says.
    #[must_use]
    pub fn uint32(self, name: &str, number: u64) -> RowBuilder {
        self.uint(name, number & u64::from(u32::MAX))
    }

    /// A signed number.
    #[must_use]
    pub fn int(self, name: &str, number: i64) -> RowBuilder {
        self.value(name, Some(Value::Int(number)))
    }

    /// A boolean.
    #[must_use]
    pub fn bool(self, name: &str, yes: bool) -> RowBuilder {
        self.value(name, Some(Value::Bool(yes)))
    }

    /// A time, if it is known.
    #[must_use]
    pub fn time(self, name: &str, time: Option<UtcTime>) -> RowBuilder {
        self.value(name, time.map(Value::Time))
    }

    /// References to rows of tables, by object and keys.
    #[must_use]
    pub fn refs(self, name: &str, rows: &[(&str, &[&str])]) -> RowBuilder {
        let texts = rows.iter().map(|(path, keys)| {
            let keys: Vec<RowKey> = keys.iter().map(|text| key(text)).collect();
            reference::by_key(&object(path), &keys)
        });
        let list: Vec<String> = texts.collect();
        self.text(name, list.join(","))
    }

    /// A reference to a row of a table by its only key; to none, if there is none.
    #[must_use]
    pub fn maybe_ref(self, name: &str, path: &str, row: Option<&str>) -> RowBuilder {
        match row {
            Some(row) => self.refs(name, &[(path, &[row])]),
            None => self.text(name, ""),
        }
    }

    /// The row.
    pub fn build(self) -> Row {
        self.row
    }
}

impl From<RowBuilder> for Row {
    fn from(builder: RowBuilder) -> Row {
        builder.build()
    }
}

/// A report of rows in the order in which they were found, parents first.
pub fn report(rows: impl IntoIterator<Item = RowBuilder>) -> Report {
    Report { rows: rows.into_iter().map(RowBuilder::build).collect() }
}
