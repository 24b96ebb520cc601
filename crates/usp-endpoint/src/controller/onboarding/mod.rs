//! Onboarding: an [`OnboardingPlan`] carried out step by step, one request at a time.
//!
//! Each step is a question, or writes that follow from a question. When the connection is lost, the step
//! begins again with its question, so that nothing is written twice. A step that fails is noted and left
//! out, unless the rest makes no sense without it. Versions that an agent advertises decide nothing:
//! agents of 1.3 and below know later features, so every question is asked and every answer taken.

mod confirm;
mod schema;
mod steps;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dm::operation::{Instance, Requested, SchemaResult};
use dm::{Fault, Mono, Operation, Outcome};
use usp_proto::get_supported_protocol::GetSupportedProtocol;

use super::ControllerMachine;
use super::io::{Learned, OnboardingPlan, Output};
use super::requests::{Asker, Kind};
use crate::{limits, translate};

pub(super) use confirm::Confirm;

/// An onboarding under way.
pub(super) struct Onboarding {
    plan: OnboardingPlan,
    current: Step,
    /// Steps after the current one.
    next: VecDeque<Step>,
    /// How many questions of the current step, and of what it turned into, got no answer.
    unanswered: u32,
    /// How many connections were lost while the current step's question was out.
    losses: u32,
    /// Path of our row in the table of controllers, with its final dot.
    own_row: String,
    schema: Vec<Requested<SchemaResult>>,
    /// Divergent paths that are asked for.
    divergent: BTreeSet<String>,
    instances: Vec<Requested<Vec<Instance>>>,
    /// Bytes on the wire of the answers that are kept until they are handed over.
    held: usize,
    /// What the latest round of subscription writes was, and how many rounds there were.
    written: (Vec<Operation>, usize),
    /// Why subscriptions of ours were refused, by their ids.
    faults: BTreeMap<String, Fault>,
    /// The agent is onboarded already, and this is a look at it: its end is no news.
    quiet: bool,
}

/// One step.
#[derive(Clone, PartialEq, Debug)]
enum Step {
    /// Whether our subscriptions stand; by a search for our row, or by reading the whole table of controllers.
    Standing { search: bool },
    /// Which versions the agent speaks.
    Protocols,
    /// Values of objects.
    Read(Vec<String>),
    /// The supported model of an object and all below it.
    Schema(String),
    /// The supported model of `Device.` alone, and the names of what is in it.
    SchemaChildren,
    /// The supported model is as complete as it gets: hand it over.
    SchemaDone,
    /// Which tables there are, when the model is not asked for.
    Tables,
    /// The rows of tables and of all tables below them.
    Instances(Vec<String>),
    /// The rows are as complete as they get: hand them over.
    InstancesDone,
    /// Our row in the table of controllers, by a search; or by reading the whole table.
    OwnRow { search: bool },
    /// Which subscriptions there are.
    Subscriptions,
    /// What brings them to what is wanted, then `Subscriptions` again.
    Subscribe(VecDeque<Operation>),
    /// Which boot parameters there are.
    BootParameters,
    /// What brings them to what is wanted.
    SetBootParameters(VecDeque<Operation>),
    /// `OnBoardingComplete`.
    Complete,
}

/// What became of a question of onboarding.
pub(super) enum Finding {
    /// The agent's versions, as it lists them.
    Protocols(String),
    /// An answer, and how many bytes it took on the wire.
    Outcome(Outcome, usize),
    /// No answer, or none to this question; why.
    Nothing(String),
}

/// What a step leads to.
enum Verdict {
    /// The next step.
    On,
    /// The same step again, without counting: it changed itself.
    Again,
    /// The end.
    Stop(String),
}

impl Onboarding {
    fn new(plan: OnboardingPlan) -> Onboarding {
        let mut next = VecDeque::new();
        if !plan.read.is_empty() {
            next.push_back(Step::Read(plan.read.clone()));
        }
        if plan.schema {
            next.extend([Step::Schema("Device.".to_owned()), Step::SchemaDone]);
        } else if plan.instances {
            next.push_back(Step::Tables);
        }
        if plan.instances {
            next.push_back(Step::InstancesDone);
        }
        let subscribes = !plan.subscriptions.is_empty() || !plan.id_prefix.is_empty();
        if subscribes || !plan.boot_parameters.is_empty() || plan.complete {
            next.push_back(Step::OwnRow { search: true });
        }
        if subscribes {
            next.push_back(Step::Subscriptions);
        }
        if !plan.boot_parameters.is_empty() {
            next.push_back(Step::BootParameters);
        }
        if plan.complete {
            next.push_back(Step::Complete);
        }
        Onboarding { next, quiet: false, ..Onboarding::beginning(plan, Step::Protocols) }
    }

    /// One step alone.
    fn beginning(plan: OnboardingPlan, first: Step) -> Onboarding {
        Onboarding {
            plan,
            current: first,
            next: VecDeque::new(),
            unanswered: 0,
            losses: 0,
            own_row: String::new(),
            schema: Vec::new(),
            divergent: BTreeSet::new(),
            instances: Vec::new(),
            held: 0,
            written: (Vec::new(), 0),
            faults: BTreeMap::new(),
            quiet: true,
        }
    }

