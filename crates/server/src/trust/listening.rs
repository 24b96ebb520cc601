//! The credentials and CAs that listeners and diallers use, read from files, and read again on demand.
//!
//! All files are read and judged before anything changes: with one that is wrong, all stays as it was. Links
//! that stand stay, but for those whose certificate is on a list of revoked ones now.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use anyhow::Context;
use fleet::port::Store;
use pki::{
    Ca, ClientTls, ControllerVerifier, DeviceVerifier, Identity, ServerNames, ServerTls, Trust, Validity,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use usp_endpoint::EndpointId;

use super::{Authority, SessionKeys};
use crate::config::Tls;
use crate::limits::SERVER_LIFETIME;
use crate::usp::Usp;

/// Everything that can be read again.
pub(crate) struct Trusting {
    authority: Arc<Authority>,
    /// Listeners with TLS: the key of each in the configuration, its files, and the handle on it.
    listeners: Vec<(&'static str, Tls, ServerTls)>,
    dial: Arc<DialTrust>,
}

/// What the files say now.
struct Read {
    identity: Identity,
    verifier: DeviceVerifier,
}

impl Trusting {
    /// Nothing listens with TLS yet.
    ///
    /// # Errors
    /// When we can't have a credential for dialling, or `dialled` names files that can't be read.
    pub(crate) fn new(
        authority: Arc<Authority>,
        endpoint: &EndpointId,
        dialled: Option<Tls>,
    ) -> anyhow::Result<Trusting> {
        let dial = Arc::new(DialTrust {
            now: RwLock::new(Arc::new(Dialled::read(&authority, endpoint, dialled.as_ref())?)),
            endpoint: endpoint.clone(),
            files: dialled,
        });
        Ok(Trusting { authority, listeners: Vec::new(), dial })
    }

    /// TLS of a listener, from here on read again with all others.
    ///
    /// # Errors
    /// What is wrong with its files.
    pub(crate) fn listener(&mut self, key: &'static str, files: &Tls) -> anyhow::Result<ServerTls> {
        let own = renew(self.authority.ca(), files, SystemTime::now());
        if let Err(error) = own {
            tracing::warn!(key, error = format!("{error:#}"), "the server's certificate was not renewed");
        }
        let Read { identity, verifier } = read(&self.authority, files).context(key)?;
        let tls = ServerTls::new(&identity, verifier).context(key)?;
        self.listeners.push((key, files.clone(), tls.clone()));
        Ok(tls)
    }

    /// What diallers use.
    pub(crate) fn dial(&self) -> Arc<DialTrust> {
        Arc::clone(&self.dial)
    }

    fn reload(&self) -> anyhow::Result<()> {
        let read =
            |(key, files, _): &(&'static str, Tls, ServerTls)| read(&self.authority, files).context(*key);
        let read: Vec<Read> = self.listeners.iter().map(read).collect::<Result<_, _>>()?;
        let dialled = Dialled::read(&self.authority, &self.dial.endpoint, self.dial.files.as_ref())?;
        for ((key, _, tls), Read { identity, .. }) in self.listeners.iter().zip(&read) {
            tls.replace(identity).context(*key)?;
        }
        for ((_, _, tls), Read { verifier, .. }) in self.listeners.iter().zip(read) {
            tls.retrust(verifier);
        }
        *self.dial.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(dialled);
        Ok(())
    }

    /// Renews what is ours and about to end; whether anything was.
    fn renew(&self, now: SystemTime) -> bool {
        let mut renewed = self.dial.ends_soon(now);
        for (key, files, _) in &self.listeners {
            match renew(self.authority.ca(), files, now) {
                Ok(done) => renewed |= done,
                Err(error) => {
                    tracing::warn!(
                        key,
                        error = format!("{error:#}"),
                        "the server's certificate was not renewed"
                    );
                }
            }
        }
        renewed
    }
}

/// Reads files again. Clones share it.
pub struct Reload<S: Store> {
    trusting: Arc<Trusting>,
    keys: SessionKeys,
    usp: Usp<S>,
}

impl<S: Store> Clone for Reload<S> {
    fn clone(&self) -> Self {
        Reload { trusting: Arc::clone(&self.trusting), keys: self.keys.clone(), usp: self.usp.clone() }
    }
}

impl<S: Store> Reload<S> {
    pub(crate) fn new(trusting: Trusting, keys: SessionKeys, usp: Usp<S>) -> Reload<S> {
        Reload { trusting: Arc::new(trusting), keys, usp }
    }

    /// Takes certificates, keys, CAs and lists of revoked certificates as they are in their files now.
    ///
    /// # Errors
    /// Which file is wrong, and how; then nothing has changed.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let trusting = Arc::clone(&self.trusting);
        let keys = self.keys.clone();
        let reloading = tokio::task::spawn_blocking(move || {
            let next = keys.read(&trusting.authority).context("usp.sessions")?;
            trusting.reload()?;
            anyhow::Ok(keys.follow(next))
        });
        let untrusted = reloading.await??;
        self.usp.end_links_of(&untrusted);
        let dial = self.trusting.dial();
        self.usp.end_revoked(move |chain| dial.revoked(chain)).await;
        tracing::info!("certificates, CAs and lists of revoked certificates were read again");
        Ok(())
    }

    /// Renews the server's own certificates of the internal CA that are past two thirds of their life.
    pub(crate) async fn renew(&self, now: SystemTime) {
        let trusting = Arc::clone(&self.trusting);
        let renewed = tokio::task::spawn_blocking(move || trusting.renew(now)).await;
        if renewed.unwrap_or(false)
            && let Err(error) = self.reload().await
        {
            tracing::error!(error = format!("{error:#}"), "a renewed certificate can't be used");
        }
    }
}

fn read(authority: &Authority, files: &Tls) -> anyhow::Result<Read> {
    let identity = Identity::load(&files.cert, &files.key)
        .with_context(|| format!("{} and {}", files.cert.display(), files.key.display()))?;
    let (roots, crls) = (roots_of(authority, Some(files))?, crls_of(Some(files))?);
    // Whether a device must show a certificate is admission's to say: it may be on its way to get one.
    let verifier = DeviceVerifier::with_crls(&roots, &crls, false, pki::provider())?;
    // A key that does not fit is found before anything changes.
    ServerTls::new(&identity, DeviceVerifier::new(&[], false, pki::provider())?)?;
    Ok(Read { identity, verifier })
}

/// CAs of devices: the internal one, and those of the configuration.
pub(super) fn roots_of(
    authority: &Authority,
    tls: Option<&Tls>,
) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let mut roots = vec![authority.ca().certificate().clone()];
    if let Some(file) = tls.and_then(|tls| tls.client_ca.as_ref()) {
        let pem = pki::file::read(file)?;
        roots.extend(pki::pem::certificates(&pem).with_context(|| file.display().to_string())?);
    }
    Ok(roots)
}

pub(super) fn crls_of(tls: Option<&Tls>) -> anyhow::Result<Vec<CertificateRevocationListDer<'static>>> {
    let Some(file) = tls.and_then(|tls| tls.client_crl.as_ref()) else { return Ok(Vec::new()) };
    let bytes = pki::file::read_large(file)?;
    pki::crl::read(&bytes).with_context(|| file.display().to_string())
}

