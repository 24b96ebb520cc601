//! Notifications and onboarding: what the machine reports, as writes of the domain.

use std::sync::Arc;
use std::time::Duration;

use api::gateway::Schema;
use dm::operation::{CommandResult, Requested};
use dm::{Fault, Mono, Outcome, UtcTime};
use fleet::event::{EventBody, EventKind};
use fleet::ids::Seq;
use fleet::job::{complete, forget_secrets};
use fleet::model::StoredModel;
use fleet::onboarding::{OnboardingPlan, moves_model};
use fleet::port::{DeviceFields, FinishJob, NewNotification, PutModel, Store, Write, Written};
use fleet::secret::{Quoted, mask_delta, mask_event};
use fleet::twin::{Delta, Source};
use usp_endpoint::controller::io::{Input, Learned, Notice, Notification, Ticket};

use super::Usp;
use super::convert::{self, Part};
use super::course::{Next, Over, Stage};
use super::session::Session;
use crate::clock::chance;
use crate::jobs::facts_of;
use crate::limits::{CONFIRM_AFTER, CONFIRMS_PER_SECOND, ONBOARDING_PROBLEMS};
use crate::schemas::Known;

impl<S: Store> Session<S> {
    /// Stores a notification; the input for the machine says whether the agent may be told.
    pub(super) async fn store(
        self: &Arc<Self>,
        usp: &Usp<S>,
        ticket: Ticket,
        notification: Notification,
    ) -> Input {
        let at = usp.0.clock.utc();
        let anew = begins_anew(&notification.what);
        let Known { schema, plan } = match self.known(usp).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "a notification can't be masked");
                return Input::NotStored(ticket);
            }
        };
        let (finish, quoted) = self.completion(usp, &notification.what, &schema, at).await.unzip();
        let finished = finish.as_ref().map(|finish: &FinishJob| finish.job);
        // What is looked into is no longer than what is kept.
        let mut event = convert::event(&notification.what).bounded();
        mask_event(&mut event, &quoted.unwrap_or_default(), schema.as_ref());
        let delta = delta(&notification.what, at).map(|mut delta| {
            mask_delta(&mut delta, schema.as_ref());
            delta
        });
        if let Some(job) = finished {
            event = event.of_job(job);
        }
        let write = NewNotification {
            tenant: self.tenant,
            device: self.device,
            epoch: self.epoch,
            endpoint: self.endpoint.as_str().to_owned(),
            msg_id: notification.msg_id,
            digest: fleet::ids::Digest(notification.digest),
            at,
            event: event.bounded(),
            delta,
            finish,
            doubts_model: anew || moves(&notification.what, plan.services),
        };
        let doubts_model = write.doubts_model;
        match usp.submit(Write::StoreNotification(Box::new(write))).await {
            Ok(written) => {
                usp.0.metrics.notifications.inc();
                if let Some(job) = finished {
                    usp.0.metrics.jobs_finished.inc();
                    usp.0.lanes.finished(self.device, job);
                }
                if let Written::Notified { seq, known: false } = written {
                    if anew {
                        let (usp, session) = (usp.clone(), Arc::clone(self));
                        tokio::spawn(async move {
                            usp.guarded(&session, session.look_anew(&usp, Some(seq))).await;
                        });
                    } else if doubts_model {
                        let now = usp.0.clock.now().mono;
                        let earliest = if is_boot(&notification.what) { usp.confirm_at() } else { now };
                        self.with_course(|course| course.doubted(now, earliest));
                    }
                }
                Input::Stored(ticket)
            }
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "a notification was not stored");
                Input::NotStored(ticket)
            }
        }
    }

    /// The job that an OperationComplete ends, by its command key, and the secrets of its request.
    async fn completion(
        &self,
        usp: &Usp<S>,
        what: &Notice,
        schema: &Schema,
        at: UtcTime,
    ) -> Option<(FinishJob, Quoted)> {
        let Notice::OperationComplete { path, command, command_key, result } = what else { return None };
        if command_key.is_empty() {
            return None;
        }
        let tenant = self.tenant;
        let job = usp.0.store.job_by_command_key(tenant, self.device, command_key).await.ok()??;
        let completed =
            Requested { path: format!("{path}{command}"), result: result.clone().map(CommandResult::Output) };
        // The notification does not name its Request row: it is taken for the first that still runs.
        let (mut outcome, event) = complete(job.outcome.as_ref(), command_key, "", completed);
        let quoted = Quoted::of(&job.operation, schema.as_ref());
        forget_secrets(&mut job.operation.clone(), Some(&mut outcome), schema.as_ref());
        let finish = FinishJob {
            tenant,
            job: job.id,
            epoch: None,
            event,
            outcome: Some(outcome),
            error: None,
            delta: None,
            facts: fleet::device::FactsUpdate::default(),
            at,
        };
        Some((finish, quoted))
    }

    /// Has the machine onboard the device after the domain's plan. What is to be set up follows from the
    /// model: where that is not known yet, or in doubt, the device is looked at first.
    pub(super) async fn onboard(self: &Arc<Self>, usp: &Usp<S>, doubt: Option<Seq>) {
        match self.known(usp).await {
            Ok(known) if doubt.is_none() && !known.plan.ask_model => {
                self.start(usp, Stage::Whole, None, &known.plan).await;
            }
            _ => self.look_anew(usp, doubt).await,
        }
    }

    /// The device is looked at whole, whatever it said before.
    async fn look_anew(self: &Arc<Self>, usp: &Usp<S>, answers: Option<Seq>) {
        self.start(usp, Stage::Look, answers, &OnboardingPlan::compute(None)).await;
    }

    /// Has the machine see whether an onboarded device still has our subscriptions.
    pub(super) async fn reconcile(self: &Arc<Self>, usp: &Usp<S>) {
        match self.known(usp).await {
            Ok(known) => self.start(usp, Stage::Stand, None, &known.plan).await,
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "the device's model can't be read");
            }
        }
    }

    /// Asks for the model again, if it is still in doubt, or onboards the device, if that was not done.
    pub(super) async fn look(self: &Arc<Self>, usp: &Usp<S>, stage: Stage) {
        match usp.0.store.device(self.tenant, self.device).await {
            Ok(Some(device)) => {
                let onboards = stage == Stage::Look && !device.onboarded;
                if onboards || device.model_doubt.is_some() {
                    self.start(usp, stage, device.model_doubt, &OnboardingPlan::compute(None)).await;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "a look at a device");
                self.look_failed(usp, stage == Stage::Look);
            }
        }
    }

    async fn start(
        self: &Arc<Self>,
        usp: &Usp<S>,
        stage: Stage,
        answers: Option<Seq>,
        plan: &OnboardingPlan,
    ) {
        if let Some(ticket) = self.with_course(|course| course.begin(stage, answers)) {
            self.input(usp, stage_input(stage, ticket, plan)).await;
        }
    }

    /// What follows from the end of a stage.
    pub(super) async fn proceed(self: &Arc<Self>, usp: &Usp<S>, next: Next, onboarded: bool) {
        let over = match next {
            Next::Then(stage, ticket) => {
                return match self.known(usp).await {
                    Ok(known) => self.input(usp, stage_input(stage, ticket, &known.plan)).await,
                    Err(error) => {
                        tracing::warn!(%error, endpoint = %self.endpoint, "the device's model can't be read");
                        self.with_course(|course| course.ended(usp.0.clock.now().mono, ticket, false));
                        usp.arm(self);
                    }
                };
            }
            Next::Over(over) => over,
        };
        let (tenant, device, at) = (self.tenant, self.device, usp.0.clock.utc());
        let Over { answers, problems } = over;
        let write = match (onboarded, answers) {
            (true, answers) => Write::Onboarded { tenant, device, problems, answers, at },
            (false, Some(answers)) => Write::ModelConfirmed { tenant, device, answers },
            (false, None) => return,
        };
        match usp.submit(write).await {
            Ok(_) if onboarded => tracing::info!(endpoint = %self.endpoint, "onboarded"),
            Ok(_) => tracing::info!(endpoint = %self.endpoint, "its model has been looked at again"),
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "onboarding was not kept");
                self.look_failed(usp, onboarded);
            }
        }
    }

    /// It is tried again, in bounds.
    pub(super) fn look_failed(self: &Arc<Self>, usp: &Usp<S>, whole: bool) {
        self.with_course(|course| course.failed(usp.0.clock.now().mono, whole));
        usp.arm(self);
    }

    pub(super) async fn learned(self: &Arc<Self>, usp: &Usp<S>, learned: Learned, first: Option<Ticket>) {
        let (tenant, device, at) = (self.tenant, self.device, usp.0.clock.utc());
        let write = match learned {
            Learned::Protocols(_) | Learned::OwnRow(_) | Learned::Refused(_) => return,
            Learned::Values(mut outcome) | Learned::Instances(mut outcome) => {
                let mut operation = convert::asked(&outcome);
                let Ok(schema) = self.schema(usp).await else {
                    tracing::warn!(endpoint = %self.endpoint, "what was learnt can't be masked, nor kept");
                    return;
                };
                forget_secrets(&mut operation, Some(&mut outcome), schema.as_ref());
                let delta = Delta::of_outcome(&operation, &outcome, at);
                let facts = facts_of(&outcome);
                let delta = (!delta.is_empty()).then_some(delta);
                Write::PutDeviceFields(Box::new(DeviceFields { tenant, device, facts, delta, at }))
            }
            Learned::Schema(Outcome::GetSchema(results)) => {
                let Some(schema) = convert::merge_schema(results) else { return };
                match StoredModel::new(schema) {
                    Ok(model) => Write::PutModel(Box::new(PutModel { tenant, device, model, at })),
                    Err(error) => {
                        tracing::warn!(%error, endpoint = %self.endpoint, "the supported model was not kept");
                        return;
                    }
                }
            }
            Learned::Schema(_) => return,
        };
        let model = match &write {
            Write::PutModel(put) => Some(put.model.hash),
            _ => None,
        };
        match usp.submit(write).await {
            Ok(_) => {
                if let Some(model) = model {
                    self.told(model);
                    if let Err(error) = self.known(usp).await {
                        tracing::warn!(%error, endpoint = %self.endpoint, "the model can't be read back");
                    }
                    self.with_course(|course| course.kept(first));
                }
            }
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "what was learnt was not kept");
            }
        }
    }

    /// Subscriptions that the device does not take: it will never tell what they are about.
    pub(super) fn refused(
        &self,
        refused: &[(String, Option<Fault>)],
    ) -> impl Iterator<Item = (String, String)> {
        refused.iter().take(ONBOARDING_PROBLEMS).map(|(id, fault)| {
            let why = fault.as_ref().map_or_else(|| "no reason given".to_owned(), Fault::to_string);
            tracing::warn!(endpoint = %self.endpoint, id, why, "a subscription was refused");
            (id.clone(), format!("the subscription was refused: {why}"))
        })
    }
}

