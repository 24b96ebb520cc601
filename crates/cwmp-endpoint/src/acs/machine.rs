//! The machine of one session.

use std::collections::VecDeque;
use std::time::Duration;

use cwmp_proto::rpc::{AcsRequest, AcsResponse, CpeRequest, CpeResponse};
use cwmp_proto::{
    Body, CwmpVersion, Envelope, Error, Fault, FaultCode, FromAcs, FromCpe, Header, Namespace, Style,
};
use dm::Mono;

use super::answer::{answers, response};
use super::io::{Failure, Input, Output, Reply, Ticket};
use crate::limits::{
    IDLE_MAXIMUM, IDLE_MINIMUM, LINGER, MAX_ENVELOPE, MAX_INFORM, MAX_REQUESTS, MAX_STRAY, SESSION_MAXIMUM,
};

/// A session with one device. See the module for the order of things.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    /// The last call, until it is answered.
    call: Option<Call>,
    /// In which namespace, and how, we write.
    namespace: Namespace,
    style: Style,
    /// The longest that the device may take between two messages.
    idle: Duration,
    /// When the device counts as gone, and when that is enough altogether.
    due: Mono,
    end: Mono,
    /// Whether the Inform has been answered.
    is_open: bool,
    calls: u64,
    tickets: u64,
    requests: u32,
    stray: u32,
    outputs: VecDeque<Output>,
}

/// Whose turn it is.
#[derive(Debug)]
enum Phase {
    /// The device's: it may send a message.
    Device,
    /// The host's: it keeps something that the device waits for.
    Host(Kept),
    /// Ours: a POST waits for a call, or for the word that there is none.
    Ours,
    /// Nothing is left to be said; the device may have forgotten something.
    Rest,
    /// The session is over.
    Over,
}

/// What the host keeps: how it is answered.
#[derive(Debug)]
struct Kept {
    ticket: Ticket,
    id: Option<String>,
    response: AcsResponse,
    use_version: Option<CwmpVersion>,
}

#[derive(Debug)]
struct Call {
    ticket: Ticket,
    id: String,
    request: CpeRequest,
}

impl Session {
    /// A session that has not heard anything yet.
    pub fn new(now: Mono) -> Session {
        Session {
            phase: Phase::Device,
            call: None,
            namespace: Namespace::default(),
            style: Style::default(),
            idle: IDLE_MINIMUM,
            due: now + IDLE_MINIMUM,
            end: now + SESSION_MAXIMUM,
            is_open: false,
            calls: 0,
            tickets: 0,
            requests: 0,
            stray: 0,
            outputs: VecDeque::new(),
        }
    }

    /// What is to be done; until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to say [`Input::Timeout`]; `None` when the session is over.
    pub fn poll_timeout(&self) -> Option<Mono> {
        match self.phase {
            Phase::Over => None,
            _ => Some(self.due.min(self.end)),
        }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Mono, input: Input) {
        if matches!(self.phase, Phase::Over) {
            // Who says something all the same is told to begin anew.
            match input {
                Input::Call(ticket, _) => self.answered(ticket, Err(Failure::NotSent)),
                Input::Post { .. } => {
                    self.outputs.push_back(Output::Reply(Reply::failed(503, "the session is over")));
                }
                _ => {}
            }
            return;
        }
        match input {
            Input::Post { body, charset } => self.post(now, &body, charset.as_deref()),
            Input::Kept(ticket) => self.kept(now, ticket),
            Input::NotKept(ticket) => self.not_kept(now, ticket),
            Input::Refused(ticket, fault) => self.refused(now, ticket, fault),
            Input::Style(style) => self.style = style,
            Input::Call(ticket, request) => self.send(now, ticket, request),
            Input::Done => self.done(now),
            Input::Timeout if now >= self.due.min(self.end) => self.time_out(),
            Input::Timeout => {}
            Input::End => self.fail(503, "the session was ended"),
        }
    }

