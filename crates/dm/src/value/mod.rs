//! Typed values and their lexical forms (TR-106 annex A data types; TR-369 R-ENC.6).
//!
//! A value is held typed, so that comparison and range checks are exact, and shown in one canonical
//! lexical form. It knows nothing of parameters: ranges and enumerations are the model's.
//!
//! Canonical: `true`/`false`; whole numbers without `+` and leading zeros; decimals also without
//! trailing zeros and without a dot at the end; dateTime in UTC with six fraction digits or none;
//! base64 without blanks; hexBinary in upper case, which is XML Schema's canonical form.

mod compare;
mod lexical;
mod list;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::fault::{Code, Fault};
use crate::time::UtcTime;

pub use compare::{CompareError, Condition, compare};
pub use list::{join_list, split_list};

/// The base types of TR-106.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Type {
    /// `true` or `false`; `1` and `0` are read too.
    Boolean,
    /// 32-bit signed.
    Int,
    /// 32-bit unsigned.
    UnsignedInt,
    /// 64-bit signed.
    Long,
    /// 64-bit unsigned.
    UnsignedLong,
    /// Decimal number of any precision.
    Decimal,
    /// Text.
    String,
    /// base64 without line breaks.
    Base64,
    /// Pairs of hexadecimal digits.
    HexBinary,
    /// UTC date and time; Unknown Time is `0001-01-01T00:00:00Z`.
    DateTime,
}

/// A typed value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// `int` or `long`.
    Int(i64),
    /// `unsignedInt` or `unsignedLong`.
    Uint(u64),
    /// A UTC time.
    Time(UtcTime),
    /// string, decimal, base64, hexBinary, each in its canonical form.
    Text(Arc<str>),
    /// A text that is masked wherever it is printed (`Debug`, `Display`).
    Secret(Arc<str>),
}

/// A text that is not of a type. It never quotes the text, which may be a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a valid {expected}")]
pub struct ValueError {
    /// The type that the text is not of.
    pub expected: Type,
}

impl ValueError {
    /// The code on the wire, always [`Code::INVALID_TYPE`].
    pub fn code(&self) -> Code {
        Code::INVALID_TYPE
    }
}

impl From<ValueError> for Fault {
    fn from(error: ValueError) -> Fault {
        Fault::new(error.code(), error.to_string())
    }
}

impl Type {
    /// All of them.
    pub const ALL: [Type; 10] = [
        Type::Boolean,
        Type::Int,
        Type::UnsignedInt,
        Type::Long,
        Type::UnsignedLong,
        Type::Decimal,
        Type::String,
        Type::Base64,
        Type::HexBinary,
        Type::DateTime,
    ];

    /// The name in TR-106 data models, e.g. `unsignedInt`.
    pub fn name(self) -> &'static str {
        match self {
            Type::Boolean => "boolean",
            Type::Int => "int",
            Type::UnsignedInt => "unsignedInt",
            Type::Long => "long",
            Type::UnsignedLong => "unsignedLong",
            Type::Decimal => "decimal",
            Type::String => "string",
            Type::Base64 => "base64",
            Type::HexBinary => "hexBinary",
            Type::DateTime => "dateTime",
        }
    }

    /// The type of a TR-106 name.
    pub fn from_name(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|ty| ty.name() == name)
    }

    /// Whether values are numbers: `int`, `long`, their unsigned kin, `decimal`.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::UnsignedInt | Type::Long | Type::UnsignedLong | Type::Decimal)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// Reads the lexical form of one value.
    ///
    /// # Errors
    /// When the text is not of the type; numbers beyond the type's bits are not.
    // R-ENC.6
    pub fn parse(ty: Type, text: &str) -> Result<Value, ValueError> {
        let value = match ty {
            Type::Boolean => lexical::boolean(text).map(Value::Bool),
            Type::Int => lexical::signed(text, i32::MIN.into(), i32::MAX.into()).map(Value::Int),
            Type::Long => lexical::signed(text, i64::MIN, i64::MAX).map(Value::Int),
            Type::UnsignedInt => lexical::unsigned(text, u32::MAX.into()).map(Value::Uint),
            Type::UnsignedLong => lexical::unsigned(text, u64::MAX).map(Value::Uint),
            Type::Decimal => lexical::decimal(text).map(Value::text),
            Type::String => Some(Value::text(text)),
            Type::Base64 => lexical::base64(text).map(Value::text),
            Type::HexBinary => lexical::hex_binary(text).map(Value::text),
            Type::DateTime => UtcTime::parse(text).ok().map(Value::Time),
        };
        value.ok_or(ValueError { expected: ty })
    }

    /// Reads a comma-separated list of values; the result is a text in the list's canonical form.
    ///
    /// # Errors
    /// When an item is not of the type.
    pub fn parse_list(ty: Type, text: &str) -> Result<Value, ValueError> {
        let mut items = Vec::new();
        for item in split_list(text) {
            items.push(Value::parse(ty, &item)?.to_string());
        }
        Ok(Value::text(join_list(items)))
    }

    /// A text as it is; for decimals, base64 and hexBinary it has to be in canonical form.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// A text that is masked wherever it is printed.
    pub fn secret(text: impl Into<Arc<str>>) -> Value {
        Value::Secret(text.into())
    }

    /// The same value as a secret.
    #[must_use]
    pub fn into_secret(self) -> Value {
        match self {
            Value::Text(text) | Value::Secret(text) => Value::Secret(text),
            other => Value::Secret(other.to_string().into()),
        }
    }

    /// The null value of a type (TR-106): the empty text, `false`, Unknown Time, 0 or -1.
    pub fn null(ty: Type) -> Value {
        match ty {
            Type::Boolean => Value::Bool(false),
            Type::Int | Type::Long => Value::Int(-1),
            Type::UnsignedInt | Type::UnsignedLong => Value::Uint(0),
            Type::Decimal => Value::text("-1"),
            Type::String | Type::Base64 | Type::HexBinary => Value::text(""),
            Type::DateTime => Value::Time(UtcTime::UNKNOWN),
        }
    }

    /// Whether it is masked.
    pub fn is_secret(&self) -> bool {
        matches!(self, Value::Secret(_))
    }

    /// The canonical lexical form as any reader may see it. A secret is the empty text, which is how
    /// secured parameters read to a controller without a secured role.
    pub fn to_lexical(&self) -> Cow<'_, str> {
        match self {
            Value::Secret(_) => Cow::Borrowed(""),
            shown => shown.expose(),
        }
    }

    /// The canonical lexical form, secrets included: for the wire and for storage, never for a log.
    pub fn expose(&self) -> Cow<'_, str> {
        match self {
            Value::Bool(true) => Cow::Borrowed("true"),
            Value::Bool(false) => Cow::Borrowed("false"),
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::Uint(number) => Cow::Owned(number.to_string()),
            Value::Time(time) => Cow::Owned(time.to_string()),
            Value::Text(text) | Value::Secret(text) => Cow::Borrowed(text),
        }
    }
}

/// The canonical lexical form; a secret prints as eight asterisks whatever it is.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Secret(_) => f.write_str("********"),
            shown => f.write_str(&shown.expose()),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Secret(_) => f.write_str("Secret(…)"),
            Value::Bool(v) => write!(f, "{v}"),
            Value::Int(v) => write!(f, "{v}"),
            Value::Uint(v) => write!(f, "{v}"),
            Value::Time(v) => write!(f, "{v:?}"),
            Value::Text(v) => write!(f, "{v:?}"),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Uint(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::text(value)
    }
}

impl From<UtcTime> for Value {
    fn from(value: UtcTime) -> Value {
        Value::Time(value)
    }
}
