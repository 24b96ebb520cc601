//! Certificates for devices: the first one for an enrolment token, and each next one on the proof of the
//! present one.

use fleet::access::EnrolmentToken;
use fleet::certificate::CertificateQuery;
use fleet::device::Identity;
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::port::{Enrol, PageRequest, Renew, Store, StoreError, Write, Written};
use mtp::{EnrolRequest, Refusal, RenewRequest};
use usp_endpoint::EndpointId;
use usp_endpoint::link::{PeerAuth, PeerCertificate};

use super::Usp;
use crate::limits::RENEW_PAUSE;

/// Why an enrolment is refused that shows no good token.
const NO_TOKEN: &str = "the enrolment token is unknown, used up or expired";

/// Why a renewal is refused that shows no certificate that a device of ours is proven by.
const NO_PROOF: &str = "a renewal needs the certificate that is to be renewed";

impl<S: Store> Usp<S> {
    /// Whether this token may let this device in: the rules of [`Write::Enrol`], before anything is signed.
    async fn check_enrolment(
        &self,
        endpoint: &EndpointId,
        tenant: TenantId,
        token: &EnrolmentToken,
    ) -> Result<(), Refusal> {
        if *endpoint == self.0.options.endpoint {
            // R-ARC.2.
            return Err(Refusal::new(403, "this is the controller's own endpoint id"));
        }
        if token.endpoint.as_ref().is_some_and(|own| own != endpoint.as_str()) {
            return Err(Refusal::new(403, "the enrolment token is for another endpoint id"));
        }
        let identity = Identity::usp(endpoint.as_str());
        let known = self.0.store.admission(&identity).await.map_err(unavailable)?;
        match known {
            Some((owner, fleet::enrolment::Admission::Device { .. })) if owner != tenant => Err(taken()),
            Some((_, fleet::enrolment::Admission::Device { pinned, .. }))
                if !pinned.is_empty() && token.endpoint.is_none() =>
            {
                let why = "this device has a certificate or a login; a token made for its endpoint id enrols it again";
                Err(Refusal::new(409, why))
            }
            _ => Ok(()),
        }
    }

    /// Issues a certificate for a token. The token is used up in the transaction that registers the
    /// certificate: what fails before burns no token, and what was signed and not registered is dropped.
    pub(super) async fn issue(&self, request: EnrolRequest) -> Result<String, Refusal> {
        let Some(issuer) = &self.0.options.issuer else {
            return Err(Refusal::new(404, "this server issues no certificates"));
        };
        let (peer, stamp) = (request.peer_addr.ip(), self.0.clock.stamp());
        let hash = fleet::access::SecretHash::of(&request.token);
        let token = self.0.store.enrolment_token(hash, stamp.at).await.map_err(unavailable)?;
        let (tenant, token) = token.ok_or_else(|| Refusal::new(403, NO_TOKEN))?;
        let endpoint = issuer.endpoint(&request.request_pem).map_err(|why| Refusal::new(400, why))?;
        let noted = |refusal: Refusal| {
            if refusal.reason == taken().reason {
                self.tell_of_taken(peer, tenant, &endpoint);
            }
            refusal
        };
        self.check_enrolment(&endpoint, tenant, &token).await.map_err(noted)?;
        let issued = issuer.issue(&request.request_pem).map_err(|why| Refusal::new(400, why))?;
        let enrol = Enrol {
            tenant,
            token: hash,
            endpoint: endpoint.as_str().to_owned(),
            device: DeviceId::make(stamp),
            issued: issued.certificate,
            at: stamp.at,
        };
        let device = match self.submit(Write::Enrol(enrol)).await {
            Ok(Written::Device(device)) => device.id,
            Ok(_) => return Err(Refusal::new(503, "the store answered with something else")),
            Err(StoreError::NotFound(_)) => return Err(Refusal::new(403, NO_TOKEN)),
            Err(StoreError::Conflict(why)) => return Err(Refusal::new(409, why)),
            Err(StoreError::Taken) => return Err(noted(taken())),
            Err(error) => return Err(unavailable(error)),
        };
        // Who holds the certificate from before is not this device any more.
        if let Some(keys) = &self.0.options.session_keys
            && let Err(error) = keys.recall(&self.0.store, Some(device)).await
        {
            tracing::error!(%error, %endpoint, "sessions of its earlier certificates are not refused");
        }
        if let Some(session) = self.session(device) {
            session.sender.close(mtp::ws::close_code::POLICY, "the device was enrolled again");
        }
        tracing::info!(%endpoint, peer = %request.peer_addr, "enrolled");
        Ok(issued.chain_pem)
    }

