//! The suites of DTLS that are spoken: ephemeral keys, ECDSA, and ciphers that authenticate.

use std::fmt;

use dimpl::crypto::{
    Aad, Buf, Cipher, Dtls12CipherSuite, Dtls13CipherSuite, HashAlgorithm, Nonce, SupportedDtls12CipherSuite,
    SupportedDtls13CipherSuite, TmpBuf,
};
use dimpl::{CryptoError, CryptoOperation};
use ring::aead::quic::{self, HeaderProtectionKey};
use ring::aead::{self, LessSafeKey, UnboundKey};

/// In the order of our liking, where we call.
pub(super) static SUITES: &[&dyn SupportedDtls12CipherSuite] = &[
    &Suite(Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256),
    &Suite(Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384),
    &Suite(Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256),
];

/// The library wants one of DTLS 1.3 before it does anything; none is offered or taken.
pub(super) static SUITES_1_3: &[&dyn SupportedDtls13CipherSuite] = &[&Unused];

const TAG_LENGTH: usize = 16;

#[derive(Debug)]
struct Suite(Dtls12CipherSuite);

impl Suite {
    fn algorithm(&self) -> &'static aead::Algorithm {
        match self.0 {
            Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384 => &aead::AES_256_GCM,
            Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 => &aead::CHACHA20_POLY1305,
            _ => &aead::AES_128_GCM,
        }
    }

    fn is_gcm(&self) -> bool {
        self.algorithm() != &aead::CHACHA20_POLY1305
    }
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        self.0
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        if self.algorithm() == &aead::AES_256_GCM { HashAlgorithm::SHA384 } else { HashAlgorithm::SHA256 }
    }

    /// Of the MAC, of the cipher's key, and of the part of the nonce that stays: RFC 5288 and RFC 7905.
    fn key_lengths(&self) -> (usize, usize, usize) {
        (0, self.algorithm().key_len(), if self.is_gcm() { 4 } else { 12 })
    }

    fn explicit_nonce_len(&self) -> usize {
        if self.is_gcm() { 8 } else { 0 }
    }

    fn tag_len(&self) -> usize {
        TAG_LENGTH
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        cipher(self.algorithm(), key)
    }
}

#[derive(Debug)]
struct Unused;

impl SupportedDtls13CipherSuite for Unused {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::CHACHA20_POLY1305_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        aead::CHACHA20_POLY1305.key_len()
    }

    fn iv_len(&self) -> usize {
        aead::NONCE_LEN
    }

    fn tag_len(&self) -> usize {
        TAG_LENGTH
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        cipher(&aead::CHACHA20_POLY1305, key)
    }

    /// Five bytes of it, which are more than record numbers have.
    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mut mask = [0; 16];
        let key = HeaderProtectionKey::new(&quic::CHACHA20, key);
        if let Ok(made) = key.and_then(|key| key.new_mask(sample)) {
            mask[..made.len()].copy_from_slice(&made);
        }
        mask
    }
}

fn cipher(algorithm: &'static aead::Algorithm, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
    let key = UnboundKey::new(algorithm, key)
        .map_err(|_| CryptoError::OperationFailed(CryptoOperation::CreateCipher))?;
    Ok(Box::new(Sealing(LessSafeKey::new(key))))
}

struct Sealing(LessSafeKey);

impl Cipher for Sealing {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        self.0
            .seal_in_place_append_tag(nonce, aead::Aad::from(&aad.0[..]), plaintext)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::Encrypt))
    }

    fn decrypt(&mut self, ciphertext: &mut TmpBuf<'_>, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let opened = self.0.open_in_place(nonce, aead::Aad::from(&aad.0[..]), ciphertext.as_mut());
        let length = opened.map_err(|_| CryptoError::OperationFailed(CryptoOperation::Decrypt))?.len();
        ciphertext.truncate(length);
        Ok(())
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").finish_non_exhaustive()
    }
}
