//! Lanes: what waits for each device, who waits for which job, and how jobs reach a session.
//!
//! Store, tell, pull: a job is in the store before a lane hears of it, so a lane may be forgotten at any
//! time; the next session reads it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::UtcTime;
use fleet::ids::{DeviceId, JobId, TenantId};
use fleet::job::JobState;
use fleet::lane::{JobRef, Lane};
use fleet::port::{Lanes, Store, StoreError, Write, Written};
use tokio::sync::Notify;

use super::session::Session;
use super::{Usp, lock};

/// How many queued jobs a session reads when it begins: one more than fit, so that it shows when there are
/// more.
const RELOAD: usize = fleet::limits::LANE_QUEUE + 1;

/// All lanes of this process.
#[derive(Default)]
pub(super) struct LaneTable {
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
struct Waiting<'a> {
    table: &'a LaneTable,
    device: DeviceId,
    job: JobId,
    news: Arc<Notify>,
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
    fn push(&self, device: DeviceId, job: JobRef) {
        if lock(&self.lanes).entry(device).or_default().push(job).is_err() {
            lock(&self.overflowed).insert(device);
        }
    }

    /// Takes what was read from the store. What did not fit, and what was not read, is read again later.
    fn fill(&self, device: DeviceId, jobs: Vec<JobRef>) {
        // Not seen by whether they fit: a session may take from the lane meanwhile.
        if jobs.len() >= RELOAD {
            lock(&self.overflowed).insert(device);
        }
        jobs.into_iter().for_each(|job| self.push(device, job));
    }

    fn next(&self, device: DeviceId, now: UtcTime) -> Option<JobRef> {
        lock(&self.lanes).get_mut(&device)?.next(now)
    }

    /// It has ended: whoever waits is woken.
    pub(super) fn finished(&self, device: DeviceId, job: JobId) {
        self.sent(device, job);
        self.wake(job);
    }

    /// It no longer occupies the lane, but is not over: an accepted command.
    pub(super) fn sent(&self, device: DeviceId, job: JobId) {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get_mut(&device) {
            lane.finished(job);
            if lane.is_idle() {
                lanes.remove(&device);
            }
        }
    }

    pub(super) fn requeue(&self, device: DeviceId, job: JobId) {
        if let Some(lane) = lock(&self.lanes).get_mut(&device) {
            lane.requeue(job);
        }
    }

    pub(super) fn forget(&self, device: DeviceId) {
        lock(&self.lanes).remove(&device);
        lock(&self.overflowed).remove(&device);
    }

    /// Its state may have changed in the store: whoever waits looks again.
    pub(super) fn wake(&self, job: JobId) {
        let waiters = lock(&self.waiters);
        let device = waiters.devices.get(&job);
        if let Some(own) = device.and_then(|device| waiters.by_job.get(&(*device, job))) {
            own.news.notify_waiters();
        }
    }

    /// The state of this device's jobs may have changed in the store: those who wait look again.
    pub(super) fn wake_device(&self, device: DeviceId) {
        lock(&self.waiters).of_device(device).for_each(|own| own.news.notify_waiters());
    }

    fn wait_for(&self, device: DeviceId, job: JobId) -> Waiting<'_> {
        let mut waiters = lock(&self.waiters);
        waiters.devices.insert(job, device);
        let fresh = || Waiters { news: Arc::new(Notify::new()), count: 0 };
        let own = waiters.by_job.entry((device, job)).or_insert_with(fresh);
        own.count += 1;
        Waiting { table: self, device, job, news: Arc::clone(&own.news) }
    }

    /// Devices for which something waits, and of those the ones whose lane has to be read again.
    fn waiting(&self) -> (Vec<DeviceId>, BTreeSet<DeviceId>) {
        let waiting = lock(&self.lanes);
        let devices =
            waiting.iter().filter(|(_, lane)| lane.waiting() > 0).map(|(device, _)| *device).collect();
        (devices, std::mem::take(&mut lock(&self.overflowed)))
    }
}

