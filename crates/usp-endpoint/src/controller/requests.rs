//! Requests under way: sent or waiting for the channel to open, answered, lost, expired.

use dm::{Mono, Operation, Outcome};
use usp_proto::msg::{Body, ErrorBody};
use usp_proto::{Msg, Response};

use super::io::{Failure, Output, Ticket};
use super::onboarding::Finding;
use super::ControllerMachine;
use crate::{limits, translate};

/// One request, by message id.
pub(super) struct Request {
    pub(super) asker: Asker,
    /// Kept as long as it may have to be sent (again).
    pub(super) message: usp_proto::Request,
    pub(super) kind: Kind,
    pub(super) deadline: Mono,
    /// An Operate that wants no response.
    pub(super) quiet: bool,
    pub(super) sent: bool,
}

/// Who waits for the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    Host(Ticket),
    Onboarding,
}

/// What may be done when the connection is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Asked again.
    Read,
    /// Repeating it has the effect of doing it once: Set, Delete.
    Repeatable,
    /// Add, Operate: never repeated.
    Once,
}

impl Kind {
    fn of(operation: &Operation) -> Kind {
        match operation {
            Operation::Get(_) | Operation::GetInstances(_) | Operation::GetSchema(_) => Kind::Read,
            Operation::Set(_) | Operation::Delete(_) => Kind::Repeatable,
            Operation::Add(_) | Operation::Operate(_) => Kind::Once,
        }
    }
}

impl ControllerMachine {
    pub(super) fn submit(&mut self, now: Mono, ticket: Ticket, operation: Operation, deadline: Mono) {
        if self.link.is_none() || self.requests.len() >= limits::MAX_OUTSTANDING {
            return self.fail(ticket, Failure::NotSent);
        }
        let kind = Kind::of(&operation);
        let quiet = matches!(&operation, Operation::Operate(operate) if !operate.send_resp);
        let message = translate::request(operation);
        self.enter(now, Request { asker: Asker::Host(ticket), message, kind, deadline, quiet, sent: false });
    }

    /// Enters a request, and sends it if the channel is open.
    pub(super) fn enter(&mut self, now: Mono, request: Request) {
        self.requests.insert(self.msg_ids.next(), request);
        if self.link.as_ref().is_some_and(|link| link.open) {
            self.send_waiting(now);
        }
    }

    /// Sends every request that has not left yet, oldest first (ids count up).
    pub(super) fn send_waiting(&mut self, now: Mono) {
        let mut leaving = Vec::new();
        for (msg_id, request) in self.requests.iter_mut().filter(|(_, request)| !request.sent) {
            request.sent = true;
            let msg = Msg::request(msg_id.clone(), request.message.clone());
            leaving.push((request.asker, request.quiet, msg));
        }
        for (asker, quiet, msg) in leaving {
            self.send(now, &msg);
            let Asker::Host(ticket) = asker else { continue };
            self.outputs.push_back(Output::Sent(ticket));
            // R-OPR.4: nobody waits for a response that was not asked for.
            if quiet {
                self.requests.remove(&msg.msg_id);
                self.outputs.push_back(Output::Answered { ticket, outcome: Outcome::Operate(Vec::new()) });
            }
        }
    }

    /// Whether a request is out.
    pub(super) fn awaiting_answer(&self) -> bool {
        self.requests.values().any(|request| request.sent)
    }

    pub(super) fn answer(&mut self, now: Mono, msg_id: &str, body: Body) {
        let Some(request) = self.requests.remove(msg_id) else {
            self.outputs.push_back(Output::Noticed(format!("an answer to {msg_id}, which nobody waits for")));
            return;
        };
        let outcome = match body {
            Body::Error(error) => Ok(failed(&error)),
            Body::Response(Response::GetSupportedProtocolResp(resp)) if request.asker == Asker::Onboarding => {
                return self.found(now, Finding::Protocols(resp.agent_supported_protocol_versions));
            }
            Body::Response(response) => translate::outcome(&request.message, response),
            Body::Request(_) => Err("a request".to_owned()),
        };
        match (request.asker, outcome) {
            (Asker::Host(ticket), Ok(outcome)) => self.outputs.push_back(Output::Answered { ticket, outcome }),
            (Asker::Host(ticket), Err(what)) => self.fail(ticket, Failure::BadAnswer(what)),
            (Asker::Onboarding, Ok(outcome)) => self.found(now, Finding::Outcome(outcome)),
            (Asker::Onboarding, Err(what)) => self.found(now, Finding::Nothing(what)),
        }
    }

    /// What was out on a lost connection: reads and repeatable writes wait for the next one, with the
    /// same message id; the fate of the others is unknown.
    pub(super) fn lose_link(&mut self) {
        let mut in_doubt = Vec::new();
        self.requests.retain(|_, request| {
            let keep = !request.sent || request.kind != Kind::Once;
            if !keep && let Asker::Host(ticket) = request.asker {
                in_doubt.push(ticket);
            }
            request.sent = false;
            keep
        });
        for ticket in in_doubt {
            self.fail(ticket, Failure::InDoubt);
        }
        self.pause_onboarding();
    }

    pub(super) fn expire(&mut self, now: Mono) {
        let expired: Vec<String> =
            self.requests.iter().filter(|(_, r)| r.deadline <= now).map(|(id, _)| id.clone()).collect();
        for msg_id in expired {
            let Some(request) = self.requests.remove(&msg_id) else { continue };
            match request.asker {
                Asker::Host(ticket) => {
                    let failure = match (request.sent, request.kind) {
                        (false, Kind::Once) => Failure::NotSent,
                        (_, Kind::Read) => Failure::TimedOut,
                        (false, Kind::Repeatable) | (true, _) => Failure::InDoubt,
                    };
                    self.fail(ticket, failure);
                }
                Asker::Onboarding => self.found(now, Finding::Nothing("no answer in time".to_owned())),
            }
        }
    }
}

fn failed(error: &ErrorBody) -> Outcome {
    Outcome::Failed(translate::message_failure(error))
}
