//! Identities that are used by others than their owners: written to the audit log, a few for each address, so
//! that nobody fills it. What becomes of the connection is admission's and the session's to say.
//!
//! A certificate that two machines hold can't be told apart by what they prove. But the server keeps one
//! connection of a device, so they push each other out, again and again: that is noticed, and nobody is refused,
//! because one of the two is the device.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use dm::Mono;
use fleet::audit::AuditEntry;
use fleet::enrolment::{Accept, Refusal};
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::job::Actor;
use fleet::port::{Store, StoreError, Write};
use mtp::{Candidate, LinkUp};
use usp_endpoint::EndpointId;
use usp_endpoint::link::{LinkId, PeerAuth};

use super::links::LinkEntry;
use super::{Usp, lock};
use crate::doors::site;
use crate::limits::{CLONE_TURNS, CLONE_WINDOW, CLONES};

/// Certificates over which two addresses contend.
#[derive(Default)]
pub(super) struct Clones {
    table: Mutex<BTreeMap<[u8; 32], Contest>>,
}

/// Who pushes whom out.
struct Contest {
    /// The two addresses, the smaller first.
    between: (IpAddr, IpAddr),
    turns: u32,
    since: Mono,
}

impl Clones {
    /// A connection on this certificate took the place of one from another address, which stood. Whether it is
    /// time to say so.
    fn turn(&self, fingerprint: [u8; 32], from: IpAddr, to: IpAddr, now: Mono) -> bool {
        let (from, to) = (site(from), site(to));
        if from == to {
            return false;
        }
        let between = (from.min(to), from.max(to));
        let mut table = lock(&self.table);
        if table.len() >= CLONES && !table.contains_key(&fingerprint) {
            table.retain(|_, contest| now.since(contest.since) < CLONE_WINDOW);
            if table.len() >= CLONES {
                table.clear();
            }
        }
        let contest = table.entry(fingerprint).or_insert(Contest { between, turns: 0, since: now });
        if contest.between != between || now.since(contest.since) >= CLONE_WINDOW {
            *contest = Contest { between, turns: 0, since: now };
        }
        contest.turns = contest.turns.saturating_add(1);
        // Once in a window.
        contest.turns == CLONE_TURNS
    }
}

impl<S: Store> Usp<S> {
    /// A link was let in on its certificate while another of its endpoint stood.
    pub(super) fn watch_clones(&self, entry: &LinkEntry<S>, other: Option<LinkId>, accept: Accept) {
        let PeerAuth::Certificate(certificate) = &entry.up.peer else { return };
        let Some(other) = other.and_then(|other| lock(&self.0.links).get(&other).cloned()) else { return };
        let same = matches!(&other.up.peer, PeerAuth::Certificate(old) if old.fingerprint == certificate.fingerprint);
        let (Some(from), Some(to)) = (other.up.peer_addr, entry.up.peer_addr) else { return };
        let now = self.0.clock.now().mono;
        if same && self.0.clones.turn(certificate.fingerprint, from.ip(), to.ip(), now) {
            self.tell_of_clone(certificate.fingerprint, from.ip(), to.ip(), accept.device);
        }
    }

    /// A Record came to our own broker by this certificate and from there; the last one of its Endpoint came from
    /// elsewhere. There each client has a connection of its own, so that two of them need not push each other out.
    pub(super) fn watch_broker_clones(
        &self,
        endpoint: &EndpointId,
        fingerprint: [u8; 32],
        from: IpAddr,
        to: IpAddr,
    ) {
        let link = lock(&self.0.by_endpoint).get(endpoint).copied();
        let sessions = lock(&self.0.sessions);
        let device =
            sessions.values().find(|session| Some(session.link) == link).map(|session| session.device);
        drop(sessions);
        // Where there is no session nobody could be told of: such a turn does not count.
        if let Some(device) = device
            && self.0.clones.turn(fingerprint, from, to, self.0.clock.now().mono)
        {
            self.tell_of_clone(fingerprint, from, to, device);
        }
    }

    fn tell_of_clone(&self, fingerprint: [u8; 32], from: IpAddr, to: IpAddr, device: DeviceId) {
        let what = format!("{} is used from {from} and {to} in turns", Fingerprint(fingerprint));
        tracing::warn!(%device, what, "a device's certificate may have been copied");
        self.0.metrics.clones.inc();
        let tenant = self.session(device).map_or(TenantId::PLATFORM, |session| session.tenant);
        self.audit([tenant], &AuditEntry::new(Actor::system(), "credential.cloned", device, what));
    }

