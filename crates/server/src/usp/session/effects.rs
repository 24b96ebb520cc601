//! What the outputs of a session's machine lead to: some at once, under the session's lock, the rest beyond it.

use std::pin::Pin;
use std::sync::Arc;

use fleet::job::Job;
use fleet::port::Store;
use usp_endpoint::controller::io::{Learned, Output, Ticket};

use super::{Held, Session, SessionInner};
use crate::jobs::End;
use crate::usp::Usp;
use crate::usp::course::{Course, Next, Stage};

/// What an output leads to beyond the lock.
pub(super) enum Effect {
    Connected,
    Store(Ticket, Box<usp_endpoint::controller::io::Notification>),
    /// With what keeps the session's end from being stored before it: from here on, not from when its turn comes.
    JobEnded(Arc<Job>, End, Held),
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
    /// What an output of the machine leads to: what is done at once, and what is left to be carried out.
    pub(super) fn output(
        &self,
        usp: &Usp<S>,
        inner: &mut SessionInner,
        output: Output,
        effects: &mut Vec<Effect>,
    ) {
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
                    effects.push(Effect::JobEnded(job, End::Answered(outcome), self.hold()));
                }
            }
            Output::Failed { ticket, failure } => {
                if let Some(job) = inner.jobs.remove(&ticket) {
                    effects.push(Effect::JobEnded(job, failure.into(), self.hold()));
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
    pub(super) fn carry_out<'a>(
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
                // Before the session may end: what is on record as sent would be in doubt.
                Effect::JobEnded(job, End::NotSent, _held) => self.not_sent(usp, &job).await,
                // Finishing waits for the disk; the next Record must not wait for that.
                Effect::JobEnded(job, end, held) => self.spawn_finish(usp, job, end, held),
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
}
