//! A machine, a clock and a connection; outputs as lines of text, so that expectations read as a log.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use dm::operation::Requested;
use dm::{Mono, Now, Operation, Outcome};
use usp_endpoint::controller::io::{Failure, Input, Learned, Notice, Output, Ticket};
use usp_endpoint::controller::{ControllerConfig, ControllerMachine};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Response, Version};

pub(crate) const CONTROLLER: &str = "proto::controller";
pub(crate) const AGENT: &str = "os::00256D-1";

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an endpoint id of the test")
}

/// Milliseconds since the bench was built.
pub(crate) fn ms(millis: u64) -> Mono {
    Mono(millis * 1000)
}

pub(crate) struct Bench {
    pub(crate) machine: ControllerMachine,
    pub(crate) now: Mono,
    pub(crate) peer: PeerAuth,
    link: LinkId,
    /// Message ids in the order in which they left; shown as `#1`, `#2`, ….
    ids: Vec<String>,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let config = ControllerConfig::new(id(CONTROLLER));
        let machine = ControllerMachine::new(Arc::new(config), id(AGENT), [7; 32]);
        Bench { machine, now: ms(0), peer: PeerAuth::Unproven, link: LinkId(0), ids: Vec::new() }
    }

    /// With a connection on which the agent has announced itself.
    pub(crate) fn connected() -> Bench {
        let mut bench = Bench::new();
        bench.reconnect();
        bench
    }

    /// A new connection; the agent has not said anything on it.
    pub(crate) fn link_up(&mut self) -> Vec<String> {
        self.link = LinkId(self.link.0 + 1);
        let return_path = ReturnPath::WebSocket(self.link);
        self.input(Input::LinkUp { return_path, contact: Contact::default(), peer: self.peer.clone() })
    }

    pub(crate) fn reconnect(&mut self) -> Vec<String> {
        let mut lines = self.link_up();
        lines.extend(self.hear_record(RecordType::WebSocketConnect));
        lines
    }

    pub(crate) fn link_down(&mut self) -> Vec<String> {
        self.input(Input::LinkDown(self.link))
    }

    /// A Record of the agent.
    pub(crate) fn hear_record(&mut self, record_type: RecordType) -> Vec<String> {
        let input = self.inbound(record_type);
        self.input(input)
    }

    /// A Message of the agent.
    pub(crate) fn hear(&mut self, msg: &Msg) -> Vec<String> {
        self.hear_record(RecordType::NoSession { payload: msg.encode() })
    }

    /// The agent's response to the request shown as `#n`.
    pub(crate) fn respond(&mut self, n: usize, response: Response) -> Vec<String> {
        let msg_id = self.ids[n - 1].clone();
        self.hear(&Msg::response(msg_id, response))
    }

    /// The agent's error to the request shown as `#n`.
    pub(crate) fn refuse(&mut self, n: usize, code: u32) -> Vec<String> {
        let msg_id = self.ids[n - 1].clone();
        self.hear(&Msg::error(msg_id, usp_proto::ErrorBody::new(code, "no")))
    }

    pub(crate) fn hear_bytes(&mut self, record: Bytes) -> Vec<String> {
        let input = self.inbound_bytes(record);
        self.input(input)
    }

    /// A Record of the agent, as an input.
    pub(crate) fn inbound(&self, record_type: RecordType) -> Input {
        let record = Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, record_type);
        self.inbound_bytes(record.encode())
    }

    pub(crate) fn inbound_bytes(&self, record: Bytes) -> Input {
        let return_path = ReturnPath::WebSocket(self.link);
        Input::Record(Inbound { link: self.link, peer: self.peer.clone(), return_path, record })
    }

    /// An operation with this ticket and a deadline of ten seconds.
    pub(crate) fn submit(&mut self, ticket: u64, operation: Operation) -> Vec<String> {
        let deadline = Mono(self.now.0 + 10_000_000);
        self.input(Input::Submit { ticket: Ticket(ticket), operation, deadline })
    }

    /// Goes to this time and wakes the machine if it wants to be woken by then.
    pub(crate) fn wait_until(&mut self, then: Mono) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= then) {
            self.now = self.now.max(at);
            lines.extend(self.input(Input::Timeout));
        }
        self.now = then;
        lines
    }

    pub(crate) fn input(&mut self, input: Input) -> Vec<String> {
        self.outputs(input).iter().map(|output| self.show(output)).collect()
    }

    pub(crate) fn outputs(&mut self, input: Input) -> Vec<Output> {
        self.machine.handle(Now { mono: self.now, utc: None }, input);
        std::iter::from_fn(|| self.machine.poll_output()).collect()
    }

    pub(crate) fn show(&mut self, output: &Output) -> String {
        match output {
            Output::Send(outbound) => {
                assert_eq!(
                    outbound.return_path,
                    ReturnPath::WebSocket(self.link),
                    "goes to the last connection"
                );
                let record = Record::decode(outbound.record.clone()).expect("the machine's own Record");
                assert_eq!((record.from_id.as_str(), record.to_id.as_str()), (CONTROLLER, AGENT));
                format!("send {}", self.show_record(&record))
            }
            Output::Close { reason, .. } => format!("close: {reason}"),
            Output::Nudge(_) => "nudge".to_owned(),
            Output::Store { ticket, notification } => {
                let resp = if notification.send_resp { "" } else { " quiet" };
                let what = show_notice(&notification.what);
                let own = ticket.0 - (1 << 32);
                format!(
                    "store {own}: {} [{}]{resp} {what}",
                    notification.msg_id, notification.subscription_id
                )
            }
            Output::Sent(ticket) => format!("sent {}", ticket.0),
            Output::Answered { ticket, outcome } => {
                format!("answered {}: {}", ticket.0, show_outcome(outcome))
            }
            Output::Failed { ticket, failure } => format!("failed {}: {}", ticket.0, show_failure(failure)),
            Output::Learned(learned) => format!("learned {}", show_learned(learned)),
            Output::Onboarded { result: Ok(()), .. } => "onboarded".to_owned(),
            Output::Onboarded { result: Err(why), .. } => format!("not onboarded: {why}"),
            Output::Reconciled { result: Ok(()), .. } => "reconciled".to_owned(),
            Output::Reconciled { result: Err(why), .. } => format!("not reconciled: {why}"),
            Output::ConfirmDue => "confirm".to_owned(),
            Output::Impersonates { from, .. } => format!("impersonates: {from}"),
            Output::Misaddressed { to } => format!("misaddressed: {to}"),
            Output::Connected => "connected".to_owned(),
            Output::Disconnected { reason } => format!("disconnected: {reason}"),
            Output::Noticed(what) => format!("noticed: {what}"),
        }
    }

    fn show_record(&mut self, record: &Record) -> String {
        let payload = match &record.record_type {
            RecordType::NoSession { payload } => payload,
            RecordType::Disconnect { reason_code, .. } => return format!("Disconnect {reason_code}"),
            other => return other.name().to_owned(),
        };
        let msg = Msg::decode(payload).expect("the machine's own Msg");
        match &msg.body {
            Body::Request(request) => {
                let known = self.ids.iter().position(|id| *id == msg.msg_id);
                let n = known.unwrap_or_else(|| {
                    self.ids.push(msg.msg_id.clone());
                    self.ids.len() - 1
                });
                format!("#{} {}", n + 1, show_request(request))
            }
            Body::Response(Response::NotifyResp(resp)) => {
                format!("NotifyResp {} [{}]", msg.msg_id, resp.subscription_id)
            }
            _ => usp_proto::describe_msg(&msg),
        }
    }
}

