//! What a journal remembers, as single entries and their bytes.

use std::fmt;
use std::sync::Arc;

/// How the keys of ways back begin: their values hold whole entries, secrets included.
pub(crate) const UNDO: &str = "undo.";

/// One remembered fact. Later ones win.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// A parameter's value, or that it has none.
    SetParam {
        /// Path of the object, ending in a dot.
        path: String,
        /// Bare name.
        param: String,
        /// `None`: forget it.
        value: Option<Lexical>,
    },
    /// A row exists.
    CreateRow {
        /// Its path, ending in its number and a dot.
        path: String,
    },
    /// A row is gone, with all that was remembered of it and below it.
    RemoveRow {
        /// Its path.
        path: String,
    },
    /// The highest row number that a table ever gave.
    LastNumber {
        /// Path of the table.
        table: String,
        /// The number.
        last: u32,
    },
    /// The number of the row that a provider knows by a key.
    RowKey {
        /// Path of the table.
        table: String,
        /// The provider's key.
        key: String,
        /// The row's number; 0: forget the key.
        number: u32,
    },
    /// Something about the agent itself.
    Meta {
        /// What.
        key: String,
        /// `None`: forget it.
        value: Option<String>,
    },
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::SetParam { path, param, value } => f
                .debug_struct("SetParam")
                .field("path", path)
                .field("param", param)
                .field("value", value)
                .finish(),
            Entry::CreateRow { path } => f.debug_struct("CreateRow").field("path", path).finish(),
            Entry::RemoveRow { path } => f.debug_struct("RemoveRow").field("path", path).finish(),
            Entry::LastNumber { table, last } => {
                f.debug_struct("LastNumber").field("table", table).field("last", last).finish()
            }
            Entry::RowKey { table, key, number } => f
                .debug_struct("RowKey")
                .field("table", table)
                .field("key", key)
                .field("number", number)
                .finish(),
            Entry::Meta { key, .. } if key.starts_with(UNDO) => {
                f.debug_struct("Meta").field("key", key).finish_non_exhaustive()
            }
            Entry::Meta { key, value } => {
                f.debug_struct("Meta").field("key", key).field("value", value).finish()
            }
        }
    }
}

/// A value in its lexical form.
#[derive(Clone, PartialEq, Eq)]
pub struct Lexical {
    /// The text, secrets included.
    pub text: Arc<str>,
    /// Masked wherever it is printed.
    pub secret: bool,
}

impl fmt::Debug for Lexical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("Secret(…)") } else { write!(f, "{:?}", self.text) }
    }
}

/// Entries as text, for a [`Entry::Meta`] that holds others.
pub(crate) fn to_text(entries: &[Entry]) -> String {
    let mut bytes = Vec::new();
    for entry in entries {
        entry.write(&mut bytes);
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`to_text`] made; as far as it can be read.
pub(crate) fn of_text(text: &str) -> Vec<Entry> {
    let octet = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..text.len()).step_by(2).map_while(octet).collect();
    let mut rest = &bytes[..];
    std::iter::from_fn(|| if rest.is_empty() { None } else { Entry::read(&mut rest) }).collect()
}

const SET: u8 = 1;
const SET_SECRET: u8 = 2;
const UNSET: u8 = 3;
const CREATE_ROW: u8 = 4;
const REMOVE_ROW: u8 = 5;
const LAST_NUMBER: u8 = 6;
const ROW_KEY: u8 = 7;
const META: u8 = 8;
const META_UNSET: u8 = 9;

impl Entry {
    /// Appends the entry's bytes: a kind, then its texts (length and UTF-8) and numbers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Entry::SetParam { path, param, value } => {
                out.push(match value {
                    None => UNSET,
                    Some(value) if value.secret => SET_SECRET,
                    Some(_) => SET,
                });
                write_text(out, path);
                write_text(out, param);
                if let Some(value) = value {
                    write_text(out, &value.text);
                }
            }
            Entry::CreateRow { path } => write_texts(out, CREATE_ROW, &[path]),
            Entry::RemoveRow { path } => write_texts(out, REMOVE_ROW, &[path]),
            Entry::LastNumber { table, last } => {
                write_texts(out, LAST_NUMBER, &[table]);
                out.extend_from_slice(&last.to_le_bytes());
            }
            Entry::RowKey { table, key, number } => {
                write_texts(out, ROW_KEY, &[table, key]);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Entry::Meta { key, value: Some(value) } => write_texts(out, META, &[key, value]),
            Entry::Meta { key, value: None } => write_texts(out, META_UNSET, &[key]),
        }
    }

    /// Reads one entry off the front; `None` if the bytes are none.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Entry> {
        let (&kind, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match kind {
            SET | SET_SECRET => Entry::SetParam {
                path: text(bytes)?,
                param: text(bytes)?,
                value: Some(Lexical { text: text(bytes)?.into(), secret: kind == SET_SECRET }),
            },
            UNSET => Entry::SetParam { path: text(bytes)?, param: text(bytes)?, value: None },
            CREATE_ROW => Entry::CreateRow { path: text(bytes)? },
            REMOVE_ROW => Entry::RemoveRow { path: text(bytes)? },
            LAST_NUMBER => Entry::LastNumber { table: text(bytes)?, last: number(bytes)? },
            ROW_KEY => Entry::RowKey { table: text(bytes)?, key: text(bytes)?, number: number(bytes)? },
            META => Entry::Meta { key: text(bytes)?, value: Some(text(bytes)?) },
            META_UNSET => Entry::Meta { key: text(bytes)?, value: None },
            _ => return None,
        })
    }
}

fn write_texts(out: &mut Vec<u8>, kind: u8, texts: &[&String]) {
    out.push(kind);
    for text in texts {
        write_text(out, text);
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let len = u32::try_from(text.len()).expect("texts of the model are shorter than a message");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(number(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    std::str::from_utf8(text).ok().map(str::to_owned)
}
