//! Records that arrive: whose they are, what they carry, and when an error is answered (R-MTP.5).

use dm::Mono;
use usp_proto::error_code::code;
use usp_proto::link::{Inbound, PeerAuth, ReturnPath};
use usp_proto::msg::{Body, ErrorBody};
use usp_proto::{Msg, Record, RecordType, Request};

use super::ControllerMachine;
use super::io::Output;

impl ControllerMachine {
    pub(super) fn record(&mut self, now: Mono, inbound: Inbound) {
        let Inbound { link, return_path, record, .. } = inbound;
        let record = match Record::decode(record) {
            Ok(record) => record,
            Err(error) => {
                if let Some((_, answer)) = error.answer(&self.config.endpoint) {
                    self.send_to(return_path, &answer);
                }
                let reason = format!("a Record that cannot be read: {error}");
                return self.outputs.push_back(Output::Close { link, reason });
            }
        };
        // R-E2E.1: what is for somebody else is ignored.
        if record.to_id != self.config.endpoint {
            return self.notice(format!("a Record for {}", record.to_id));
        }
        if let Err(reason) = self.check_sender(&record, &inbound.peer) {
            return self.outputs.push_back(Output::Close { link, reason });
        }
        if let Some(own) = self.link.as_mut().filter(|own| own.return_path.link() == link) {
            own.traffic = now;
            own.nudged = false;
        }
        match record.record_type {
            RecordType::NoSession { payload } => {
                self.message(now, return_path, &payload);
                // Agents before 1.2 send no Connect record: whatever they send shows that they are there.
                self.open_link(now);
            }
            connect if connect.is_connect() => {
                self.outputs.push_back(Output::Connected);
                self.open_link(now);
            }
            RecordType::Disconnect { reason, reason_code } => {
                let reason = if reason.is_empty() { format!("code {reason_code}") } else { reason };
                self.outputs.push_back(Output::Disconnected { reason });
                // R-MTP.8: a new Connect record comes before anything else.
                if let Some(own) = &mut self.link {
                    own.open = false;
                    own.grace_ends = Mono(u64::MAX);
                }
            }
            RecordType::Session(_) => self.refuse_session(return_path),
            _ => {}
        }
    }

    /// The sender is the agent that this machine stands for, and its certificate says so (R-SEC.0a).
    fn check_sender(&self, record: &Record, peer: &PeerAuth) -> Result<(), String> {
        if record.from_id != self.agent {
            return Err(format!("a Record from {} on the connection of {}", record.from_id, self.agent));
        }
        match peer {
            PeerAuth::Certificate(certificate)
                if !certificate.endpoint_ids.is_empty()
                    && !certificate.endpoint_ids.iter().any(|id| id.certifies(&record.from_id)) =>
            {
                Err(format!("the certificate does not name {}", record.from_id))
            }
            _ => Ok(()),
        }
    }

    fn message(&mut self, now: Mono, return_path: ReturnPath, payload: &[u8]) {
        match Msg::decode(payload) {
            Ok(Msg { msg_id, body: Body::Request(request) }) => self.request(return_path, msg_id, request, payload),
            Ok(Msg { msg_id, body }) => self.answer(now, &msg_id, body),
            Err(error) => {
                if let Some(answer) = error.answer() {
                    self.send_to(return_path, &answer);
                }
                self.notice(format!("a message that cannot be read: {error}"));
            }
        }
    }

    fn request(&mut self, return_path: ReturnPath, msg_id: String, request: Request, payload: &[u8]) {
        match request {
            Request::Notify(notify) => self.notified(return_path, msg_id, notify, payload),
            // R-MSG.1: an agent's other requests are for USP Brokers, and the rest is no agent's to make.
            other => {
                let error = ErrorBody::new(code::MESSAGE_NOT_SUPPORTED, format!("{} is not supported", other.name()));
                self.send_to(return_path, &Msg::error(msg_id, error));
            }
        }
    }

    /// R-E2E.6a, controller side: sessions are not spoken here.
    fn refuse_session(&mut self, return_path: ReturnPath) {
        let record = Record::disconnect(
            &self.config.endpoint,
            &self.agent,
            usp_proto::Version::CURRENT,
            "end-to-end sessions are not supported",
            code::SESSION_CONTEXT_NOT_ALLOWED,
        );
        let outbound = usp_proto::link::Outbound { return_path, record: record.encode() };
        self.outputs.push_back(Output::Send(outbound));
    }

    pub(super) fn notice(&mut self, what: String) {
        self.outputs.push_back(Output::Noticed(what));
    }
}
