//! What the connections of a broker share: the machine behind one lock, who is to be woken, and where Records go.
//! The lock is held for one packet at a time, and never over an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::attached::Attached;
use super::machine::{Arrived, AttachedId, ConnId, Effect, Machine};
use super::rights::{Gate, Incident, Rights};
use crate::mqtt::{Filter, Topic};

/// A broker. Cheap to clone; listeners and those who are attached share it.
pub struct Broker<G>(pub(super) Arc<Hub<G>>);

impl<G> Clone for Broker<G> {
    fn clone(&self) -> Broker<G> {
        Broker(self.0.clone())
    }
}

impl<G: Gate> Broker<G> {
    /// Without clients and without a listener. The seed, of the system's randomness, is for the client ids that it
    /// assigns.
    pub fn new(gate: Arc<G>, seed: [u8; 32]) -> Broker<G> {
        let state = State { machine: Machine::new(seed), wakers: BTreeMap::new(), attached: BTreeMap::new() };
        Broker(Arc::new(Hub { gate, started: Instant::now(), state: Mutex::new(state) }))
    }

    /// Attaches somebody in this process: every Record that one of the filters matches comes to them, and what they
    /// send says that answers go to `own`. `own` should be matched by one of the filters.
    ///
    /// Records come from many clients through one queue; while it is full those who publish to it are not read.
    /// Retained messages do not come. Must be called within a tokio runtime.
    pub fn attach(&self, filters: Vec<Filter>, own: Topic) -> Attached {
        Attached::new(&self.0, filters, own)
    }

    /// Ends the sessions and connections of those whose rights say that they are not to be here any more: their
    /// certificate was revoked, or somebody has proven to be who they only said they were.
    pub fn expel(&self, is_out: impl Fn(&Rights) -> bool) {
        self.0.act_now(|machine, now| machine.expel(now, is_out));
    }

    /// Lets those in who wait and whose rights are among these.
    pub fn let_in(&self, is_in: impl Fn(&Rights) -> bool) {
        self.0.act_now(|machine, _| machine.let_in(is_in));
    }

    /// Connections of admitted clients.
    pub fn connections(&self) -> usize {
        self.0.act(|machine, _| machine.connections()).0
    }
}

pub(super) struct Hub<G> {
    pub(super) gate: Arc<G>,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    wakers: BTreeMap<ConnId, Waker>,
    attached: BTreeMap<AttachedId, mpsc::Sender<Arrived>>,
}

/// Records that are on their way to somebody in this process.
pub(super) type Deliveries = Vec<(mpsc::Sender<Arrived>, Arrived)>;

impl<G: Gate> Hub<G> {
    /// Does something to the machine, and what follows from it; delivering is left to the caller, who may have to wait.
    pub(super) fn act<T>(&self, action: impl FnOnce(&mut Machine, Duration) -> T) -> (T, Deliveries) {
        let (mut wakers, mut incidents, mut deliveries) = (Vec::new(), Vec::<Incident>::new(), Vec::new());
        let result = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            // The clock is read under the lock, so that the machine never sees it go back.
            let result = action(&mut state.machine, self.started.elapsed());
            for effect in state.machine.take_effects() {
                match effect {
                    Effect::Wake(id) => wakers.extend(state.wakers.remove(&id)),
                    Effect::Tell(incident) => incidents.push(incident),
                    Effect::Deliver(id, arrived) => {
                        deliveries.extend(state.attached.get(&id).map(|sender| (sender.clone(), arrived)));
                    }
                }
            }
            result
        };
        wakers.into_iter().for_each(Waker::wake);
        for incident in &incidents {
            tracing::debug!(?incident, "not allowed");
            self.gate.incident(incident);
        }
        (result, deliveries)
    }

    /// As [`Hub::act`], for those who can't wait: what has no room at its receiver is lost.
    pub(super) fn act_now<T>(&self, action: impl FnOnce(&mut Machine, Duration) -> T) -> T {
        let (result, deliveries) = self.act(action);
        for (sender, arrived) in deliveries {
            if sender.try_send(arrived).is_err() {
                tracing::warn!("a Record was lost: its receiver is full or gone");
            }
        }
        result
    }

    /// Wakes this task the next time that there is something for the connection.
    pub(super) fn watch(&self, id: ConnId, waker: &Waker) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).wakers.insert(id, waker.clone());
    }

    /// The connection's task is over.
    pub(super) fn forget(&self, id: ConnId) {
        self.act_now(|machine, now| machine.lost(now, id));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).wakers.remove(&id);
    }

    pub(super) fn attach(&self, filters: Vec<Filter>, sender: mpsc::Sender<Arrived>) -> AttachedId {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let id = state.machine.attach(filters);
        state.attached.insert(id, sender);
        id
    }

    pub(super) fn detach(&self, id: AttachedId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.machine.detach(id);
        state.attached.remove(&id);
    }
}
