//! The links of an instance, and what waits for the journal before it may leave by one.

use std::collections::VecDeque;
use std::sync::Arc;

use usp_endpoint::agent::io::CloseReason;
use usp_endpoint::link::{LinkId, Outbound};

use super::Outlet;
use crate::journal::{Journal, Position};

/// Something that leaves.
pub(super) enum Leaving {
    Send(Outbound),
    Close(LinkId, CloseReason),
    /// The connection is to be made anew.
    Renew(LinkId),
}

/// Open links, and held back Records in their order.
#[derive(Default)]
pub(super) struct Links {
    outlets: Vec<(LinkId, Arc<dyn Outlet>)>,
    held: VecDeque<(Position, Leaving)>,
}

impl Links {
    pub(super) fn add(&mut self, link: LinkId, outlet: Arc<dyn Outlet>) {
        self.remove(link);
        self.outlets.push((link, outlet));
    }

    pub(super) fn remove(&mut self, link: LinkId) {
        self.outlets.retain(|(known, _)| *known != link);
    }

    /// The open ones.
    pub(super) fn ids(&self) -> impl Iterator<Item = LinkId> {
        self.outlets.iter().map(|(link, _)| *link)
    }

    /// Whether none is open and nothing waits.
    pub(super) fn are_gone(&self) -> bool {
        self.outlets.is_empty() && self.held.is_empty()
    }

    /// How many wait.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Lets it leave when everything up to `barrier` is on stable storage, and never before what was
    /// held back earlier.
    pub(super) fn leave(&mut self, journal: &Journal, barrier: Position, leaving: Leaving) {
        if self.held.is_empty() && journal.is_synced(barrier) {
            self.deliver(leaving);
        } else {
            self.held.push_back((barrier, leaving));
        }
    }

    /// Lets leave what the journal no longer holds back.
    pub(super) fn release(&mut self, journal: &Journal) {
        while let Some((_, leaving)) = self.held.pop_front_if(|(barrier, _)| journal.is_synced(*barrier)) {
            self.deliver(leaving);
        }
    }

    fn deliver(&self, leaving: Leaving) {
        let link = match &leaving {
            Leaving::Send(outbound) => outbound.return_path.link(),
            Leaving::Close(link, _) | Leaving::Renew(link) => *link,
        };
        let Some((_, outlet)) = self.outlets.iter().find(|(known, _)| *known == link) else { return };
        match leaving {
            Leaving::Send(outbound) => {
                if outlet.send(outbound).is_err() {
                    tracing::debug!(link = link.0, "a Record was not sent: the link is gone");
                }
            }
            Leaving::Close(_, reason) => outlet.close(reason),
            Leaving::Renew(_) => outlet.renew(),
        }
    }
}
