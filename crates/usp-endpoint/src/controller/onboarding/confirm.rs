//! Whether an agent that was onboarded still is: a factory reset takes our subscriptions, and with them
//! every word that would tell of it.

use dm::Mono;
use dm::operation::{Get, ObjectValues};
use dm::{Operation, Outcome};

use super::super::io::{OnboardingPlan, Output};
use super::super::{ControllerConfig, ControllerMachine};
use super::{Onboarding, Step, Verdict, asks, steps, subscriptions};

/// A look that is due at some time.
pub(in super::super) struct Confirm {
    at: Mono,
    id_prefix: String,
}

impl ControllerMachine {
    pub(in super::super) fn confirm(&mut self, at: Mono, id_prefix: String) {
        if let Some(link) = &mut self.link {
            link.confirm = Some(Box::new(Confirm { at, id_prefix }));
        }
    }

    pub(in super::super) fn confirm_at(&self) -> Option<Mono> {
        let link = self.link.as_ref().filter(|link| link.open)?;
        link.confirm.as_ref().map(|confirm| confirm.at)
    }

    pub(in super::super) fn confirm_if_due(&mut self, now: Mono) {
        if self.confirm_at().is_some_and(|at| at <= now) {
            self.confirmed();
            if self.onboarding.is_none() {
                self.outputs.push_back(Output::ConfirmDue);
            }
        }
    }

    /// A notification of this subscription came: ours are there.
    pub(in super::super) fn subscription_stands(&mut self, id: &str) {
        let confirm = self.link.as_ref().and_then(|link| link.confirm.as_ref());
        if confirm.is_some_and(|confirm| id.starts_with(&confirm.id_prefix)) {
            self.confirmed();
        }
    }

    fn confirmed(&mut self) {
        if let Some(link) = &mut self.link {
            link.confirm = None;
        }
    }

    pub(in super::super) fn reconcile(&mut self, now: Mono, plan: OnboardingPlan) {
        self.confirmed();
        if self.onboarding.is_none() {
            let first = Step::Standing { search: true };
            self.onboarding = Some(Box::new(Onboarding::beginning(plan, first)));
            self.resume_onboarding(now);
        }
    }
}

/// Our row and all subscriptions, in one message.
pub(super) fn question(search: bool, config: &ControllerConfig) -> Option<usp_proto::Request> {
    let own_row =
        if search { steps::own_row_search(&config.endpoint) } else { steps::CONTROLLERS.to_owned() };
    asks(Operation::Get(Get { paths: vec![own_row, subscriptions::TABLE.to_owned()], max_depth: 0 }))
}

impl Onboarding {
    pub(super) fn take_standing(
        &mut self,
        search: bool,
        outcome: Outcome,
        config: &ControllerConfig,
    ) -> Verdict {
        let Some(own_row) = steps::own_row(&outcome, &config.endpoint) else {
            if search {
                self.current = Step::Standing { search: false };
                return Verdict::Again;
            }
            return Verdict::Stop(format!("the agent has no row for {}", config.endpoint));
        };
        let rows: Vec<ObjectValues> = steps::rows(outcome);
        let (wanted, prefix) = (&self.plan.subscriptions, &self.plan.id_prefix);
        if subscriptions::none_stands(wanted, &rows, &own_row) {
            *self = Onboarding::new(self.plan.clone());
            return Verdict::Again;
        }
        let writes = subscriptions::reconcile(wanted, &rows, &own_row, prefix);
        self.own_row = own_row;
        if writes.is_empty() {
            return Verdict::On;
        }
        self.written = (writes.clone(), 1);
        self.current = Step::Subscribe(writes.into());
        Verdict::Again
    }
}