/// Whether two thirds of a certificate's life are over.
fn ends_soon(leaf: &CertificateDer<'_>, now: SystemTime) -> bool {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    pki::cert::renew_at(leaf).is_ok_and(|at| UnixTime::since_unix_epoch(now) > at)
}

/// A listener's certificate of the internal CA that is about to end is followed by one of the same names, in
/// the same files. One of another CA is its owner's business.
fn renew(ca: &Ca, files: &Tls, now: SystemTime) -> anyhow::Result<bool> {
    let present = Identity::load(&files.cert, &files.key)?;
    let Some(leaf) = present.chain().first().filter(|leaf| ca.issued(leaf) && ends_soon(leaf, now)) else {
        return Ok(false);
    };
    let names = pki::cert::server_names(leaf)?;
    ca.issue_server(&names, Validity::lasting(now, SERVER_LIFETIME))?.save(&files.cert, &files.key)?;
    tracing::info!(file = %files.cert.display(), "the server's certificate was renewed");
    Ok(true)
}

/// What diallers believe, and show.
pub(crate) struct DialTrust {
    now: RwLock<Arc<Dialled>>,
    endpoint: EndpointId,
    files: Option<Tls>,
}

struct Dialled {
    roots: Vec<CertificateDer<'static>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    identity: Identity,
    /// Judges certificates of devices that stand.
    verifier: DeviceVerifier,
}

