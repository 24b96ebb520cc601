//! What is remembered of one address: what it is being sent, what it sends, and what it was answered.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::super::limits::{EXCHANGE_LIFETIME, MAX_ANSWERED};
use super::super::uri::CoapUri;
use super::Arrived;
use super::exchange::{Exchange, Post};

#[derive(Debug)]
pub(super) struct Peer {
    /// Until when it counts as proven that somebody is there who wants to hear from us.
    pub(super) proven: Option<Duration>,
    pub(super) next_id: u16,
    /// What is being said; one at a time (NSTART, RFC 7252 section 4.7).
    pub(super) exchange: Option<Exchange>,
    /// What is said after that.
    pub(super) queue: VecDeque<Post>,
    /// A Record of which blocks are missing.
    pub(super) assembly: Option<Assembly>,
    pub(super) answered: Answered,
    /// Records that are to be answered here, which wait until it is proven.
    pub(super) held: Vec<Arrived>,
    /// When it is to be looked at.
    pub(super) armed: Option<Duration>,
}

impl Peer {
    pub(super) fn new(next_id: u16) -> Peer {
        Peer {
            proven: None,
            next_id,
            exchange: None,
            queue: VecDeque::new(),
            assembly: None,
            answered: Answered::default(),
            held: Vec::new(),
            armed: None,
        }
    }

    pub(super) fn is_proven(&self, now: Duration) -> bool {
        self.proven.is_some_and(|until| until > now)
    }

    pub(super) fn take_id(&mut self) -> u16 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    /// Bytes of Records that wait.
    pub(super) fn queued_bytes(&self) -> usize {
        let current = self.exchange.as_ref().and_then(|exchange| exchange.post.as_ref());
        self.queue.iter().chain(current).map(|post| post.record.len()).sum()
    }

    /// How many Records wait.
    pub(super) fn queued(&self) -> usize {
        let current = self.exchange.as_ref().and_then(|exchange| exchange.post.as_ref());
        self.queue.len() + usize::from(current.is_some())
    }

    /// When something happens by itself.
    pub(super) fn due(&self) -> Option<Duration> {
        let exchange = self.exchange.as_ref().map(|exchange| exchange.due);
        let assembly = self.assembly.as_ref().map(|assembly| assembly.until);
        [exchange, assembly, self.answered.until(), self.proven].into_iter().flatten().min()
    }

    /// Whether nothing is left to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.due().is_none() && self.queue.is_empty() && self.held.is_empty()
    }
}

/// A Record of which blocks are missing.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) reply_to: CoapUri,
    pub(super) reply_addr: SocketAddr,
    pub(super) bytes: BytesMut,
    /// Whether it counts among those of whom nothing is proven.
    pub(super) unproven: bool,
    pub(super) until: Duration,
}

/// The answers that were given, for as long as the ids of what they answer may come again.
#[derive(Debug, Default)]
pub(super) struct Answered(VecDeque<(Duration, u16, Bytes)>);

impl Answered {
    /// What was answered to this id; empty bytes where it was nothing.
    pub(super) fn get(&self, id: u16) -> Option<Bytes> {
        self.0.iter().rev().find(|(_, own, _)| *own == id).map(|(_, _, answer)| answer.clone())
    }

    pub(super) fn put(&mut self, now: Duration, id: u16, answer: Bytes) {
        if self.0.len() >= MAX_ANSWERED {
            self.0.pop_front();
        }
        self.0.push_back((now + EXCHANGE_LIFETIME, id, answer));
    }

    pub(super) fn forget(&mut self, now: Duration) {
        while self.until().is_some_and(|until| until <= now) {
            self.0.pop_front();
        }
    }

    fn until(&self) -> Option<Duration> {
        self.0.front().map(|(until, _, _)| *until)
    }
}
