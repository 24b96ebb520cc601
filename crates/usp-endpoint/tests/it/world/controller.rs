//! The controller's host: a store of notifications and a lane of jobs, both of which survive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dm::operation::{Add, Delete, Get, ObjectSettings, Operate, ParamSetting, Set};
use dm::{Operation, Outcome};
use usp_endpoint::controller::io::{
    Failure, Input, Notice, Notification, OnboardingPlan, Output, Subscription, Ticket,
};
use usp_endpoint::controller::{ControllerConfig, ControllerMachine};
use usp_endpoint::session::io::Policy;
use usp_proto::exchange::Direction;
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Response, describe_record};

use super::model::{AGENT, CONTROLLER};
use super::run::{Event, Side, World};
use super::transition::JobKind;

/// Jobs that the lane has under way at once, of which one may write.
const LANE: usize = 4;
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Controller {
    pub(super) machine: Option<ControllerMachine>,
    links: BTreeSet<LinkId>,
    life: u32,
    /// What was stored: message id and digest.
    stored: BTreeSet<(String, [u8; 32])>,
    jobs: Vec<Job>,
    onboarded: bool,
    /// Level that the next Set writes.
    level: u64,
}

struct Job {
    kind: JobKind,
    operation: Operation,
    /// Which row, of AddRow and DeleteRow.
    row: String,
    /// Of a row that stands.
    path: Option<String>,
    state: State,
    /// An earlier life of the controller may have sent it.
    repeated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Queued,
    Sent,
    Done,
    Failed,
    InDoubt,
}

impl Job {
    fn is_once(&self) -> bool {
        matches!(self.kind, JobKind::AddRow | JobKind::Ping)
    }
}

impl Controller {
    pub(super) fn unfinished(&self) -> Option<String> {
        let open = |job: &Job| matches!(job.state, State::Queued | State::Sent);
        let at = self.jobs.iter().position(open)?;
        Some(format!("job-{at} does not end: {:?}", self.jobs[at].state))
    }
}

impl World {
    pub(super) fn start_controller(&mut self) {
        let id = |text| EndpointId::receive(text).expect("an endpoint id of the world");
        let mut config = ControllerConfig::new(id(CONTROLLER));
        config.crypto = Some(self.crypto(CONTROLLER));
        config.sessions = Policy { mode: self.modes[1], tls: self.tls, ..Policy::default() };
        let seed = self.seed();
        self.controller.machine = Some(ControllerMachine::new(Arc::new(config), id(AGENT), seed));
        self.controller.life += 1;
        self.note("controller: starts");
        for at in 0..self.controller.jobs.len() {
            if self.controller.jobs[at].state == State::Sent {
                // What is safe to repeat is queued again; the rest is in doubt.
                if self.controller.jobs[at].is_once() {
                    self.finish(at, State::InDoubt);
                } else {
                    self.controller.jobs[at].state = State::Queued;
                    self.controller.jobs[at].repeated = true;
                }
            }
        }
    }

    pub(super) fn stop_controller(&mut self) {
        if self.controller.machine.take().is_none() {
            return;
        }
        self.controller.links.clear();
        self.hang_up(Side::Controller);
        self.after(100, 8000, Event::Start(Side::Controller));
    }

    pub(super) fn accepted(&mut self, link: LinkId) {
        self.controller.links.insert(link);
        self.controller_input(Input::LinkUp {
            return_path: ReturnPath::WebSocket(link),
            contact: Contact::default(),
            peer: PeerAuth::Unproven,
        });
    }

    pub(super) fn controller_loses(&mut self, link: LinkId) {
        if self.controller.links.remove(&link) {
            self.controller_input(Input::LinkDown(link));
        }
    }

    pub(super) fn controller_hears(&mut self, link: LinkId, record: Bytes) {
        if self.controller.links.contains(&link) {
            self.record(Direction::In, &record);
            let return_path = ReturnPath::WebSocket(link);
            let inbound = Inbound { link, peer: PeerAuth::Unproven, return_path, record };
            self.controller_input(Input::Record(inbound));
        }
    }

