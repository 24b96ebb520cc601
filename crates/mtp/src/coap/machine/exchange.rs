//! What is said to one address: a Record, block by block, or the question whether anybody is there; sent again until
//! it is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::RngCore;

use super::super::limits::{
    ACK_JITTER, ACK_TIMEOUT, BLOCK_EXPONENT, MAX_MISSES, MAX_RESTARTS, MAX_RETRANSMIT, PATIENCE,
};
use super::super::message::{Code, Kind, Message};
use super::super::option::{
    BLOCK1, Block, CONTENT_FORMAT, OCTET_STREAM, SIZE1, URI_PATH, URI_QUERY, size, uint,
};
use super::super::uri::CoapUri;
use super::Failure;

/// A message that wants an acknowledgement.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) id: u16,
    pub(super) token: Bytes,
    pub(super) datagram: Bytes,
    /// When it is sent again, or given up.
    pub(super) due: Duration,
    /// `None` for the question whether anybody is there (RFC 7252 section 4.3: an empty message).
    pub(super) post: Option<Post>,
    wait: Duration,
    again: u8,
    /// How often something came that was to pass for its acknowledgement.
    misses: u8,
    /// The answer comes by itself (section 5.2.2).
    acknowledged: bool,
}

impl Exchange {
    /// Asks whether anybody is there.
    pub(super) fn ping(now: Duration, id: u16, random: &mut ChaCha12Rng) -> Exchange {
        let datagram = Message::new(Kind::Confirmable, Code::EMPTY, id).encode();
        Exchange::new(now, id, Bytes::new(), datagram, None, random)
    }

    /// Says a Record, or the next block of it. All blocks have one token: there are receivers that know by it that
    /// they belong together.
    pub(super) fn post(
        now: Duration,
        id: u16,
        token: Bytes,
        post: Post,
        random: &mut ChaCha12Rng,
    ) -> Exchange {
        let datagram = post.message(id, token.clone()).encode();
        Exchange::new(now, id, token, datagram, Some(post), random)
    }

    fn new(
        now: Duration,
        id: u16,
        token: Bytes,
        datagram: Bytes,
        post: Option<Post>,
        random: &mut ChaCha12Rng,
    ) -> Exchange {
        let jitter = ACK_JITTER.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX));
        let wait = ACK_TIMEOUT + jitter;
        Exchange {
            id,
            token,
            datagram,
            due: now + wait,
            post,
            wait,
            again: 0,
            misses: 0,
            acknowledged: false,
        }
    }

    /// The time has come; true when it is to be sent again, false when it is given up (RFC 7252 section 4.2).
    pub(super) fn expired(&mut self, now: Duration) -> bool {
        if self.acknowledged || self.again >= MAX_RETRANSMIT {
            return false;
        }
        self.again += 1;
        self.wait *= 2;
        self.due = now + self.wait;
        true
    }

    /// An acknowledgement came with another id; false when too many have: somebody guesses.
    pub(super) fn missed(&mut self) -> bool {
        self.misses = self.misses.saturating_add(1);
        self.misses <= MAX_MISSES
    }

    /// It was acknowledged, and the answer is still to come.
    pub(super) fn acknowledge(&mut self, now: Duration) {
        if !self.acknowledged {
            self.acknowledged = true;
            self.due = now + PATIENCE;
        }
    }
}

/// A token that nobody guesses.
pub(super) fn token(random: &mut ChaCha12Rng) -> Bytes {
    Bytes::copy_from_slice(&random.next_u64().to_be_bytes())
}

/// A Record on its way.
#[derive(Debug)]
pub(super) struct Post {
    /// Where it goes, as whoever sends it calls it.
    pub(super) uri: Arc<str>,
    pub(super) path: Vec<String>,
    /// Where its answer goes.
    pub(super) reply_to: Arc<str>,
    pub(super) record: Bytes,
    /// Bytes of it that have arrived.
    offset: usize,
    /// The size of the blocks; `None` while it goes as a whole.
    exponent: Option<u8>,
    restarts: u8,
}

/// What an answer means for a Record.
#[derive(Debug)]
pub(super) enum Progress {
    /// It has arrived.
    Delivered,
    /// This is to be said next.
    Next(Post),
    /// It was not taken.
    Failed(Post, Failure),
}

impl Post {
    pub(super) fn new(uri: Arc<str>, to: &CoapUri, reply_to: Arc<str>, record: Bytes) -> Post {
        let exponent = (record.len() > size(BLOCK_EXPONENT)).then_some(BLOCK_EXPONENT);
        Post { uri, path: to.path.clone(), reply_to, record, offset: 0, exponent, restarts: 0 }
    }

    fn block(&self) -> Option<Block> {
        let exponent = self.exponent?;
        let number = u32::try_from(self.offset / size(exponent)).unwrap_or(u32::MAX);
        Some(Block { number, more: self.end() < self.record.len(), exponent })
    }

    /// Where what is said next ends.
    fn end(&self) -> usize {
        let length = self.exponent.map_or(self.record.len(), size);
        (self.offset + length).min(self.record.len())
    }

    fn message(&self, id: u16, token: Bytes) -> Message {
        let mut message = Message::new(Kind::Confirmable, Code::POST, id);
        message.token = token;
        for segment in &self.path {
            message = message.with(URI_PATH, segment.clone());
        }
        // R-COAP.2, R-COAP.6
        message = message
            .with(CONTENT_FORMAT, uint(OCTET_STREAM))
            .with(URI_QUERY, format!("reply-to={}", self.reply_to));
        if let Some(block) = self.block() {
            message = message.with(BLOCK1, block.value());
            if self.offset == 0 {
                message = message.with(SIZE1, uint(u32::try_from(self.record.len()).unwrap_or(u32::MAX)));
            }
        }
        message.payload = self.record.slice(self.offset..self.end());
        message
    }

    /// What follows from the answer (RFC 7959 sections 2.3 to 2.9).
    pub(super) fn answered(mut self, answer: &Message) -> Progress {
        let theirs = Block::of(answer, BLOCK1).ok().flatten();
        let smaller = theirs
            .map(|block| block.exponent)
            .filter(|theirs| self.exponent.map_or(size(*theirs) < self.record.len(), |own| *theirs < own));
        let is_last = self.end() == self.record.len();
        match answer.code {
            code if code.class() == 2 && code != Code::CONTINUE && is_last => Progress::Delivered,
            code if code.class() == 2
                && !is_last
                && theirs.map(|it| it.number) == self.block().map(|it| it.number) =>
            {
                self.offset = self.end();
                // It asks for smaller ones from here on.
                self.exponent = smaller.or(self.exponent);
                Progress::Next(self)
            }
            Code::TOO_LARGE if self.offset == 0 && smaller.is_some() => self.again(answer.code, smaller),
            Code::INCOMPLETE if self.offset > 0 => {
                let exponent = self.exponent;
                self.again(answer.code, exponent)
            }
            code => Progress::Failed(self, Failure::Refused(code)),
        }
    }

    fn again(mut self, code: Code, exponent: Option<u8>) -> Progress {
        if self.restarts >= MAX_RESTARTS {
            return Progress::Failed(self, Failure::Refused(code));
        }
        self.restarts += 1;
        (self.offset, self.exponent) = (0, exponent);
        Progress::Next(self)
    }
}
