//! What is between a socket and the machine of CoAP: nothing, or DTLS.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use usp_proto::link::PeerAuth;

use super::dtls::{Event, Layer, Proof};
use super::limits::{MAX_CALLS, MAX_READY};
use super::machine::{Arrived, Failure, Machine, Standing};
use super::socket::Gate;
use super::uri::leads_to;

/// DTLS, where the socket speaks it.
#[derive(Default)]
pub(super) struct Below(Option<Dtls>);

struct Dtls {
    layer: Layer,
    /// Records of peers that have gone, which nobody has taken yet.
    left: VecDeque<Proven>,
    caller: Caller,
    asked: mpsc::Receiver<Ask>,
}

/// What is asked of a socket that speaks DTLS.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Call(SocketAddr),
    Reconsider,
}

/// Asks for associations by a socket that speaks DTLS. What becomes of them is told by [`Gate::up`] or [`Gate::gone`].
#[derive(Clone, Debug)]
pub struct Caller(mpsc::Sender<Ask>);

impl Caller {
    /// Asks for an association with whoever is at an address; false when the socket does not do that.
    pub async fn call(&self, at: SocketAddr) -> bool {
        self.0.send(Ask::Call(at)).await.is_ok()
    }

    /// Other certificates count now, or others do not count any more: associations of those that would not be let in again
    /// end. False when the socket has none.
    pub async fn reconsider(&self) -> bool {
        self.0.send(Ask::Reconsider).await.is_ok()
    }
}

/// A Record, and what is proven of its sender.
pub(super) struct Proven {
    pub(super) peer: PeerAuth,
    pub(super) uri: Arc<str>,
    pub(super) record: Bytes,
}

