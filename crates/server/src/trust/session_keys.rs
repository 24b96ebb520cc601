//! Our credential in end-to-end sessions, and whose certificates count there: those of the CAs that count on
//! connections, as they are in the files now, and none that is revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fleet::Reach;
use fleet::certificate::CertificateQuery;
use fleet::ids::{DeviceId, Fingerprint};
use fleet::port::{PageRequest, Store, StoreError};
use pki::session::{Crypto, CryptoError, Judge, PayloadTls, TlsRole};
use pki::{DeviceVerifier, Identity, ServerNames, SessionCrypto, Trust, Validity};
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::sync::mpsc;
use usp_endpoint::EndpointId;

use super::Authority;
use super::listening::{crls_of, roots_of};
use crate::config::Tls;
use crate::limits::SESSION_PEERS;

/// How long the certificate is valid that devices see in end-to-end sessions.
const LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The keys. Clones share them.
#[derive(Clone)]
pub(crate) struct SessionKeys(Arc<Inner>);

struct Inner {
    identity: Identity,
    files: Option<Tls>,
    now: RwLock<Arc<SessionCrypto>>,
    shown: Arc<Shown>,
}

/// A certificate that was shown in a session for the first time.
pub(crate) type News = mpsc::UnboundedReceiver<(EndpointId, Fingerprint)>;

/// What peers have shown, and what they may not show.
struct Shown {
    revoked: RwLock<BTreeSet<Fingerprint>>,
    /// The certificate by which each peer was last believed, with its chain.
    peers: Mutex<BTreeMap<EndpointId, Vec<CertificateDer<'static>>>>,
    news: mpsc::UnboundedSender<(EndpointId, Fingerprint)>,
}

impl SessionKeys {
    /// A credential of the internal CA, and the CAs of these files. What was shown for the first time is told, so that
    /// somebody looks in the store.
    ///
    /// # Errors
    /// What is wrong with the files, or with the credential.
    pub(crate) fn new(
        authority: &Authority,
        endpoint: &EndpointId,
        files: Option<Tls>,
    ) -> anyhow::Result<(SessionKeys, News)> {
        let names = ServerNames { endpoint: Some(endpoint.clone()), ..ServerNames::default() };
        let validity = Validity::lasting(SystemTime::now(), LIFETIME);
        let identity = authority.ca().issue_server(&names, validity)?;
        let (news, heard) = mpsc::unbounded_channel();
        let shown = Arc::new(Shown { revoked: RwLock::default(), peers: Mutex::default(), news });
        let now = read(authority, &identity, files.as_ref(), &shown)?;
        let now = RwLock::new(Arc::new(now));
        Ok((SessionKeys(Arc::new(Inner { identity, files, now, shown })), heard))
    }

    /// What the files say now, for [`SessionKeys::follow`].
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn read(&self, authority: &Authority) -> anyhow::Result<Next> {
        let crypto = read(authority, &self.0.identity, self.0.files.as_ref(), &self.0.shown)?;
        let (roots, crls) = (roots_of(authority, self.0.files.as_ref())?, crls_of(self.0.files.as_ref())?);
        let verifier = DeviceVerifier::with_crls(&roots, &crls, false, pki::provider())?;
        Ok(Next { crypto, verifier })
    }

