//! Values of parameters: a type, and the text as it came.
//!
//! Texts are never corrected. The readers say how a text can be understood, and whether it was written as the
//! type wants it; who shows or stores a value has the text.

mod reading;
mod time;

pub use reading::{Reading, read_boolean, read_integer};
pub use time::{DateTime, Time};

/// The types of values: those of XML Schema that the standard uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ValueType {
    /// `string`; what has no type counts as one.
    #[default]
    String,
    /// `int`, 32 bits.
    Int,
    /// `unsignedInt`, 32 bits.
    UnsignedInt,
    /// `long`, 64 bits.
    Long,
    /// `unsignedLong`, 64 bits.
    UnsignedLong,
    /// `boolean`: 0, 1, true or false.
    Boolean,
    /// `dateTime`, see [`Time`].
    DateTime,
    /// `base64` or `base64Binary`.
    Base64,
    /// `hexBinary`.
    HexBinary,
    /// `decimal`.
    Decimal,
    /// Any other, whose name is kept.
    Other,
}

/// Names on the wire; the first of a type is the one we write.
const NAMES: &[(&str, ValueType)] = &[
    ("string", ValueType::String),
    ("int", ValueType::Int),
    ("unsignedInt", ValueType::UnsignedInt),
    ("long", ValueType::Long),
    ("unsignedLong", ValueType::UnsignedLong),
    ("boolean", ValueType::Boolean),
    ("dateTime", ValueType::DateTime),
    ("base64", ValueType::Base64),
    ("base64Binary", ValueType::Base64),
    ("hexBinary", ValueType::HexBinary),
    ("decimal", ValueType::Decimal),
];

impl ValueType {
    /// The type of a local name, whatever its case.
    pub fn from_name(name: &str) -> Option<ValueType> {
        NAMES.iter().find(|row| row.0.eq_ignore_ascii_case(name)).map(|row| row.1)
    }

    /// The name that we write. [`ValueType::Other`] has none of its own, and is written as a string.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|row| row.1 == self).map_or("string", |row| row.0)
    }
}

/// A value.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Value {
    /// Its type.
    pub kind: ValueType,
    /// The local name of the type, where it is not the one that we would write: `base64Binary`, `json`. A write
    /// of the parameter repeats it.
    pub raw_type: Option<Box<str>>,
    /// The text.
    pub text: String,
}

impl Value {
    /// A value of a type.
    pub fn new(kind: ValueType, text: impl Into<String>) -> Value {
        Value { kind, raw_type: None, text: text.into() }
    }

    /// A string.
    pub fn string(text: impl Into<String>) -> Value {
        Value::new(ValueType::String, text)
    }

    /// A value of the type that a peer named.
    pub fn of_type(type_name: &str, text: impl Into<String>) -> Value {
        let kind = ValueType::from_name(type_name).unwrap_or(ValueType::Other);
        let raw_type = (kind == ValueType::Other || kind.name() != type_name).then(|| type_name.into());
        Value { kind, raw_type, text: text.into() }
    }

    /// The local name of the type on the wire.
    pub fn type_name(&self) -> &str {
        self.raw_type.as_deref().unwrap_or(self.kind.name())
    }

    /// The text as a boolean.
    pub fn boolean(&self) -> Reading<bool> {
        read_boolean(&self.text)
    }

    /// The text as a number, whatever its type.
    pub fn integer(&self) -> Reading<i128> {
        read_integer(&self.text)
    }

    /// The text as a time.
    pub fn time(&self) -> Reading<Time> {
        DateTime::from(self.text.as_str()).meaning()
    }

    /// Whether the text is written as its type wants it. Texts of types that are not looked into always are.
    pub fn well_formed(&self) -> bool {
        let range = match self.kind {
            ValueType::Boolean => return self.boolean().exact().is_some(),
            ValueType::DateTime => return self.time().exact().is_some(),
            ValueType::Int => i128::from(i32::MIN)..=i128::from(i32::MAX),
            ValueType::UnsignedInt => 0..=i128::from(u32::MAX),
            ValueType::Long => i128::from(i64::MIN)..=i128::from(i64::MAX),
            ValueType::UnsignedLong => 0..=i128::from(u64::MAX),
            _ => return true,
        };
        self.integer().exact().is_some_and(|number| range.contains(&number))
    }
}
