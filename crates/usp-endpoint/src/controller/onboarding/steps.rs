//! The steps: what each asks, and what its answer leads to.

use std::collections::VecDeque;
use std::mem;

use dm::operation::{
    Get, GetInstances, GetSchema, ObjectSettings, ObjectValues, ParamSetting, Requested, Set,
};
use dm::{Operation, Outcome};
use usp_proto::EndpointId;

use super::super::ControllerConfig;
use super::super::io::{Learned, Output};
use super::{Onboarding, Step, Verdict, asks, confirm, protocols, schema, subscriptions};
use crate::limits;

pub(super) const CONTROLLERS: &str = "Device.LocalAgent.Controller.";

impl Step {
    /// For log lines.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Step::Protocols => "protocol versions",
            Step::Read(_) => "first reads",
            Step::Schema(_) | Step::SchemaChildren | Step::SchemaDone => "supported model",
            Step::Tables | Step::Instances(_) | Step::InstancesDone => "instances",
            Step::OwnRow { .. } => "own row among the controllers",
            Step::Standing { .. } | Step::Subscriptions | Step::Subscribe(_) => "subscriptions",
            Step::BootParameters | Step::SetBootParameters(_) => "boot parameters",
            Step::Complete => "OnBoardingComplete",
        }
    }
}

impl Onboarding {
    /// What the current step asks; `None` if it asks nothing (any more).
    pub(super) fn question(&self, config: &ControllerConfig) -> Option<usp_proto::Request> {
        match &self.current {
            Step::Standing { search } => confirm::question(*search, config),
            Step::Protocols => Some(protocols(config)),
            Step::Read(paths) => get(paths.clone()),
            Step::Schema(path) => asks(Operation::GetSchema(schema::everything(path))),
            Step::SchemaChildren => {
                let question = GetSchema { first_level_only: true, ..schema::everything("Device.") };
                asks(Operation::GetSchema(question))
            }
            Step::Tables => asks(Operation::GetSchema(GetSchema {
                paths: vec!["Device.".to_owned()],
                ..GetSchema::default()
            })),
            Step::Instances(paths) => {
                asks(Operation::GetInstances(GetInstances { paths: paths.clone(), first_level_only: false }))
            }
            Step::OwnRow { search: true } => get(vec![own_row_search(&config.endpoint)]),
            Step::OwnRow { search: false } => get(vec![CONTROLLERS.to_owned()]),
            Step::Subscriptions => get(vec![subscriptions::TABLE.to_owned()]),
            Step::BootParameters => get(vec![self.boot_table()]),
            Step::Subscribe(writes) | Step::SetBootParameters(writes) => asks(writes.front()?.clone()),
            Step::Complete => {
                let settings = setting("OnBoardingComplete", "true");
                let objects = vec![ObjectSettings { path: self.own_row.clone(), params: vec![settings] }];
                asks(Operation::Set(Set { allow_partial: false, objects }))
            }
            Step::SchemaDone | Step::InstancesDone => None,
        }
    }

    /// What a step that asks nothing hands over.
    pub(super) fn hand_over(&mut self) -> Option<Learned> {
        match self.current {
            Step::SchemaDone => {
                self.held = 0;
                let found = mem::take(&mut self.schema);
                if self.plan.instances {
                    self.ask_instances(schema::tables(&found));
                }
                (!found.is_empty()).then_some(Learned::Schema(Outcome::GetSchema(found)))
            }
            Step::InstancesDone => {
                self.held = 0;
                let found = mem::take(&mut self.instances);
                (!found.is_empty()).then_some(Learned::Instances(Outcome::GetInstances(found)))
            }
            _ => None,
        }
    }