    /// Somebody who has a certificate that a CA of ours vouches for, or a login, was refused as one who it is not for.
    pub(super) fn audit_misuse(&self, candidate: &Candidate, refusal: Refusal) {
        let Some(eid) = &candidate.eid else { return };
        let (misused, shown) = match &candidate.peer {
            PeerAuth::Certificate(certificate) => {
                let misused = match refusal {
                    Refusal::NotItsCertificate | Refusal::OtherDevicesCertificate => certificate.trusted,
                    Refusal::Revoked => true,
                    _ => false,
                };
                (misused, Fingerprint(certificate.fingerprint).to_string())
            }
            PeerAuth::Login(login) => {
                let misused = matches!(refusal, Refusal::NotItsLogin | Refusal::Revoked);
                (misused, format!("the login of {}", login.name))
            }
            PeerAuth::Unproven | PeerAuth::Near | PeerAuth::Local { .. } | PeerAuth::Broker(_) => return,
        };
        if misused {
            let what = format!("{refusal}: {shown} from {}", candidate.peer_addr.ip());
            self.audit_bounded(candidate.peer_addr.ip(), "credential.misused", eid, what);
        }
    }

    /// A trusted broker vouched for somebody of whom its word counts no more.
    pub(super) fn audit_revoked_word(&self, up: &LinkUp, eid: &EndpointId, refusal: Refusal) {
        if let (PeerAuth::Broker(_), Some(broker), Refusal::Revoked) = (&up.peer, up.peer_addr, refusal) {
            let what = format!("{refusal}: the word of the broker {}", broker.ip());
            self.audit_bounded(broker.ip(), "credential.misused", eid, what);
        }
    }

    /// A Record on the connection of one endpoint came in the name of another.
    pub(super) fn impersonated(&self, owner: &EndpointId, link: LinkId, claimed: &EndpointId) {
        let entry = lock(&self.0.links).get(&link).cloned();
        let Some(peer) = entry.and_then(|entry| entry.up.peer_addr) else { return };
        let what = format!("a Record in the name of {claimed} from {}", peer.ip());
        self.audit_bounded(peer.ip(), "session.impersonation", owner, what);
    }

    pub(super) fn audit_bounded(
        &self,
        peer: IpAddr,
        action: &'static str,
        target: &EndpointId,
        what: String,
    ) {
        if self.0.doors.audits(peer, self.0.clock.now().mono) {
            let (usp, owner) = (self.clone(), target.clone());
            let entry = AuditEntry::new(Actor::system(), action, target.as_str(), what);
            tokio::spawn(async move {
                let tenant = usp.owner_of(Some(owner.as_str())).await;
                usp.audit([tenant], &entry);
            });
        }
    }

    /// Somebody who has a token of one tenant wanted a device of another.
    pub(super) fn tell_of_taken(&self, peer: IpAddr, tenant: TenantId, endpoint: &EndpointId) {
        if self.0.doors.audits(peer, self.0.clock.now().mono) {
            let what = format!("an enrolment from {peer}: {}", StoreError::Taken);
            let entry = AuditEntry::new(Actor::system(), "tenant.refused", endpoint.as_str(), what);
            self.audit([tenant, TenantId::PLATFORM], &entry);
        }
    }

    fn audit(&self, tenants: impl IntoIterator<Item = TenantId>, entry: &AuditEntry) {
        for tenant in tenants {
            let (usp, entry, at) = (self.clone(), entry.clone(), self.0.clock.utc());
            tokio::spawn(async move {
                if let Err(error) = usp.submit(Write::Audit { tenant, at, entry }).await {
                    tracing::warn!(%error, "a row of the audit log was not kept");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_that_push_each_other_out_are_told_of_once_in_a_while() {
        let clones = Clones::default();
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| ip.parse().expect("an address"));
        let minute = |minute: u64| Mono(minute * 60_000_000);
        // (certificate, from, to, minute, whether it is said)
        for (n, (mark, from, to, at, expected)) in [
            (1, a, b, 0, false),
            (1, b, a, 1, false),
            // Another certificate, and a device that moves on, are others' business.
            (2, a, b, 1, false),
            (1, a, b, 2, true),
            (1, b, a, 3, false),
            (1, a, b, 4, false),
            // Another ten minutes.
            (1, b, a, 10, false),
            (1, a, b, 11, false),
            (1, b, a, 12, true),
            (3, a, b, 20, false),
            (3, b, c, 20, false),
            (3, c, a, 20, false),
            (3, a, b, 20, false),
            // The same site.
            (4, a, a, 20, false),
            (4, a, a, 20, false),
            (4, a, a, 20, false),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(clones.turn([mark; 32], from, to, minute(at)), expected, "turn {n}");
        }
        for n in 0..20_000u32 {
            let mut print = [9; 32];
            print[..4].copy_from_slice(&n.to_be_bytes());
            clones.turn(print, a, b, minute(30));
        }
        assert!(lock(&clones.table).len() <= 4096);
    }
}