fn show_request(request: &Request) -> String {
    let mut text = request.name().to_owned();
    let mut object = |path: &str, params: Vec<(&str, &str)>| {
        let params: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(text, " {path}{{{}}}", params.join(" ")).expect("a String takes it");
    };
    match request {
        Request::Set(set) => set.update_objs.iter().for_each(|one| {
            let settings = &one.param_settings;
            object(&one.obj_path, settings.iter().map(|s| (s.param.as_str(), s.value.as_str())).collect());
        }),
        Request::Add(add) => add.create_objs.iter().for_each(|one| {
            let settings = &one.param_settings;
            object(&one.obj_path, settings.iter().map(|s| (s.param.as_str(), s.value.as_str())).collect());
        }),
        Request::Get(get) => text.extend([" ", &get.param_paths.join(" ")]),
        Request::GetInstances(get) => text.extend([" ", &get.obj_paths.join(" ")]),
        Request::GetSupportedDm(get) => {
            let level = if get.first_level_only { " first level" } else { "" };
            let bare = if get.return_params { "" } else { " bare" };
            text.extend([" ", &get.obj_paths.join(" "), level, bare]);
        }
        Request::Delete(delete) => text.extend([" ", &delete.obj_paths.join(" ")]),
        Request::Operate(operate) => text.extend([" ", &operate.command]),
        Request::GetSupportedProtocol(get) => text.extend([" ", &get.controller_supported_protocol_versions]),
        Request::Notify(_) | Request::Register(_) | Request::Deregister(_) => {}
    }
    text
}