    fn ended(&self, result: Result<(), String>) -> Output {
        let ticket = self.plan.ticket;
        match self.quiet {
            true => Output::Reconciled { ticket, result },
            false => Output::Onboarded { ticket, result },
        }
    }

    /// The connection is lost: the step begins again with its question on the next one. An answer that is
    /// too large may be what ended the connection, again and again: then less is asked for.
    fn pause(&mut self, asked: bool) {
        self.rewind();
        self.losses += u32::from(asked);
        if self.losses < limits::ONBOARDING_LOSSES {
            return;
        }
        match &self.current {
            Step::Schema(path) if path == "Device." => self.current = Step::SchemaChildren,
            Step::Read(_) | Step::Schema(_) | Step::SchemaChildren | Step::Instances(_) => {
                self.current = self.next.pop_front().unwrap_or(Step::InstancesDone);
            }
            _ => {}
        }
        self.losses = 0;
    }

    /// Whether the answer to the current step is kept beside others until all are handed over.
    fn collects(&self) -> bool {
        matches!(self.current, Step::Schema(_) | Step::SchemaChildren | Step::Instances(_))
    }

    /// Takes room for an answer, if there is any.
    fn holds(&mut self, bytes: usize) -> bool {
        self.held = self.held.saturating_add(bytes);
        self.held <= limits::ONBOARDING_BYTES
    }

    /// The step from its question on.
    fn rewind(&mut self) {
        match self.current {
            Step::Subscribe(_) => {
                self.current = Step::Subscriptions;
                // This round was not answered to its end: it says nothing of what the agent refuses.
                self.written = (Vec::new(), self.written.1.saturating_sub(1));
            }
            Step::SetBootParameters(_) => self.current = Step::BootParameters,
            _ => {}
        }
    }
}

impl ControllerMachine {
    /// Begins. The same plan goes on if it is under way; another one is given up for this.
    pub(super) fn onboard(&mut self, now: Mono, plan: OnboardingPlan) {
        if self.onboarding.as_ref().is_some_and(|onboarding| onboarding.plan == plan && !onboarding.quiet) {
            return;
        }
        self.requests.retain(|request| request.asker != Asker::Onboarding);
        self.onboarding = Some(Box::new(Onboarding::new(plan)));
        self.resume_onboarding(now);
    }

    /// The connection is lost: the current step waits for the next one. Its request is gone already.
    pub(super) fn pause_onboarding(&mut self, asked: bool) {
        if let Some(onboarding) = &mut self.onboarding {
            onboarding.pause(asked);
        }
    }

    /// Asks the question of the current step, if the channel is open and it is not out already. Steps
    /// that ask nothing are done on the way.
    pub(super) fn resume_onboarding(&mut self, now: Mono) {
        let open = self.link.as_ref().is_some_and(|link| link.open);
        let out = self.requests.iter().any(|request| request.asker == Asker::Onboarding);
        if !open || out {
            return;
        }
        while let Some(mut onboarding) = self.onboarding.take() {
            if let Some(message) = onboarding.question(&self.config) {
                self.onboarding = Some(onboarding);
                // Onboarding repeats nothing by itself: a lost step begins again with its question.
                let deadline = now + limits::ONBOARDING_ANSWER;
                return self.enter(now, Asker::Onboarding, message, Kind::Once, false, deadline);
            }
            let learned = onboarding.hand_over();
            self.outputs.extend(learned.map(Output::Learned));
            match onboarding.next.pop_front() {
                Some(step) => {
                    onboarding.current = step;
                    self.onboarding = Some(onboarding);
                }
                None => self.outputs.push_back(onboarding.ended(Ok(()))),
            }
        }
    }

    /// The question of the current step is answered, or will not be.
    pub(super) fn found(&mut self, now: Mono, finding: Finding) {
        let Some(mut onboarding) = self.onboarding.take() else { return };
        onboarding.losses = 0;
        let verdict = match finding {
            Finding::Protocols(versions) => {
                self.outputs.push_back(Output::Learned(Learned::Protocols(versions)));
                Verdict::On
            }
            Finding::Outcome(_, bytes) if onboarding.collects() && !onboarding.holds(bytes) => {
                self.notice(format!("onboarding: {}: more than is kept", onboarding.current.name()));
                Verdict::On
            }
            Finding::Outcome(outcome, _) => onboarding.take(outcome, &self.config, &mut self.outputs),
            Finding::Nothing(why) => {
                self.notice(format!("onboarding: {}: {why}", onboarding.current.name()));
                onboarding.unanswered += 1;
                onboarding.unanswered(&mut self.outputs)
            }
        };
        match verdict {
            Verdict::Again => {}
            Verdict::On => {
                onboarding.unanswered = 0;
                let Some(step) = onboarding.next.pop_front() else {
                    return self.outputs.push_back(onboarding.ended(Ok(())));
                };
                onboarding.current = step;
            }
            Verdict::Stop(why) => return self.outputs.push_back(onboarding.ended(Err(why))),
        }
        self.onboarding = Some(onboarding);
        self.resume_onboarding(now);
    }
}

/// The request for versions; everything else that onboarding asks is an [`Operation`].
fn protocols(config: &super::ControllerConfig) -> usp_proto::Request {
    usp_proto::Request::GetSupportedProtocol(GetSupportedProtocol::new(&config.versions))
}

fn asks(operation: Operation) -> Option<usp_proto::Request> {
    Some(translate::request(operation))
}