    /// From now on sessions begin by this; the peers whose certificate does not count any more.
    pub(super) fn follow(&self, next: Next) -> Vec<EndpointId> {
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next.crypto);
        let now = UnixTime::now();
        let mut peers = self.0.shown.peers();
        let out: Vec<_> = peers.iter().filter(|(_, chain)| !next.verifier.trusts(chain, now)).collect();
        let out: Vec<EndpointId> = out.into_iter().map(|(peer, _)| peer.clone()).collect();
        out.iter().for_each(|peer| drop(peers.remove(peer)));
        out
    }

    /// This certificate counts no more; the peers that were believed by it.
    pub(crate) fn revoke(&self, fingerprint: Fingerprint) -> Vec<EndpointId> {
        let shown = &self.0.shown;
        shown.revoked.write().unwrap_or_else(PoisonError::into_inner).insert(fingerprint);
        let mut peers = shown.peers();
        let by_it = peers.iter().filter(|(_, chain)| leaf(chain) == Some(fingerprint));
        let out: Vec<EndpointId> = by_it.map(|(peer, _)| peer.clone()).collect();
        out.iter().for_each(|peer| drop(peers.remove(peer)));
        out
    }

    /// Takes over what the store knows to be revoked, of one device or of all.
    ///
    /// # Errors
    /// When the store can't say.
    pub(crate) async fn recall<S: Store>(
        &self,
        store: &S,
        device: Option<DeviceId>,
    ) -> Result<(), StoreError> {
        let mut page = PageRequest::first(fleet::limits::PAGE);
        loop {
            let query = CertificateQuery { device, revoked: Some(true), page };
            let found = store.certificates(Reach::Platform, query).await?;
            found.items.iter().for_each(|one| drop(self.revoke(one.fingerprint)));
            let Some(cursor) = found.next else { return Ok(()) };
            page = PageRequest { cursor: Some(cursor), limit: fleet::limits::PAGE };
        }
    }

    fn now(&self) -> Arc<SessionCrypto> {
        Arc::clone(&self.0.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was read and is not in force yet.
pub(super) struct Next {
    crypto: SessionCrypto,
    verifier: DeviceVerifier,
}

fn read(
    authority: &Authority,
    identity: &Identity,
    files: Option<&Tls>,
    shown: &Arc<Shown>,
) -> anyhow::Result<SessionCrypto> {
    let trust = Trust { roots: roots_of(authority, files)?, crls: crls_of(files)?, ..Trust::default() };
    let shown = Arc::clone(shown);
    let judge = Judge::new(move |peer, chain| shown.counts(peer, chain));
    Ok(SessionCrypto::new(identity, trust, true)?.judged(judge))
}

impl Shown {
    /// Whether a peer may show this, which a CA vouches for.
    fn counts(&self, peer: &EndpointId, chain: &[CertificateDer<'_>]) -> bool {
        let Some(fingerprint) = leaf(chain) else { return false };
        if self.revoked.read().unwrap_or_else(PoisonError::into_inner).contains(&fingerprint) {
            return false;
        }
        let mut peers = self.peers();
        if peers.get(peer).is_none_or(|known| leaf(known) != Some(fingerprint)) {
            if peers.len() >= SESSION_PEERS && !peers.contains_key(peer) {
                peers.pop_first();
            }
            let chain = chain.iter().map(|one| CertificateDer::from(one.to_vec())).collect();
            peers.insert(peer.clone(), chain);
            let _ = self.news.send((peer.clone(), fingerprint));
        }
        true
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<EndpointId, Vec<CertificateDer<'static>>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leaf(chain: &[CertificateDer<'_>]) -> Option<Fingerprint> {
    chain.first().map(|leaf| Fingerprint(pki::fingerprint(leaf)))
}

impl Crypto for SessionKeys {
    fn certificate(&self) -> Bytes {
        self.now().certificate()
    }

    fn sign(&self, input: &[u8]) -> Result<Bytes, CryptoError> {
        self.now().sign(input)
    }

    fn verify(
        &self,
        from: &EndpointId,
        certificate: &[u8],
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.now().verify(from, certificate, input, signature)
    }

    fn tls(&self, role: TlsRole, peer: &EndpointId) -> Result<Box<dyn PayloadTls>, CryptoError> {
        self.now().tls(role, peer)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use pki::{Ca, Edition, Reason, Revoked};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn id(text: &str) -> EndpointId {
        EndpointId::receive(text).expect("an endpoint id")
    }

    fn ca(name: &str) -> Ca {
        Ca::create(name, Validity::lasting(SystemTime::now(), DAY)).expect("a CA")
    }

    /// Whether a session with TLS comes about, and whether a signature counts.
    pub(crate) fn counts(keys: &SessionKeys, authority: &Authority, device: &Identity) -> [bool; 2] {
        let trust = Trust { roots: vec![authority.ca().certificate().clone()], ..Trust::default() };
        let theirs = SessionCrypto::new(device, trust, true).expect("a key on P-256");
        let mut there = theirs.tls(TlsRole::Client, &id("self::c")).expect("a client");
        let mut here = keys.tls(TlsRole::Server, &id("os::d")).expect("a server");
        let mut fine = true;
        for _ in 0..8 {
            fine &= there.take_records().iter().all(|record| here.read(record).is_ok());
            fine &= here.take_records().iter().all(|record| there.read(record).is_ok());
        }
        let signature = theirs.sign(b"said").expect("signed");
        let signed = keys.verify(&id("os::d"), &theirs.certificate(), b"said", &signature).is_ok();
        [fine && !here.is_handshaking(), signed]
    }

    #[test]
    fn a_certificate_that_is_revoked_begins_no_session_and_ends_that_of_its_peer() {
        let authority = Authority::new(ca("Internal"), DAY);
        let valid = || Validity::lasting(SystemTime::now(), DAY);
        let [first, next] = [(); 2]
            .map(|()| authority.ca().issue_device_with_key(&id("os::d"), valid()).expect("a certificate"));
        let (keys, mut news) = SessionKeys::new(&authority, &id("self::c"), None).expect("keys");
        assert_eq!(counts(&keys, &authority, &first), [true, true]);
        let told = news.try_recv().expect("it is looked up");
        assert_eq!(told, (id("os::d"), Fingerprint(first.fingerprint())));
        assert!(news.try_recv().is_err(), "once");
        assert_eq!(keys.revoke(Fingerprint([7; 32])), []);
        assert_eq!(keys.revoke(Fingerprint(first.fingerprint())), [id("os::d")]);
        assert_eq!(counts(&keys, &authority, &first), [false, false]);
        assert_eq!(counts(&keys, &authority, &next), [true, true]);
        assert_eq!(keys.revoke(Fingerprint(first.fingerprint())), []);
    }

    #[test]
    fn cas_and_lists_are_those_of_the_files_when_they_were_last_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cas, list) = (folder.path().join("cas.pem"), folder.path().join("list.pem"));
        let authority = Authority::new(ca("Internal"), DAY);
        let [ours, theirs] = ["Ours", "Theirs"].map(ca);
        let valid = || Validity::lasting(SystemTime::now(), DAY);
        let device = |ca: &Ca| ca.issue_device_with_key(&id("os::d"), valid()).expect("a certificate");
        let [own, foreign] = [device(&ours), device(&theirs)];
        std::fs::write(&cas, ours.certificate_pem()).expect("written");
        let files = Tls {
            cert: "unused".into(),
            key: "unused".into(),
            client_ca: Some(cas.clone()),
            client_crl: Some(list.clone()),
        };
        let write_list = |ca: &Ca, revoked: &[Revoked]| {
            let this_update = SystemTime::now();
            let edition = Edition { number: 1, this_update, next_update: this_update + DAY };
            let list_of = ca.crl(revoked, edition).expect("a list");
            std::fs::write(&list, list_of.as_ref()).expect("written");
        };
        write_list(&ours, &[]);
        let (keys, _news) = SessionKeys::new(&authority, &id("self::c"), Some(files)).expect("keys");
        let both = || [&own, &foreign].map(|device| counts(&keys, &authority, device));
        assert_eq!(both(), [[true, true], [false, false]]);

        // (whose CA is in the file, whether its list has the device, whose session ends, what counts afterwards)
        let name = pki::cert::name(&own.chain()[0]).expect("a name");
        let revoked =
            Revoked { serial_number: name.serial_number, at: SystemTime::now(), reason: Reason::default() };
        for (ca, listed, ended, expected) in [
            (&ours, false, vec![], [true, false]),
            (&ours, true, vec![id("os::d")], [false, false]),
            (&theirs, false, vec![], [false, true]),
            (&ours, false, vec![id("os::d")], [true, false]),
        ] {
            std::fs::write(&cas, ca.certificate_pem()).expect("written");
            write_list(ca, if listed { std::slice::from_ref(&revoked) } else { &[] });
            let next = keys.read(&authority).expect("readable");
            assert_eq!(keys.follow(next), ended);
            assert_eq!(both(), expected.map(|counts| [counts; 2]));
        }
        std::fs::write(&cas, "nonsense").expect("written");
        assert!(keys.read(&authority).is_err());
    }
}