impl Dialled {
    /// What we show comes from the internal CA, afresh each time: it is the one CA of which every device that
    /// we enrolled knows.
    fn read(authority: &Authority, endpoint: &EndpointId, files: Option<&Tls>) -> anyhow::Result<Dialled> {
        let names = ServerNames { endpoint: Some(endpoint.clone()), ..ServerNames::default() };
        let validity = Validity::lasting(SystemTime::now(), SERVER_LIFETIME);
        let (roots, crls) = (roots_of(authority, files)?, crls_of(files)?);
        let verifier = DeviceVerifier::with_crls(&roots, &crls, false, pki::provider())?;
        let identity = authority.ca().issue_server(&names, validity)?;
        Ok(Dialled { roots, crls, identity, verifier })
    }
}

impl DialTrust {
    /// TLS towards a device: believes the CAs, and what is pinned for it (R-MTP.1).
    ///
    /// # Errors
    /// What the TLS library says.
    pub(crate) fn tls(&self, device: &EndpointId, pinned: Vec<[u8; 32]>) -> Result<ClientTls, pki::Error> {
        let now = self.now();
        let (roots, crls) = (now.roots.clone(), now.crls.clone());
        let trust = Trust { roots, crls, pinned, first_use: false };
        let verifier = ControllerVerifier::new(&trust, Some(device.clone()), true, pki::provider())?;
        ClientTls::new(Some(&now.identity), verifier)
    }

    fn revoked(&self, chain: &[CertificateDer<'_>]) -> bool {
        self.now().verifier.revoked(chain, UnixTime::now())
    }

    fn ends_soon(&self, now: SystemTime) -> bool {
        self.now().identity.chain().first().is_some_and(|leaf| ends_soon(leaf, now))
    }

    fn now(&self) -> Arc<Dialled> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

    #[test]
    fn the_servers_own_certificate_is_renewed_after_two_thirds_of_its_life_and_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let start = SystemTime::UNIX_EPOCH + DAY * 20_000;
        let make = || Ca::create("Test", Validity::lasting(start, DAY * 3650)).expect("a CA");
        let (ours, theirs) = (make(), make());
        let names = ServerNames {
            dns: vec!["acs.example.com".to_owned()],
            ips: vec!["192.0.2.1".parse().expect("an address")],
            endpoint: Some(EndpointId::receive("self::c").expect("an endpoint id")),
        };
        // 90 days and the one before it that makes up for slow clocks: after 60 there is a third left.
        for (ca, day, expected) in
            [(&ours, 59, false), (&ours, 61, true), (&ours, 400, true), (&theirs, 61, false)]
        {
            let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
            let first = ca.issue_server(&names, Validity::lasting(start, DAY * 90)).expect("issued");
            first.save(&cert, &key).expect("saved");
            let files = Tls { cert, key, client_ca: None, client_crl: None };
            assert_eq!(renew(&ours, &files, start + DAY * day).expect("readable"), expected, "day {day}");
            let now = Identity::load(&files.cert, &files.key).expect("readable");
            assert_eq!(now.fingerprint() != first.fingerprint(), expected, "day {day}");
            assert_eq!(pki::cert::server_names(&now.chain()[0]).expect("readable"), names);
            assert!(!renew(&ours, &files, start + DAY * day).expect("readable"), "once is enough");
        }
    }
}