fn show_notice(notice: &Notice) -> String {
    match notice {
        Notice::Event { path, name, params } => format!("Event {path}{name} {}", params.len()),
        Notice::ValueChange { path, value } => format!("ValueChange {path}={value}"),
        Notice::ObjectCreation { path, unique_keys } => format!("ObjectCreation {path} {unique_keys:?}"),
        Notice::ObjectDeletion { path } => format!("ObjectDeletion {path}"),
        Notice::OperationComplete { path, command, command_key, result } => {
            let result =
                result.as_ref().map_or_else(|fault| fault.code.0.to_string(), |args| format!("{args:?}"));
            format!("OperationComplete {path}{command} {command_key} {result}")
        }
        Notice::OnBoardRequest { oui, product_class, serial_number, versions } => {
            format!("OnBoardRequest {oui} {product_class} {serial_number} {versions}")
        }
    }
}

fn show_failure(failure: &Failure) -> String {
    match failure {
        Failure::NotSent => "not sent".to_owned(),
        Failure::InDoubt => "in doubt".to_owned(),
        Failure::TimedOut => "timed out".to_owned(),
        Failure::BadAnswer(what) => format!("bad answer: {what}"),
    }
}

fn show_learned(learned: &Learned) -> String {
    match learned {
        Learned::Protocols(versions) => format!("protocols {versions}"),
        Learned::Values(outcome) => format!("values {}", show_outcome(outcome)),
        Learned::Schema(outcome) => format!("schema {}", show_outcome(outcome)),
        Learned::Instances(outcome) => format!("instances {}", show_outcome(outcome)),
        Learned::OwnRow(path) => format!("own row {path}"),
        Learned::Refused(refused) => {
            let one = |(id, fault): &(String, Option<dm::Fault>)| {
                format!(" {id}!{}", fault.as_ref().map_or(0, |fault| fault.code.0))
            };
            format!("refused{}", refused.iter().map(one).collect::<String>())
        }
    }
}

/// Each result's path, with how much it holds or with its error.
pub(crate) fn show_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Get(results) => {
            each("Get", results, |objects| objects.iter().map(|object| object.params.len()).sum())
        }
        Outcome::GetInstances(results) => each("GetInstances", results, Vec::len),
        Outcome::GetSchema(results) => each("GetSchema", results, |found| found.objects.len()),
        Outcome::Add(results) => each("Add", results, |_| 1),
        Outcome::Delete(results) => each("Delete", results, |deleted| deleted.affected.len()),
        Outcome::Operate(results) => each("Operate", results, |_| 1),
        Outcome::Set(results) => {
            format!("Set {}", results.iter().filter(|result| result.result.is_ok()).count())
        }
        Outcome::Failed(failure) => format!("error {}", failure.fault.code),
    }
}

fn each<T>(name: &str, results: &[Requested<T>], size: impl Fn(&T) -> usize) -> String {
    let one = |result: &Requested<T>| match &result.result {
        Ok(found) => format!(" {}={}", result.path, size(found)),
        Err(fault) => format!(" {}!{}", result.path, fault.code),
    };
    name.to_owned() + &results.iter().map(one).collect::<String>()
}
