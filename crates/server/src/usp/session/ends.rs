//! How jobs end in a session: what is stored of the end, and how their lane goes on.

use std::sync::Arc;

use fleet::job::Job;
use fleet::port::Store;
use usp_endpoint::controller::io::Failure;

use super::{Held, Session};
use crate::jobs::{End, Place, Report, place_of};
use crate::usp::Usp;

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent => End::NotSent,
            Failure::InDoubt => End::InDoubt,
            Failure::TimedOut => End::TimedOut,
            Failure::BadAnswer(what) => End::Bad(what),
        }
    }
}

impl<S: Store> Session<S> {
    /// Without the hold an answer may come too late.
    pub(in crate::usp) fn spawn_finish(
        self: &Arc<Self>,
        usp: &Usp<S>,
        job: Arc<Job>,
        end: End,
        finishing: Held,
    ) {
        let (usp, session) = (usp.clone(), Arc::clone(self));
        tokio::spawn(async move {
            usp.guarded(&session, session.finish(&usp, &job, end, finishing)).await;
        });
    }

    pub(in crate::usp) async fn finish(self: &Arc<Self>, usp: &Usp<S>, job: &Job, end: End, finishing: Held) {
        if end == End::NotSent {
            return self.not_sent(usp, job).await;
        }
        let report = self.report(usp, job);
        let write = report.of(end, self.schema(usp).await);
        let written = usp.submit(write).await;
        if let Err(error) = &written {
            tracing::warn!(%error, job = %job.id, "the end of a job was not kept");
        }
        drop(finishing);
        let place = if usp.is_current(self) { place_of(job, &written) } else { Place::NotOurs };
        self.leave_lane(usp, job, place);
        if place != Place::Later {
            usp.pull(self.device).await;
        }
    }

    fn leave_lane(&self, usp: &Usp<S>, job: &Job, place: Place) {
        let lanes = &usp.0.lanes;
        match place {
            Place::NotOurs => lanes.wake(job.id),
            Place::Again | Place::Later => lanes.requeue(self.device, job.id),
            Place::Left => lanes.sent(self.device, job.id),
            Place::Over => {
                usp.0.metrics.jobs_finished.inc();
                lanes.finished(self.device, job.id);
            }
        }
    }

    /// Nothing has left: it keeps its place, and goes with what is pulled next. Not at once, because what
    /// stood in its way may still stand there.
    pub(super) async fn not_sent(&self, usp: &Usp<S>, job: &Job) {
        if job.operation.is_write() {
            self.take_back(usp, job).await;
        }
        if usp.is_current(self) {
            usp.0.lanes.requeue(self.device, job.id);
        }
    }

    pub(super) async fn take_back(&self, usp: &Usp<S>, job: &Job) {
        let back = self.report(usp, job).unsent();
        if let Err(error) = usp.submit(back).await {
            tracing::warn!(%error, job = %job.id, "a job that was not sent could not be taken back");
        }
    }

    fn report<'a>(&self, usp: &Usp<S>, job: &'a Job) -> Report<'a> {
        Report { job, epoch: self.epoch, at: usp.0.clock.utc() }
    }
}
