//! A device's session: the controller machine under a lock, and what its outputs lead to.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::{Mono, Operation, Outcome};
use fleet::ids::{DeviceId, Epoch, TenantId};
use fleet::job::{Job, JobError, JobEvent, JobState, event_of, forget_secrets};
use fleet::onboarding::ID_PREFIX;
use fleet::port::{FinishJob, SessionClosed, Store, StoreError, Write, Written};
use fleet::twin::Delta;
use mtp::{LinkSender, LinkUp, Verdict};
use tokio::sync::{OnceCell, OwnedRwLockReadGuard, RwLock};
use usp_endpoint::EndpointId;
use usp_endpoint::controller::ControllerMachine;
use usp_endpoint::controller::io::{Failure, Input, Learned, Output, Ticket};
use usp_endpoint::link::{Inbound, LinkId};

use super::course::{Course, Next, Stage};
use super::own_model::{Found, OwnModel};
use super::{Usp, lock};
use crate::clock::chance;

/// How long a request may take when its job has no deadline.
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take at most once it is given to a session, whatever its job's deadline: a device that stays silent
/// must not hold its lane for longer (invariant 7).
const LONGEST_PATIENCE: Duration = Duration::from_secs(300);

/// The session of one device on one link.
pub(super) struct Session<S: Store> {
    pub(super) device: DeviceId,
    /// Whose it is; if it goes to another, this session ends.
    pub(super) tenant: TenantId,
    pub(super) endpoint: EndpointId,
    pub(super) epoch: Epoch,
    pub(super) sender: LinkSender,
    pub(super) link: LinkId,
    peer: Box<str>,
    /// Held by those who store the end of a job: the session's own end is stored after that.
    finishing: Arc<RwLock<()>>,
    inner: Mutex<SessionInner>,
    /// The device's row as the session found it.
    pub(super) found: OnceCell<Found>,
    pub(super) model: Mutex<OwnModel>,
    _store: std::marker::PhantomData<S>,
}

struct SessionInner {
    machine: ControllerMachine,
    course: Course,
    jobs: BTreeMap<Ticket, Arc<Job>>,
    next_ticket: u64,
    begun: bool,
}

/// What an output leads to beyond the lock.
enum Effect {
    Connected,
    Store(Ticket, Box<usp_endpoint::controller::io::Notification>),
    Answered(Arc<Job>, Outcome),
    Failed(Arc<Job>, Failure),
    /// And what the stages began with that it was learnt by.
    Learned(Learned, Option<Ticket>),
    Reconcile,
    /// The device has to be looked at again.
    Look(Stage),
    /// A stage has ended, as an onboarding or without one.
    Ended {
        next: Next,
        onboarded: bool,
    },
    Disconnected(String),
}

impl<S: Store> Session<S> {
    pub(super) fn new(
        usp: &Usp<S>,
        (tenant, device): (TenantId, DeviceId),
        endpoint: EndpointId,
        epoch: Epoch,
        up: &LinkUp,
    ) -> Self {
        let mut machine = ControllerMachine::new(Arc::clone(&usp.0.config), endpoint.clone(), chance());
        let (return_path, contact, peer) = (up.return_path.clone(), up.contact.clone(), up.peer.clone());
        machine.handle(usp.0.clock.now(), Input::LinkUp { return_path, contact, peer });
        Session {
            device,
            tenant,
            endpoint,
            epoch,
            sender: up.sender.clone(),
            link: up.link,
            peer: up.peer_name().into(),
            finishing: Arc::default(),
            inner: Mutex::new(SessionInner {
                machine,
                course: Course::default(),
                jobs: BTreeMap::new(),
                next_ticket: 0,
                begun: false,
            }),
            found: OnceCell::new(),
            model: Mutex::default(),
            _store: std::marker::PhantomData,
        }
    }

    /// Once per session: what waits for the device is sent, and a device that was never onboarded is, or whose model
    /// is still in doubt. One that was may have lost its state meanwhile, and is looked at some time later.
    pub(super) async fn begin(self: &Arc<Self>, usp: &Usp<S>) {
        if std::mem::replace(&mut lock(&self.inner).begun, true) {
            return;
        }
        usp.arm(self);
        usp.reload_lane(self.tenant, self.device).await;
        usp.pull(self.device).await;
        match self.found(usp).await {
            Ok(Found { known: false, .. }) => {}
            Err(_) => self.look_failed(usp, true),
            Ok(Found { model_doubt: None, onboarded: true, .. }) => {
                let (at, id_prefix) = (usp.confirm_at(), ID_PREFIX.to_owned());
                self.input(usp, Input::Confirm { at, id_prefix }).await;
            }
            Ok(Found { onboarded: true, .. }) => {
                let (now, earliest) = (usp.0.clock.now().mono, usp.confirm_at());
                self.with_course(|course| course.owes(now, earliest));
                usp.arm(self);
            }
            Ok(found) => self.onboard(usp, found.model_doubt).await,
        }
    }

