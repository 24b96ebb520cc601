//! Certificates that CAs have taken back: the lists that `[policy] revoked` names. Whoever keeps them up to date writes
//! the files; the agent reads them again when they change, and judges its connections anew.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use engine::Instance;
use pki::crl::List;
use rustls_pki_types::CertificateRevocationListDer;

use crate::enrol::Credentials;
use crate::limits::{MAX_REVOCATION_LISTS, REVOCATION_CHECK};

/// The lists, as they were when they could last be read.
#[derive(Debug, Default)]
pub struct Revoked {
    files: Vec<PathBuf>,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    /// When each file was changed last.
    changed: Vec<Option<SystemTime>>,
    lists: Vec<List>,
}

impl Revoked {
    /// Reads these files: PEM or DER.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn open(files: &[PathBuf]) -> Result<Arc<Revoked>> {
        let revoked = Revoked { files: files.to_vec(), read: Mutex::default() };
        revoked.read_again()?;
        Ok(Arc::new(revoked))
    }

    /// Whether one of the lists is the issuer's, and names a certificate (both DER).
    pub fn name(&self, certificate: &[u8], issuer: &[u8]) -> bool {
        self.lock().lists.iter().any(|list| list.revokes(certificate, issuer))
    }

    /// All of them, for handshakes.
    pub fn lists(&self) -> Vec<CertificateRevocationListDer<'static>> {
        self.lock().lists.iter().map(|list| list.der().clone()).collect()
    }

    /// Reads the files if one of them was changed; whether that was so.
    ///
    /// # Errors
    /// When one can't be read: what was known before goes on.
    pub fn read_again(&self) -> Result<bool> {
        let changed =
            self.files.iter().map(|file| std::fs::metadata(file).and_then(|meta| meta.modified()).ok());
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() && changed == self.lock().changed {
            return Ok(false);
        }
        let mut lists = Vec::new();
        for file in &self.files {
            let name = || format!("{}", file.display());
            let bytes = pki::file::read_large(file).with_context(name)?;
            for der in pki::crl::read(&bytes).with_context(name)? {
                lists.push(List::parse(der).with_context(name)?);
            }
        }
        if lists.len() > MAX_REVOCATION_LISTS {
            bail!("policy.revoked: more than {MAX_REVOCATION_LISTS} lists");
        }
        *self.lock() = Read { changed, lists };
        Ok(!self.files.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the lists again when they change, for ever.
pub async fn watch(credentials: Arc<Credentials>, instance: Arc<Instance>) {
    let revoked = credentials.revoked();
    if revoked.files.is_empty() {
        return;
    }
    loop {
        tokio::time::sleep(REVOCATION_CHECK).await;
        match revoked.read_again() {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("the lists of revoked certificates were read again");
                credentials.retrust();
                instance.trust_changed();
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "a list of revoked certificates can't be read: the former one counts");
            }
        }
    }
}
