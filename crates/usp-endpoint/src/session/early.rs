//! Records that came before others that are missing (R-E2E.20).

use std::collections::BTreeMap;

use usp_proto::Record;
use usp_proto::record::SessionContext;

use crate::limits::{MAX_EARLY_BYTES, MAX_EARLY_RECORDS};

/// What one Record takes besides its payload.
const OVERHEAD: usize = 512;

/// A Record that waits.
pub(super) struct Waiting {
    pub(super) record: Record,
    pub(super) context: SessionContext,
    /// Its signature or MAC was right, or the transport protects it. A MAC that came before the TLS
    /// handshake was done is looked at when the Record's turn has come.
    pub(super) verified: bool,
    pub(super) protected: bool,
}

/// By sequence id.
#[derive(Default)]
pub(super) struct Early {
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
}

impl Early {
    /// Keeps a Record; false if there is no room. Of two with one number the first one stays (R-E2E.25),
    /// unless only the second one is known to be genuine.
    pub(super) fn keep(&mut self, waiting: Waiting) -> bool {
        let sequence_id = waiting.context.sequence_id;
        if let Some(kept) = self.waiting.get(&sequence_id) {
            if kept.verified || !waiting.verified {
                return true;
            }
            self.take(sequence_id);
        }
        let bytes = size(&waiting);
        if self.waiting.len() >= MAX_EARLY_RECORDS || self.bytes + bytes > MAX_EARLY_BYTES {
            return false;
        }
        self.bytes += bytes;
        self.waiting.insert(sequence_id, waiting);
        true
    }

    /// The Record with this number, if it is here.
    pub(super) fn take(&mut self, sequence_id: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&sequence_id)?;
        self.bytes -= size(&waiting);
        Some(waiting)
    }

    /// Whether nothing waits: there is no gap.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn size(waiting: &Waiting) -> usize {
    let payload: usize = waiting.context.payload.iter().map(|part| part.len() + OVERHEAD / 8).sum();
    let record = &waiting.record;
    let ids = record.originator_id.len() + record.destination_id.len();
    OVERHEAD + record.sender_cert.len() + record.mac_signature.len() + ids + payload
}
