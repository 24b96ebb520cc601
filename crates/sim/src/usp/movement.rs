//! What moves in a simulated device: the counters of its first interface and its load, and the status of its
//! second interface, which controllers subscribe to.
//!
//! One interface carries the traffic, so that a device owns few rows of the tree and shares the others.

use std::sync::Arc;
use std::time::Duration;

use dm::Value;
use dm::model::Model;
use dm::path::ObjectPath;
use dm::tree::{Change, Place, Tree};

/// A parameter: its place and its index in the object.
type Leaf = (Place, u16);

/// Where things move in a model.
#[derive(Debug)]
pub(super) struct Movement {
    /// With what each adds per second, in the order of [`COUNTERS`].
    counters: Vec<(Leaf, u64)>,
    up_times: Vec<Leaf>,
    free: Leaf,
    load: Leaf,
    status: Leaf,
}

/// Counters of the first interface and what a second adds: some 6 Mbit/s.
const COUNTERS: [(&str, u64); 4] =
    [("BytesReceived", 750_000), ("BytesSent", 75_000), ("PacketsReceived", 600), ("PacketsSent", 300)];

impl Movement {
    /// `None` when the model lacks something that should move.
    pub(super) fn new(model: &Arc<Model>) -> Option<Movement> {
        let leaf = |path: &str, param: &str| {
            let place = Place::of(model, &ObjectPath::parse(path).ok()?)?;
            let param = model.param_index(place.object, param)?;
            Some((place, param))
        };
        let counter = |(name, rate)| Some((leaf("Device.IP.Interface.1.Stats.", name)?, rate));
        Some(Movement {
            counters: COUNTERS.into_iter().map(counter).collect::<Option<_>>()?,
            up_times: vec![leaf("Device.DeviceInfo.", "UpTime")?, leaf("Device.LocalAgent.", "UpTime")?],
            free: leaf("Device.DeviceInfo.MemoryStatus.", "Free")?,
            load: leaf("Device.DeviceInfo.ProcessStatus.", "CPUUsage")?,
            status: leaf("Device.IP.Interface.2.", "Status")?,
        })
    }

    /// Counters and load after `passed` more time; `wobble` makes devices and moments differ.
    pub(super) fn counters(&self, tree: &Tree, passed: Duration, wobble: u64) -> Vec<Change> {
        // Between half and one and a half times the rate.
        let amount = |rate: u64| {
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            rate.saturating_mul(millis).saturating_mul(512 + wobble % 1024) / 1_024_000
        };
        let counters = self.counters.iter().map(|(leaf, rate)| add(tree, leaf, amount(*rate)));
        let up_times = self.up_times.iter().map(|leaf| add(tree, leaf, passed.as_secs()));
        let state = [set(&self.free, 120_000 + wobble % 16_384), set(&self.load, 1 + wobble % 40)];
        counters.chain(up_times).chain(state).collect()
    }

    /// The status of the second interface, the other way round.
    pub(super) fn status(&self, tree: &Tree) -> Vec<Change> {
        let (place, param) = &self.status;
        let is_up = tree.value(place, *param) == Some(&Value::text("Up"));
        let value = Some(Value::text(if is_up { "Down" } else { "Up" }));
        vec![Change::Set { place: place.clone(), param: *param, value }]
    }
}

fn add(tree: &Tree, leaf: &Leaf, amount: u64) -> Change {
    let now = match tree.value(&leaf.0, leaf.1) {
        Some(Value::Uint(now)) => *now,
        _ => 0,
    };
    set(leaf, now.wrapping_add(amount))
}

fn set((place, param): &Leaf, number: u64) -> Change {
    Change::Set { place: place.clone(), param: *param, value: Some(Value::Uint(number)) }
}
