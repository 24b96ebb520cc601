//! The client's side: Records leave one after the other, and what comes back is understood.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::limits::{MAX_QUEUED, MAX_QUEUED_BYTES, MAX_QUEUED_IN_ALL, MAX_READY};
use super::super::message::{Code, Kind, Message};
use super::super::uri::CoapUri;
use super::exchange::{Exchange, Post, Progress, token};
use super::{Event, Failure, Machine};

impl Machine {
    /// Sends a Record to a URI with an address as its host; its answer is to go to `reply_to`. Records to one
    /// address leave in order, each when the one before has arrived.
    pub fn send(&mut self, now: Duration, uri: &Arc<str>, reply_to: &Arc<str>, record: Bytes) {
        if let Err(why) = self.enqueue(now, uri, reply_to, record) {
            self.refuse(uri, why);
        }
    }

    /// What is not to be sent is reported as if it had failed.
    pub fn refuse(&mut self, uri: &Arc<str>, why: Failure) {
        self.events.push_back(Event::Failed { uri: uri.clone(), why });
    }

    fn enqueue(
        &mut self,
        now: Duration,
        uri: &Arc<str>,
        reply_to: &Arc<str>,
        record: Bytes,
    ) -> Result<(), Failure> {
        // Behind DTLS it may say whose certificate it is meant for; that is seen to before.
        let (text, _) = uri.split_once('#').filter(|_| self.secure).unwrap_or((uri, ""));
        let to: CoapUri = text.parse().map_err(|_| Failure::NoWay)?;
        let address = to.address().filter(|_| to.secure == self.secure).ok_or(Failure::NoWay)?;
        let in_all = self.queued_bytes + record.len();
        let peer = self.peer(address);
        let bytes = peer.queued_bytes();
        let has_room = bytes == 0 || bytes + record.len() <= MAX_QUEUED_BYTES;
        if peer.queued() >= MAX_QUEUED || !has_room || in_all > MAX_QUEUED_IN_ALL {
            self.settle(now, address);
            return Err(Failure::Full);
        }
        peer.queue.push_back(Post::new(uri.clone(), &to, reply_to.clone(), record));
        self.queued_bytes = in_all;
        self.settle(now, address);
        Ok(())
    }

    /// The next Record, or the question whether anybody is there.
    pub(super) fn say_next(&mut self, now: Duration, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&address) else { return };
        if peer.exchange.is_some() || peer.queue.is_empty() && peer.held.is_empty() {
            return;
        }
        let exchange = if peer.is_proven(now) {
            let Some(post) = peer.queue.pop_front() else { return };
            Exchange::post(now, peer.take_id(), token(&mut self.random), post, &mut self.random)
        } else {
            Exchange::ping(now, peer.take_id(), &mut self.random)
        };
        let datagram = exchange.datagram.clone();
        peer.exchange = Some(exchange);
        self.transmit(address, datagram);
    }

    /// An acknowledgement or a reset.
    pub(super) fn reply(&mut self, now: Duration, from: SocketAddr, message: &Message) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(exchange) = peer.exchange.as_mut() else { return };
        if exchange.id != message.id {
            // The id is all that an address is proven by.
            if exchange.post.is_none() && !exchange.missed() {
                self.refused(from, "guesses at what it was asked");
                self.give_up(from, Failure::Guessed);
                self.settle(now, from);
            }
            return;
        }
        if exchange.post.is_none() {
            // Whatever it answers, it is there.
            peer.exchange = None;
            self.answers(now, from);
        } else if message.kind == Kind::Reset {
            self.give_up(from, Failure::Reset);
        } else if message.code == Code::EMPTY {
            exchange.acknowledge(now);
        } else if message.token == exchange.token {
            self.answer(now, from, message);
        }
        self.settle(now, from);
    }

    /// An answer by itself (RFC 7252 section 5.2.2). It may overtake the acknowledgement.
    pub(super) fn late_reply(&mut self, now: Duration, from: SocketAddr, message: &Message) {
        let wants_ack = message.kind == Kind::Confirmable;
        let known = self.peers.get_mut(&from);
        if let Some(given) = known.as_ref().and_then(|peer| peer.answered.get(message.id)) {
            if wants_ack {
                self.transmit(from, given);
            }
            return;
        }
        let expected = known.and_then(|peer| {
            let exchange = peer.exchange.as_ref()?;
            (exchange.post.is_some() && exchange.token == message.token).then_some(&mut peer.answered)
        });
        let Some(answered) = expected else {
            if wants_ack {
                self.transmit(from, Message::new(Kind::Reset, Code::EMPTY, message.id).encode());
            }
            return;
        };
        let ack = Message::new(Kind::Acknowledgement, Code::EMPTY, message.id).encode();
        answered.put(now, message.id, ack.clone());
        if wants_ack {
            self.transmit(from, ack);
        }
        self.answer(now, from, message);
        self.settle(now, from);
    }

    /// An answer to the Record, or the block, that is being sent.
    fn answer(&mut self, now: Duration, from: SocketAddr, message: &Message) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(Exchange { post: Some(post), token, .. }) = peer.exchange.take() else { return };
        let length = post.record.len();
        match post.answered(message) {
            Progress::Next(post) => {
                let exchange = Exchange::post(now, peer.take_id(), token, post, &mut self.random);
                let datagram = exchange.datagram.clone();
                peer.exchange = Some(exchange);
                self.transmit(from, datagram);
            }
            Progress::Delivered => self.queued_bytes -= length,
            Progress::Failed(post, why) => {
                self.queued_bytes -= length;
                self.events.push_back(Event::Failed { uri: post.uri, why });
            }
        }
        self.answers(now, from);
    }

    /// It is there: what waited for that goes on.
    pub(super) fn answers(&mut self, now: Duration, address: SocketAddr) {
        if !self.prove(now, address) {
            return self.give_up(address, Failure::Full);
        }
        let Some(peer) = self.peers.get_mut(&address) else { return };
        let held = std::mem::take(&mut peer.held);
        self.held -= held.len();
        // There was room when they came; what has come since may have taken it.
        let room = (2 * MAX_READY).saturating_sub(self.ready.len());
        self.ready.extend(held.into_iter().take(room));
    }

    /// The time of what is being sent has come.
    pub(super) fn exchange_expired(&mut self, now: Duration, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&address) else { return };
        let Some(exchange) = peer.exchange.as_mut().filter(|exchange| exchange.due <= now) else { return };
        if exchange.expired(now) {
            let datagram = exchange.datagram.clone();
            self.transmit(address, datagram);
        } else {
            self.give_up(address, Failure::TimedOut);
        }
    }

    /// Nothing of what was to be sent there is, and nothing is believed that is to be answered there.
    pub(super) fn give_up(&mut self, address: SocketAddr, why: Failure) {
        let Some(peer) = self.peers.get_mut(&address) else { return };
        let current = peer.exchange.take().and_then(|exchange| exchange.post);
        let posts: Vec<Post> = current.into_iter().chain(std::mem::take(&mut peer.queue)).collect();
        let held = std::mem::take(&mut peer.held);
        self.held -= held.len();
        self.queued_bytes -= posts.iter().map(|post| post.record.len()).sum::<usize>();
        if let Some(arrived) = held.first() {
            self.refused(arrived.from, "nobody answers where it wants to be answered");
        }
        let mut told: Vec<Arc<str>> = Vec::new();
        for post in posts {
            if !told.contains(&post.uri) {
                told.push(post.uri.clone());
                self.events.push_back(Event::Failed { uri: post.uri, why });
            }
        }
        self.disprove(address);
    }
}
