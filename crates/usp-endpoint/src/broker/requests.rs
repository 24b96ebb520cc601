//! Requests to services: sent, answered, given up.

use dm::{Mono, Operation, Outcome};
use usp_proto::link::LinkId;
use usp_proto::msg::Body;
use usp_proto::{Msg, Request};

use super::Broker;
use super::io::{Failure, Output, Ticket};
use crate::limits::{MAX_SERVICE_REQUESTS, MAX_UNANSWERED};
use crate::translate;

/// A request that waits for its answer.
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) deadline: Mono,
    msg_id: String,
    /// An answer is read in its light.
    request: Request,
}

impl Broker {
    pub(super) fn submit(
        &mut self,
        now: Mono,
        ticket: Ticket,
        link: LinkId,
        operation: Operation,
        deadline: Mono,
    ) {
        let failure = match self.services.get(&link) {
            None => Some(Failure::Gone),
            Some(service) if service.asked.len() >= MAX_SERVICE_REQUESTS => Some(Failure::Busy),
            Some(_) if deadline <= now => Some(Failure::TimedOut),
            Some(_) => None,
        };
        if let Some(failure) = failure {
            return self.outputs.push_back(Output::Answered { ticket, answer: Err(failure) });
        }
        let (msg_id, request) = (self.msg_ids.next(), translate::request(operation));
        self.send(link, &Msg::request(msg_id.clone(), request.clone()));
        if let Some(service) = self.services.get_mut(&link) {
            service.asked.push(Asked { ticket, deadline, msg_id, request });
        }
    }

    /// R-MSG.9: the message id alone says to what.
    pub(super) fn answer(&mut self, link: LinkId, msg_id: &str, body: Body) {
        let Some(service) = self.services.get_mut(&link) else { return };
        let Some(at) = service.asked.iter().position(|asked| asked.msg_id == msg_id) else {
            let from = service.endpoint.clone();
            return self.notice(format!("{from} answers {msg_id}, for which nobody waits"));
        };
        let asked = service.asked.remove(at);
        service.unanswered = 0;
        let answer = match body {
            Body::Error(error) => Ok(Outcome::Failed(translate::message_failure(&error))),
            Body::Response(response) => {
                translate::outcome(&asked.request, response).map_err(Failure::BadAnswer)
            }
            Body::Request(_) => Err(Failure::BadAnswer("a request".to_owned())),
        };
        self.outputs.push_back(Output::Answered { ticket: asked.ticket, answer });
    }

    /// Ends what has waited until its deadline. Who never answers is disconnected, and its part of the model
    /// goes with it.
    pub(super) fn expire(&mut self, now: Mono) {
        let (mut ended, mut mute) = (Vec::new(), Vec::new());
        for (link, service) in &mut self.services {
            for asked in service.asked.extract_if(.., |asked| asked.deadline <= now) {
                service.unanswered += 1;
                ended.push(asked.ticket);
            }
            if service.unanswered >= MAX_UNANSWERED {
                service.unanswered = 0;
                mute.push(*link);
            }
        }
        for ticket in ended {
            self.outputs.push_back(Output::Answered { ticket, answer: Err(Failure::TimedOut) });
        }
        for link in mute {
            self.close(link, "the service does not answer");
        }
    }
}