    /// A Record arrived. The future ends when all that must be stored before the next one is stored.
    pub(super) async fn inbound(self: &Arc<Self>, usp: &Usp<S>, record: Inbound) -> Verdict {
        if self.schema(usp).await.is_err() {
            tracing::debug!(endpoint = %self.endpoint, "what the device says can't be looked into");
        }
        usp.0.traces.record(self.device, usp.0.clock.utc(), true, &record.record, || self.kept_schema(usp));
        let effects = self.feed(usp, Input::Record(record));
        let closed = self.sender.is_closed();
        self.carry_out(usp, effects).await;
        if closed { Verdict::Undecodable } else { Verdict::Accepted }
    }

    /// Keeps the end of the session from being stored before what happens under this is. None when it ends already:
    /// nobody else waits for the write lock.
    pub(super) fn hold(&self) -> Option<OwnedRwLockReadGuard<()>> {
        Arc::clone(&self.finishing).try_read_owned().ok()
    }

    /// Hands a job's operation to the machine.
    pub(super) async fn submit(self: &Arc<Self>, usp: &Usp<S>, job: Job) {
        // Before it is sent, so that a trace of it knows what to mask.
        if let Err(error) = self.schema(usp).await {
            tracing::warn!(%error, endpoint = %self.endpoint, "the device's model can't be read");
        }
        let now = usp.0.clock.now();
        let patience = match (job.deadline, now.utc) {
            (Some(deadline), Some(utc)) => {
                Duration::from_micros(u64::try_from(deadline.0.saturating_sub(utc.0)).unwrap_or(0))
            }
            _ => REQUEST_PATIENCE,
        };
        let operation = job.operation.clone();
        let ticket = {
            let mut inner = lock(&self.inner);
            inner.next_ticket += 1;
            let ticket = Ticket(inner.next_ticket);
            inner.jobs.insert(ticket, Arc::new(job));
            ticket
        };
        let deadline = now.mono + patience.min(LONGEST_PATIENCE);
        let effects = self.feed(usp, Input::Submit { ticket, operation, deadline });
        self.carry_out(usp, effects).await;
    }

    pub(super) async fn input(self: &Arc<Self>, usp: &Usp<S>, input: Input) {
        let effects = self.feed(usp, input);
        self.carry_out(usp, effects).await;
    }

    /// What is under way with the device.
    pub(super) fn with_course<T>(&self, change: impl FnOnce(&mut Course) -> T) -> T {
        change(&mut lock(&self.inner).course)
    }

    /// When the machine, or a look, wants to be woken for.
    pub(super) fn wake_at(&self) -> Option<Mono> {
        let inner = lock(&self.inner);
        [inner.machine.poll_timeout(), inner.course.due()].into_iter().flatten().min()
    }

    pub(super) async fn link_down(self: &Arc<Self>, usp: &Usp<S>, reason: &str) {
        let effects = self.feed(usp, Input::LinkDown(self.link));
        let was_current = {
            let mut sessions = lock(&usp.0.sessions);
            let current = sessions.get(&self.device).is_some_and(|own| Arc::ptr_eq(own, self));
            if current {
                sessions.remove(&self.device);
                usp.0.lanes.forget(self.device);
            }
            current
        };
        // The store takes back what was under way with this epoch; the next session reads it anew. What
        // never left is taken back first, because the store would have to doubt it.
        for effect in effects {
            if let Effect::Failed(job, Failure::NotSent) = effect
                && was_current
                && job.operation.is_write()
            {
                self.take_back(usp, &job).await;
            }
        }
        // What was answered is kept as answered, before what was not becomes doubtful.
        drop(self.finishing.write().await);
        tracing::info!(endpoint = %self.endpoint, device = %self.device, reason, "session over");
        let closed = SessionClosed {
            tenant: self.tenant,
            device: self.device,
            epoch: self.epoch,
            at: usp.0.clock.utc(),
            reason: reason.to_owned(),
        };
        match usp.submit(Write::SessionClosed(closed)).await {
            // It was followed by another session, or its device was removed.
            Ok(_) | Err(StoreError::StaleEpoch | StoreError::NotFound(_)) => {}
            Err(error) => tracing::warn!(%error, device = %self.device, "the end of a session was not kept"),
        }
        usp.0.lanes.wake_device(self.device);
    }