    /// Takes the answer to the current step's question.
    pub(super) fn take(
        &mut self,
        outcome: Outcome,
        config: &ControllerConfig,
        outputs: &mut VecDeque<Output>,
    ) -> Verdict {
        note_faults(self.current.name(), &outcome, outputs);
        match (&mut self.current, outcome) {
            (Step::Read(paths), Outcome::Failed(_)) if paths.len() > 1 => {
                // One path that the agent cannot stand shall not cost the others.
                let singles: Vec<Step> = paths.drain(..).map(|path| Step::Read(vec![path])).collect();
                self.before_next(singles)
            }
            (Step::Read(_), outcome @ Outcome::Get(_)) => {
                outputs.push_back(Output::Learned(Learned::Values(outcome)));
                Verdict::On
            }
            (Step::Schema(path), outcome) => {
                let path = mem::take(path);
                self.take_schema(&path, outcome)
            }
            (Step::SchemaChildren, Outcome::GetSchema(results)) => {
                let (device, children) = schema::split_children(results);
                self.schema.extend(device);
                self.before_next(children.into_iter().map(Step::Schema).collect())
            }
            (Step::Tables, Outcome::GetSchema(results)) => {
                self.ask_instances(schema::tables(&results));
                Verdict::On
            }
            (Step::Instances(_), Outcome::GetInstances(results)) => {
                self.instances.extend(results);
                Verdict::On
            }
            (Step::OwnRow { search }, outcome) => match own_row(&outcome, &config.endpoint) {
                Some(row) => {
                    outputs.push_back(Output::Learned(Learned::OwnRow(row.clone())));
                    self.own_row = row;
                    Verdict::On
                }
                None if *search => {
                    self.current = Step::OwnRow { search: false };
                    Verdict::Again
                }
                None => {
                    Verdict::Stop(format!("the agent has no row for {} in {CONTROLLERS}", config.endpoint))
                }
            },
            (Step::Standing { search }, outcome) => {
                let search = *search;
                self.take_standing(search, outcome, config)
            }
            (Step::Subscriptions, outcome) => self.take_subscriptions(&rows(outcome), outputs),
            (Step::BootParameters, outcome) => {
                let writes = self.boot_writes(&rows(outcome));
                self.current = Step::SetBootParameters(writes);
                Verdict::Again
            }
            (Step::Subscribe(writes), outcome) => {
                if let Some(Operation::Add(add)) = writes.pop_front() {
                    self.faults.extend(subscriptions::faults(&add, &outcome));
                }
                if writes.is_empty() {
                    // What stands now is looked at once more.
                    self.current = Step::Subscriptions;
                }
                Verdict::Again
            }
            (Step::SetBootParameters(writes), _) => {
                writes.pop_front();
                Verdict::Again
            }
            _ => Verdict::On,
        }
    }

    /// The current step's question got no answer at all.
    pub(super) fn unanswered(&mut self, outputs: &mut VecDeque<Output>) -> Verdict {
        if let Step::Schema(path) = &mut self.current
            && path == "Device."
        {
            // A large model takes agents longer than they have; its parts may not.
            self.current = Step::SchemaChildren;
            return Verdict::Again;
        }
        if self.unanswered < limits::ONBOARDING_ATTEMPTS {
            self.rewind();
            return Verdict::Again;
        }
        let name = self.current.name();
        match self.current {
            Step::OwnRow { .. } | Step::Subscriptions | Step::Subscribe(_) | Step::Complete => {
                Verdict::Stop(format!("{name}: no answer"))
            }
            _ => {
                outputs.push_back(Output::Noticed(format!("onboarding: {name}: left out")));
                Verdict::On
            }
        }
    }

    /// Puts steps before those that come next anyway.
    fn before_next(&mut self, steps: Vec<Step>) -> Verdict {
        for step in steps.into_iter().take(limits::ONBOARDING_STEPS).rev() {
            self.next.push_front(step);
        }
        Verdict::On
    }

    fn take_schema(&mut self, path: &str, outcome: Outcome) -> Verdict {
        let Outcome::GetSchema(results) = outcome else { return self.schema_failed(path) };
        if path == "Device." && !results.iter().any(|result| result.result.is_ok()) {
            return self.schema_failed(path);
        }
        // Divergent paths are named by the agent, and may name more: each once, one bound for them all.
        let mut divergent = Vec::new();
        for path in schema::divergent(&results) {
            if self.divergent.len() < limits::DIVERGENT_PATHS && self.divergent.insert(path.clone()) {
                divergent.push(path.clone());
            }
        }
        self.schema.extend(results);
        self.before_next(divergent.into_iter().map(Step::Schema).collect())
    }

    /// Too much at once for some agents (7005): `Device.` is asked for child by child.
    fn schema_failed(&mut self, path: &str) -> Verdict {
        if path == "Device." {
            self.current = Step::SchemaChildren;
            return Verdict::Again;
        }
        Verdict::On
    }

    /// Asks for the rows of the tables, a few tables at a time; without any known table, of everything.
    fn ask_instances(&mut self, mut tables: Vec<String>) {
        if tables.is_empty() {
            tables.push("Device.".to_owned());
        }
        let steps = tables.chunks(limits::TABLES_PER_QUESTION).map(|some| Step::Instances(some.to_vec()));
        let steps: Vec<Step> = steps.collect();
        let _ = self.before_next(steps);
    }

