//! The cryptography of DTLS: `ring`, as everywhere in this tree, in the form that the library below asks for.

use std::cell::Cell;
use std::fmt;
use std::panic::AssertUnwindSafe;

use dimpl::crypto::{
    ActiveKeyExchange, Buf, CryptoProvider, HashAlgorithm, HashContext, HashProvider, HmacProvider,
    KeyProvider, NamedGroup, SecureRandom, SignatureAlgorithm, SignatureVerifier, SigningKey,
    SupportedKxGroup,
};
use dimpl::{CryptoError, CryptoOperation};
use pki::cert::{self, Curve};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey};
use ring::digest::{self, Context};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature;
use rustls::SignatureScheme;
use rustls_pki_types::PrivateKeyDer;

use super::suites::{SUITES, SUITES_1_3};

/// What the library is given.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: &[
            &Group(NamedGroup::X25519),
            &Group(NamedGroup::Secp256r1),
            &Group(NamedGroup::Secp384r1),
        ],
        signature_verification: &Ring,
        key_provider: &Ring,
        secure_random: &Ring,
        hash_provider: &Ring,
        hmac_provider: &Ring,
        cipher_suites: SUITES,
        dtls13_cipher_suites: SUITES_1_3,
    }
}

#[derive(Debug)]
struct Ring;

fn failed<E>(operation: CryptoOperation) -> impl FnOnce(E) -> CryptoError {
    move |_| CryptoError::OperationFailed(operation)
}

#[derive(Debug)]
struct Group(NamedGroup);

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        self.0
    }

    fn start_exchange(&self, mut buf: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let algorithm = match self.0 {
            NamedGroup::X25519 => &agreement::X25519,
            NamedGroup::Secp256r1 => &agreement::ECDH_P256,
            NamedGroup::Secp384r1 => &agreement::ECDH_P384,
            other => return Err(CryptoError::UnsupportedKeyExchangeGroup(other)),
        };
        let own = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new());
        let own = own.map_err(failed(CryptoOperation::GenerateEphemeralKey))?;
        let public = own.compute_public_key().map_err(failed(CryptoOperation::ComputePublicKey))?;
        buf.clear();
        buf.extend_from_slice(public.as_ref());
        Ok(Box::new(Exchange { group: self.0, algorithm, own, public: buf }))
    }
}

struct Exchange {
    group: NamedGroup,
    algorithm: &'static agreement::Algorithm,
    own: EphemeralPrivateKey,
    public: Buf,
}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let peer = UnparsedPublicKey::new(self.algorithm, peer);
        let agreed = agreement::agree_ephemeral(self.own, &peer, |secret| {
            out.clear();
            out.extend_from_slice(secret);
        });
        agreed.map_err(|_| CryptoError::InvalidPublicKey(self.group))
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("group", &self.group).finish_non_exhaustive()
    }
}

/// A private key on P-256 or P-384, as rustls reads it.
struct Key {
    /// Signing changes nothing in it.
    signer: AssertUnwindSafe<Box<dyn rustls::sign::Signer>>,
    hashes: &'static [HashAlgorithm],
}

impl KeyProvider for Ring {
    fn load_private_key(&self, key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let wrong = || CryptoError::InvalidPrivateKey;
        let key = PrivateKeyDer::try_from(key).map_err(|_| wrong())?;
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&key).map_err(|_| wrong())?;
        let schemes: [(_, &[HashAlgorithm]); 2] = [
            (SignatureScheme::ECDSA_NISTP256_SHA256, &[HashAlgorithm::SHA256]),
            (SignatureScheme::ECDSA_NISTP384_SHA384, &[HashAlgorithm::SHA384]),
        ];
        let made = schemes.into_iter().find_map(|(scheme, hashes)| {
            let signer = AssertUnwindSafe(key.choose_scheme(&[scheme])?);
            Some(Key { signer, hashes })
        });
        let key = made.ok_or_else(wrong)?;
        Ok(Box::new(key))
    }
}

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if !self.hashes.contains(&hash) {
            let key_hash = self.hash_algorithm();
            return Err(CryptoError::SigningKeyHashMismatch { key_hash, requested: hash });
        }
        let signature = self.signer.sign(data).map_err(failed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(&signature);
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.hashes[0]
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        self.hashes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("hashes", &self.hashes).finish_non_exhaustive()
    }
}