    /// Enters the machine, sends what it sends, and gives back what has to be done outside the lock. A
    /// panic of the machine ends this session alone (invariant 10).
    fn feed(self: &Arc<Self>, usp: &Usp<S>, input: Input) -> Vec<Effect> {
        let fed = catch_unwind(AssertUnwindSafe(|| {
            let mut inner = lock(&self.inner);
            if let Some(inspect) = &usp.0.options.inspect {
                inspect(&self.endpoint, &input);
            }
            // A plan whose turn is over by now would take the place of what is under way.
            if let Input::Onboard(plan) | Input::Reconcile(plan) = &input
                && !inner.course.is_current(plan.ticket)
            {
                return Vec::new();
            }
            inner.machine.handle(usp.0.clock.now(), input);
            let mut effects = Vec::new();
            while let Some(output) = inner.machine.poll_output() {
                self.output(usp, &mut inner, output, &mut effects);
            }
            let look = inner.course.take_due(usp.0.clock.now().mono, self.device, &usp.0.looks);
            effects.extend(look.map(Effect::Look));
            effects
        }));
        usp.arm(self);
        fed.unwrap_or_else(|_| {
            self.panicked(usp);
            Vec::new()
        })
    }

    /// Something of it panicked: it ends, and nothing else does.
    pub(super) fn panicked(&self, usp: &Usp<S>) {
        usp.0.metrics.panics.inc();
        tracing::error!(endpoint = %self.endpoint, "a session panicked");
        self.sender.close(mtp::ws::close_code::PROTOCOL, "internal error");
    }

    fn output(&self, usp: &Usp<S>, inner: &mut SessionInner, output: Output, effects: &mut Vec<Effect>) {
        match output {
            Output::Send(outbound) => {
                usp.0.traces.record(self.device, usp.0.clock.utc(), false, &outbound.record, || {
                    self.kept_schema(usp)
                });
                usp.0.metrics.records_out.inc();
                if outbound.return_path.link() == self.link
                    && let Err(error) = self.sender.send_to(&outbound.return_path, outbound.record)
                {
                    tracing::debug!(%error, endpoint = %self.endpoint, "a Record was not sent");
                    self.sender.close(mtp::ws::close_code::POLICY, "the queue to this device is full");
                }
            }
            Output::Close { reason, .. } => {
                tracing::info!(endpoint = %self.endpoint, reason, "closing");
                self.sender.close(mtp::ws::close_code::UNACCEPTABLE, reason);
            }
            Output::Impersonates { link, from } => usp.impersonated(&self.endpoint, link, &from),
            Output::Nudge(_) => self.sender.ping(),
            Output::Store { ticket, notification } => {
                effects.push(Effect::Store(ticket, Box::new(notification)));
            }
            Output::Sent(_) => {}
            Output::Connected => effects.push(Effect::Connected),
            Output::Answered { ticket, outcome } => {
                if let Some(job) = inner.jobs.remove(&ticket) {
                    effects.push(Effect::Answered(job, outcome));
                }
            }
            Output::Failed { ticket, failure } => {
                if let Some(job) = inner.jobs.remove(&ticket) {
                    effects.push(Effect::Failed(job, failure));
                }
            }
            Output::Learned(Learned::Refused(refused)) => {
                self.refused(&refused).for_each(|problem| inner.course.refused(problem));
            }
            Output::Learned(learned) => effects.push(Effect::Learned(learned, inner.course.first())),
            Output::ConfirmDue => effects.push(Effect::Reconcile),
            Output::Misaddressed { to } => {
                let reason =
                    format!("its Records are addressed to {to}, and this controller is {}", usp.endpoint());
                tracing::warn!(endpoint = %self.endpoint, reason, "the agent is configured for another controller");
                let endpoint = Some(self.endpoint.as_str().to_owned());
                usp.note_refusal(self.peer.to_string(), endpoint, reason);
            }
            Output::Onboarded { ticket, result } => {
                effects.extend(self.ended(usp, &mut inner.course, ticket, &result, true));
            }
            Output::Reconciled { ticket, result } => {
                effects.extend(self.ended(usp, &mut inner.course, ticket, &result, false));
            }
            Output::Disconnected { reason } => effects.push(Effect::Disconnected(reason)),
            Output::Noticed(what) => {
                usp.0.metrics.noticed.inc();
                tracing::debug!(endpoint = %self.endpoint, what, "noticed");
            }
        }
    }

