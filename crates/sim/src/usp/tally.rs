//! What all agents of a fleet count together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::latency::Latencies;

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connected: AtomicUsize,
    pub(super) connects: Count,
    pub(super) connect_failures: Count,
    pub(super) disconnects: Count,
    pub(super) connect_latency: Latencies,
    pub(super) notifications: Count,
    pub(super) notifications_answered: Count,
    pub(super) notification_latency: Latencies,
    pub(super) requests: Count,
    pub(super) records_sent: Count,
    pub(super) records_received: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(super) fn up(&self) {
        self.connects.add();
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn down(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
        self.disconnects.add();
    }

    pub(super) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }
}
