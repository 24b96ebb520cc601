//! The server's side: requests are done once, however often they come, and answered.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use usp_proto::{Malformed, Record};

use super::super::limits::{
    BLOCK_EXPONENT, MAX_ASSEMBLED, MAX_ASSEMBLED_UNPROVEN, MAX_HELD, MAX_HELD_OF_ONE, MAX_READY, PATIENCE,
};
use super::super::message::{Code, Kind, Message};
use super::super::option::{BLOCK2, Block, CONTENT_FORMAT, LINK_FORMAT, SIZE2, uint};
use super::peer::Assembly;
use super::request::{self, Answer, Part, Request};
use super::{Arrived, Machine};
use crate::limits::{MAX_MESSAGE, MAX_MESSAGE_UNPROVEN};

impl Machine {
    /// A request. A duplicate is given the same answer again, and nothing is done twice (RFC 7252 section 4.5).
    pub(super) fn request(&mut self, now: Duration, from: SocketAddr, message: &Message) {
        if let Some(given) = self.peers.get(&from).and_then(|peer| peer.answered.get(message.id)) {
            if message.kind == Kind::Confirmable {
                self.transmit(from, given);
            }
            return;
        }
        let answer = match request::read(message, from, &self.config.path, self.secure) {
            Ok(Request::Core(block)) => self.core(block),
            // No answer, and nothing is remembered: it will come again, and may find room then.
            Ok(Request::Record(part)) => match self.part(now, from, part) {
                Some(answer) => answer,
                None => return self.settle(now, from),
            },
            Err(answer) => answer,
        };
        // Whoever looks what is here has done nothing wrong.
        if answer.code.class() > 2 {
            self.refused(from, reason(answer.code));
        }
        self.give(now, from, message, answer);
        self.settle(now, from);
    }

    fn give(&mut self, now: Duration, from: SocketAddr, request: &Message, answer: Answer) {
        let peer = self.peer(from);
        let (kind, id) = match request.kind {
            Kind::Confirmable => (Kind::Acknowledgement, request.id),
            // Section 5.4.1: nothing is said of what can't be understood.
            _ if answer.code == Code::BAD_OPTION => return peer.answered.put(now, request.id, Bytes::new()),
            _ => (Kind::NonConfirmable, peer.take_id()),
        };
        let Answer { code, options, payload } = answer;
        let datagram = Message { kind, code, id, token: request.token.clone(), options, payload }.encode();
        peer.answered.put(now, request.id, datagram.clone());
        self.transmit(from, datagram);
    }

    /// `/.well-known/core`, or the block of it that is asked for.
    fn core(&self, asked: Option<Block>) -> Answer {
        let block = asked.unwrap_or(Block { number: 0, more: false, exponent: BLOCK_EXPONENT });
        let (start, whole) = (block.offset(), self.core.len());
        if start >= whole {
            return Answer::new(Code::BAD_REQUEST, "no such block");
        }
        let end = (start + block.size()).min(whole);
        let mut options = vec![(CONTENT_FORMAT, uint(LINK_FORMAT))];
        let more = end < whole;
        if asked.is_some() || more {
            options.push((BLOCK2, Block { more, ..block }.value()));
            options.push((SIZE2, uint(u32::try_from(whole).unwrap_or(u32::MAX))));
        }
        Answer { code: Code::CONTENT, options, payload: self.core.slice(start..end) }
    }

    /// A Record, or a block of it; `None` when there is no room for it now.
    fn part(&mut self, now: Duration, from: SocketAddr, part: Part) -> Option<Answer> {
        let block = part.block;
        let unproven = !self.is_proven(now, part.reply_addr);
        let limit = if unproven { MAX_MESSAGE_UNPROVEN } else { MAX_MESSAGE };
        let is_longer = |size: u32| usize::try_from(size).is_ok_and(|size| size > limit);
        if part.size.is_some_and(is_longer) || part.payload.len() > limit {
            self.drop_assembly(from);
            return Some(Answer::too_large(limit));
        }
        let is_last = block.is_none_or(|block| !block.more);
        if is_last && !self.has_room(unproven, part.reply_addr) {
            return None;
        }
        let (reply_to, reply_addr) = (part.reply_to.to_string(), part.reply_addr);
        let record = match block {
            None => {
                self.drop_assembly(from);
                part.payload
            }
            Some(block) => match self.assemble(now, from, &part, block, (unproven, limit)) {
                Ok(Some(whole)) => whole,
                Ok(None) => return Some(Answer::new(Code::CONTINUE, "").about(Some(block))),
                Err(answer) => {
                    if answer.code != Code::CONTINUE {
                        self.drop_assembly(from);
                    }
                    return Some(answer);
                }
            },
        };
        // R-COAP.13; one that can be read and has a wrong value is answered by whom it is for, if it says who sent it.
        if let Err(error) = Record::decode(record.clone())
            && (error.from_id.is_none() || matches!(error.reason, Malformed::Undecodable(_)))
        {
            return Some(Answer::new(Code::BAD_REQUEST, "no Record").about(block));
        }
        self.arrived(now, reply_addr, Arrived { from, reply_to: reply_to.into(), record });
        // R-COAP.7
        Some(Answer::new(Code::CHANGED, "").about(block))
    }