    fn ended(
        &self,
        usp: &Usp<S>,
        course: &mut Course,
        ticket: Ticket,
        result: &Result<(), String>,
        onboarded: bool,
    ) -> Option<Effect> {
        if let Err(why) = result {
            tracing::warn!(endpoint = %self.endpoint, why, "onboarding is not complete");
        }
        let next = course.ended(usp.0.clock.now().mono, ticket, result.is_ok())?;
        Some(Effect::Ended { next, onboarded })
    }

    /// Boxed, because a stored notification may lead to more of the same.
    fn carry_out<'a>(
        self: &'a Arc<Self>,
        usp: &'a Usp<S>,
        effects: Vec<Effect>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.carry_out_all(usp, effects))
    }

    async fn carry_out_all(self: &Arc<Self>, usp: &Usp<S>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                // What came to a halt while the agent was away goes on.
                Effect::Connected => {
                    let (usp, device) = (usp.clone(), self.device);
                    tokio::spawn(async move { usp.pull(device).await });
                }
                Effect::Store(ticket, notification) => {
                    let input = self.store(usp, ticket, *notification).await;
                    let more = self.feed(usp, input);
                    self.carry_out(usp, more).await;
                }
                // Finishing waits for the disk; the next Record must not wait for that.
                Effect::Answered(job, outcome) => self.spawn_finish(usp, job, Ok(outcome)),
                // Before the session may end: what is on record as sent would be in doubt.
                Effect::Failed(job, Failure::NotSent) => self.not_sent(usp, &job).await,
                Effect::Failed(job, failure) => self.spawn_finish(usp, job, Err(failure)),
                Effect::Learned(learned, first) => self.learned(usp, learned, first).await,
                Effect::Reconcile => self.reconcile(usp).await,
                Effect::Look(stage) => self.look(usp, stage).await,
                Effect::Ended { next, onboarded } => self.proceed(usp, next, onboarded).await,
                Effect::Disconnected(reason) => {
                    tracing::info!(endpoint = %self.endpoint, reason, "the agent says goodbye");
                }
            }
        }
    }

    pub(super) fn spawn_finish(self: &Arc<Self>, usp: &Usp<S>, job: Arc<Job>, end: Result<Outcome, Failure>) {
        let (usp, session) = (usp.clone(), Arc::clone(self));
        // Without it an answer comes too late.
        let finishing = self.hold();
        tokio::spawn(async move {
            usp.guarded(&session, session.finish(&usp, &job, end, finishing)).await;
        });
    }

    pub(super) async fn finish(
        self: &Arc<Self>,
        usp: &Usp<S>,
        job: &Job,
        end: Result<Outcome, Failure>,
        finishing: Option<OwnedRwLockReadGuard<()>>,
    ) {
        let (tenant, epoch, at) = (job.tenant, Some(self.epoch), usp.0.clock.utc());
        let write = match end {
            Ok(outcome) => self.answered(usp, job, outcome).await,
            Err(Failure::NotSent) => return self.not_sent(usp, job).await,
            // Sent, and not answered within its patience: what it did is unknown. It is shown, and never
            // sent again by itself, so that a device that stays silent is not asked for ever.
            Err(Failure::InDoubt) => {
                Write::StepJob { tenant, job: job.id, epoch, event: JobEvent::Expire, outcome: None, at }
            }
            Err(Failure::TimedOut) => self.failed(usp, job, "the device did not answer in time".to_owned()),
            Err(Failure::BadAnswer(what)) => {
                self.failed(usp, job, format!("the device answered with {what}"))
            }
        };
        let written = usp.submit(write).await;
        if let Err(error) = &written {
            tracing::warn!(%error, job = %job.id, "the end of a job was not kept");
        }
        drop(finishing);
        if self.leave_lane(usp, job, &written) {
            usp.pull(self.device).await;
        }
    }

    /// What the end of a job, as it was stored, means for the lane and for those who wait. False where what waits had
    /// better wait on, until the store works again.
    fn leave_lane(&self, usp: &Usp<S>, job: &Job, written: &Result<Written, StoreError>) -> bool {
        let lanes = &usp.0.lanes;
        if !usp.is_current(self) || matches!(written, Err(StoreError::StaleEpoch)) {
            // Another session has the lane, or is about to, and reads from the store what waits.
            lanes.wake(job.id);
            return true;
        }
        match written {
            Ok(Written::Job { job, .. }) if job.state == JobState::Queued => {
                lanes.requeue(self.device, job.id);
            }
            Ok(Written::Job { job, .. }) if !job.state.is_finished() => lanes.sent(self.device, job.id),
            // A read is asked again, but not at once: it would be at the speed of the line. What a write did must
            // not be done twice.
            Err(error) if is_of_the_medium(error) && !job.operation.is_write() => {
                lanes.requeue(self.device, job.id);
                return false;
            }
            _ => {
                usp.0.metrics.jobs_finished.inc();
                lanes.finished(self.device, job.id);
            }
        }
        true
    }

    /// Nothing has left: it keeps its place, and goes with what is pulled next. Not at once, because what
    /// stood in its way may still stand there.
    async fn not_sent(&self, usp: &Usp<S>, job: &Job) {
        let _held = self.hold();
        if job.operation.is_write() {
            self.take_back(usp, job).await;
        }
        if usp.is_current(self) {
            usp.0.lanes.requeue(self.device, job.id);
        }
    }

    async fn take_back(&self, usp: &Usp<S>, job: &Job) {
        let (tenant, epoch, at) = (job.tenant, Some(self.epoch), usp.0.clock.utc());
        let back = Write::StepJob { tenant, job: job.id, epoch, event: JobEvent::Unsend, outcome: None, at };
        if let Err(error) = usp.submit(back).await {
            tracing::warn!(%error, job = %job.id, "a job that was not sent could not be taken back");
        }
    }

    async fn answered(&self, usp: &Usp<S>, job: &Job, mut outcome: Outcome) -> Write {
        let (tenant, epoch, at) = (job.tenant, Some(self.epoch), usp.0.clock.utc());
        let key = match &job.operation {
            Operation::Operate(operate) => operate.command_key.clone(),
            _ => String::new(),
        };
        // From here on nobody sees what is secret in it.
        match self.schema(usp).await {
            Ok(schema) => forget_secrets(&mut job.operation.clone(), Some(&mut outcome), schema.as_ref()),
            Err(error) => return self.not_kept(usp, job, event_of(&outcome, &key), &error),
        }
        match event_of(&outcome, &key) {
            event @ JobEvent::Accept(_) => {
                Write::StepJob { tenant, job: job.id, epoch, event, outcome: Some(Box::new(outcome)), at }
            }
            event => {
                let delta = Delta::of_outcome(&job.operation, &outcome, at);
                let facts = super::convert::facts_of(&outcome);
                Write::FinishJob(Box::new(FinishJob {
                    tenant,
                    job: job.id,
                    epoch,
                    event,
                    outcome: Some(outcome),
                    error: None,
                    delta: (!delta.is_empty()).then_some(delta),
                    facts,
                    at,
                }))
            }
        }
    }

    /// How a job goes on whose answer can't be kept, because nobody knows what is secret in it.
    fn not_kept(&self, usp: &Usp<S>, job: &Job, event: JobEvent, error: &StoreError) -> Write {
        let (tenant, epoch, at) = (job.tenant, Some(self.epoch), usp.0.clock.utc());
        if matches!(event, JobEvent::Accept(_)) {
            return Write::StepJob { tenant, job: job.id, epoch, event, outcome: None, at };
        }
        let message = format!("the answer was not kept: {error}");
        Write::FinishJob(Box::new(FinishJob {
            tenant,
            job: job.id,
            epoch,
            event,
            outcome: None,
            error: Some(JobError { code: None, message }),
            delta: None,
            facts: fleet::device::FactsUpdate::default(),
            at,
        }))
    }

    fn failed(&self, usp: &Usp<S>, job: &Job, message: String) -> Write {
        Write::FinishJob(Box::new(FinishJob {
            tenant: job.tenant,
            job: job.id,
            epoch: Some(self.epoch),
            event: JobEvent::Finish(fleet::job::Ending::Failed),
            outcome: None,
            error: Some(JobError { code: None, message }),
            delta: None,
            facts: fleet::device::FactsUpdate::default(),
            at: usp.0.clock.utc(),
        }))
    }
}

/// Whether the store could not do it, rather than would not.
fn is_of_the_medium(error: &StoreError) -> bool {
    matches!(error, StoreError::Failed(_) | StoreError::Full | StoreError::Busy)
}
