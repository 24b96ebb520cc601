//! Who is let in: asked before the upgrade is answered, and again, with effect, when the link stands.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fleet::audit::AuditEntry;
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::enrolment::{Accept, Attempt, Decision, Live, PendingDevice, Proof, decide};
use fleet::ids::{DeviceId, Fingerprint};
use fleet::job::Actor;
use fleet::port::{Admit, SessionOpened, Store, StoreError, Write, Written};
use mtp::{Admission, Candidate, EnrolRequest, Refusal};
use usp_endpoint::EndpointId;
use usp_endpoint::link::{LinkId, PeerAuth};

use super::links::LinkEntry;
use super::session::Session;
use super::{Usp, lock};

/// How long the link that an endpoint has already may take to answer a ping.
const PING_PATIENCE: Duration = Duration::from_secs(3);

/// What the decision about a link led to.
pub(super) enum Opening<S: Store> {
    Session(Arc<Session<S>>),
    Pending,
    Refused(&'static str),
}

impl<S: Store> Admission for Usp<S> {
    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        let Some(eid) = &candidate.eid else {
            return Err(Refusal::new(400, "the endpoint id is missing: ?eid=… in the request's path"));
        };
        if *eid == self.0.options.endpoint {
            // R-ARC.2.
            return Err(Refusal::new(403, "this is the controller's own endpoint id"));
        }
        match self.judge(eid, &candidate.peer, None).await {
            Ok((Decision::Refuse(refusal), _)) => Err(Refusal::new(403, refusal.to_string())),
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal::new(503, error.to_string())),
        }
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<String, Refusal> {
        self.issue(request).await
    }

    fn refused(&self, peer_addr: SocketAddr, eid: Option<&EndpointId>, refusal: &Refusal) {
        tracing::info!(%peer_addr, eid = eid.map(EndpointId::as_str), reason = %refusal.reason, "refused");
        let endpoint = eid.map(|eid| eid.as_str().to_owned());
        self.note_refusal(self.0.options.tenant, peer_addr, endpoint, refusal.reason.to_string());
    }
}

impl<S: Store> Usp<S> {
    /// The decision about a peer. Reads one row by its name and one by its certificate (invariant 4), and
    /// pings the link that it has already where that matters.
    async fn judge(
        &self,
        eid: &EndpointId,
        peer: &PeerAuth,
        own: Option<LinkId>,
    ) -> Result<(Decision, Option<LinkId>), StoreError> {
        let (store, tenant) = (&self.0.store, self.0.options.tenant);
        let proof = proof(peer, eid);
        let admission = store.admission(tenant, &Identity::usp(eid.as_str())).await?;
        let credential = match proof.fingerprint() {
            Some(fingerprint) => store.credential(tenant, fingerprint).await?,
            None => None,
        };
        let other = lock(&self.0.by_endpoint).get(eid).copied().filter(|link| Some(*link) != own);
        let live = if other.is_some() { Live::Unasked } else { Live::None };
        let mut attempt = Attempt { endpoint: eid.as_str().to_owned(), proof, token: false, live };
        let policy = self.0.options.policy;
        let mut decision = decide(&attempt, admission.as_ref(), credential.as_ref(), policy);
        if decision == Decision::AskLive {
            attempt.live = if self.answers(other).await { Live::Answers } else { Live::Silent };
            decision = decide(&attempt, admission.as_ref(), credential.as_ref(), policy);
        }
        Ok((decision, other))
    }

    async fn answers(&self, link: Option<LinkId>) -> bool {
        let entry = link.and_then(|link| lock(&self.0.links).get(&link).cloned());
        match entry {
            Some(entry) => entry.up.sender.answers_ping(PING_PATIENCE).await,
            None => false,
        }
    }

    /// Decides about a link that stands, and makes its session.
    pub(super) async fn decide(&self, entry: &Arc<LinkEntry<S>>) -> Opening<S> {
        let up = &entry.up;
        let Some(eid) = &up.eid else { return Opening::Refused("no endpoint id") };
        let opened = match self.judge(eid, &up.peer, Some(up.link)).await {
            Ok((decision, other)) => self.carry_out(entry, eid, decision, other).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(opening) => opening,
            Err(error) => {
                tracing::error!(%error, endpoint = %eid, "a link could not be opened");
                Opening::Refused("the server cannot take this connection now")
            }
        }
    }

    async fn carry_out(
        &self,
        entry: &Arc<LinkEntry<S>>,
        eid: &EndpointId,
        decision: Decision,
        other: Option<LinkId>,
    ) -> Result<Opening<S>, StoreError> {
        let up = &entry.up;
        match decision {
            Decision::Accept(accept) => {
                self.learn(eid, &up.peer, accept).await?;
                self.replace(eid, other, up.link, accept.take_over);
                self.session_for(entry, eid, accept.device, accept.proven).await.map(Opening::Session)
            }
            Decision::Create { proven } => {
                let credential =
                    proof(&up.peer, eid).fingerprint().map(|print| (print, CredentialOrigin::Pinned));
                let device = self.create(eid, credential, "the enrolment policy is open").await?;
                self.replace(eid, other, up.link, false);
                self.session_for(entry, eid, device, proven).await.map(Opening::Session)
            }
            Decision::Pending | Decision::AskLive => {
                self.replace(eid, other, up.link, true);
                self.put_pending(entry, eid).await?;
                Ok(Opening::Pending)
            }
            Decision::Refuse(refusal) => {
                let endpoint = Some(eid.as_str().to_owned());
                self.note_refusal(self.0.options.tenant, up.peer_addr, endpoint, refusal.to_string());
                Ok(Opening::Refused("refused"))
            }
        }
    }

