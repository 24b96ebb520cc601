//! Lanes: what waits for each device, and who waits for which job. Knows no session: whoever holds one takes from the
//! lane of its device, and says how it went.
//!
//! Store, tell, pull: a job is in the store before a lane hears of it, so a lane may be forgotten at any
//! time; the next session reads it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dm::UtcTime;
use fleet::ids::{DeviceId, JobId};
use fleet::lane::{JobRef, Lane};
use tokio::sync::Notify;

/// How many queued jobs a session reads when it begins: one more than fit, so that it shows when there are
/// more.
pub(crate) const RELOAD: usize = fleet::limits::LANE_QUEUE + 1;

/// All lanes of this process.
#[derive(Default)]
pub(crate) struct LaneTable {
    lanes: Mutex<BTreeMap<DeviceId, Lane>>,
    /// Devices of whose jobs some did not fit into the lane.
    overflowed: Mutex<BTreeSet<DeviceId>>,
    waiters: Mutex<WaiterTable>,
}

/// Those who wait, found by the job alone as well as by its device.
#[derive(Default)]
struct WaiterTable {
    by_job: BTreeMap<(DeviceId, JobId), Waiters>,
    devices: BTreeMap<JobId, DeviceId>,
}

impl WaiterTable {
    fn of_device(&self, device: DeviceId) -> impl Iterator<Item = &Waiters> {
        let (first, last) = (JobId::from_bytes([0; 16]), JobId::from_bytes([u8::MAX; 16]));
        self.by_job.range((device, first)..=(device, last)).map(|(_, own)| own)
    }
}

/// Those who wait for one job.
struct Waiters {
    news: Arc<Notify>,
    count: usize,
}

/// Somebody waits; forgotten with it.
pub(crate) struct Waiting<'a> {
    table: &'a LaneTable,
    device: DeviceId,
    job: JobId,
    /// Told when there may be news of the job.
    pub(crate) news: Arc<Notify>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (mut waiters, key) = (lock(&self.table.waiters), (self.device, self.job));
        if let Some(own) = waiters.by_job.get_mut(&key) {
            own.count -= 1;
            if own.count == 0 {
                waiters.by_job.remove(&key);
                waiters.devices.remove(&self.job);
            }
        }
    }
}

impl LaneTable {
    /// Adds a job; one that does not fit is read again later.
    pub(crate) fn push(&self, device: DeviceId, job: JobRef) {
        if lock(&self.lanes).entry(device).or_default().push(job).is_err() {
            lock(&self.overflowed).insert(device);
        }
    }

    /// Takes what was read from the store. What did not fit, and what was not read, is read again later.
    pub(crate) fn fill(&self, device: DeviceId, jobs: Vec<JobRef>) {
        // Not seen by whether they fit: a session may take from the lane meanwhile.
        if jobs.len() >= RELOAD {
            lock(&self.overflowed).insert(device);
        }
        jobs.into_iter().for_each(|job| self.push(device, job));
    }

    /// The job that may be sent now.
    pub(crate) fn next(&self, device: DeviceId, now: UtcTime) -> Option<JobRef> {
        lock(&self.lanes).get_mut(&device)?.next(now)
    }

    /// It has ended: whoever waits is woken.
    pub(crate) fn finished(&self, device: DeviceId, job: JobId) {
        self.sent(device, job);
        self.wake(job);
    }

    /// It no longer occupies the lane, but is not over: an accepted command.
    pub(crate) fn sent(&self, device: DeviceId, job: JobId) {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get_mut(&device) {
            lane.finished(job);
            if lane.is_idle() {
                lanes.remove(&device);
            }
        }
    }

    /// It waits again, in its old place.
    pub(crate) fn requeue(&self, device: DeviceId, job: JobId) {
        if let Some(lane) = lock(&self.lanes).get_mut(&device) {
            lane.requeue(job);
        }
    }

