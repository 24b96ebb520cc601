//! Traces: the last decoded exchanges of devices for which somebody switched tracing on.
//!
//! What is kept names messages and paths, never values: [`usp_endpoint::describe_record`] shows none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dm::UtcTime;
use fleet::ids::DeviceId;
use fleet::port::Store;

use super::{Usp, lock};

/// Most exchanges kept per device.
const KEPT: usize = 500;
/// Most devices traced at once.
const TRACED: usize = 100;

/// One Record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceItem {
    /// When.
    pub at: UtcTime,
    /// From the device.
    pub inbound: bool,
    /// Length of the Record, bytes.
    pub bytes: usize,
    /// Kinds, ids and paths, without values.
    pub summary: String,
}

#[derive(Default)]
pub(super) struct Traces {
    /// How many devices are traced: nothing else is looked at while it is 0.
    on: AtomicUsize,
    rings: Mutex<BTreeMap<DeviceId, VecDeque<TraceItem>>>,
}

impl Traces {
    pub(super) fn record(&self, device: DeviceId, at: UtcTime, inbound: bool, record: &[u8]) {
        if self.on.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut rings = lock(&self.rings);
        if let Some(ring) = rings.get_mut(&device) {
            if ring.len() >= KEPT {
                ring.pop_front();
            }
            let summary = usp_endpoint::describe_record(record);
            ring.push_back(TraceItem { at, inbound, bytes: record.len(), summary });
        }
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
            rings.entry(device).or_default();
        } else {
            rings.remove(&device);
        }
        self.0.traces.on.store(rings.len(), Ordering::Relaxed);
        true
    }

    /// The last exchanges of a device, oldest first; `None` while its trace is off.
    pub fn trace(&self, device: DeviceId) -> Option<Vec<TraceItem>> {
        lock(&self.0.traces.rings).get(&device).map(|ring| ring.iter().cloned().collect())
    }
}