    /// Issues the next certificate to a device that shows its present one, once half of its life is over.
    /// Neither a token nor a person is needed: who holds the key of the old one is the device.
    pub(super) async fn next_certificate(&self, request: RenewRequest) -> Result<String, Refusal> {
        let Some(issuer) = &self.0.options.issuer else {
            return Err(Refusal::new(404, "this server issues no certificates"));
        };
        let at = self.0.clock.utc();
        let PeerAuth::Certificate(shown) = &request.peer else { return Err(Refusal::new(403, NO_PROOF)) };
        let fingerprint = Fingerprint(shown.fingerprint);
        let known = self.0.store.credential(fingerprint).await.map_err(unavailable)?;
        let known = known.filter(|(_, known)| shown.trusted && !known.revoked);
        let (tenant, known) = known.ok_or_else(|| Refusal::new(403, NO_PROOF))?;
        let endpoint = issuer.endpoint(&request.request_pem).map_err(|why| Refusal::new(400, why))?;
        if !shown.endpoint_ids.iter().any(|id| id.certifies(&endpoint)) {
            return Err(Refusal::new(403, "the certificate shown is not for the endpoint id of the request"));
        }
        self.check_due(shown, tenant, known.issued_for).await?;
        let issued = issuer.issue(&request.request_pem).map_err(|why| Refusal::new(400, why))?;
        let renew = Renew {
            tenant,
            shown: fingerprint,
            endpoint: endpoint.as_str().to_owned(),
            issued: issued.certificate,
            at,
        };
        match self.submit(Write::Renew(renew)).await {
            Ok(Written::Device(_)) => {}
            Ok(_) => return Err(Refusal::new(503, "the store answered with something else")),
            Err(StoreError::NotFound(_)) => return Err(Refusal::new(403, NO_PROOF)),
            Err(StoreError::Conflict(why)) => return Err(Refusal::new(409, why)),
            Err(error) => return Err(unavailable(error)),
        }
        tracing::info!(%endpoint, peer = %request.peer_addr, "given its next certificate");
        Ok(issued.chain_pem)
    }

    /// Nobody collects certificates: there is a next one only for one that is at least half over, and not
    /// right behind another.
    async fn check_due(
        &self,
        shown: &PeerCertificate,
        tenant: TenantId,
        device: DeviceId,
    ) -> Result<(), Refusal> {
        let now = self.0.clock.utc();
        let leaf = shown.chain.first().ok_or_else(|| Refusal::new(403, NO_PROOF))?;
        let (start, end) = pki::cert::dates(leaf).map_err(|_| Refusal::new(403, NO_PROOF))?;
        let half = start.as_secs() + end.as_secs().saturating_sub(start.as_secs()) / 2;
        if u64::try_from(now.0 / 1_000_000).unwrap_or(0) < half {
            return Err(Refusal::new(409, "the certificate is not half over yet"));
        }
        let query =
            CertificateQuery { device: Some(device), revoked: Some(false), page: PageRequest::first(1) };
        let newest = self.0.store.certificates(tenant, query).await.map_err(unavailable)?;
        let newest = newest.items.first().filter(|newest| newest.fingerprint.0 != shown.fingerprint);
        let pause = i64::try_from(RENEW_PAUSE.as_micros()).unwrap_or(i64::MAX);
        if newest.is_some_and(|newest| newest.issued.is_some() && now.0 < newest.at.0.saturating_add(pause)) {
            return Err(Refusal::new(429, "it has been given a certificate just now"));
        }
        Ok(())
    }
}

