//! Passphrases that are only compared: kept as a salted hash that is slow to compute, so that whoever reads the disk has
//! to guess.

use std::num::NonZeroU32;

use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive, verify};

/// What a hash begins with, so that it is not taken for a passphrase.
const MARK: &[u8] = b"\0pbkdf2-sha256\0";

/// Rounds of a new hash. It says its own number: this may be raised.
const ROUNDS: u32 = 50_000;

/// More than this nobody wrote: it would stop the one who compares.
const MAX_ROUNDS: u32 = 1_000_000;

const SALT: usize = 16;
const HASH: usize = 32;

/// The hash of a passphrase. The salt is random, and another one each time.
pub fn conceal(salt: [u8; SALT], passphrase: &[u8]) -> Vec<u8> {
    let rounds = NonZeroU32::new(ROUNDS).expect("a constant");
    let mut hash = [0; HASH];
    derive(PBKDF2_HMAC_SHA256, rounds, &salt, passphrase, &mut hash);
    [MARK, &ROUNDS.to_be_bytes(), &salt, &hash].concat()
}

/// Whether this is a hash of a passphrase, and not one itself.
pub fn is_concealed(stored: &[u8]) -> bool {
    parts(stored).is_some()
}

/// Whether a passphrase is the one of a hash; in a time that tells nothing of where it goes wrong.
pub fn matches(stored: &[u8], passphrase: &[u8]) -> bool {
    parts(stored).is_some_and(|(rounds, salt, hash)| {
        verify(PBKDF2_HMAC_SHA256, rounds, salt, passphrase, hash).is_ok()
    })
}

fn parts(stored: &[u8]) -> Option<(NonZeroU32, &[u8], &[u8])> {
    let (rounds, rest) = stored.strip_prefix(MARK)?.split_first_chunk::<4>()?;
    let rounds = NonZeroU32::new(u32::from_be_bytes(*rounds)).filter(|rounds| rounds.get() <= MAX_ROUNDS)?;
    let (salt, hash) = rest.split_at_checked(SALT)?;
    (hash.len() == HASH).then_some((rounds, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PBKDF2-HMAC-SHA256 of "passwd" and "salt" in one round, RFC 7914 section 11.
    #[test]
    fn a_known_hash() {
        let mut hash = [0; 64];
        derive(PBKDF2_HMAC_SHA256, NonZeroU32::MIN, b"salt", b"passwd", &mut hash);
        let known = [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f];
        assert_eq!(hash[..8], known);
    }

    #[test]
    fn only_the_passphrase_matches_and_no_damaged_hash_does() {
        let stored = conceal([7; SALT], b"open sesame");
        assert!(is_concealed(&stored) && matches(&stored, b"open sesame"));
        assert!(!matches(&stored, b"open sesamf") && !matches(&stored, b"") && !matches(&stored, &stored));
        assert_ne!(stored, conceal([8; SALT], b"open sesame"));
        assert!(!stored.windows(4).any(|piece| piece == b"open"));
        for length in 0..stored.len() {
            assert!(!is_concealed(&stored[..length]), "{length}");
        }
        let mut slow = stored;
        slow[MARK.len()] = 0xff;
        assert!(!is_concealed(&slow), "it would take minutes");
        assert!(!is_concealed(b"open sesame"));
    }
}