/// Who sent a Record that is not believed, and why not.
type Unproven = (SocketAddr, &'static str);

impl Below {
    pub(super) fn dtls(layer: Layer) -> Below {
        let (caller, asked) = mpsc::channel(MAX_CALLS);
        Below(Some(Dtls { layer, left: VecDeque::new(), caller: Caller(caller), asked }))
    }

    /// Of one without DTLS, it calls nobody.
    pub(super) fn caller(&self) -> Caller {
        let nobody = || Caller(mpsc::channel(1).0);
        self.0.as_ref().map_or_else(nobody, |dtls| dtls.caller.clone())
    }

    pub(super) fn is_secure(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.0.as_ref()?.layer.timeout()
    }

    pub(super) fn expired(&mut self, now: Duration) {
        if let Some(dtls) = &mut self.0 {
            dtls.layer.expired(now);
        }
    }

    /// A datagram came; false when it is none of ours.
    pub(super) fn receive(&mut self, now: Duration, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(dtls) = &mut self.0 else { return false };
        dtls.layer.receive(now, from, datagram);
        true
    }

    /// Takes what is to be sent; gives it back where nothing is to be done with it.
    pub(super) fn send(&mut self, now: Duration, to: SocketAddr, datagram: Bytes) -> Option<Bytes> {
        let Some(dtls) = &mut self.0 else { return Some(datagram) };
        dtls.layer.send(now, to, datagram);
        None
    }

    /// Whether whom a URI names by his certificate is the one who is there now.
    pub(super) fn is_meant(&self, uri: &str) -> bool {
        let Some(dtls) = &self.0 else { return true };
        let Some((_, meant)) = uri.split_once('#') else { return false };
        let proof = leads_to(uri).and_then(|at| dtls.layer.proof(at));
        proof.is_some_and(|proof| word(&proof.fingerprint) == meant)
    }

    /// Who does not answer may have forgotten the association: what comes next begins with another.
    pub(super) fn failed(&mut self, now: Duration, uri: &str, why: Failure) {
        if let (Some(dtls), Some(at), Failure::TimedOut) = (&mut self.0, leads_to(uri), why) {
            dtls.layer.hang_up(now, at, "nobody answers");
        }
    }

    /// What is known of the address of a datagram; `None` when that is the machine's to say. Who says hello for the first
    /// time is answered as if he was known already: that he comes is counted when he has proven that it is he.
    pub(super) fn standing(&self, now: Duration, from: SocketAddr, datagram: &[u8]) -> Option<Standing> {
        let layer = &self.0.as_ref()?.layer;
        let from = super::machine::canonical(from);
        Some(match layer.proof(from) {
            Some(_) => Standing::Proven,
            None if layer.begins(now, from, datagram) => Standing::Unknown,
            None => Standing::Known,
        })
    }

    /// Whether there is a Record of somebody who has gone.
    pub(super) fn has_record(&self) -> bool {
        self.0.as_ref().is_some_and(|dtls| !dtls.left.is_empty())
    }

    /// The next Record, and who sent it.
    pub(super) fn poll_record(&mut self, machine: &mut Machine) -> Option<Result<Proven, Unproven>> {
        if let Some(left) = self.0.as_mut().and_then(|dtls| dtls.left.pop_front()) {
            return Some(Ok(left));
        }
        let arrived = machine.poll_record()?;
        let Some(dtls) = &self.0 else {
            let Arrived { reply_to: uri, record, .. } = arrived;
            return Some(Ok(Proven { peer: PeerAuth::Unproven, uri, record }));
        };
        let proof = dtls.layer.proof(arrived.from);
        Some(
            proof
                .ok_or((arrived.from, "its association has ended"))
                .and_then(|proof| dtls.prove(arrived, proof)),
        )
    }

    /// Does what DTLS wants; gives what leaves, and `None` when there is nothing more.
    pub(super) fn poll(
        &mut self,
        now: Duration,
        machine: &mut Machine,
        gate: &impl Gate,
    ) -> Option<(SocketAddr, Bytes)> {
        let dtls = self.0.as_mut()?;
        loop {
            match dtls.layer.poll()? {
                Event::Transmit { to, datagram } => return Some((to, datagram)),
                Event::Heard { from, datagram } => machine.receive(now, from, &datagram),
                Event::Up { at } => {
                    machine.vouch(now, at);
                    if let Some(proof) = dtls.layer.proof(at) {
                        gate.up(at, &proof.auth, &word(&proof.fingerprint));
                    }
                }
                Event::Gone { at, why, was } => {
                    gate.gone(at, &why);
                    for arrived in machine.lost(at) {
                        let proven = was.as_ref().and_then(|was| dtls.prove(arrived, was).ok());
                        dtls.left.extend(proven.filter(|_| dtls.left.len() < MAX_READY));
                    }
                }
                Event::Refused { from, why } => gate.unproven(from, &why),
                Event::Stray { from, what } => gate.stray(from, what),
            }
        }
    }

    /// Ready when something is asked for.
    pub(super) async fn asked(&mut self) -> Ask {
        let Some(dtls) = &mut self.0 else { return pending().await };
        match dtls.asked.recv().await {
            Some(ask) => ask,
            None => pending().await,
        }
    }

    pub(super) fn grant(&mut self, now: Duration, ask: Ask) {
        let Some(dtls) = &mut self.0 else { return };
        match ask {
            Ask::Call(at) => drop(dtls.layer.call(now, super::machine::canonical(at))),
            Ask::Reconsider => dtls.layer.reconsider(),
        }
    }

    pub(super) fn close(&mut self, now: Duration) {
        if let Some(dtls) = &mut self.0 {
            dtls.layer.close(now);
        }
    }
}

impl Dtls {
    /// A Record of somebody of whom that much is proven. Whoever is to be answered elsewhere shows the same certificate
    /// there.
    fn prove(&self, arrived: Arrived, proof: &Proof) -> Result<Proven, Unproven> {
        let Arrived { from, reply_to, record } = arrived;
        let there = leads_to(&reply_to);
        let is_same = |at| self.layer.proof(at).is_some_and(|other| other.fingerprint == proof.fingerprint);
        if !there.is_some_and(|at| at == from || is_same(at)) {
            return Err((from, "somebody else is where it wants to be answered"));
        }
        let uri = format!("{reply_to}#{}", word(&proof.fingerprint)).into();
        Ok(Proven { peer: proof.auth.clone(), uri, record })
    }
}

/// A certificate as it stands behind the `#` of a URI that leads to its owner.
fn word(fingerprint: &[u8; 32]) -> String {
    fingerprint.iter().fold(String::new(), |mut text, byte| {
        // A String takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