    pub(super) fn new_job(&mut self, kind: JobKind) {
        let name = format!("job-{}", self.controller.jobs.len());
        let setting = |param: &str, value: &str| ParamSetting {
            param: param.to_owned(),
            value: value.to_owned(),
            required: true,
        };
        let object = |path: &str, param| vec![ObjectSettings { path: path.to_owned(), params: vec![param] }];
        let mut row = name.clone();
        let operation = match kind {
            JobKind::Read => Operation::Get(Get { paths: vec!["Device.Test.".to_owned()], max_depth: 0 }),
            JobKind::SetLevel => {
                self.controller.level += 1;
                let level = setting("Level", &self.controller.level.to_string());
                Operation::Set(Set { allow_partial: false, objects: object("Device.Test.", level) })
            }
            JobKind::AddRow => {
                let objects = object("Device.Test.Row.", setting("Name", &name));
                Operation::Add(Add { allow_partial: false, objects })
            }
            JobKind::DeleteRow => {
                let standing: Vec<(String, String)> = self
                    .controller
                    .jobs
                    .iter()
                    .filter_map(|job| Some((job.row.clone(), job.path.clone()?)))
                    .collect();
                if standing.is_empty() {
                    return;
                }
                let (name, found) = standing[self.between(0, standing.len() as u64 - 1) as usize].clone();
                for job in self.controller.jobs.iter_mut().filter(|job| job.row == name) {
                    job.path = None;
                }
                row = name;
                Operation::Delete(Delete { allow_partial: false, paths: vec![found] })
            }
            JobKind::Ping => Operation::Operate(Operate {
                command: "Device.Test.Ping()".to_owned(),
                command_key: name,
                send_resp: true,
                args: Vec::new(),
            }),
        };
        self.controller.jobs.push(Job {
            kind,
            operation,
            row,
            path: None,
            state: State::Queued,
            repeated: false,
        });
        self.pull();
    }

    /// Hands jobs to the machine: several reads, and one write at a time.
    fn pull(&mut self) {
        loop {
            let jobs = &self.controller.jobs;
            let sent = || jobs.iter().filter(|job| job.state == State::Sent);
            let connected = self.controller.machine.as_ref().is_some_and(|machine| machine.link().is_some());
            if !connected || sent().count() >= LANE {
                return;
            }
            let writing = sent().any(|job| job.operation.is_write());
            let next = |job: &Job| job.state == State::Queued && !(writing && job.operation.is_write());
            let Some(at) = jobs.iter().position(next) else { return };
            // Before the Record leaves: whoever finds the job after a crash knows that it may have left.
            let operation = jobs[at].operation.clone();
            self.controller.jobs[at].state = State::Sent;
            let (ticket, deadline) = (Ticket(at as u64), self.now + DEADLINE);
            self.feed(Input::Submit { ticket, operation, deadline });
        }
    }

    fn finish(&mut self, at: usize, state: State) {
        self.note(format_args!("controller: job-{at} {state:?}"));
        let job = &mut self.controller.jobs[at];
        if job.state != State::Sent {
            let violation = format!("job-{at} ends as {state:?}, and was {:?}", job.state);
            return self.expect.violate(violation);
        }
        job.state = state;
        let (kind, row) = (job.kind, job.row.clone());
        if state == State::Failed {
            return;
        }
        let certain = state == State::Done;
        match (kind, &job.operation) {
            (JobKind::SetLevel, Operation::Set(set)) => {
                let level = set.objects[0].params[0].value.parse().expect("a number of the world");
                self.expect.level(level, certain);
            }
            (JobKind::AddRow, _) => self.expect.added(&row, certain),
            (JobKind::DeleteRow, _) => self.expect.deleted(&row, certain),
            _ => {}
        }
    }

    fn answered(&mut self, at: usize, outcome: &Outcome) {
        if let Outcome::Add(results) = outcome {
            let created = results.first().and_then(|result| result.result.as_ref().ok());
            self.controller.jobs[at].path = created.map(|created| created.path.clone());
        }
        let job = &self.controller.jobs[at];
        let state = match outcome {
            // What a repeated Delete does not find may be what the first one deleted.
            Outcome::Failed(_) if job.repeated && job.kind == JobKind::DeleteRow => State::InDoubt,
            Outcome::Failed(_) => State::Failed,
            _ => State::Done,
        };
        self.finish(at, state);
    }

    fn failed(&mut self, at: usize, failure: &Failure) {
        match failure {
            Failure::NotSent => self.controller.jobs[at].state = State::Queued,
            Failure::InDoubt if self.flaws.repeats_what_is_in_doubt && self.controller.jobs[at].is_once() => {
                self.controller.jobs[at].state = State::Queued;
            }
            Failure::InDoubt => self.finish(at, State::InDoubt),
            Failure::TimedOut => self.finish(at, State::Failed),
            Failure::BadAnswer(what) => self.expect.violate(format!("job-{at}: {what}")),
        }
    }

    pub(super) fn kept(&mut self, life: u32, ticket: Ticket, notification: &Notification) {
        if life != self.controller.life || self.controller.machine.is_none() {
            return;
        }
        if self.flaws.forgets && matches!(notification.what, Notice::ValueChange { .. }) {
            return self.controller_input(Input::Stored(ticket));
        }
        self.expect.stored(notification);
        let is_new = self.controller.stored.insert((notification.msg_id.clone(), notification.digest));
        self.controller_input(Input::Stored(ticket));
        if is_new && matches!(notification.what, Notice::OnBoardRequest { .. }) {
            self.controller_input(Input::Onboard(plan()));
        }
    }

