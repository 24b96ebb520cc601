//! Lanes: what waits for each device, who waits for which job, and how jobs reach a session.
//!
//! Store, tell, pull: a job is in the store before a lane hears of it, so a lane may be forgotten at any
//! time; the next session reads it anew.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::UtcTime;
use fleet::ids::{DeviceId, JobId, TenantId};
use fleet::job::JobState;
use fleet::lane::{JobRef, Lane};
use fleet::port::{Lanes, Store, StoreError, Write, Written};
use tokio::sync::Notify;

use super::{Usp, lock};

/// How many queued jobs a session reads when it begins.
const RELOAD: usize = 1000;

/// All lanes of this process.
#[derive(Default)]
pub(super) struct LaneTable {
    lanes: Mutex<BTreeMap<DeviceId, Lane>>,
    /// Jobs that are not finished and that somebody may wait for.
    open: Mutex<BTreeMap<JobId, Open>>,
}

struct Open {
    device: DeviceId,
    done: Arc<Notify>,
}

impl LaneTable {
    fn push(&self, device: DeviceId, job: JobRef) {
        let refused = lock(&self.lanes).entry(device).or_default().push(job).is_err();
        if refused {
            tracing::warn!(%device, "the lane is full; the job stays in the store");
        }
        let open = || Open { device, done: Arc::new(Notify::new()) };
        lock(&self.open).entry(job.id).or_insert_with(open);
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

    /// A lost job waits again, or is in doubt: either way this lane is done with it; what waits again is
    /// read from the store by the next session.
    pub(super) fn requeue_or_finish(&self, device: DeviceId, job: JobId, is_write: bool) {
        if is_write {
            self.finished(device, job);
        } else {
            self.requeue(device, job);
        }
    }

    pub(super) fn forget(&self, device: DeviceId) {
        lock(&self.lanes).remove(&device);
    }

    pub(super) fn wake(&self, job: JobId) {
        if let Some(open) = lock(&self.open).remove(&job) {
            open.done.notify_waiters();
        }
    }

    /// The state of this device's jobs may have changed in the store: those who wait look again.
    pub(super) fn wake_device(&self, device: DeviceId) {
        for open in lock(&self.open).values().filter(|open| open.device == device) {
            open.done.notify_waiters();
        }
    }

    fn waiter(&self, job: JobId) -> Option<Arc<Notify>> {
        lock(&self.open).get(&job).map(|open| Arc::clone(&open.done))
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
            let waited = tokio::time::timeout(limit, async {
                while let Some(done) = self.0.lanes.waiter(job) {
                    let woken = done.notified();
                    tokio::pin!(woken);
                    // Registered before the look, so that an end between the two is not missed.
                    woken.as_mut().enable();
                    if self.is_over(tenant, job).await {
                        break;
                    }
                    woken.await;
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
    pub(super) async fn reload_lane(&self, device: DeviceId) {
        match self.0.store.queued_jobs(self.0.options.tenant, device, RELOAD).await {
            Ok(jobs) => jobs.into_iter().for_each(|job| self.0.lanes.push(device, job)),
            Err(error) => tracing::error!(%error, %device, "the queue of a device could not be read"),
        }
    }

    /// Sends what may be sent to a device now. Without a session nothing happens: the next one pulls.
    pub(super) async fn pull(&self, device: DeviceId) {
        while let Some(session) = self.session(device) {
            let Some(job) = self.0.lanes.next(device, self.0.clock.utc()) else { return };
            match self.take(job, session.epoch).await {
                Ok(Some(job)) => session.submit(self, job).await,
                Ok(None) => self.0.lanes.finished(device, job.id),
                Err(StoreError::StaleEpoch) => return self.0.lanes.requeue(device, job.id),
                Err(error) => {
                    tracing::warn!(%error, job = %job.id, "a job could not be taken");
                    self.0.lanes.finished(device, job.id);
                }
            }
        }
    }

    /// The job behind a reference, if it still waits. A write is on record as sent before its first byte
    /// leaves, so that a crash leaves no doubt about what may have been done.
    async fn take(
        &self,
        job: JobRef,
        epoch: fleet::ids::Epoch,
    ) -> Result<Option<fleet::job::Job>, StoreError> {
        let tenant = self.0.options.tenant;
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