    fn has_room(&self, unproven: bool, reply_addr: SocketAddr) -> bool {
        let of_one = self.peers.get(&reply_addr).map_or(0, |peer| peer.held.len());
        let holds = || self.held < MAX_HELD && of_one < MAX_HELD_OF_ONE;
        self.ready.len() < MAX_READY && (!unproven || holds())
    }

    /// A Record has come whole. It waits until it is proven that somebody is there to be answered.
    fn arrived(&mut self, now: Duration, reply_addr: SocketAddr, arrived: Arrived) {
        if self.is_proven(now, reply_addr) {
            return self.ready.push_back(arrived);
        }
        self.held += 1;
        self.peer(reply_addr).held.push(arrived);
        self.settle(now, reply_addr);
    }

    /// Puts a block to those before it (RFC 7959 section 2.5); gives the whole with the last one.
    fn assemble(
        &mut self,
        now: Duration,
        from: SocketAddr,
        part: &Part,
        block: Block,
        (unproven, limit): (bool, usize),
    ) -> Result<Option<Bytes>, Answer> {
        let length = part.payload.len();
        if length > block.size() || block.more && length < block.size() {
            return Err(Answer::new(Code::BAD_REQUEST, "wrong length of a block"));
        }
        if block.number == 0 {
            self.drop_assembly(from);
            let (reply_to, reply_addr) = (part.reply_to.clone(), part.reply_addr);
            let assembly =
                Assembly { reply_to, reply_addr, bytes: BytesMut::new(), unproven, until: now + PATIENCE };
            self.peer(from).assembly = Some(assembly);
        }
        let (in_all, of_unproven) = (self.assembled, self.assembled_unproven);
        let own = self.peers.get_mut(&from).and_then(|peer| peer.assembly.as_mut());
        let own = own.filter(|own| own.reply_to == part.reply_to && own.reply_addr == part.reply_addr);
        let Some(own) = own else { return Err(Answer::new(Code::INCOMPLETE, "")) };
        if block.more && block.offset() + length <= own.bytes.len() {
            // It is there already: the answer was lost, and the id is another.
            return Err(Answer::new(Code::CONTINUE, "").about(Some(block)));
        }
        if block.offset() != own.bytes.len() {
            return Err(Answer::new(Code::INCOMPLETE, ""));
        }
        if own.bytes.len() + length > limit {
            return Err(Answer::too_large(limit));
        }
        if in_all + length > MAX_ASSEMBLED || own.unproven && of_unproven + length > MAX_ASSEMBLED_UNPROVEN {
            return Err(Answer::new(Code::UNAVAILABLE, ""));
        }
        own.bytes.extend_from_slice(&part.payload);
        own.until = now + PATIENCE;
        self.assembled += length;
        self.assembled_unproven += if own.unproven { length } else { 0 };
        if block.more {
            return Ok(None);
        }
        Ok(self.drop_assembly(from))
    }

    /// Forgets what has come of a Record; gives it.
    pub(super) fn drop_assembly(&mut self, from: SocketAddr) -> Option<Bytes> {
        let assembly = self.peers.get_mut(&from)?.assembly.take()?;
        self.assembled -= assembly.bytes.len();
        self.assembled_unproven -= if assembly.unproven { assembly.bytes.len() } else { 0 };
        Some(assembly.bytes.freeze())
    }
}

/// What a request did wrong, for those who count.
fn reason(code: Code) -> &'static str {
    match code {
        Code::BAD_OPTION => "an option that nobody knows",
        Code::FORBIDDEN => "it asks for answers to somebody else",
        Code::NOT_FOUND => "a resource that is not here",
        Code::METHOD_NOT_ALLOWED => "a method that is not POST",
        Code::INCOMPLETE => "blocks that do not follow each other",
        Code::TOO_LARGE => "a Record that is too long",
        Code::UNSUPPORTED_FORMAT => "a content format that is not octet-stream",
        Code::NO_PROXY => "a request for a proxy",
        Code::UNAVAILABLE => "more blocks than there is room for",
        _ => "a request that can't be read",
    }
}
