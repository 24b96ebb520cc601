//! The catalogue blob's layout, shared by encoder and reader.
//!
//! ```text
//! header   magic, then eight u32: strings, string bytes, objects, items, arguments, words, usp, cwmp
//! strings  (strings + 1) u32 offsets into the string bytes, then the bytes; sorted, each once
//! objects  u16 path string, u16 first item, u16 item count; sorted by path
//! items    20-byte rows, see `item`; grouped by object
//! args     20-byte rows of the same form; grouped by command or event
//! words    u16 pool: facets and object facts
//! ```
//! All numbers are little-endian. `usp` and `cwmp` are string ids plus one, zero for none.

use crate::operation::{ObjectAccess, ParamAccess};
use crate::schema::facets::{ReferenceKind, Status};
use crate::schema::row::{ActiveNotify, DefaultKind, Direction, Version};
use crate::value::Type;

pub(super) const MAGIC: &[u8; 8] = b"CuspDM\x00\x01";
pub(super) const HEADER: usize = 8 + 8 * 4;
pub(super) const OBJECT: usize = 6;
pub(super) const ITEM: usize = 20;

/// Byte offsets inside a 20-byte row.
pub(super) mod item {
    pub(crate) const NAME: usize = 0;
    pub(crate) const KIND: usize = 2;
    pub(crate) const TYPE: usize = 3;
    pub(crate) const FLAGS: usize = 4;
    pub(crate) const USP: usize = 6;
    pub(crate) const CWMP: usize = 8;
    pub(crate) const DEFAULT: usize = 10;
    pub(crate) const WORDS: usize = 12;
    pub(crate) const ARGS: usize = 16;
    pub(crate) const ARG_COUNT: usize = 18;
}

/// Bits of an item's flags; the two-bit fields are named by their lowest bit.
pub(super) mod flag {
    pub(crate) const STATUS: u16 = 0;
    pub(crate) const ACCESS: u16 = 2;
    pub(crate) const NOTIFY: u16 = 4;
    pub(crate) const FORCED_INFORM: u16 = 1 << 6;
    pub(crate) const SECURED: u16 = 1 << 7;
    pub(crate) const HIDDEN: u16 = 1 << 8;
    pub(crate) const COMMAND: u16 = 1 << 9;
    pub(crate) const ASYNC: u16 = 1 << 10;
    pub(crate) const MANDATORY: u16 = 1 << 11;
    pub(crate) const DEFAULT: u16 = 12;
}

pub(super) const KIND_OBJECT: u8 = 0;
pub(super) const KIND_PARAM: u8 = 1;
pub(super) const KIND_COMMAND: u8 = 2;
pub(super) const KIND_EVENT: u8 = 3;
pub(super) const KIND_INPUT: u8 = 4;
pub(super) const KIND_OUTPUT: u8 = 5;
pub(super) const KIND_EVENT_ARG: u8 = 6;

pub(super) const NO_VERSION: u16 = u16::MAX;
pub(super) const UNBOUNDED: u32 = u32::MAX;

/// An enum that the blob stores as a small number and the text as a word.
pub(super) trait Coded: Copy + PartialEq + Default + 'static {
    /// Number and word are those of the position here.
    const TABLE: &'static [(Self, &'static str)];

    fn number(self) -> u16 {
        let at = Self::TABLE.iter().position(|(value, _)| *value == self);
        u16::try_from(at.unwrap_or(0)).unwrap_or(0)
    }

    fn from_number(number: u16) -> Self {
        Self::TABLE.get(usize::from(number)).map_or_else(Self::default, |(value, _)| *value)
    }

    fn word(self) -> &'static str {
        Self::TABLE[usize::from(self.number())].1
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
    }
}

impl Coded for Status {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Status::Current, "current"),
        (Status::Deprecated, "deprecated"),
        (Status::Obsoleted, "obsoleted"),
        (Status::Deleted, "deleted"),
    ];
}

impl Coded for ParamAccess {
    const TABLE: &'static [(Self, &'static str)] = &[
        (ParamAccess::ReadOnly, "readOnly"),
        (ParamAccess::ReadWrite, "readWrite"),
        (ParamAccess::WriteOnceReadOnly, "writeOnceReadOnly"),
        (ParamAccess::WriteOnly, "writeOnly"),
    ];
}

impl Coded for ObjectAccess {
    const TABLE: &'static [(Self, &'static str)] = &[
        (ObjectAccess::ReadOnly, "readOnly"),
        (ObjectAccess::AddDelete, "readWrite"),
        (ObjectAccess::AddOnly, "addOnly"),
        (ObjectAccess::DeleteOnly, "deleteOnly"),
    ];
}

impl Coded for ActiveNotify {
    const TABLE: &'static [(Self, &'static str)] = &[
        (ActiveNotify::Normal, "normal"),
        (ActiveNotify::ForceEnabled, "forceEnabled"),
        (ActiveNotify::ForceDefaultEnabled, "forceDefaultEnabled"),
        (ActiveNotify::CanDeny, "canDeny"),
    ];
}

impl Coded for DefaultKind {
    const TABLE: &'static [(Self, &'static str)] = &[
        (DefaultKind::Object, "object"),
        (DefaultKind::Factory, "factory"),
        (DefaultKind::Parameter, "parameter"),
        (DefaultKind::Implementation, "implementation"),
    ];
}

impl Coded for ReferenceKind {
    const TABLE: &'static [(Self, &'static str)] = &[
        (ReferenceKind::Row, "row"),
        (ReferenceKind::Single, "single"),
        (ReferenceKind::Param, "parameter"),
        (ReferenceKind::Any, "any"),
    ];
}

pub(super) fn type_number(ty: Type) -> u8 {
    let at = Type::ALL.iter().position(|known| *known == ty);
    u8::try_from(at.unwrap_or(0)).unwrap_or(0)
}

pub(super) fn type_from_number(number: u8) -> Type {
    Type::ALL.get(usize::from(number)).copied().unwrap_or(Type::String)
}

pub(super) fn version_number(version: Option<Version>) -> u16 {
    version.map_or(NO_VERSION, |version| u16::from_be_bytes([version.major, version.minor]))
}

pub(super) fn version_from_number(number: u16) -> Option<Version> {
    let [major, minor] = number.to_be_bytes();
    (number != NO_VERSION).then_some(Version { major, minor })
}

pub(super) fn direction_kind(direction: Direction) -> u8 {
    match direction {
        Direction::Input => KIND_INPUT,
        Direction::Output => KIND_OUTPUT,
        Direction::Event => KIND_EVENT_ARG,
    }
}

pub(super) fn kind_direction(kind: u8) -> Direction {
    match kind {
        KIND_INPUT => Direction::Input,
        KIND_OUTPUT => Direction::Output,
        _ => Direction::Event,
    }
}
