//! Keys, certificates, the internal CA, sealing of secrets.
//!
//! Everything that proves who somebody is, or keeps a secret from the disk's next reader. It decides
//! nothing about what a proven peer may do, and opens no socket.

pub mod ca;
pub mod cert;
pub mod crl;
pub mod error;
pub mod file;
pub mod identity;
pub mod limits;
pub mod passphrase;
pub mod pem;
pub mod seal;
pub mod session;
pub mod tls;
pub mod verify;

use std::sync::Arc;

pub use ca::{Ca, ServerNames, Validity};
pub use cert::{fingerprint, fingerprint_text};
pub use crl::{Edition, Reason, Revoked};
pub use error::Error;
pub use identity::{CertificateRequest, Identity, PendingIdentity};
pub use seal::SealKey;
pub use session::SessionCrypto;
pub use tls::{ClientTls, ServerTls};
pub use verify::{ControllerVerifier, DeviceVerifier, Trust};

/// The one crypto provider of every TLS configuration and signature check in this tree.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
