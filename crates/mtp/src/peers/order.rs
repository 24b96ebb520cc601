//! In which order Endpoints behind a broker make room: those that nobody has let in first, and among equals those that
//! were silent for longest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::peer::Peer;

/// All of them, by when they were last heard: counts of Records, which differ.
#[derive(Default)]
pub(super) struct Order {
    strangers: BTreeMap<u64, Arc<Peer>>,
    /// Were let in when that was last looked at, which is for good.
    members: BTreeMap<u64, Arc<Peer>>,
}

impl Order {
    /// One more, or one that was heard again; the count is a new one.
    pub(super) fn put(&mut self, peer: &Arc<Peer>, tick: u64) {
        self.remove(peer);
        peer.heard(tick);
        let line = if peer.is_let_in() { &mut self.members } else { &mut self.strangers };
        line.insert(tick, Arc::clone(peer));
    }

    pub(super) fn remove(&mut self, peer: &Arc<Peer>) {
        let tick = peer.last_heard();
        for line in [&mut self.strangers, &mut self.members] {
            if line.get(&tick).is_some_and(|other| Arc::ptr_eq(other, peer)) {
                line.remove(&tick);
            }
        }
    }

    /// Who goes first.
    pub(super) fn first(&mut self) -> Option<Arc<Peer>> {
        while let Some((tick, peer)) = self.strangers.pop_first() {
            if !peer.is_let_in() {
                self.strangers.insert(tick, Arc::clone(&peer));
                return Some(peer);
            }
            self.members.insert(tick, peer);
        }
        self.members.first_key_value().map(|(_, peer)| Arc::clone(peer))
    }
}
