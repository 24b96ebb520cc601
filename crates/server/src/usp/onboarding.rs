//! Notifications and onboarding: what the machine reports, as writes of the domain.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::gateway::Schema;
use dm::operation::{CommandResult, Requested};
use dm::{Fault, Mono, Outcome};
use fleet::event::{EventBody, EventKind};
use fleet::job::{complete, forget_secrets};
use fleet::model::StoredModel;
use fleet::onboarding::OnboardingPlan;
use fleet::port::{DeviceFields, FinishJob, NewNotification, PutModel, Store, Write, Written};
use fleet::secret::{Quoted, mask_delta, mask_event};
use fleet::twin::{Delta, Source};
use usp_endpoint::controller::io::{Input, Learned, Notice, Notification, Ticket};

use super::convert::{self, Part};
use super::session::Session;
use super::{Usp, lock};
use crate::clock::chance;
use crate::limits::{CONFIRM_AFTER, CONFIRMS_PER_SECOND, MODEL_SETTLES, ONBOARDING_PROBLEMS};

impl<S: Store> Session<S> {
    /// Stores a notification; the input for the machine says whether the agent may be told.
    pub(super) async fn store(
        self: &Arc<Self>,
        usp: &Usp<S>,
        ticket: Ticket,
        notification: Notification,
    ) -> Input {
        let at = usp.0.clock.utc();
        let wants_onboarding = begins_anew(&notification.what);
        let changes_model = is_of_services(&notification.what);
        let schema = match self.schema(usp).await {
            Ok(schema) => schema,
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "a notification can't be masked");
                return Input::NotStored(ticket);
            }
        };
        let (finish, quoted) = self.completion(usp, &notification.what, &schema).await.unzip();
        let finished = finish.as_ref().map(|finish: &FinishJob| finish.job);
        let mut event = convert::event(&notification.what);
        mask_event(&mut event, &quoted.unwrap_or_default(), schema.as_ref());
        let delta = delta(&notification.what, at).map(|mut delta| {
            mask_delta(&mut delta, schema.as_ref());
            delta
        });
        if let Some(job) = finished {
            event = event.of_job(job);
        }
        let write = NewNotification {
            tenant: usp.0.options.tenant,
            device: self.device,
            epoch: self.epoch,
            endpoint: self.endpoint.as_str().to_owned(),
            msg_id: notification.msg_id,
            digest: fleet::ids::Digest(notification.digest),
            at,
            event: event.bounded(),
            delta,
            finish,
        };
        match usp.submit(Write::StoreNotification(Box::new(write))).await {
            Ok(written) => {
                usp.0.metrics.notifications.inc();
                if let Some(job) = finished {
                    usp.0.metrics.jobs_finished.inc();
                    usp.0.lanes.finished(self.device, job);
                }
                if wants_onboarding && !matches!(written, Written::Notified { known: true, .. }) {
                    let (usp, session) = (usp.clone(), Arc::clone(self));
                    tokio::spawn(async move { session.onboard_by(&usp, None).await });
                }
                if changes_model {
                    self.look_again(usp);
                }
                Input::Stored(ticket)
            }
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "a notification was not stored");
                Input::NotStored(ticket)
            }
        }
    }

    /// Has the device's model read anew once its USP Services have been still for a while: their parts come and go
    /// within it.
    fn look_again(self: &Arc<Self>, usp: &Usp<S>) {
        let change = self.services_changed.fetch_add(1, Ordering::Relaxed) + 1;
        let (usp, session) = (usp.clone(), Arc::clone(self));
        tokio::spawn(async move {
            tokio::time::sleep(MODEL_SETTLES).await;
            if session.services_changed.load(Ordering::Relaxed) == change {
                session.onboard_by(&usp, None).await;
            }
        });
    }

    /// The job that an OperationComplete ends, by its command key, and the secrets of its request.
    async fn completion(&self, usp: &Usp<S>, what: &Notice, schema: &Schema) -> Option<(FinishJob, Quoted)> {
        let Notice::OperationComplete { path, command, command_key, result } = what else { return None };
        if command_key.is_empty() {
            return None;
        }
        let tenant = usp.0.options.tenant;
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
            event,
            outcome: Some(outcome),
            error: None,
            delta: None,
            facts: fleet::device::FactsUpdate::default(),
            at: usp.0.clock.utc(),
        };
        Some((finish, quoted))
    }

    /// Has the machine onboard the device after the domain's plan. What is to be set up follows from the
    /// model: where that is not known yet, the device is looked at first.
    pub(super) async fn onboard(self: &Arc<Self>, usp: &Usp<S>) {
        let model = self.known_model(usp).await;
        self.onboard_by(usp, model).await;
    }

    /// Without a model, the device is asked for it, whatever it said before.
    async fn onboard_by(self: &Arc<Self>, usp: &Usp<S>, model: Option<StoredModel>) {
        self.looking.store(model.is_none(), Ordering::Relaxed);
        lock(&self.problems).clear();
        let part = if model.is_none() { Part::Look } else { Part::Whole };
        let plan = convert::plan(&OnboardingPlan::compute(model.as_ref()), part);
        self.input(usp, Input::Onboard(plan)).await;
    }

    /// The second part of an onboarding that began with a look.
    async fn set_up(self: &Arc<Self>, usp: &Usp<S>) {
        let model = self.known_model(usp).await;
        let plan = convert::plan(&OnboardingPlan::compute(model.as_ref()), Part::SetUp);
        self.input(usp, Input::Onboard(plan)).await;
    }

    /// Has the machine see whether an onboarded device still has our subscriptions.
    pub(super) async fn reconcile(self: &Arc<Self>, usp: &Usp<S>) {
        let model = self.known_model(usp).await;
        lock(&self.problems).clear();
        let plan = convert::plan(&OnboardingPlan::compute(model.as_ref()), Part::Whole);
        self.input(usp, Input::Reconcile(plan)).await;
    }

    async fn known_model(&self, usp: &Usp<S>) -> Option<StoredModel> {
        let tenant = usp.0.options.tenant;
        let device = usp.0.store.device(tenant, self.device).await.ok()??;
        usp.0.store.model(tenant, device.model?).await.ok()?
    }

    pub(super) async fn learned(self: &Arc<Self>, usp: &Usp<S>, learned: Learned) {
        let (tenant, device, at) = (usp.0.options.tenant, self.device, usp.0.clock.utc());
        let write = match learned {
            Learned::Protocols(_) | Learned::OwnRow(_) => return,
            Learned::Refused(refused) => return self.refused(&refused),
            Learned::Values(mut outcome) | Learned::Instances(mut outcome) => {
                let mut operation = convert::asked(&outcome);
                let Ok(schema) = self.schema(usp).await else {
                    tracing::warn!(endpoint = %self.endpoint, "what was learnt can't be masked, nor kept");
                    return;
                };
                forget_secrets(&mut operation, Some(&mut outcome), schema.as_ref());
                let delta = Delta::of_outcome(&operation, &outcome, at);
                let facts = convert::facts_of(&outcome);
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
            Ok(_) if model.is_some() => {
                let age = usp.0.schemas.age();
                self.put_schema(age, usp.schema(tenant, model).await.ok());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "what was learnt was not kept");
            }
        }
    }

    /// Subscriptions that the device does not take: it will never tell what they are about.
    fn refused(&self, refused: &[(String, Option<Fault>)]) {
        for (id, fault) in refused.iter().take(ONBOARDING_PROBLEMS) {
            let why = fault.as_ref().map_or_else(|| "no reason given".to_owned(), Fault::to_string);
            tracing::warn!(endpoint = %self.endpoint, id, why, "a subscription was refused");
            lock(&self.problems).push((id.clone(), format!("the subscription was refused: {why}")));
        }
    }

    pub(super) async fn onboarded(self: &Arc<Self>, usp: &Usp<S>, result: Result<(), String>) {
        if self.looking.swap(false, Ordering::Relaxed) {
            return self.set_up(usp).await;
        }
        if let Err(why) = result {
            return tracing::warn!(endpoint = %self.endpoint, why, "onboarding is not complete");
        }
        let problems = std::mem::take(&mut *lock(&self.problems));
        let (tenant, device, at) = (usp.0.options.tenant, self.device, usp.0.clock.utc());
        match usp.submit(Write::Onboarded { tenant, device, problems, at }).await {
            Ok(_) => tracing::info!(endpoint = %self.endpoint, "onboarded"),
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.endpoint, "onboarding was not kept");
            }
        }
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
        Notice::Event { path, name, params } => {
            let updated = |(name, value): &(String, String)| {
                name == "FirmwareUpdated" && (value == "true" || value == "1")
            };
            path == "Device." && name == "Boot!" && params.iter().any(updated)
        }
        _ => false,
    }
}

/// Whether a USP Service came, went, or registered something else.
fn is_of_services(what: &Notice) -> bool {
    let (Notice::ObjectCreation { path, .. }
    | Notice::ObjectDeletion { path }
    | Notice::ValueChange { path, .. }) = what
    else {
        return false;
    };
    path.starts_with("Device.USPServices.USPService.")
}

/// What a notification changes in the twin.
fn delta(what: &Notice, at: dm::UtcTime) -> Option<Delta> {
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
