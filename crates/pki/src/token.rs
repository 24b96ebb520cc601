//! One-time enrolment tokens: shown once, stored as a hash, compared in constant time. That a token is
//! used once, and until when, is the store's business.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::limits::MAX_TOKEN;
use crate::seal::random;

/// What every enrolment token starts with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "cet_";

/// A token in clear: 256 random bits. It is shown to whoever asked for it, and forgotten.
pub struct EnrolToken(Zeroizing<String>);

impl EnrolToken {
    /// A fresh token.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<EnrolToken, Error> {
        let mut bits = Zeroizing::new([0; 32]);
        random(&mut *bits)?;
        let mut text = String::from(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bits.as_slice(), &mut text);
        Ok(EnrolToken(Zeroizing::new(text)))
    }

    /// The text to hand over.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl std::fmt::Debug for EnrolToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolToken(…)")
    }
}

/// The stored form. A plain SHA-256 is enough: 256 random bits can't be guessed, salted or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a presented token, to look its row up; `None` for what can't be a token.
    pub fn of(presented: &str) -> Option<TokenHash> {
        let plausible = presented.len() <= MAX_TOKEN && presented.starts_with(PREFIX);
        plausible.then(|| TokenHash(Sha256::digest(presented.as_bytes()).into()))
    }

    /// Whether `presented` is the token; takes the same time for every wrong one.
    pub fn verify(&self, presented: &str) -> bool {
        TokenHash::of(presented).is_some_and(|hash| bool::from(hash.0.ct_eq(&self.0)))
    }
}
