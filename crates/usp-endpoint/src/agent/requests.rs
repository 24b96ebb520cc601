//! Requests under way: admitted, refreshed, answered.

use dm::tree::{Plan, Tree};
use dm::{Now, Operation, Outcome};
use usp_proto::error_code::code;
use usp_proto::get_supported_protocol::GetSupportedProtocolResp;
use usp_proto::link::ReturnPath;
use usp_proto::{EndpointId, ErrorBody, Msg, Request, Response};

use super::audit::Deed;
use super::io::Ticket;
use super::places::Touched;
use super::trigger::Trigger;
use super::unheard::{self, Unheard};
use super::{AgentMachine, places};
use crate::{limits, translate};

/// Names a request: its sender and the id that the sender gave it.
pub(super) type Key = (EndpointId, String);

/// Where a request came from and its answer goes.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) controller: EndpointId,
    pub(super) msg_id: String,
    pub(super) return_path: ReturnPath,
    /// It came by an end-to-end session, and so goes the answer.
    pub(super) in_session: bool,
}

/// Who wants something written.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    /// A controller, which waits for the answer.
    Request(Origin),
    /// A subscription that was triggered.
    Trigger(Trigger),
}

impl Asker {
    /// In whose name.
    pub(super) fn controller(&self) -> &EndpointId {
        match self {
            Asker::Request(origin) => &origin.controller,
            Asker::Trigger(trigger) => &trigger.recipient,
        }
    }
}

/// What goes on when the host comes back with a ticket.
pub(super) enum Pending {
    /// Fresh values for the Boot! event.
    Boot,
    /// Fresh values for a request.
    Request(Origin, Operation),
    /// Fresh values for the Set of a subscription.
    Trigger(Trigger, Operation),
    /// The end of a commit.
    Commit(Asker, Plan),
}

/// A Set, Add or Delete that waits for the commit before it.
pub(super) struct WaitingWrite {
    pub(super) asker: Asker,
    pub(super) operation: Operation,
}

impl AgentMachine {
    pub(super) fn request(&mut self, now: Now, tree: &mut Tree, origin: Origin, request: Request) {
        if self.controller(&origin.controller).is_none() {
            self.audit_refusal(now, Deed::Refused, &origin.controller, request.name(), "it is not served");
            return self.refuse(&origin, dm::Code::PERMISSION_DENIED.0, "this controller is not served");
        }
        let key = (origin.controller.clone(), origin.msg_id.clone());
        // R-MSG.4
        if self.in_progress.contains(&key) {
            return;
        }
        if self.in_progress.len() >= limits::MAX_REQUESTS {
            return self.refuse(&origin, code::RESOURCES_EXCEEDED, "too many requests at once");
        }
        if matches!(request, Request::GetSupportedProtocol(_)) {
            let resp = GetSupportedProtocolResp::new(&self.config.versions);
            return self.respond(&origin, Response::GetSupportedProtocolResp(resp));
        }
        let name = request.name();
        // R-MSG.1: what only agents ask.
        let Some(operation) = translate::operation(request) else {
            let text = format!("{name} is not for an agent");
            return self.refuse(&origin, code::MESSAGE_NOT_SUPPORTED, &text);
        };
        self.in_progress.insert(key);
        match &operation {
            Operation::GetSchema(_) => self.carry_out(now, tree, origin, operation, &[]),
            _ => {
                let touched = touched(tree, &operation);
                self.refresh(tree, touched, Pending::Request(origin, operation));
            }
        }
    }

    pub(super) fn refreshed(&mut self, now: Now, tree: &mut Tree, ticket: Ticket) {
        let unheard = self.unheard.remove(&ticket).unwrap_or_default();
        match self.pending.remove(&ticket) {
            Some(Pending::Boot) => self.tell_boot(tree),
            Some(Pending::Request(origin, operation)) => {
                self.carry_out(now, tree, origin, operation, &unheard);
            }
            Some(Pending::Trigger(trigger, set)) => {
                self.write_request(now, tree, Asker::Trigger(trigger), set);
            }
            Some(other) => {
                self.pending.insert(ticket, other);
            }
            None => {}
        }
    }

    fn carry_out(
        &mut self,
        now: Now,
        tree: &mut Tree,
        origin: Origin,
        operation: Operation,
        unheard: &[Unheard],
    ) {
        // It may have been disabled since.
        let Some(controller) = self.controller(&origin.controller).cloned() else {
            let text = "this controller is not served";
            return self.finish(&origin, Err(ErrorBody::new(dm::Code::PERMISSION_DENIED.0, text)));
        };
        match operation {
            Operation::Set(_) | Operation::Add(_) | Operation::Delete(_) => {
                self.write_request(now, tree, Asker::Request(origin), operation);
            }
            Operation::Operate(operate) => self.operate(now, tree, origin, &controller, &operate),
            read => {
                let mut outcome = super::reads::answer(tree, &controller, now, &read);
                if !unheard.is_empty() {
                    unheard::blank(tree, unheard, &mut outcome);
                }
                self.finish(&origin, translate::response(outcome));
            }
        }
    }

    /// Answers, and forgets the request.
    pub(super) fn finish(&mut self, origin: &Origin, answer: Result<Response, ErrorBody>) {
        self.forget(origin);
        match answer {
            Ok(response) => self.respond(origin, response),
            Err(error) => self.error(origin, error),
        }
    }

    /// The request is no longer in progress.
    pub(super) fn forget(&mut self, origin: &Origin) {
        self.in_progress.remove(&(origin.controller.clone(), origin.msg_id.clone()));
    }

    pub(super) fn finish_with(&mut self, origin: &Origin, outcome: Outcome) {
        self.finish(origin, translate::response(outcome));
    }

    /// R-MSG.9: with the id of the request, on the connection that it came by.
    fn respond(&mut self, origin: &Origin, response: Response) {
        let mut msg = Msg::response(origin.msg_id.clone(), response);
        if msg.encoded_len() > limits::MAX_ANSWER_BYTES {
            let error = ErrorBody::new(code::RESOURCES_EXCEEDED, "the answer is too large: ask for less");
            msg = Msg::error(origin.msg_id.clone(), error);
        }
        self.answer(origin, &msg);
    }

    fn error(&mut self, origin: &Origin, error: ErrorBody) {
        let msg = Msg::error(origin.msg_id.clone(), error);
        self.answer(origin, &msg);
    }

    pub(super) fn answer(&mut self, origin: &Origin, msg: &Msg) {
        if !origin.in_session || !self.send_in_session(&origin.controller, msg.encode()) {
            self.send(&origin.controller, origin.return_path.clone(), msg);
        }
    }

    fn refuse(&mut self, origin: &Origin, code: u32, text: &str) {
        self.error(origin, ErrorBody::new(code, text));
    }
}

/// What has to be fresh for an operation.
pub(super) fn touched(tree: &Tree, operation: &Operation) -> Touched {
    let paths: Vec<&str> = match operation {
        Operation::Get(get) => return Touched::by_reading(tree.model(), &get.paths),
        Operation::GetInstances(get) => get.paths.iter().map(String::as_str).collect(),
        Operation::Set(set) => set.objects.iter().map(|object| object.path.as_str()).collect(),
        Operation::Add(add) => add.objects.iter().map(|object| object.path.as_str()).collect(),
        Operation::Delete(delete) => delete.paths.iter().map(String::as_str).collect(),
        Operation::Operate(operate) => vec![&operate.command],
        Operation::GetSchema(_) => Vec::new(),
    };
    let places = paths.into_iter().filter_map(|path| places::touched_text(tree.model(), path)).collect();
    Touched { places, parts: Vec::new() }
}
