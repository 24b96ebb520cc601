//! Who is let in: asked before the upgrade is answered, and again, with effect, when the link stands.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fleet::audit::AuditEntry;
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::enrolment::{Accept, Attempt, Decision, Live, PendingDevice, Policy, Proof, broker_word, decide};
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::job::Actor;
use fleet::port::{Admit, SessionOpened, Store, StoreError, Write, Written};
use mtp::{Admission, Candidate, Cause, EnrolRequest, Refusal, RenewRequest};
use sha2::{Digest, Sha256};
use usp_endpoint::EndpointId;
use usp_endpoint::controller::are_you_there;
use usp_endpoint::link::{LinkId, PeerAuth};

use super::links::{LinkEntry, Place};
use super::presence::question_id;
use super::session::Session;
use super::strangers::Sender;
use super::{Usp, lock};
use crate::limits::DECISIONS;

/// How long the link that an endpoint has already may take to answer a ping, or a question.
const PING_PATIENCE: Duration = Duration::from_secs(3);

/// The HTTP status of an attempt that comes too soon.
const TOO_MANY: u16 = 429;

/// The HTTP status of one whose user name or password is wrong, or not good any more.
pub(super) const WRONG_LOGIN: u16 = 401;

/// Why a connection is closed before anything is read from it.
const TOO_MANY_CONNECTIONS: &str = "too many connections of this address that have proven nothing";

/// The decision about a peer.
pub(super) struct Judged {
    pub(super) decision: Decision,
    /// The link that its endpoint has already.
    other: Option<LinkId>,
    /// Whose it is: the tenant of the device, the one that it will be of, or the platform for a stranger.
    tenant: TenantId,
}

/// What the decision about a link led to.
pub(super) enum Opening<S: Store> {
    Session(Arc<Session<S>>),
    Pending(Place),
    Refused(&'static str),
}

impl<S: Store> Admission for Usp<S> {
    fn knock(&self, peer_addr: SocketAddr) -> Result<(), Refusal> {
        if self.0.doors.knock(peer_addr.ip(), self.0.clock.now().mono) {
            Ok(())
        } else {
            Err(Refusal::new(TOO_MANY, TOO_MANY_CONNECTIONS))
        }
    }

    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        self.decide_at_door(candidate).await.map(drop)
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<String, Refusal> {
        self.check_attempts(request.peer_addr, &request.peer)?;
        let peer = request.peer_addr.ip();
        let chain = self.issue(request).await.map_err(of_enrolment)?;
        self.0.doors.welcome(peer, self.0.clock.now().mono);
        Ok(chain)
    }

    async fn renew(&self, request: RenewRequest) -> Result<String, Refusal> {
        self.check_attempts(request.peer_addr, &request.peer)?;
        let peer = request.peer_addr.ip();
        let chain = self.next_certificate(request).await.map_err(of_enrolment)?;
        self.0.doors.welcome(peer, self.0.clock.now().mono);
        Ok(chain)
    }

    fn refused(&self, peer_addr: SocketAddr, eid: Option<&EndpointId>, refusal: &Refusal) {
        let (peer, now) = (peer_addr.ip(), self.0.clock.now().mono);
        self.0.metrics.refused_for(refusal.cause);
        // Those who have to wait are listed now and then: they would push everybody else off the list.
        if refusal.cause == Cause::Rate && !self.0.doors.tells(peer, now) {
            self.0.metrics.refused.inc();
            return;
        }
        // A server that can't take a connection is not to blame its peer.
        if !matches!(refusal.cause, Cause::Capacity | Cause::Rate) {
            self.0.doors.charge(peer, now);
        }
        let endpoint = eid.map(|eid| eid.as_str().to_owned());
        self.note_refusal(peer_addr.to_string(), endpoint, refusal.reason.to_string());
    }
}

impl<S: Store> Usp<S> {
    /// What [`Admission::admit`] decides, and who may only wait.
    pub(super) async fn decide_at_door(&self, candidate: &Candidate) -> Result<Decision, Refusal> {
        let Some(eid) = &candidate.eid else {
            return Err(Refusal::new(400, "the endpoint id is missing: ?eid=… in the request's path"));
        };
        if *eid == self.0.options.endpoint {
            // R-ARC.2.
            return Err(Refusal::new(403, "this is the controller's own endpoint id"));
        }
        self.check_attempts(candidate.peer_addr, &candidate.peer)?;
        match self.judge(eid, &candidate.peer, None).await {
            Ok(Judged { decision: Decision::Refuse(refusal), .. }) => {
                self.audit_misuse(candidate, refusal);
                self.learn_login(&candidate.peer, false);
                let status = match refusal {
                    fleet::enrolment::Refusal::WrongLogin => WRONG_LOGIN,
                    fleet::enrolment::Refusal::Revoked if matches!(candidate.peer, PeerAuth::Login(_)) => {
                        WRONG_LOGIN
                    }
                    _ => 403,
                };
                Err(Refusal::new(status, refusal.to_string()).because(Cause::Identity))
            }
            Ok(Judged { decision: decision @ (Decision::Accept(_) | Decision::Create { .. }), .. }) => {
                self.0.doors.welcome(candidate.peer_addr.ip(), self.0.clock.now().mono);
                self.learn_login(&candidate.peer, true);
                Ok(decision)
            }
            Ok(Judged { decision: decision @ (Decision::Pending | Decision::AskLive), .. }) => Ok(decision),
            Err(error) => Err(Refusal::new(503, error.to_string())),
        }
    }