    fn post(&mut self, now: Mono, body: &[u8], charset: Option<&str>) {
        if matches!(self.phase, Phase::Host(_) | Phase::Ours) {
            // Two messages at once: the host would have to hand in the second one later.
            return self.fail(400, "a message before the last one was answered");
        }
        self.due = now + self.idle;
        let limit = if self.is_open { MAX_ENVELOPE } else { MAX_INFORM };
        let decoded = match FromCpe::decode(body, charset, limit) {
            Ok(decoded) => decoded,
            Err(Error::Blank) if self.is_open => return self.blank(),
            Err(Error::Blank) => return self.fail(400, "a session begins with an Inform"),
            Err(error) => return self.unreadable(&error),
        };
        if !decoded.noticed.is_empty() {
            self.outputs.push_back(Output::Noticed(decoded.noticed));
        }
        let Envelope { header, namespace, body } = decoded.envelope;
        match body {
            Body::Request(request) => self.request(header, namespace, request),
            Body::Response(_) | Body::Fault(_) if !self.is_open => {
                self.fail(400, "a session begins with an Inform");
            }
            Body::Response(response) => self.response(header.id.as_deref(), response),
            Body::Fault(fault) => self.fault(fault),
        }
    }

    /// The device has nothing to say: we have the word.
    fn blank(&mut self) {
        if let Some(call) = self.call.take() {
            let what = format!("an empty message instead of {}Response", call.request.name());
            self.answered(call.ticket, Err(Failure::BadAnswer(what)));
        }
        self.idle();
    }

    fn idle(&mut self) {
        self.phase = Phase::Ours;
        self.outputs.push_back(Output::Idle);
    }

    fn unreadable(&mut self, error: &Error) {
        let Some(call) = self.call.take() else {
            return self.fail(400, &format!("that is no envelope of CWMP: {error}"));
        };
        // The next call may be answered better; one device that never does is not asked for ever.
        self.answered(call.ticket, Err(Failure::BadAnswer(error.to_string())));
        self.stray += 1;
        if self.stray > MAX_STRAY {
            return self.fail(400, "too much that can't be read");
        }
        self.idle();
    }

    /// The device calls us. Taken in every state.
    fn request(&mut self, header: Header, namespace: Namespace, request: AcsRequest) {
        let is_inform = matches!(request, AcsRequest::Inform(_));
        if is_inform == self.is_open {
            let why = if is_inform { "a second Inform" } else { "a session begins with an Inform" };
            return self.fail(400, why);
        }
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            return self.fail(400, "too many requests in one session");
        }
        let Some(response) = response(&request) else {
            let fault = Fault::new(FaultCode::ACS_METHOD_NOT_SUPPORTED);
            return self.say(header.id, None, Body::Fault(fault));
        };
        let mut use_version = None;
        if is_inform {
            self.namespace = namespace;
            let asked =
                header.session_timeout.map_or(IDLE_MINIMUM, |seconds| Duration::from_secs(seconds.into()));
            self.idle = asked.clamp(IDLE_MINIMUM, IDLE_MAXIMUM);
            if let Some(theirs) = &header.supported_versions {
                use_version = CwmpVersion::highest_common(&CwmpVersion::SPOKEN, theirs);
                if use_version.is_none() {
                    let fault = Fault::new(FaultCode::ACS_VERSION_NOT_SUPPORTED);
                    self.say(header.id, None, Body::Fault(fault));
                    return self.over(false, "no version in common");
                }
            }
        }
        if matches!(request, AcsRequest::GetRpcMethods) {
            return self.say(header.id, None, Body::Response(response));
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.phase = Phase::Host(Kept { ticket, id: header.id, response, use_version });
        self.outputs.push_back(match request {
            AcsRequest::Inform(inform) => Output::Inform { ticket, inform: Box::new(inform) },
            request => Output::Request { ticket, request: Box::new(request) },
        });
    }

    /// The answer to our call, or to nothing.
    fn response(&mut self, id: Option<&str>, response: CpeResponse) {
        let Some(call) = self.call.take() else {
            return self.astray(format!("{} answers nothing", response.name()));
        };
        if !answers(&call.request, &response) {
            let what = format!("{} to {}", response.name(), call.request.name());
            self.answered(call.ticket, Err(Failure::BadAnswer(what)));
            return self.idle();
        }
        // A device may come to an answer after it gave none.
        let is_earlier = |id: &str| id.parse().is_ok_and(|number: u64| (1..self.calls).contains(&number));
        if id.is_some_and(is_earlier) {
            let what = format!("{} to an earlier call", response.name());
            self.answered(call.ticket, Err(Failure::BadAnswer(what)));
            return self.idle();
        }
        if id.is_some_and(|id| id != call.id) {
            self.outputs.push_back(Output::Odd(format!("{} with another id", response.name())));
        }
        self.answered(call.ticket, Ok(Box::new(response)));
        self.idle();
    }