impl SignatureVerifier for Ring {
    fn verify_signature(
        &self,
        certificate: &[u8],
        data: &[u8],
        signature: &[u8],
        hash: HashAlgorithm,
        kind: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        if kind != SignatureAlgorithm::ECDSA {
            return Err(CryptoError::UnsupportedSignatureAlgorithm(kind));
        }
        let (curve, point) =
            cert::public_point(certificate).map_err(|_| CryptoError::UnsupportedPublicKeyAlgorithm)?;
        let (algorithm, group): (&signature::EcdsaVerificationAlgorithm, _) = match (curve, hash) {
            (Curve::P256, HashAlgorithm::SHA256) => {
                (&signature::ECDSA_P256_SHA256_ASN1, NamedGroup::Secp256r1)
            }
            (Curve::P256, HashAlgorithm::SHA384) => {
                (&signature::ECDSA_P256_SHA384_ASN1, NamedGroup::Secp256r1)
            }
            (Curve::P384, HashAlgorithm::SHA256) => {
                (&signature::ECDSA_P384_SHA256_ASN1, NamedGroup::Secp384r1)
            }
            (Curve::P384, HashAlgorithm::SHA384) => {
                (&signature::ECDSA_P384_SHA384_ASN1, NamedGroup::Secp384r1)
            }
            _ => return Err(CryptoError::UnsupportedPublicKeyAlgorithm),
        };
        signature::UnparsedPublicKey::new(algorithm, point)
            .verify(data, signature)
            .map_err(|_| CryptoError::SignatureVerificationFailed { signature: kind, hash, group })
    }
}

impl SecureRandom for Ring {
    fn fill(&self, buf: &mut [u8]) -> Result<(), CryptoError> {
        SystemRandom::new().fill(buf).map_err(failed(CryptoOperation::FillRandom))
    }
}

impl HashProvider for Ring {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        // No suite of ours has another.
        let algorithm = if algorithm == HashAlgorithm::SHA384 { &digest::SHA384 } else { &digest::SHA256 };
        Box::new(Hash(Context::new(algorithm)))
    }
}

struct Hash(Context);

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash").finish_non_exhaustive()
    }
}

thread_local! {
    /// The cookie of the ClientHello that is being handed over: it was checked already.
    static CHECKED: Cell<Option<[u8; 32]>> = const { Cell::new(None) };
}

/// Hands a ClientHello over whose cookie has been checked. The library makes cookies of its own with a secret of each
/// association, which is there only once somebody is believed; so it is told that this one is right.
pub(super) fn with_cookie<T>(checked: [u8; 32], hand_over: impl FnOnce() -> T) -> T {
    CHECKED.set(Some(checked));
    let done = hand_over();
    CHECKED.set(None);
    done
}

impl HmacProvider for Ring {
    /// Asked for cookies alone, and when the provider is tried out.
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> Result<[u8; 32], CryptoError> {
        if let Some(checked) = CHECKED.get() {
            return Ok(checked);
        }
        let mut out = [0; 32];
        self.hmac(HashAlgorithm::SHA256, key, data, &mut out)?;
        Ok(out)
    }

    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let algorithm = match hash {
            HashAlgorithm::SHA256 => hmac::HMAC_SHA256,
            HashAlgorithm::SHA384 => hmac::HMAC_SHA384,
            other => return Err(CryptoError::UnsupportedHmacHash(other)),
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
        let tag = tag.as_ref();
        let room = out.get_mut(..tag.len()).ok_or(CryptoError::UnsupportedHmacHash(hash))?;
        room.copy_from_slice(tag);
        Ok(tag.len())
    }
}