    fn take_subscriptions(&mut self, rows: &[ObjectValues], outputs: &mut VecDeque<Output>) -> Verdict {
        let (wanted, prefix) = (&self.plan.subscriptions, &self.plan.id_prefix);
        let writes = subscriptions::reconcile(wanted, rows, &self.own_row, prefix);
        if writes.is_empty() {
            return Verdict::On;
        }
        // The same writes again would fail again.
        if writes == self.written.0 || self.written.1 >= limits::SUBSCRIPTION_ROUNDS {
            let left = "onboarding: the agent does not take all subscriptions".to_owned();
            outputs.push_back(Output::Noticed(left));
            let refused = subscriptions::added(&writes).map(|id| (id.to_owned(), self.faults.remove(id)));
            let refused: Vec<_> = refused.collect();
            if !self.quiet && !refused.is_empty() {
                outputs.push_back(Output::Learned(Learned::Refused(refused)));
            }
            return Verdict::On;
        }
        self.written = (writes.clone(), self.written.1 + 1);
        self.current = Step::Subscribe(writes.into());
        Verdict::Again
    }

    fn boot_table(&self) -> String {
        format!("{}BootParameter.", self.own_row)
    }

    fn boot_writes(&self, rows: &[ObjectValues]) -> VecDeque<Operation> {
        subscriptions::boot_parameters(&self.plan.boot_parameters, rows, &self.boot_table()).into()
    }
}

/// A setting that must succeed.
pub(super) fn setting(param: &str, value: &str) -> ParamSetting {
    ParamSetting { param: param.to_owned(), value: value.to_owned(), required: true }
}

/// The number of a row of this table, if the path is one's.
pub(super) fn row_of(table: &str, path: &str) -> Option<u32> {
    let number = path.strip_prefix(table)?.strip_suffix('.')?;
    number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok()).flatten()
}

fn get(paths: Vec<String>) -> Option<usp_proto::Request> {
    asks(Operation::Get(Get { paths, max_depth: 0 }))
}

pub(super) fn own_row_search(endpoint: &EndpointId) -> String {
    // Within a constant, quotes and percents are escaped. R-ARC.9b: no blanks around the operator.
    let id = endpoint.as_str().replace('%', "%25").replace('"', "%22");
    format!("{CONTROLLERS}[EndpointID==\"{id}\"].EndpointID")
}

pub(super) fn own_row(outcome: &Outcome, endpoint: &EndpointId) -> Option<String> {
    let Outcome::Get(results) = outcome else { return None };
    let objects = results.iter().filter_map(|result| result.result.as_ref().ok()).flatten();
    let is_ours = |object: &&ObjectValues| {
        let ours = |(name, value): &(String, String)| name == "EndpointID" && value == endpoint.as_str();
        row_of(CONTROLLERS, &object.path).is_some() && object.params.iter().any(ours)
    };
    objects.filter(is_ours).map(|object| object.path.clone()).next()
}

pub(super) fn rows(outcome: Outcome) -> Vec<ObjectValues> {
    let Outcome::Get(results) = outcome else { return Vec::new() };
    results.into_iter().filter_map(|result| result.result.ok()).flatten().collect()
}

/// Every level of failure is worth a line; none of them ends onboarding by itself.
fn note_faults(step: &str, outcome: &Outcome, outputs: &mut VecDeque<Output>) {
    let mut faults = Vec::new();
    let mut note =
        |path: &str, fault: &dm::Fault| faults.push(format!("onboarding: {step}: {path}: {fault}"));
    match outcome {
        Outcome::Failed(failure) => {
            note("the message", &failure.fault);
            failure.params.iter().for_each(|param| note(&param.param, &param.fault));
        }
        Outcome::Get(results) => each_fault(results, note),
        Outcome::GetInstances(results) => each_fault(results, note),
        Outcome::GetSchema(results) => each_fault(results, note),
        Outcome::Set(results) => {
            for result in results {
                match &result.result {
                    Ok(updated) => updated
                        .iter()
                        .flat_map(|one| &one.errors)
                        .for_each(|error| note(&error.param, &error.fault)),
                    Err(failure) => note(&result.path, &failure.fault),
                }
            }
        }
        Outcome::Add(results) => {
            for created in results.iter().filter_map(|result| result.result.as_ref().ok()) {
                created.errors.iter().for_each(|error| note(&error.param, &error.fault));
            }
            each_fault(results, note);
        }
        Outcome::Delete(results) => {
            for deleted in results.iter().filter_map(|result| result.result.as_ref().ok()) {
                deleted.unaffected.iter().for_each(|(path, fault)| note(path, fault));
            }
            each_fault(results, note);
        }
        Outcome::Operate(results) => each_fault(results, note),
    }
    outputs.extend(faults.into_iter().take(limits::NOTED_FAULTS).map(Output::Noticed));
}

fn each_fault<T>(results: &[Requested<T>], mut note: impl FnMut(&str, &dm::Fault)) {
    for result in results {
        if let Err(fault) = &result.result {
            note(&result.path, fault);
        }
    }
}
