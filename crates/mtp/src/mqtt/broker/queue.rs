//! What a session has for its client: messages that wait, and those that are sent and not acknowledged. Both
//! outlive a connection where the session does.
//!
//! When there is no room, a message with QoS 0 is dropped; one with QoS 1 or 2 takes the place of waiting ones with
//! QoS 0, the oldest first, and is dropped when that is not enough.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::limits::{MESSAGE_OVERHEAD, QUEUE_BYTES, QUEUE_MESSAGES};
use super::wire::{Message, Qos};
use crate::mqtt::Topic;

/// A message that several sessions may hold.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) message: Message,
    /// The topic name with the "reply to" topic in it, for subscribers of 3.1.1.
    pub(super) joined: Option<Topic>,
    /// When nobody wants it any more.
    pub(super) expires_at: Option<Duration>,
}

impl Held {
    /// What it costs whoever holds it, bytes.
    pub(super) fn size(&self) -> usize {
        self.message.payload.len() + self.message.topic.as_str().len() + MESSAGE_OVERHEAD
    }

    pub(super) fn is_expired(&self, now: Duration) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Seconds that are left of its expiry interval.
    pub(super) fn expiry_s(&self, now: Duration) -> Option<u32> {
        let left = self.expires_at?.saturating_sub(now);
        Some(u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1))
    }
}

/// A message for one client.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) held: Arc<Held>,
    pub(super) qos: Qos,
    pub(super) retain: bool,
}

/// What was sent and is not done with.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) id: u16,
    pub(super) stage: Stage,
    /// Whether it has been sent on the present connection.
    pub(super) sent: bool,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// PUBLISH; PUBACK or PUBREC is to come.
    Published(Entry),
    /// PUBREL; PUBCOMP is to come.
    Released,
}

/// What is to be sent next.
pub(super) enum Next {
    /// The packet id, with QoS 1 and 2, and whether it was sent before.
    Publish {
        entry: Entry,
        id: Option<u16>,
        repeated: bool,
    },
    Release(u16),
}

#[derive(Default, Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Entry>,
    flying: VecDeque<Flying>,
    bytes: usize,
    last_id: u16,
}

impl Queue {
    /// What it holds, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a message; false when there is no room for it.
    pub(super) fn push(&mut self, entry: Entry, room_elsewhere: bool) -> bool {
        let size = entry.held.size();
        while !self.has_room(size, room_elsewhere) {
            let first = self.waiting.iter().position(|entry| entry.qos == Qos::AtMostOnce);
            match first {
                Some(at) if entry.qos > Qos::AtMostOnce => {
                    if let Some(dropped) = self.waiting.remove(at) {
                        self.bytes -= dropped.held.size();
                    }
                }
                _ => return false,
            }
        }
        self.bytes += size;
        self.waiting.push_back(entry);
        true
    }

    fn has_room(&self, size: usize, room_elsewhere: bool) -> bool {
        let alone = self.waiting.is_empty() && self.flying.is_empty();
        room_elsewhere && self.waiting.len() < QUEUE_MESSAGES && (alone || self.bytes + size <= QUEUE_BYTES)
    }

    /// What leaves next, if the client takes it; at most `window` messages with QoS 1 and 2 are under way.
    pub(super) fn next(&mut self, now: Duration, window: usize) -> Option<Next> {
        if let Some(flying) = self.flying.iter_mut().find(|flying| !flying.sent) {
            flying.sent = true;
            return Some(match &flying.stage {
                Stage::Published(entry) => {
                    Next::Publish { entry: entry.clone(), id: Some(flying.id), repeated: true }
                }
                Stage::Released => Next::Release(flying.id),
            });
        }
        loop {
            let entry = self.waiting.front()?;
            if entry.qos > Qos::AtMostOnce && self.flying.len() >= window {
                return None;
            }
            let entry = self.waiting.pop_front()?;
            if entry.held.is_expired(now) {
                self.bytes -= entry.held.size();
                continue;
            }
            if entry.qos == Qos::AtMostOnce {
                self.bytes -= entry.held.size();
                self.shrink();
                return Some(Next::Publish { entry, id: None, repeated: false });
            }
            let id = self.free_id();
            self.flying.push_back(Flying { id, stage: Stage::Published(entry.clone()), sent: true });
            return Some(Next::Publish { entry, id: Some(id), repeated: false });
        }
    }

    /// What was sent with this id can't be, and is forgotten.
    pub(super) fn abandon(&mut self, id: u16) {
        if let Some(at) = self.flying.iter().position(|flying| flying.id == id) {
            self.remove(at);
        }
    }

    /// PUBACK: false when nothing of that id and QoS is under way.
    pub(super) fn acknowledged(&mut self, id: u16) -> bool {
        let qos_1 = |f: &Flying| matches!(&f.stage, Stage::Published(entry) if entry.qos == Qos::AtLeastOnce);
        self.finish(id, qos_1)
    }

    /// PUBREC: the message is the client's now, and PUBREL is due; or the client does not want it.
    pub(super) fn received(&mut self, id: u16, failed: bool) -> bool {
        let qos_2 = |f: &Flying| matches!(&f.stage, Stage::Published(entry) if entry.qos == Qos::ExactlyOnce);
        if failed {
            return self.finish(id, qos_2);
        }
        match self.flying.iter_mut().find(|flying| flying.id == id) {
            Some(flying) if qos_2(flying) => {
                if let Stage::Published(entry) = std::mem::replace(&mut flying.stage, Stage::Released) {
                    self.bytes -= entry.held.size();
                }
                true
            }
            // It asks again.
            Some(Flying { stage: Stage::Released, .. }) => true,
            _ => false,
        }
    }

    /// PUBCOMP.
    pub(super) fn completed(&mut self, id: u16) -> bool {
        self.finish(id, |flying| matches!(flying.stage, Stage::Released))
    }

    /// The connection is a new one: what was not acknowledged is sent again.
    pub(super) fn repeat(&mut self) {
        self.flying.iter_mut().for_each(|flying| flying.sent = false);
    }

    fn finish(&mut self, id: u16, fits: impl Fn(&Flying) -> bool) -> bool {
        match self.flying.iter().position(|flying| flying.id == id && fits(flying)) {
            Some(at) => {
                self.remove(at);
                true
            }
            None => false,
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some(Flying { stage: Stage::Published(entry), .. }) = self.flying.remove(at) {
            self.bytes -= entry.held.size();
        }
        self.shrink();
    }

    /// An idle session has no use for the room.
    fn shrink(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        if self.flying.is_empty() {
            self.flying = VecDeque::new();
        }
    }

    /// There is one: far fewer are under way than there are ids.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.flying.iter().any(|flying| flying.id == self.last_id) {
                return self.last_id;
            }
        }
    }
}
