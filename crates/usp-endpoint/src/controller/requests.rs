//! Requests under way: sent or waiting for the channel to open, answered, lost, expired.

use dm::{Mono, Operation, Outcome};
use usp_proto::msg::{Body, ErrorBody};
use usp_proto::{Msg, Response};

use super::ControllerMachine;
use super::io::{Failure, Output, Ticket};
use super::onboarding::Finding;
use crate::{limits, translate};

/// One request. There are few at a time, and they are kept oldest first.
pub(super) struct Request {
    pub(super) msg_id: String,
    pub(super) asker: Asker,
    /// Kept because it may have to be sent again, and because an answer is read in its light.
    pub(super) message: usp_proto::Request,
    pub(super) kind: Kind,
    pub(super) deadline: Mono,
    /// An Operate that wants no response: silence is success, and ends the wait for a failure.
    pub(super) quiet: bool,
    /// How often it left.
    pub(super) sends: u32,
    /// Whether it is out on the connection that stands.
    pub(super) out: bool,
}

/// Who waits for the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    Host(Ticket),
    Onboarding,
}

/// What may be done when the connection is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Asked again.
    Read,
    /// Repeating it has the effect of doing it once: Set.
    Set,
    /// Like Set, but a repetition may fail only because the first one did not.
    Delete,
    /// Add, Operate: never repeated.
    Once,
}

impl Kind {
    fn of(operation: &Operation) -> Kind {
        match operation {
            Operation::Get(_) | Operation::GetInstances(_) | Operation::GetSchema(_) => Kind::Read,
            Operation::Set(_) => Kind::Set,
            Operation::Delete(_) => Kind::Delete,
            Operation::Add(_) | Operation::Operate(_) => Kind::Once,
        }
    }
}

impl Request {
    /// What to say of it when it ends without an answer. One that wanted none has left, and no failure
    /// was heard of: that is all that there is to know (R-OPR.4).
    fn end(&self) -> Result<Outcome, Failure> {
        match (self.sends, self.kind) {
            (0, _) => Err(Failure::NotSent),
            _ if self.quiet => Ok(Outcome::Operate(Vec::new())),
            (_, Kind::Read) => Err(Failure::TimedOut),
            (_, Kind::Set | Kind::Delete | Kind::Once) => Err(Failure::InDoubt),
        }
    }

    /// Whether it may wait for the next connection and be sent there: reads and repeatable writes, once.
    fn may_repeat(&self) -> bool {
        self.asker != Asker::Onboarding && self.sends == 1 && self.kind != Kind::Once
    }
}

impl ControllerMachine {
    pub(super) fn submit(&mut self, now: Mono, ticket: Ticket, operation: Operation, deadline: Mono) {
        if self.link.is_none() || self.requests.len() >= limits::MAX_OUTSTANDING || deadline <= now {
            return self.fail(ticket, Failure::NotSent);
        }
        let kind = Kind::of(&operation);
        let quiet = matches!(&operation, Operation::Operate(operate) if !operate.send_resp);
        let message = translate::request(operation);
        self.enter(now, Asker::Host(ticket), message, kind, quiet, deadline);
    }

    /// Enters a request, and sends it if the channel is open.
    pub(super) fn enter(
        &mut self,
        now: Mono,
        asker: Asker,
        message: usp_proto::Request,
        kind: Kind,
        quiet: bool,
        deadline: Mono,
    ) {
        let msg_id = self.msg_ids.next();
        self.requests.push(Request { msg_id, asker, message, kind, deadline, quiet, sends: 0, out: false });
        if self.link.as_ref().is_some_and(|link| link.open) {
            self.send_waiting(now);
        }
    }

    /// Sends every request that is not out, oldest first. One that is repeated keeps its message id, by
    /// which an agent that still works on it knows it again (R-MSG.4).
    pub(super) fn send_waiting(&mut self, now: Mono) {
        if !self.awaiting_answer()
            && let Some(link) = &mut self.link
        {
            link.nudges.asked(now);
        }
        let mut leaving = Vec::new();
        for request in self.requests.iter_mut().filter(|request| !request.out) {
            request.out = true;
            request.sends += 1;
            // R-OPR.4: only a failure is told, and nobody waits long for that.
            if request.quiet {
                request.deadline = request.deadline.min(now + limits::QUIET_GRACE);
            }
            let msg = Msg::request(request.msg_id.clone(), request.message.clone());
            leaving.push((request.asker, request.sends, msg));
        }
        for (asker, sends, msg) in leaving {
            self.send(now, &msg);
            if let Asker::Host(ticket) = asker
                && sends == 1
            {
                self.outputs.push_back(Output::Sent(ticket));
            }
        }
    }

