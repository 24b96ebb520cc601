//! Blobs: compressed where that pays, and bounded when they are read back.

use fleet::port::StoreError;

use crate::error::Res;
use crate::limits;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Fast enough for every write, and within a few per cent of the best for such documents.
const LEVEL: i32 = 3;

/// A tag byte, then the bytes, compressed if that makes them shorter.
pub(crate) fn pack(plain: &[u8]) -> Vec<u8> {
    if plain.len() >= limits::COMPRESS
        && let Ok(packed) = zstd::bulk::compress(plain, LEVEL)
        && packed.len() < plain.len()
    {
        return tagged(ZSTD, &packed);
    }
    tagged(PLAIN, plain)
}

/// From what [`pack`] gave.
pub(crate) fn unpack(blob: &[u8]) -> Res<Vec<u8>> {
    match blob.split_first() {
        Some((&PLAIN, plain)) => Ok(plain.to_vec()),
        Some((&ZSTD, packed)) => {
            let size =
                zstd::bulk::Decompressor::upper_bound(packed).unwrap_or(limits::BLOB).min(limits::BLOB);
            zstd::bulk::decompress(packed, size).map_err(|why| damaged(&why.to_string()))
        }
        _ => Err(damaged("its tag is not known here")),
    }
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(bytes.len() + 1);
    blob.push(tag);
    blob.extend_from_slice(bytes);
    blob
}

fn damaged(why: &str) -> crate::error::Fail {
    StoreError::Failed(format!("a blob cannot be read: {why}")).into()
}