    /// Whether a peer that has not authenticated may try now. A certificate of a CA that we trust is
    /// authentication enough, and so is a login that was right before: a crowd behind one address must not lock the others
    /// there out.
    fn check_attempts(&self, peer_addr: SocketAddr, peer: &PeerAuth) -> Result<(), Refusal> {
        let now = self.0.clock.now().mono;
        let is_known = match peer {
            PeerAuth::Certificate(certificate) => certificate.trusted,
            PeerAuth::Login(login) => self.0.doors.knows(&login.proof, now),
            PeerAuth::Unproven | PeerAuth::Near | PeerAuth::Local { .. } | PeerAuth::Broker(_) => false,
        };
        if is_known || self.0.doors.allows(peer_addr.ip(), now) {
            Ok(())
        } else {
            Err(Refusal::new(TOO_MANY, "too many attempts"))
        }
    }

    fn learn_login(&self, peer: &PeerAuth, is_right: bool) {
        if let PeerAuth::Login(login) = peer {
            self.0.doors.learn(login.proof, is_right, self.0.clock.now().mono);
        }
    }

    /// The decision about a peer. Reads one row by its name and one by its certificate (invariant 4), and
    /// pings the link that it has already where that matters.
    pub(super) async fn judge(
        &self,
        eid: &EndpointId,
        peer: &PeerAuth,
        own: Option<LinkId>,
    ) -> Result<Judged, StoreError> {
        let store = &self.0.store;
        let proof = proof(peer, eid);
        let (mut owner, admission) = store.admission(&Identity::usp(eid.as_str())).await?.unzip();
        let credential = match proof.fingerprint() {
            Some(fingerprint) => store.credential(fingerprint).await?,
            None => None,
        };
        let (holder, credential) = credential.unzip();
        let other = lock(&self.0.by_endpoint).get(eid).copied().filter(|link| Some(*link) != own);
        let live = if other.is_some() { Live::Unasked } else { Live::None };
        let mut attempt =
            Attempt { endpoint: eid.as_str().to_owned(), proof, token: false, expected: false, live };
        let policy = self.0.options.policy;
        let mut decision = decide(&attempt, admission.as_ref(), credential.as_ref(), policy);
        // Read for those alone whom a CA vouches for by this very name, and nobody knows. A certificate that many
        // devices share is none of one.
        let vouched =
            matches!(peer, PeerAuth::Certificate(own) if own.trusted && own.endpoint_ids.contains(eid));
        if vouched && admission.is_none() {
            owner = store.expected(eid.as_str()).await?.map(|(tenant, _)| tenant);
            attempt.expected = owner.is_some();
            decision = decide(&attempt, admission.as_ref(), credential.as_ref(), policy);
        }
        if decision == Decision::AskLive {
            attempt.live = if self.answers(eid, other).await { Live::Answers } else { Live::Silent };
            decision = decide(&attempt, admission.as_ref(), credential.as_ref(), policy);
        }
        let tenant = match &decision {
            // The certificate says which device this is, whatever name it comes under.
            Decision::Accept(accept)
                if credential.as_ref().is_some_and(|one| one.issued_for == accept.device) =>
            {
                holder
            }
            Decision::Create { .. } => Some(owner.unwrap_or(TenantId::DEFAULT)),
            _ if admission.is_none() => None,
            _ => owner,
        };
        Ok(Judged { decision, other, tenant: tenant.unwrap_or(TenantId::PLATFORM) })
    }

