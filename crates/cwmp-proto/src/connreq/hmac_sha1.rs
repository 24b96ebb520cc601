//! HMAC-SHA1 as 40 hexadecimal digits, in either case.

use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use crate::digest::{hex, same};

pub(super) fn sign(key: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    hex(&mac.finalize().into_bytes())
}

/// Whether a signature is this one, in a time that tells nothing.
pub(super) fn verify(signature: &str, key: &str, parts: &[&[u8]]) -> bool {
    same(sign(key, parts).as_bytes(), signature.trim().to_ascii_lowercase().as_bytes())
}