    /// Nothing of the device is under way any more, and what waits is read anew.
    pub(crate) fn forget(&self, device: DeviceId) {
        lock(&self.lanes).remove(&device);
        lock(&self.overflowed).remove(&device);
    }

    /// Its state may have changed in the store: whoever waits looks again.
    pub(crate) fn wake(&self, job: JobId) {
        let waiters = lock(&self.waiters);
        let device = waiters.devices.get(&job);
        if let Some(own) = device.and_then(|device| waiters.by_job.get(&(*device, job))) {
            own.news.notify_waiters();
        }
    }

    /// The state of this device's jobs may have changed in the store: those who wait look again.
    pub(crate) fn wake_device(&self, device: DeviceId) {
        lock(&self.waiters).of_device(device).for_each(|own| own.news.notify_waiters());
    }

    /// From now on news of the job are told, until what this gives is dropped.
    pub(crate) fn wait_for(&self, device: DeviceId, job: JobId) -> Waiting<'_> {
        let mut waiters = lock(&self.waiters);
        waiters.devices.insert(job, device);
        let fresh = || Waiters { news: Arc::new(Notify::new()), count: 0 };
        let own = waiters.by_job.entry((device, job)).or_insert_with(fresh);
        own.count += 1;
        Waiting { table: self, device, job, news: Arc::clone(&own.news) }
    }

    /// Devices for which something waits, and of those the ones whose lane has to be read again.
    pub(crate) fn waiting(&self) -> (Vec<DeviceId>, BTreeSet<DeviceId>) {
        let waiting = lock(&self.lanes);
        let devices =
            waiting.iter().filter(|(_, lane)| lane.waiting() > 0).map(|(device, _)| *device).collect();
        (devices, std::mem::take(&mut lock(&self.overflowed)))
    }
}

/// A lock whose holder panicked still guards valid data, here and in `usp`: each critical section leaves the maps
/// whole, and the session concerned is ended by whoever caught the panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use dm::UtcTime;
    use fleet::ids::{DeviceId, JobId};
    use fleet::job::{OpKind, Priority};
    use fleet::lane::JobRef;

    use super::{LaneTable, RELOAD};

    #[test]
    fn who_waits_is_found_by_job_and_by_device_and_forgotten_when_he_goes() {
        use super::lock;

        let table = LaneTable::default();
        let device = |number| DeviceId::from_bytes([number; 16]);
        let job = |number: u8| JobId::from_bytes([number; 16]);
        let waits = [(1, 0), (1, 255), (2, 1), (2, 2), (3, 3)];
        let mut waiting: Vec<_> =
            waits.iter().map(|(of, id)| table.wait_for(device(*of), job(*id))).collect();
        waiting.push(table.wait_for(device(2), job(2)));
        let found = |of| lock(&table.waiters).of_device(device(of)).count();
        assert_eq!([found(0), found(1), found(2), found(3), found(4)], [0, 2, 2, 1, 0]);
        // Of two who wait for the same job one goes.
        waiting.pop();
        assert_eq!(found(2), 2);
        waiting.clear();
        let table = lock(&table.waiters);
        assert!(table.by_job.is_empty() && table.devices.is_empty());
    }

    #[test]
    fn what_was_not_read_is_read_again_though_all_that_was_read_fits() {
        let job = |number: u128| JobRef {
            id: JobId::from_bytes(number.to_be_bytes()),
            priority: Priority::Person,
            kind: OpKind::Set,
            created: UtcTime(0),
            deadline: None,
        };
        let device = DeviceId::from_bytes([7; 16]);
        for (read, again) in [(RELOAD - 1, false), (RELOAD, true)] {
            let table = LaneTable::default();
            // One is under way already, as when a session takes from the lane while it is filled.
            table.push(device, job(1));
            assert!(table.next(device, UtcTime(0)).is_some());
            table.fill(device, (1..).take(read).map(job).collect());
            assert_eq!(table.waiting().1.contains(&device), again, "{read}");
        }
    }
}
