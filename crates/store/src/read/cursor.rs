//! Places in lists: a tag of the list and the key of the last row that was given.

use fleet::port::{Cursor, Page, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Res;

/// The place after a row.
pub(super) fn make(list: &str, key: impl Serialize) -> Cursor {
    Cursor(serde_json::to_vec(&(list, key)).expect("keys are texts, numbers and bytes"))
}

/// The key of a place, if it is of this list.
pub(super) fn read<T: DeserializeOwned>(list: &str, cursor: &Cursor) -> Res<T> {
    match serde_json::from_slice::<(String, T)>(&cursor.0) {
        Ok((of, key)) if of == list => Ok(key),
        _ => Err(StoreError::BadCursor.into()),
    }
}

/// A page from rows of which one more than asked for was read.
pub(super) fn page<T>(mut rows: Vec<T>, limit_and_one: i64, next: impl FnOnce(&T) -> Cursor) -> Page<T> {
    let limit = usize::try_from(limit_and_one - 1).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(next) } else { None };
    Page { items: rows, next }
}
