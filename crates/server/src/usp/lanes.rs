//! How jobs reach a session of USP from their lane.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fleet::ids::{DeviceId, JobId, TenantId};
use fleet::job::JobState;
use fleet::lane::JobRef;
use fleet::port::{Lanes, Store, StoreError, Write, Written};

use super::Usp;
use super::session::Session;
use crate::lanes::RELOAD;

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
            // What it said before it left is heard; what it is asked would be in doubt, and nothing has left.
            if session.sender.is_closed() {
                return;
            }
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
