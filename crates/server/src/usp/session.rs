//! A device's session: the controller machine under a lock, and what its outputs lead to.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::Mono;
use fleet::ids::{DeviceId, Epoch, TenantId};
use fleet::job::Job;
use fleet::onboarding::ID_PREFIX;
use fleet::port::{SessionClosed, Store, StoreError, Write};
use mtp::{LinkSender, LinkUp, Verdict};
use tokio::sync::{OnceCell, OwnedRwLockReadGuard, RwLock};
use usp_endpoint::EndpointId;
use usp_endpoint::controller::ControllerMachine;
use usp_endpoint::controller::io::{Input, Ticket};
use usp_endpoint::link::{Inbound, LinkId};

use super::course::Course;
use super::own_model::{Found, OwnModel};
use super::{Usp, lock};
use crate::clock::chance;
use crate::jobs::End;

mod effects;
mod ends;

use effects::Effect;

/// How long a request may take when its job has no deadline.
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take at most once it is given to a session, whatever its job's deadline: a device that stays silent
/// must not hold its lane for longer (invariant 7).
const LONGEST_PATIENCE: Duration = Duration::from_secs(300);

/// See [`Session::hold`].
type Held = Option<OwnedRwLockReadGuard<()>>;

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
    pub(super) fn hold(&self) -> Held {
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
            if let Effect::JobEnded(job, End::NotSent, _) = effect
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
}