    pub(super) fn not_kept(&mut self, life: u32, ticket: Ticket) {
        if life == self.controller.life {
            self.controller_input(Input::NotStored(ticket));
        }
    }

    pub(super) fn onboard_again(&mut self, life: u32) {
        if life == self.controller.life && !self.controller.onboarded {
            self.controller_input(Input::Onboard(plan()));
        }
    }

    pub(super) fn controller_input(&mut self, input: Input) {
        self.feed(input);
        self.pull();
    }

    fn feed(&mut self, input: Input) {
        let now = self.clock();
        let Some(machine) = &mut self.controller.machine else { return };
        machine.handle(now, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll_output()).collect();
        let life = self.controller.life;
        for output in outputs {
            match output {
                Output::Send(outbound) => {
                    self.note(format_args!("controller: {}", describe_record(&outbound.record)));
                    self.record(Direction::Out, &outbound.record);
                    self.check_acknowledged(&outbound.record);
                    self.transmit(Side::Agent, outbound.return_path.link(), outbound.record);
                }
                Output::Store { ticket, notification } => self.store(life, ticket, notification),
                Output::Answered { ticket, outcome } => self.answered(index(ticket), &outcome),
                Output::Failed { ticket, failure } => self.failed(index(ticket), &failure),
                Output::Connected if !self.controller.onboarded => {
                    self.after(0, 100, Event::OnboardAgain(life));
                }
                Output::Onboarded { result: Ok(()), .. } => self.controller.onboarded = true,
                Output::Reconciled { .. } => {}
                Output::Onboarded { result: Err(why), .. } => {
                    self.note(format_args!("controller: not onboarded: {why}"));
                    self.after(30_000, 60_000, Event::OnboardAgain(life));
                }
                Output::Close { reason, .. } => {
                    self.expect.violate(format!("the controller closes the connection: {reason}"));
                }
                Output::Noticed(what) => self.note(format_args!("controller: {what}")),
                Output::Connected
                | Output::Disconnected { .. }
                | Output::ConfirmDue
                | Output::Misaddressed { .. }
                | Output::Impersonates { .. }
                | Output::Nudge(_)
                | Output::Sent(_)
                | Output::Learned(_) => {}
            }
        }
    }

    fn store(&mut self, life: u32, ticket: Ticket, notification: Notification) {
        if !self.calm && self.chance(5) {
            return self.after(1, 50, Event::NotKept(life, ticket));
        }
        self.after(1, 50, Event::Kept(life, ticket, Box::new(notification)));
        if self.flaws.acknowledges_early {
            self.feed(Input::Stored(ticket));
        }
    }

    /// A NotifyResp leaves: what it acknowledges is stored.
    fn check_acknowledged(&mut self, record: &Bytes) {
        let record = Record::decode(record.clone()).expect("the machine's own Record");
        let RecordType::NoSession { payload } = record.record_type else { return };
        let msg = Msg::decode(&payload).expect("the machine's own Msg");
        let is_ack = matches!(msg.body, Body::Response(Response::NotifyResp(_)));
        if is_ack
            && !self.flaws.forgets
            && !self.controller.stored.iter().any(|(msg_id, _)| *msg_id == msg.msg_id)
        {
            self.expect.violate(format!("{} was acknowledged before it was stored", msg.msg_id));
        }
    }
}

fn index(ticket: Ticket) -> usize {
    usize::try_from(ticket.0).expect("a job's index")
}

/// What an agent of this world is onboarded after.
pub(crate) fn plan() -> OnboardingPlan {
    let subscription = |id: &str, notif_type: &str, reference_list: &str| Subscription {
        id: id.to_owned(),
        notif_type: notif_type.to_owned(),
        reference_list: reference_list.to_owned(),
        persistent: true,
        retry: true,
    };
    OnboardingPlan {
        read: vec!["Device.DeviceInfo.".to_owned()],
        schema: true,
        instances: true,
        subscriptions: vec![
            subscription("cusp-boot", "Event", "Device.Boot!"),
            subscription("cusp-values", "ValueChange", "Device.Test.Counter"),
            subscription("cusp-commands", "OperationComplete", "Device."),
        ],
        id_prefix: "cusp-".to_owned(),
        boot_parameters: vec!["Device.DeviceInfo.SerialNumber".to_owned()],
        complete: true,
        ..OnboardingPlan::default()
    }
}
