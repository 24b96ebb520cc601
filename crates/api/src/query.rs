//! Pages of lists: limit, opaque cursor, and the answer's shape.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::port::{Cursor, Page as Rows, PageRequest, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::limits;
use crate::problem::Problem;

/// A piece of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Where the next piece begins; null at the end.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// A list that is whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Page { items, next: None }
    }

    /// Rows of the store as they are told.
    pub(crate) fn of<R>(rows: Rows<R>, print: impl FnMut(R) -> T) -> Self {
        Page { items: rows.items.into_iter().map(print).collect(), next: rows.next.map(|at| encode(&at.0)) }
    }
}

/// The piece that a request asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

/// The piece of a list that a limit and a cursor ask for.
pub(crate) fn page(limit: Option<usize>, cursor: Option<&str>) -> Result<PageRequest, Problem> {
    let cursor = cursor.filter(|text| !text.is_empty()).map(decode).transpose()?;
    Ok(PageRequest { limit: self::limit(limit)?, cursor: cursor.map(Cursor) })
}

/// A limit within its bounds.
pub(crate) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(limits::PAGE_DEFAULT) {
        limit @ 1..=limits::PAGE => Ok(limit),
        _ => Err(Problem::invalid("limit", format_args!("it is between 1 and {}", limits::PAGE))),
    }
}

/// A cursor as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a cursor.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Problem> {
    let bytes = (text.len() <= limits::CURSOR_BYTES).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
    bytes.ok_or_else(|| StoreError::BadCursor.into())
}
