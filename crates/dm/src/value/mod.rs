//! Typed values and their lexical forms (TR-106 annex A data types; TR-369 R-ENC.6).
//!
//! A value is held typed, so that comparison and range checks are exact, and shown in one canonical
//! lexical form. It knows nothing of parameters: ranges and enumerations are the model's.

use std::fmt;
use std::sync::Arc;

use crate::time::UtcTime;

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