/// The endpoint id is another tenant's.
fn taken() -> Refusal {
    Refusal::new(409, StoreError::Taken.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn unavailable(error: StoreError) -> Refusal {
    Refusal::new(503, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use fleet::access::SecretHash;
    use fleet::audit::AuditEntry;
    use fleet::enrolment::Policy;
    use fleet::ids::{EnrolmentId, TenantId};
    use fleet::job::Actor;
    use pki::{Ca, Identity, PendingIdentity, Validity};

    use super::*;
    use crate::clock::Clock;
    use crate::config::Limits;
    use crate::doors::Doors;
    use crate::metrics::Metrics;
    use crate::trust::{Authority, SessionKeys, counts};
    use crate::usp::UspOptions;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const DEVICE: &str = "os::d";

    struct Site {
        usp: Usp<store::SqliteStore>,
        keys: SessionKeys,
        authority: Arc<Authority>,
        _folder: tempfile::TempDir,
    }

    fn site() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store::SqliteStore::open(folder.path(), &store::Options::default()).expect("a store");
        let ca = Ca::create("Internal", Validity::lasting(SystemTime::now(), DAY)).expect("a CA");
        let authority = Arc::new(Authority::new(ca, DAY));
        let endpoint = EndpointId::receive("self::c").expect("an endpoint id");
        let (keys, _news) = SessionKeys::new(&authority, &endpoint, None).expect("keys");
        let options = UspOptions {
            pending: 4,
            endpoint,
            policy: Policy::Approve,
            issuer: Some(Box::new(Arc::clone(&authority))),
            sessions: usp_endpoint::session::io::Policy::default(),
            crypto: Some(Arc::new(keys.clone())),
            session_keys: Some(keys.clone()),
            inspect: None,
            before_write: None,
        };
        let doors = Doors::new(&Limits::default());
        let usp = Usp::new(store, Clock::start(), options, doors, Arc::new(Metrics::default()));
        Site { usp, keys, authority, _folder: folder }
    }

    impl Site {
        /// What the device has after it has used up a token.
        async fn enrol(&self, token: &str, endpoint: Option<&str>) -> Identity {
            let tenant = TenantId::DEFAULT;
            let stamp = self.usp.0.clock.stamp();
            let row = EnrolmentToken {
                id: EnrolmentId::make(stamp),
                name: String::new(),
                hash: SecretHash::of(token),
                uses_left: 1,
                group: None,
                endpoint: endpoint.map(str::to_owned),
                created: stamp.at,
                expires: stamp.at + DAY,
            };
            let audit = AuditEntry::new(Actor::system(), "enrolment.create", row.id, "");
            self.usp.submit(Write::PutEnrolmentToken { tenant, token: row, audit }).await.expect("a token");
            let id = EndpointId::receive(DEVICE).expect("an endpoint id");
            let pending = PendingIdentity::generate(&id).expect("a key");
            let request = EnrolRequest {
                peer_addr: "192.0.2.1:9".parse().expect("an address"),
                peer: PeerAuth::Unproven,
                token: token.to_owned(),
                request_pem: pending.request_pem().to_owned(),
            };
            let chain = self.usp.issue(request).await.expect("enrolled");
            pending.complete(&chain).expect("a chain for this key")
        }

        /// Whether an end-to-end session by it comes about, and whether what it signs counts.
        fn counts(&self, device: &Identity) -> [bool; 2] {
            counts(&self.keys, &self.authority, device)
        }
    }

    /// Not at the next start of the server, nor when somebody happens to look.
    #[tokio::test]
    async fn sessions_hear_at_once_that_a_device_was_enrolled_again() {
        let site = site();
        let first = site.enrol("one", None).await;
        assert_eq!(site.counts(&first), [true, true]);
        let second = site.enrol("two", Some(DEVICE)).await;
        assert_eq!(site.counts(&second), [true, true]);
        assert_eq!(site.counts(&first), [false, false]);
        assert_eq!(site.counts(&second), [true, true]);
    }
}