    /// Sends once more what may be, because nobody read it the first time.
    pub(super) fn ask_again(&mut self, now: Mono) {
        let may = |request: &&mut Request| request.sends == 1 && request.kind != Kind::Once;
        for request in self.requests.iter_mut().filter(|request| request.out).filter(may) {
            request.out = false;
        }
        self.send_waiting(now);
    }

    /// Whether an agent owes an answer.
    pub(super) fn awaiting_answer(&self) -> bool {
        self.requests.iter().any(|request| request.out && !request.quiet)
    }

    /// An answer of this many bytes arrived; the message id alone says to what (R-MSG.9).
    pub(super) fn answer(&mut self, now: Mono, msg_id: &str, body: Body, bytes: usize) {
        let at = self.requests.iter().position(|request| request.out && request.msg_id == msg_id);
        let Some(at) = at else {
            return self.notice(format!("an answer to {msg_id}, which nobody waits for"));
        };
        let request = self.requests.remove(at);
        if matches!(request.asker, Asker::Host(_))
            && request.kind != Kind::Read
            && let Some(link) = &mut self.link
        {
            link.nudges.written();
        }
        let outcome = match body {
            Body::Error(error) => Ok(failed(&error)),
            Body::Response(Response::GetSupportedProtocolResp(resp))
                if request.asker == Asker::Onboarding =>
            {
                return self.found(now, Finding::Protocols(resp.agent_supported_protocol_versions));
            }
            Body::Response(response) => translate::outcome(&request.message, response),
            Body::Request(_) => Err("a request".to_owned()),
        };
        let ticket = match request.asker {
            Asker::Host(ticket) => ticket,
            Asker::Onboarding => {
                let finding = outcome.map(|outcome| Finding::Outcome(outcome, bytes));
                return self.found(now, finding.unwrap_or_else(Finding::Nothing));
            }
        };
        match outcome {
            // What a repeated Delete could not find may be what the first one deleted.
            Ok(Outcome::Failed(_)) if request.sends > 1 && request.kind == Kind::Delete => {
                self.fail(ticket, Failure::InDoubt);
            }
            Ok(outcome) => self.end(ticket, Ok(outcome)),
            Err(what) => self.fail(ticket, Failure::BadAnswer(what)),
        }
    }

    /// The connection is gone, or the agent left it. What is safe to repeat waits for the next one; the
    /// rest ends: what never left may be queued again, what did is in doubt.
    pub(super) fn lose_link(&mut self) {
        let mut ended = Vec::new();
        let mut onboarding_asked = false;
        self.requests.retain_mut(|request| {
            onboarding_asked |= request.out && request.asker == Asker::Onboarding;
            let keep = request.may_repeat();
            request.out = false;
            if let (false, Asker::Host(ticket)) = (keep, request.asker) {
                ended.push((ticket, request.end()));
            }
            keep
        });
        for (ticket, end) in ended {
            self.end(ticket, end);
        }
        self.pause_onboarding(onboarding_asked);
    }

    fn end(&mut self, ticket: Ticket, end: Result<Outcome, Failure>) {
        match end {
            Ok(outcome) => self.outputs.push_back(Output::Answered { ticket, outcome }),
            Err(failure) => self.fail(ticket, failure),
        }
    }

    /// Ends what has waited until its deadline.
    pub(super) fn expire(&mut self, now: Mono) {
        while let Some(at) = self.requests.iter().position(|request| request.deadline <= now) {
            let request = self.requests.remove(at);
            match request.asker {
                Asker::Host(ticket) => self.end(ticket, request.end()),
                Asker::Onboarding => self.found(now, Finding::Nothing("no answer in time".to_owned())),
            }
        }
    }
}

fn failed(error: &ErrorBody) -> Outcome {
    Outcome::Failed(translate::message_failure(error))
}
