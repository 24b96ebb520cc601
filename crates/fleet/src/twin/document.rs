//! The twin as one document: version byte, base time, entries in order.
//!
//! An entry names its path by the id of its `{i}` form in an append-only dictionary, followed by the row
//! numbers, the time as a difference to the base, the source and the value. The dictionary is the
//! store's; it never renumbers, so documents stay readable for ever.

use std::sync::Arc;

use dm::UtcTime;

use super::bytes::{Reader, put_number, put_signed, put_text, torn};
use super::{Entry, Source, Twin, TwinPath};
use crate::Error;

const VERSION: u8 = 1;
const TRUNCATED: u8 = 1;

/// The id of a path's `{i}` form in the dictionary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PathId(pub u32);

/// Writes a twin down. `id_of` gives a path's id, and makes one for a path that has none; what gets none,
/// because the dictionary is full, is left out, and the document says so.
///
/// # Errors
/// Whatever `id_of` fails with.
pub fn encode<E>(
    twin: &Twin,
    mut id_of: impl FnMut(&str) -> Result<Option<PathId>, E>,
) -> Result<Vec<u8>, E> {
    let base = twin.entries.values().map(|entry| entry.at).max().unwrap_or(UtcTime(0));
    let mut body = Vec::with_capacity(twin.bytes / 2);
    let mut count = 0u64;
    for (path, entry) in &twin.entries {
        let (schema, rows) = path.generalise();
        let Some(id) = id_of(&schema)? else { continue };
        count += 1;
        put_number(&mut body, u64::from(id.0));
        for row in rows {
            put_number(&mut body, u64::from(row));
        }
        put_signed(&mut body, entry.at.0.wrapping_sub(base.0));
        body.push(entry.source.code());
        put_text(&mut body, &entry.value);
    }
    let truncated = twin.truncated || count < twin.entries.len() as u64;
    let mut out = Vec::with_capacity(body.len() + 16);
    out.extend([VERSION, if truncated { TRUNCATED } else { 0 }]);
    put_signed(&mut out, base.0);
    put_number(&mut out, count);
    out.append(&mut body);
    Ok(out)
}

/// Reads a document. `path_of` gives the path of an id.
///
/// # Errors
/// [`Error::BadRow`] for damage, a later version, or an id that the dictionary lacks.
pub fn decode(document: &[u8], mut path_of: impl FnMut(PathId) -> Option<Arc<str>>) -> Result<Twin, Error> {
    let mut reader = Reader(document);
    if reader.byte()? != VERSION {
        return Err(torn("its version is not known here"));
    }
    let mut twin = Twin { truncated: reader.byte()? & TRUNCATED != 0, ..Twin::default() };
    let base = UtcTime(reader.signed()?);
    for _ in 0..reader.count()? {
        let id = PathId(reader.row()?);
        let schema = path_of(id).ok_or_else(|| torn("the dictionary lacks a path"))?;
        let rows = (0..schema.split('.').filter(|element| *element == "{i}").count())
            .map(|_| reader.row())
            .collect::<Result<Vec<_>, _>>()?;
        let path = TwinPath::instantiate(&schema, &rows).ok_or_else(|| torn("row numbers do not fit"))?;
        let at = reader.time(base)?;
        let source = Source::from_code(reader.byte()?)?;
        let value: Arc<str> = reader.text()?.into();
        twin.bytes += path.as_str().len() + value.len();
        twin.entries.insert(path, Entry { value, at, source });
    }
    if reader.0.is_empty() { Ok(twin) } else { Err(torn("something follows its end")) }
}