impl<S: Store> Usp<S> {
    /// When a session that begins now is to look at its device. Devices that come back together after a
    /// power cut are looked at one after the other; most have told by then, with a Boot!, that all stands.
    pub(super) fn confirm_at(&self) -> Mono {
        let sessions = u64::try_from(self.session_count()).unwrap_or(u64::MAX);
        let spread_us = sessions.saturating_mul(1_000_000 / CONFIRMS_PER_SECOND);
        let later = u64::from_le_bytes(chance()) % (spread_us + 1);
        self.0.clock.now().mono + CONFIRM_AFTER + Duration::from_micros(later)
    }
}

/// Whether the device may be another one than it was, so that its model has to be read again: it asks to be
/// onboarded, or has booted with other firmware.
fn begins_anew(what: &Notice) -> bool {
    match what {
        Notice::OnBoardRequest { .. } => true,
        Notice::Event { params, .. } => {
            let updated = |(name, value): &(String, String)| {
                name == "FirmwareUpdated" && (value == "true" || value == "1")
            };
            is_boot(what) && params.iter().any(updated)
        }
        _ => false,
    }
}

fn is_boot(what: &Notice) -> bool {
    matches!(what, Notice::Event { path, name, .. } if path == "Device." && name == "Boot!")
}

/// Whether the model of the device may be another one than it was: a USP Service has come or gone, or, of a device where
/// they may, it has booted, and not all have to be there again.
fn moves(what: &Notice, services: bool) -> bool {
    match what {
        Notice::ValueChange { path, .. }
        | Notice::ObjectCreation { path, .. }
        | Notice::ObjectDeletion { path } => moves_model(path),
        Notice::Event { .. } => services && is_boot(what),
        Notice::OperationComplete { .. } | Notice::OnBoardRequest { .. } => false,
    }
}