    /// Records what an accepted link taught: another name or certificate of the device.
    async fn learn(&self, eid: &EndpointId, peer: &PeerAuth, accept: Accept) -> Result<(), StoreError> {
        let (tenant, at) = (self.0.options.tenant, self.0.clock.utc());
        if accept.add_identity {
            let identity = Identity::usp(eid.as_str());
            self.submit(Write::PutIdentity { tenant, device: accept.device, identity, at }).await?;
        }
        if accept.add_credential
            && let Some(value) = proof(peer, eid).fingerprint()
        {
            let credential = Credential {
                kind: CredentialKind::CertificateFingerprint,
                value,
                issued_for: accept.device,
                origin: CredentialOrigin::Issued,
                at,
                revoked: false,
            };
            let audit = AuditEntry::new(Actor::system(), "credential.add", accept.device, eid.as_str());
            self.submit(Write::PutCredential { tenant, credential, audit }).await?;
        }
        Ok(())
    }

    /// From now on this link is the endpoint's; an older one is closed.
    fn replace(&self, eid: &EndpointId, other: Option<LinkId>, link: LinkId, _take_over: bool) {
        lock(&self.0.by_endpoint).insert(eid.clone(), link);
        let old = other.and_then(|old| lock(&self.0.links).get(&old).cloned());
        if let Some(old) = old {
            old.up
                .sender
                .close(mtp::ws::close_code::POLICY, "replaced by another connection of this endpoint");
        }
    }

    pub(super) async fn create(
        &self,
        eid: &EndpointId,
        credential: Option<(Fingerprint, CredentialOrigin)>,
        rule: &str,
    ) -> Result<DeviceId, StoreError> {
        let stamp = self.0.clock.stamp();
        let admit = Admit {
            tenant: self.0.options.tenant,
            device: DeviceId::make(stamp),
            identity: Identity::usp(eid.as_str()),
            credential,
            name: None,
            at: stamp.at,
            audit: AuditEntry::new(Actor::system(), "device.admit", eid.as_str(), rule),
        };
        match self.submit(Write::Admit(admit)).await? {
            Written::Device(device) => Ok(device.id),
            _ => Err(StoreError::Failed("a device was answered with something else".to_owned())),
        }
    }

    async fn put_pending(&self, entry: &Arc<LinkEntry<S>>, eid: &EndpointId) -> Result<(), StoreError> {
        let proof = proof(&entry.up.peer, eid);
        let at = self.0.clock.utc();
        let pending = PendingDevice {
            endpoint: eid.as_str().to_owned(),
            transport: "websocket".to_owned(),
            peer: entry.up.peer_addr.to_string(),
            proven: proof != Proof::Unproven,
            fingerprint: proof.fingerprint(),
            first_seen: at,
            last_seen: at,
            attempts: 1,
        };
        tracing::info!(endpoint = %eid, peer = %entry.up.peer_addr, "waits for approval");
        self.submit(Write::SeenPending { tenant: self.0.options.tenant, pending }).await.map(drop)
    }

    async fn session_for(
        &self,
        entry: &Arc<LinkEntry<S>>,
        eid: &EndpointId,
        device: DeviceId,
        proven: bool,
    ) -> Result<Arc<Session<S>>, StoreError> {
        let up = &entry.up;
        let opened = SessionOpened {
            tenant: self.0.options.tenant,
            device,
            transport: "websocket".to_owned(),
            peer: up.peer_addr.to_string(),
            proven,
            at: self.0.clock.utc(),
        };
        let Written::Session(epoch) = self.submit(Write::SessionOpened(opened)).await? else {
            return Err(StoreError::Failed("a session was answered with something else".to_owned()));
        };
        up.sender.authorise();
        let session = Arc::new(Session::new(self, device, eid.clone(), epoch, up));
        lock(&self.0.sessions).insert(device, Arc::clone(&session));
        tracing::info!(endpoint = %eid, %device, peer = %up.peer_addr, proven, "session");
        Ok(session)
    }

    async fn issue(&self, request: EnrolRequest) -> Result<String, Refusal> {
        let Some(issuer) = &self.0.options.issuer else {
            return Err(Refusal::new(404, "this server issues no certificates"));
        };
        let issued = issuer.issue(&request.request_pem).map_err(|why| Refusal::new(400, why))?;
        let used = Write::UseEnrolmentToken {
            tenant: self.0.options.tenant,
            hash: fleet::access::SecretHash::of(&request.token),
            endpoint: issued.endpoint.as_str().to_owned(),
            at: self.0.clock.utc(),
        };
        self.submit(used).await.map_err(|error| match error {
            StoreError::NotFound(_) => {
                Refusal::new(403, "the enrolment token is unknown, used up or expired")
            }
            other => Refusal::new(503, other.to_string()),
        })?;
        let credential = Some((Fingerprint(issued.fingerprint), CredentialOrigin::Issued));
        self.create(&issued.endpoint, credential, "an enrolment token")
            .await
            .map_err(|error| Refusal::new(409, error.to_string()))?;
        tracing::info!(endpoint = %issued.endpoint, peer = %request.peer_addr, "enrolled");
        Ok(issued.chain_pem)
    }
}

/// What a transport proved, in the terms of the domain. Wildcard names count where they certify the id.
fn proof(peer: &PeerAuth, eid: &EndpointId) -> Proof {
    match peer {
        PeerAuth::Unproven => Proof::Unproven,
        PeerAuth::Certificate(certificate) => {
            let mut names: Vec<String> =
                certificate.endpoint_ids.iter().map(|id| id.as_str().to_owned()).collect();
            if certificate.endpoint_ids.iter().any(|id| id.certifies(eid)) {
                names.push(eid.as_str().to_owned());
            }
            Proof::Certificate {
                fingerprint: Fingerprint(certificate.fingerprint),
                names,
                trusted: certificate.trusted,
            }
        }
    }
}
