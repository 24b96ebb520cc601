//! The errors of this crate. None of them carries key material.

use std::path::{Path, PathBuf};

/// What went wrong with a key, a certificate or a sealed secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of secrets can be read by others than its owner.
    #[error("{}: others than its owner can read it; it must have mode 0600", .0.display())]
    Permissions(PathBuf),
    /// A certificate can't be read or made.
    #[error("certificate: {0}")]
    Certificate(String),
    /// A private key can't be read.
    #[error("private key: {0}")]
    Key(String),
    /// A certificate signing request can't be read, or its signature is wrong.
    #[error("certificate signing request: {0}")]
    Request(String),
    /// A sealed value is damaged, was sealed with another key or for another purpose.
    #[error("sealed value: {0}")]
    Sealed(&'static str),
    /// The system gave no random bytes.
    #[error("the system's source of randomness failed")]
    Random,
    /// The TLS library refused a configuration.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    }
}
