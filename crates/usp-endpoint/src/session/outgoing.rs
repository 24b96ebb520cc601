//! Records that were sent and not yet confirmed (R-E2E.16), and the Messages that they carry.

use std::collections::VecDeque;

use bytes::Bytes;

use super::io::Ticket;

/// A Record that may have to be sent again.
struct Sent {
    sequence_id: u64,
    record: Bytes,
    /// The peer should tell that it has it: a payload, a request to send again, or the start of a session.
    solicits: bool,
    /// How often it was sent again because the peer asked.
    repeated: u32,
    /// The Message that ends with it.
    ends: Option<Ticket>,
}

/// Oldest first, without gaps.
#[derive(Default)]
pub(super) struct Outgoing {
    sent: VecDeque<Sent>,
    bytes: usize,
}

/// Why a Record is not sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoRepeat {
    /// It is confirmed, or was never sent.
    Unknown,
    /// It was sent again as often as is allowed.
    TooOften,
}

impl Outgoing {
    pub(super) fn push(&mut self, sequence_id: u64, record: Bytes, solicits: bool, ends: Option<Ticket>) {
        self.bytes += record.len();
        self.sent.push_back(Sent { sequence_id, record, solicits, repeated: 0, ends });
    }

    /// Forgets what is below `expected_id`; the Messages that are complete at the peer by that.
    pub(super) fn confirm(&mut self, expected_id: u64) -> Vec<Ticket> {
        let mut done = Vec::new();
        while let Some(sent) = self.sent.pop_front_if(|sent| sent.sequence_id < expected_id) {
            self.bytes -= sent.record.len();
            done.extend(sent.ends);
        }
        done
    }

    /// The Record with this number, for a peer that asks for it.
    pub(super) fn repeat(&mut self, sequence_id: u64, tries: Option<u32>) -> Result<Bytes, NoRepeat> {
        let first = self.sent.front().ok_or(NoRepeat::Unknown)?.sequence_id;
        let index = sequence_id.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        let sent = index.and_then(|index| self.sent.get_mut(index)).ok_or(NoRepeat::Unknown)?;
        if tries.is_some_and(|tries| sent.repeated >= tries) {
            return Err(NoRepeat::TooOften);
        }
        sent.repeated += 1;
        Ok(sent.record.clone())
    }

    /// The oldest Record, if anything in here wants to be confirmed.
    pub(super) fn oldest(&self) -> Option<Bytes> {
        let wanted = self.sent.iter().any(|sent| sent.solicits);
        self.sent.front().filter(|_| wanted).map(|sent| sent.record.clone())
    }

    /// The Messages that nobody confirmed.
    pub(super) fn tickets(&mut self) -> Vec<Ticket> {
        self.sent.iter_mut().filter_map(|sent| sent.ends.take()).collect()
    }

    /// Records that are kept.
    pub(super) fn count(&self) -> usize {
        self.sent.len()
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether one more Message fits under the limits.
    pub(super) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.bytes() + bytes <= limit
    }
}