    fn fault(&mut self, fault: Fault) {
        match self.call.take() {
            Some(call) => {
                self.answered(call.ticket, Err(Failure::Fault(fault)));
                self.idle();
            }
            None => self.astray(format!("fault {} answers nothing", fault.code)),
        }
    }

    fn astray(&mut self, what: String) {
        self.outputs.push_back(Output::Odd(what));
        self.stray += 1;
        if self.stray > MAX_STRAY {
            return self.fail(400, "too many answers to nothing");
        }
        self.idle();
    }

    fn kept(&mut self, now: Mono, ticket: Ticket) {
        if let Some(kept) = self.take_kept(ticket) {
            self.is_open = true;
            self.due = now + self.idle;
            self.say(kept.id, kept.use_version, Body::Response(kept.response));
        }
    }

    /// The host could not keep it. In a session the device repeats the request at once (fault 8005); an Inform it
    /// repeats by its schedule.
    fn not_kept(&mut self, now: Mono, ticket: Ticket) {
        let Some(kept) = self.take_kept(ticket) else { return };
        self.due = now + self.idle;
        if self.is_open {
            let fault = Fault::new(FaultCode::ACS_RETRY_REQUEST);
            self.say(kept.id, None, Body::Fault(fault));
        } else {
            self.outputs.push_back(Output::Reply(Reply::failed(503, "it could not be kept")));
            self.over(false, "the Inform could not be kept");
        }
    }

    fn refused(&mut self, now: Mono, ticket: Ticket, fault: Fault) {
        let Some(kept) = self.take_kept(ticket) else { return };
        self.due = now + self.idle;
        self.say(kept.id, None, Body::Fault(fault));
        if !self.is_open {
            self.over(false, "refused");
        }
    }

    fn take_kept(&mut self, ticket: Ticket) -> Option<Kept> {
        match std::mem::replace(&mut self.phase, Phase::Device) {
            Phase::Host(kept) if kept.ticket == ticket => Some(kept),
            other => {
                self.phase = other;
                None
            }
        }
    }

    fn send(&mut self, now: Mono, ticket: Ticket, request: CpeRequest) {
        if !matches!(self.phase, Phase::Ours) {
            return self.answered(ticket, Err(Failure::NotSent));
        }
        self.calls += 1;
        let id = self.calls.to_string();
        self.due = now + self.idle;
        self.say(Some(id.clone()), None, Body::Request(request.clone()));
        self.call = Some(Call { ticket, id, request });
    }

    fn done(&mut self, now: Mono) {
        if matches!(self.phase, Phase::Ours) {
            self.phase = Phase::Rest;
            self.due = now + LINGER;
            self.outputs.push_back(Output::Reply(Reply::empty()));
        }
    }

    fn say(
        &mut self,
        id: Option<String>,
        use_version: Option<CwmpVersion>,
        body: Body<CpeRequest, AcsResponse>,
    ) {
        let header = Header { id, use_version, ..Header::default() };
        let envelope: FromAcs = Envelope { header, namespace: self.namespace, body };
        self.phase = Phase::Device;
        self.outputs.push_back(Output::Reply(Reply { status: 200, body: envelope.encode(&self.style) }));
    }

    fn answered(&mut self, ticket: Ticket, result: Result<Box<CpeResponse>, Failure>) {
        self.outputs.push_back(Output::Answered { ticket, result });
    }

    fn time_out(&mut self) {
        match self.phase {
            Phase::Rest => self.over(true, "all is said"),
            Phase::Host(_) | Phase::Ours => self.fail(503, "it took too long"),
            Phase::Device | Phase::Over => self.over(false, "the device fell silent"),
        }
    }

    /// The device hears that the session failed if it waits for something, and comes again by its schedule.
    fn fail(&mut self, status: u16, why: &str) {
        let waits = matches!(self.phase, Phase::Host(_) | Phase::Ours) || status == 400;
        if waits {
            self.outputs.push_back(Output::Reply(Reply::failed(status, why)));
        }
        let complete = matches!(self.phase, Phase::Rest) && status != 400;
        self.over(complete, if status == 400 { "it broke the rules" } else { "the server ended it" });
    }

    fn over(&mut self, complete: bool, why: &'static str) {
        if let Some(call) = self.call.take() {
            self.answered(call.ticket, Err(Failure::Lost));
        }
        self.phase = Phase::Over;
        self.outputs.push_back(Output::Over { complete, why });
    }
}