/// What a stage is for the machine.
fn stage_input(stage: Stage, ticket: Ticket, plan: &OnboardingPlan) -> Input {
    let plan = |part| usp_endpoint::controller::io::OnboardingPlan { ticket, ..convert::plan(plan, part) };
    match stage {
        Stage::Look => Input::Onboard(plan(Part::Look)),
        Stage::SetUp => Input::Onboard(plan(Part::SetUp)),
        Stage::Whole => Input::Onboard(plan(Part::Whole)),
        Stage::Model => Input::Onboard(plan(Part::Model)),
        Stage::Stand => Input::Reconcile(plan(Part::Whole)),
    }
}

/// What a notification changes in the twin.
fn delta(what: &Notice, at: UtcTime) -> Option<Delta> {
    let mut delta = Delta::new(at, Source::Notified);
    match what {
        Notice::ValueChange { path, value } => delta.put(path, value),
        Notice::ObjectCreation { path, unique_keys } => {
            delta.put(path, "");
            delta.put_object(path, unique_keys);
        }
        Notice::ObjectDeletion { path } => delta.remove(path),
        Notice::Event { .. } | Notice::OperationComplete { .. } | Notice::OnBoardRequest { .. } => {}
    }
    (!delta.is_empty()).then_some(delta)
}

/// The kinds that events have names of their own for.
pub(super) fn event_kind(path: &str, name: &str) -> EventKind {
    match (path, name) {
        ("Device.", "Boot!") => EventKind::Boot,
        ("Device.LocalAgent.", "Periodic!") => EventKind::Periodic,
        _ => EventKind::Event,
    }
}

/// An event body at a path.
pub(super) fn body(kind: EventKind, path: &str, params: &[(String, String)]) -> EventBody {
    let body = EventBody::new(kind).at_path(path);
    params.iter().fold(body, |body, (name, value)| body.with(name, value))
}
