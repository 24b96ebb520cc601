//! What is done beside the broker's own lock: words of its gate, in order with the Records that came before them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fleet::port::Store;
use mtp::mqtt::broker::Broker;
use mtp::mqtt::broker::limits::ATTACHED_QUEUE;
use mtp::ws::close_code;
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, PeerAuth, Peers, Verdict};
use tokio::sync::{mpsc, oneshot};
use usp_endpoint::EndpointId;

use super::Door;
use crate::usp::broker::Behind;
use crate::usp::lock;

/// When words are taken though Records keep coming: those that were said before as many Records as can wait here are
/// said by somebody of whom none waits any more.
#[derive(Default)]
pub(super) struct Turn {
    records: usize,
    words: usize,
}

impl Turn {
    /// One more Record was handled, and so many words wait: how many of them are to be taken now.
    pub(super) fn heard(&mut self, waiting: usize) -> usize {
        self.records += 1;
        if self.records <= ATTACHED_QUEUE {
            return 0;
        }
        self.records = 0;
        std::mem::replace(&mut self.words, waiting).min(waiting)
    }
}

/// Does what was said.
pub(super) struct Desk<S: Store> {
    pub(super) door: Arc<Door<S>>,
    pub(super) broker: Broker<Door<S>>,
    pub(super) peers: Peers<Seen<S>>,
}

impl<S: Store> Desk<S> {
    pub(super) fn hear(&self, word: Word) {
        match word {
            // It may be back.
            Word::Left(endpoint) if lock(&self.door.present).contains_key(&endpoint) => {}
            Word::Left(endpoint) => {
                lock(&self.door.sites).remove(&endpoint);
                let (code, reason) = (close_code::NONE, "its connection to the broker ended".to_owned());
                self.peers.left(&endpoint, &DownReason::ClosedByPeer { code, reason });
            }
            Word::Expel(endpoint, proof) => self
                .broker
                .expel(|rights| rights.endpoint.as_ref() == Some(&endpoint) && rights.proof == proof),
            Word::Proven(endpoint, proof) => self
                .broker
                .expel(|rights| rights.endpoint.as_ref() == Some(&endpoint) && rights.proof != proof),
            Word::Settled(done) => drop(done.send(())),
        }
    }
}

/// What is done beside the machine's lock, in order. A connection adds a handful, most of them before it is
/// admitted.
pub(super) enum Word {
    /// The last connection of this Endpoint is gone.
    Left(EndpointId),
    /// Whoever has proven this of this Endpoint is not to be here any more.
    Expel(EndpointId, PeerAuth),
    /// This Endpoint has proven who it is: others that only said so, or showed something else, are not to hear what
    /// it is told.
    Proven(EndpointId, PeerAuth),
    /// All that was said before this has been done.
    Settled(oneshot::Sender<()>),
}

/// Remembers whose links there are: with one that we close for good, the connection to the broker ends, too.
pub(super) struct Seen<S: Store> {
    pub(super) behind: Behind<S>,
    pub(super) links: Mutex<BTreeMap<LinkId, (EndpointId, PeerAuth)>>,
    pub(super) words: mpsc::UnboundedSender<Word>,
}

impl<S: Store> LinkHandler for Seen<S> {
    fn up(&self, link: LinkUp) {
        if let Some(endpoint) = &link.eid {
            lock(&self.links).insert(link.link, (endpoint.clone(), link.peer.clone()));
        }
        self.behind.up(link);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.behind.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        let whose = lock(&self.links).remove(&link);
        if let (Some((endpoint, proof)), DownReason::ClosedByUs { code: close_code::POLICY, .. }) =
            (whose, &reason)
        {
            let _ = self.words.send(Word::Expel(endpoint, proof));
        }
        self.behind.down(link, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 256 Records can wait, so that what was said before the first of them is due after the last.
    #[test]
    fn words_are_heard_though_records_keep_coming() {
        let mut turn = Turn::default();
        let taken =
            |turn: &mut Turn, waiting: usize| (0..257).map(|_| turn.heard(waiting)).collect::<Vec<_>>();
        let nothing_but = |last: usize| [vec![0; 256], vec![last]].concat();
        // Three were said meanwhile: their speakers' Records may still wait.
        assert_eq!(taken(&mut turn, 3), nothing_but(0));
        // Two more; the first three are due.
        assert_eq!(taken(&mut turn, 5), nothing_but(3));
        assert_eq!(taken(&mut turn, 4), nothing_but(4));
    }
}