    /// Behind a broker of others nothing tells whether it is there: it is asked, where it was heard last.
    async fn answers(&self, eid: &EndpointId, link: Option<LinkId>) -> bool {
        let Some(entry) = link.and_then(|link| lock(&self.0.links).get(&link).cloned()) else { return false };
        let question = || are_you_there(&self.0.options.endpoint, eid, &question_id());
        entry.up.sender.answers(PING_PATIENCE, question).await
    }

    /// Decides about a link that stands, and makes its session.
    pub(super) async fn decide(&self, entry: &Arc<LinkEntry<S>>) -> Opening<S> {
        let up = &entry.up;
        let Some(eid) = &up.eid else { return Opening::Refused("no endpoint id") };
        if *eid == self.0.options.endpoint {
            // R-ARC.2; behind a broker nobody has asked before.
            return Opening::Refused("this is the controller's own endpoint id");
        }
        let (shown, now) = (proof(&up.peer, eid).fingerprint(), self.0.clock.now().mono);
        if entry.is_behind_broker() && self.0.strangers.was_refused(Sender::of(up, eid), shown, now) {
            self.0.metrics.refused.inc();
            return Opening::Refused("refused");
        }
        let mut opened = Ok(None);
        for _ in 0..DECISIONS {
            opened = match self.judge(eid, &up.peer, Some(up.link)).await {
                Ok(judged) => self.carry_out(entry, eid, judged).await,
                Err(error) => Err(error),
            };
            if !matches!(opened, Ok(None)) {
                break;
            }
        }
        match opened {
            Ok(Some(opening)) => opening,
            Ok(None) => Opening::Refused("too many connections of this endpoint at once"),
            Err(error) => {
                tracing::error!(%error, endpoint = %eid, "a link could not be opened");
                Opening::Refused("the server cannot take this connection now")
            }
        }
    }

    /// `None` when another link of the endpoint came between, or its certificate was revoked: the decision has
    /// to be taken again.
    async fn carry_out(
        &self,
        entry: &Arc<LinkEntry<S>>,
        eid: &EndpointId,
        judged: Judged,
    ) -> Result<Option<Opening<S>>, StoreError> {
        let up = &entry.up;
        let Judged { decision, other, tenant } = judged;
        let behind_broker = entry.is_behind_broker();
        let fails = matches!(decision, Decision::Refuse(_) | Decision::Pending | Decision::AskLive);
        if fails && behind_broker && !self.0.strangers.take(Sender::of(up, eid), self.0.clock.now().mono) {
            self.0.metrics.refused.inc();
            return Ok(Some(Opening::Refused("too many strangers")));
        }
        let let_in = !matches!(decision, Decision::Refuse(_));
        if let Decision::Accept(accept) = decision {
            self.watch_clones(entry, other, accept);
        }
        let stands = |link| lock(&self.0.links).get(&link).is_some_and(|entry| !entry.up.sender.is_closed());
        if let_in && up.sender.is_closed() && other.is_some_and(stands) {
            // It takes nobody's place; what it said before it left is as lost as what comes on two connections of one
            // name at once.
            return Ok(Some(Opening::Refused("it is gone, and another connection of this endpoint stands")));
        }
        if let_in && !self.replace(eid, other, up.link) {
            return Ok(None);
        }
        match decision {
            Decision::Accept(accept) => match self.learn(tenant, eid, &up.peer, accept).await {
                Ok(()) => self.session_for(entry, eid, (tenant, accept.device), accept.proven).await,
                Err(StoreError::Taken) => Ok(Some(self.is_taken(up, eid))),
                Err(error) => Err(error),
            },
            Decision::Create { proven } => {
                let credential =
                    proof(&up.peer, eid).fingerprint().map(|print| (print, CredentialOrigin::Pinned));
                let rule = match self.0.options.policy {
                    Policy::Open => "the enrolment policy is open",
                    Policy::Approve | Policy::Closed => "it was expected, and a CA vouches for it",
                };
                match self.create(tenant, eid, credential, rule).await {
                    Ok(device) => self.session_for(entry, eid, (tenant, device), proven).await,
                    Err(StoreError::Taken) => Ok(Some(self.is_taken(up, eid))),
                    Err(error) => Err(error),
                }
            }
            Decision::Pending | Decision::AskLive => {
                if let Some(peer) = entry.own_address() {
                    self.0.doors.charge(peer.ip(), self.0.clock.now().mono);
                }
                let Some(place) = self.pending_place(behind_broker) else {
                    // Nothing tells that somebody behind a broker is gone: the list is not to depend on room here.
                    if behind_broker {
                        self.put_pending(entry, eid, tenant).await?;
                    }
                    return Ok(Some(Opening::Refused("too many devices wait")));
                };
                self.put_pending(entry, eid, tenant).await?;
                Ok(Some(Opening::Pending(place)))
            }
            Decision::Refuse(refusal) => {
                // Whether the other one still answers may be another thing the next time.
                if behind_broker && refusal != fleet::enrolment::Refusal::AlreadyConnected {
                    let (shown, now) = (proof(&up.peer, eid).fingerprint(), self.0.clock.now().mono);
                    self.0.strangers.refuse(Sender::of(up, eid), shown, now);
                }
                self.audit_revoked_word(up, eid, refusal);
                let endpoint = Some(eid.as_str().to_owned());
                self.0.metrics.refused_for(Cause::Identity);
                self.note_refusal(up.peer_name(), endpoint, refusal.to_string());
                Ok(Some(Opening::Refused("refused")))
            }
        }
    }

