//! Sealing of secrets at rest: a 32-byte key in a file of its own, and a versioned envelope around each
//! secret. It protects a copied database or backup, not a machine whose files are all readable.

use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::file;

/// `CS`, then the version of the envelope: key id (4), nonce (24), ciphertext with its tag.
const HEADER: [u8; 3] = *b"CS\x01";
const KEY_ID: usize = 4;
const NONCE: usize = 24;
const TAG: usize = 16;

/// The key that seals secrets. XChaCha20-Poly1305, whose nonce is long enough to be drawn by chance for
/// any number of secrets.
pub struct SealKey {
    key: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID],
}

impl SealKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<SealKey, Error> {
        let mut key = Zeroizing::new([0; 32]);
        random(&mut *key)?;
        Ok(SealKey::new(key))
    }

    /// Reads the key from its file; a file that others can read is refused.
    ///
    /// # Errors
    /// When it is not there, not private, or not 32 bytes long.
    pub fn load(path: &Path) -> Result<SealKey, Error> {
        let bytes = file::read_secret(path)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| Error::Key("a seal key has 32 bytes".into()))?;
        Ok(SealKey::new(Zeroizing::new(key)))
    }

    /// Reads the key, or makes one (mode 0600) when there is no file yet.
    ///
    /// # Errors
    /// Those of [`SealKey::load`], and when the file can't be written.
    pub fn load_or_create(path: &Path) -> Result<SealKey, Error> {
        if path.exists() {
            return SealKey::load(path);
        }
        let key = SealKey::generate()?;
        file::write_atomic(path, &*key.key, file::SECRET)?;
        Ok(key)
    }

    /// Seals `secret` for `purpose`; it opens only for the same purpose (say, the row it belongs to), so
    /// that a sealed value can't be moved to another place.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        let sealed = self
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: secret, aad: purpose.as_bytes() })
            .map_err(|_| Error::Sealed("too long to seal"))?;
        Ok([&HEADER[..], &self.id, &nonce, &sealed].concat())
    }

    /// Opens what [`SealKey::seal`] made.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it is damaged, of another version, key or purpose.
    pub fn open(&self, purpose: &str, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let rest =
            envelope.strip_prefix(&HEADER).ok_or(Error::Sealed("not an envelope of a known version"))?;
        if rest.len() < KEY_ID + NONCE + TAG {
            return Err(Error::Sealed("cut short"));
        }
        let (id, rest) = rest.split_at(KEY_ID);
        if id != self.id {
            return Err(Error::Sealed("sealed with another key"));
        }
        let (nonce, sealed) = rest.split_at(NONCE);
        self.cipher()
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: purpose.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| Error::Sealed("damaged, or sealed for another purpose"))
    }

    fn new(key: Zeroizing<[u8; 32]>) -> SealKey {
        let digest = Sha256::new().chain_update(b"seal key id").chain_update(key.as_slice()).finalize();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        SealKey { key, id }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey").finish_non_exhaustive()
    }
}

pub(crate) fn random(bytes: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::Random)
}
