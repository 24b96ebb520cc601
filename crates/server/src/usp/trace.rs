//! Traces: the last exchanges of devices for which somebody switched tracing on, as they went over the wire,
//! but for secrets.
//!
//! Secrets are masked before anything is kept. What remains are Records that decode, so that a trace can be
//! replayed. While nobody has read what the device's model says, every value counts as a secret.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::gateway::Schema;
use bytes::Bytes;
use dm::UtcTime;
use fleet::ids::DeviceId;
use fleet::port::Store;
use usp_endpoint::exchange::{Direction, Entry};
use usp_endpoint::mask::mask_record;

use super::{Usp, lock};
use crate::limits::{TRACE_BYTES, TRACE_RECORDS, TRACED};

/// One Record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceItem {
    /// When.
    pub at: UtcTime,
    /// Length of the Record as it went over the wire, bytes.
    pub bytes: usize,
    /// The type of its Message or of itself, such as `GetResp`.
    pub kind: &'static str,
    /// The id of its Message.
    pub msg_id: Option<String>,
    /// The line of the recording: the Record with secrets masked, and a note without values.
    pub entry: Entry,
}

#[derive(Default)]
pub(super) struct Traces {
    /// How many devices are traced: nothing else is looked at while it is 0.
    on: AtomicUsize,
    rings: Mutex<BTreeMap<DeviceId, Ring>>,
}

/// The last Records of one device.
struct Ring {
    since: UtcTime,
    items: VecDeque<TraceItem>,
    /// Of the Records that are kept.
    bytes: usize,
}

impl Ring {
    fn push(&mut self, item: TraceItem) {
        self.bytes += item.entry.record.len();
        self.items.push_back(item);
        while self.items.len() > TRACE_RECORDS || self.bytes > TRACE_BYTES {
            let Some(oldest) = self.items.pop_front() else { return };
            self.bytes -= oldest.entry.record.len();
        }
    }
}

impl Traces {
    pub(super) fn record(
        &self,
        device: DeviceId,
        at: UtcTime,
        inbound: bool,
        record: &Bytes,
        schema: impl FnOnce() -> Option<Schema>,
    ) {
        if self.on.load(Ordering::Relaxed) == 0 || !lock(&self.rings).contains_key(&device) {
            return;
        }
        // Outside the lock: a supported model has megabytes.
        let schema = schema();
        let shown = mask_record(record, &|path, name| {
            schema.as_ref().is_none_or(|schema| schema.is_secret(path, name))
        });
        let mut rings = lock(&self.rings);
        let Some(ring) = rings.get_mut(&device) else { return };
        let at_micros = u64::try_from(at.0.saturating_sub(ring.since.0)).unwrap_or(0);
        let direction = if inbound { Direction::In } else { Direction::Out };
        let entry =
            Entry { direction, at_micros, record: shown.record, note: shown.note, masked: shown.masked };
        ring.push(TraceItem { at, bytes: record.len(), kind: shown.kind, msg_id: shown.msg_id, entry });
    }
}

impl<S: Store> Usp<S> {
    /// Switches the trace of a device on or off; false when too many are on.
    pub fn set_trace(&self, device: DeviceId, on: bool) -> bool {
        let mut rings = lock(&self.0.traces.rings);
        if on {
            if rings.len() >= TRACED && !rings.contains_key(&device) {
                return false;
            }
            let since = self.0.clock.utc();
            rings.entry(device).or_insert_with(|| Ring { since, items: VecDeque::new(), bytes: 0 });
        } else {
            rings.remove(&device);
        }
        self.0.traces.on.store(rings.len(), Ordering::Relaxed);
        true
    }

    /// The last exchanges of a device, oldest first; `None` while its trace is off.
    pub fn trace(&self, device: DeviceId) -> Option<Vec<TraceItem>> {
        lock(&self.0.traces.rings).get(&device).map(|ring| ring.items.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: usize) -> TraceItem {
        let record = Bytes::from(vec![0; bytes]);
        let entry =
            Entry { direction: Direction::In, at_micros: 0, record, note: String::new(), masked: false };
        TraceItem { at: UtcTime(0), bytes, kind: "Record", msg_id: None, entry }
    }

    #[test]
    fn a_trace_is_bounded_in_number_and_in_bytes() {
        let check = |bytes: usize, times: usize, kept: usize| {
            let mut ring = Ring { since: UtcTime(0), items: VecDeque::new(), bytes: 0 };
            (0..times).for_each(|_| ring.push(item(bytes)));
            assert_eq!((ring.items.len(), ring.bytes), (kept, kept * bytes), "{times} of {bytes} bytes");
        };
        check(1, 499, 499);
        check(1, 501, 500);
        check(1 << 20, 5, 4);
        check((4 << 20) + 1, 1, 0);
    }
}