    /// The name is another tenant's.
    fn is_taken(&self, up: &mtp::LinkUp, eid: &EndpointId) -> Opening<S> {
        self.0.metrics.refused_for(Cause::Identity);
        self.note_refusal(up.peer_name(), Some(eid.as_str().to_owned()), StoreError::Taken.to_string());
        Opening::Refused("refused")
    }

    /// Records what an accepted link taught: another name or certificate of the device.
    async fn learn(
        &self,
        tenant: TenantId,
        eid: &EndpointId,
        peer: &PeerAuth,
        accept: Accept,
    ) -> Result<(), StoreError> {
        let at = self.0.clock.utc();
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
                origin: match peer {
                    PeerAuth::Broker(_) => CredentialOrigin::Pinned,
                    _ => CredentialOrigin::Issued,
                },
                at,
                revoked: false,
            };
            let audit = AuditEntry::new(Actor::system(), "credential.add", accept.device, eid.as_str());
            self.submit(Write::PutCredential { tenant, credential, audit }).await?;
        }
        Ok(())
    }

    /// From now on this link is the endpoint's; the older one that was decided about is closed. False, and
    /// nothing happens, when the endpoint has another link meanwhile.
    fn replace(&self, eid: &EndpointId, other: Option<LinkId>, link: LinkId) -> bool {
        {
            let mut by_endpoint = lock(&self.0.by_endpoint);
            let present = by_endpoint.get(eid).copied().filter(|present| *present != link);
            if present.is_some() && present != other {
                return false;
            }
            by_endpoint.insert(eid.clone(), link);
        }
        let old = other.and_then(|old| lock(&self.0.links).get(&old).cloned());
        if let Some(old) = old {
            old.up
                .sender
                .close(mtp::ws::close_code::POLICY, "replaced by another connection of this endpoint");
        }
        true
    }

    async fn create(
        &self,
        tenant: TenantId,
        eid: &EndpointId,
        credential: Option<(Fingerprint, CredentialOrigin)>,
        rule: &str,
    ) -> Result<DeviceId, StoreError> {
        let stamp = self.0.clock.stamp();
        let admit = Admit {
            tenant,
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

    async fn put_pending(
        &self,
        entry: &Arc<LinkEntry<S>>,
        eid: &EndpointId,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        let proof = proof(&entry.up.peer, eid);
        let at = self.0.clock.utc();
        let pending = PendingDevice {
            endpoint: eid.as_str().to_owned(),
            transport: entry.up.return_path.transport().to_owned(),
            peer: entry.up.peer_name(),
            proven: proof != Proof::Unproven,
            fingerprint: proof.fingerprint(),
            first_seen: at,
            last_seen: at,
            attempts: 1,
            changed: false,
        };
        tracing::info!(endpoint = %eid, peer = %entry.up.peer_name(), "waits for approval");
        self.submit(Write::SeenPending { tenant, pending }).await.map(drop)
    }

    async fn session_for(
        &self,
        entry: &Arc<LinkEntry<S>>,
        eid: &EndpointId,
        (tenant, device): (TenantId, DeviceId),
        proven: bool,
    ) -> Result<Option<Opening<S>>, StoreError> {
        let up = &entry.up;
        let moves = self.0.moves.load(Ordering::Acquire);
        let opened = SessionOpened {
            tenant,
            device,
            transport: up.return_path.transport().to_owned(),
            peer: up.peer_name(),
            proven,
            fingerprint: proof(&up.peer, eid).fingerprint(),
            at: self.0.clock.utc(),
        };
        let epoch = match self.submit(Write::SessionOpened(opened)).await {
            Ok(Written::Session(epoch)) => epoch,
            Ok(_) => return Err(StoreError::Failed("a session was answered with something else".to_owned())),
            // The certificate was revoked since the decision, which has to be taken again.
            Err(StoreError::Conflict(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let session = Arc::new(Session::new(self, (tenant, device), eid.clone(), epoch, up));
        let old = {
            let mut sessions = lock(&self.0.sessions);
            // Of two that were opened at once, the store has the later one.
            if sessions.get(&device).is_some_and(|present| present.epoch > epoch) {
                let why = "another session of this device was opened meanwhile";
                return Ok(Some(Opening::Refused(why)));
            }
            // What the last session had under way is not under way any more. Not later: from here on jobs are
            // given to the new one.
            self.0.lanes.forget(device);
            sessions.insert(device, Arc::clone(&session))
        };
        // A device may come under several names; it has one session.
        if let Some(old) = old {
            old.sender.close(mtp::ws::close_code::POLICY, "replaced by another session of this device");
        }
        up.sender.authorise();
        tracing::info!(endpoint = %eid, %device, peer = %up.peer_name(), proven, "session");
        // Whoever enrols, moves or removes the device from here on finds this session, and closes it.
        if self.was_revoked(&up.peer, eid).await.unwrap_or(true) {
            up.sender.close(mtp::ws::close_code::POLICY, "the device was enrolled again");
        }
        if self.0.moves.load(Ordering::Acquire) != moves && !self.is_its_owner(eid, (tenant, device)).await {
            up.sender.close(mtp::ws::close_code::POLICY, "the device was moved or removed meanwhile");
        }
        Ok(Some(Opening::Session(session)))
    }

    async fn is_its_owner(&self, eid: &EndpointId, (tenant, device): (TenantId, DeviceId)) -> bool {
        use fleet::enrolment::Admission::Device;
        let found = self.0.store.admission(&Identity::usp(eid.as_str())).await;
        matches!(found, Ok(Some((owner, Device { device: its, .. }))) if owner == tenant && its == device)
    }

    async fn was_revoked(&self, peer: &PeerAuth, eid: &EndpointId) -> Result<bool, StoreError> {
        let Some(fingerprint) = proof(peer, eid).fingerprint() else { return Ok(false) };
        let credential = self.0.store.credential(fingerprint).await?;
        Ok(credential.is_some_and(|(_, credential)| credential.revoked))
    }
}

/// Whatever is wrong, it is with an enrolment; unless it is with us.
fn of_enrolment(refusal: Refusal) -> Refusal {
    match refusal.cause {
        Cause::Capacity | Cause::Rate => refusal,
        _ => refusal.because(Cause::Enrolment),
    }
}

/// What a transport proved, in the terms of the domain. Wildcard names count where they certify the id (R-SEC.12); such
/// a certificate is one proof for each endpoint that it covers, because it may be that of many devices.
pub(super) fn proof(peer: &PeerAuth, eid: &EndpointId) -> Proof {
    match peer {
        PeerAuth::Unproven | PeerAuth::Near | PeerAuth::Local { .. } => Proof::Unproven,
        PeerAuth::Login(login) => {
            Proof::Login { name: login.name.clone(), fingerprint: Fingerprint(login.proof) }
        }
        PeerAuth::Broker(_) => Proof::Vouched { fingerprint: broker_word(eid.as_str()) },
        PeerAuth::Certificate(certificate) => {
            let mut names: Vec<String> =
                certificate.endpoint_ids.iter().map(|id| id.as_str().to_owned()).collect();
            let named = certificate.endpoint_ids.contains(eid);
            let covered = !named && certificate.endpoint_ids.iter().any(|id| id.certifies(eid));
            if covered {
                names.push(eid.as_str().to_owned());
            }
            Proof::Certificate {
                fingerprint: if covered {
                    shared_word(&certificate.fingerprint, eid)
                } else {
                    Fingerprint(certificate.fingerprint)
                },
                names,
                trusted: certificate.trusted,
            }
        }
    }
}

/// What stands for a certificate with wildcards where fingerprints are kept: it proves one endpoint here, and may prove
/// others there.
fn shared_word(certificate: &[u8; 32], eid: &EndpointId) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(b"a certificate with wildcards proves ");
    hash.update(certificate);
    hash.update(eid.as_str());
    Fingerprint(hash.finalize().into())
}