impl<S: Store> Lanes for Usp<S> {
    fn tell(&self, _tenant: TenantId, device: DeviceId, job: JobRef) {
        self.0.lanes.push(device, job);
        let usp = self.clone();
        tokio::spawn(async move { usp.pull(device).await });
    }

    fn withdraw(&self, _tenant: TenantId, device: DeviceId, job: JobId) {
        self.0.lanes.finished(device, job);
    }

    fn wait(
        &self,
        tenant: TenantId,
        job: JobId,
        limit: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let Ok(Some(found)) = self.0.store.job(tenant, job).await else { return };
            let waiting = self.0.lanes.wait_for(found.device, job);
            let waited = tokio::time::timeout(limit, async {
                loop {
                    let news = waiting.news.notified();
                    tokio::pin!(news);
                    // Registered before the look, so that an end between the two is not missed.
                    news.as_mut().enable();
                    if self.is_over(tenant, job).await {
                        break;
                    }
                    news.await;
                }
            });
            let _ = waited.await;
        })
    }
}

impl<S: Store> Usp<S> {
    async fn is_over(&self, tenant: TenantId, job: JobId) -> bool {
        match self.0.store.job(tenant, job).await {
            Ok(Some(job)) => job.state.is_finished(),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Reads what waits for a device into its lane.
    pub(super) async fn reload_lane(&self, tenant: TenantId, device: DeviceId) {
        match self.0.store.queued_jobs(tenant, device, RELOAD).await {
            Ok(jobs) => {
                self.0.lanes.fill(device, jobs);
            }
            Err(error) => tracing::error!(%error, %device, "the queue of a device could not be read"),
        }
    }

    /// Sends what may be sent to a device now. Without a session nothing happens: the next one pulls.
    pub(super) async fn pull(&self, device: DeviceId) {
        while let Some(session) = self.session(device) {
            // What is on record as sent reaches the machine, or is taken back, before the session's end is stored.
            let Some(_held) = session.hold() else { return };
            let Some(job) = self.0.lanes.next(device, self.0.clock.utc()) else { return };
            if self.guarded(&session, self.hand_over(job, &session)).await != Some(true) {
                return;
            }
        }
    }

    /// Gives a job to a session; false if the lane comes to a halt.
    async fn hand_over(&self, job: JobRef, session: &Arc<Session<S>>) -> bool {
        match self.take(job, session).await {
            Ok(Some(job)) => session.submit(self, job).await,
            Ok(None) => self.0.lanes.finished(session.device, job.id),
            Err(error) => {
                if error != StoreError::StaleEpoch {
                    tracing::warn!(%error, job = %job.id, "a job could not be taken");
                }
                self.0.lanes.requeue(session.device, job.id);
                return false;
            }
        }
        true
    }

    /// Now and then: lanes that came to a halt because the store failed or a session was full go on.
    pub(crate) async fn resume(&self) {
        let (waiting, overflowed) = self.0.lanes.waiting();
        for session in overflowed.iter().filter_map(|device| self.session(*device)) {
            self.reload_lane(session.tenant, session.device).await;
        }
        for device in waiting.into_iter().chain(overflowed) {
            self.pull(device).await;
        }
    }

    /// The job behind a reference, if it still waits. A write is on record as sent before its first byte
    /// leaves, so that a crash leaves no doubt about what may have been done.
    async fn take(&self, job: JobRef, session: &Session<S>) -> Result<Option<fleet::job::Job>, StoreError> {
        let (tenant, epoch) = (session.tenant, session.epoch);
        if job.kind.is_write() {
            let sent = Write::JobSent { tenant, job: job.id, epoch, at: self.0.clock.utc() };
            return match self.submit(sent).await {
                Ok(Written::Job { job, .. }) => Ok(Some(*job)),
                Ok(_) => Ok(None),
                Err(StoreError::Unexpected(_) | StoreError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            };
        }
        let found = self.0.store.job(tenant, job.id).await?;
        Ok(found.filter(|job| job.state == JobState::Queued))
    }
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
