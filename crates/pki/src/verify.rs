//! What a peer's certificate must be: the rules of a server for its clients, and of an agent for its
//! controllers. They prove possession of a key and decide about trust; who the peer may speak for is
//! compared Record by Record, elsewhere.

mod controller;
mod device;

pub use controller::{ControllerVerifier, Trust};
pub use device::DeviceVerifier;

use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::cert;

/// R-MTP.3, R-SEC.20: refuses a certificate outside its dates.
fn check_dates(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let (not_before, not_after) =
        cert::dates(leaf).map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
    if now < not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > not_after {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// The handshake signature checks are the same for all verifiers: whatever the provider can verify, of the
/// schemes that `$schemes` takes from it.
macro_rules! provider_signatures {
    ($schemes:expr) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            $schemes(&self.provider)
        }
    };
}
pub(crate) use provider_signatures;

/// All that a provider can verify.
fn all_schemes(provider: &CryptoProvider) -> Vec<SignatureScheme> {
    provider.signature_verification_algorithms.supported_schemes()
}
