//! Records that arrive: whose they are, what they carry, and when an error is answered (R-MTP.5).

use dm::Mono;
use usp_proto::error_code::code;
use usp_proto::link::{Inbound, LinkId, Outbound, PeerAuth, ReturnPath};
use usp_proto::msg::{Body, ErrorBody};
use usp_proto::record::{MqttVersion, PayloadSecurity};
use usp_proto::{EndpointId, Malformed, Msg, Record, RecordError, RecordType, Request, Version};

use super::ControllerMachine;
use super::io::Output;
use super::sessions::Reply;

impl ControllerMachine {
    pub(super) fn record(&mut self, now: Mono, inbound: Inbound) {
        let Inbound { link, return_path, record, peer } = inbound;
        let record = match Record::decode(record) {
            Ok(record) => record,
            Err(error) => return self.unreadable(link, return_path, &error),
        };
        // R-E2E.1: what is for somebody else is ignored.
        if record.to_id != self.config.endpoint {
            return self.misaddressed(link, &record.to_id);
        }
        if let Err(reason) = self.check_sender(&record, &peer) {
            self.outputs.push_back(Output::Impersonates { link, from: record.from_id });
            return self.outputs.push_back(Output::Close { link, reason });
        }
        // Where sessions speak for the agent, it is not to be silenced by others.
        let may_silence = peer != PeerAuth::Unproven || !self.requires_session() && !self.has_session();
        if let RecordType::MqttConnect { version, .. } = &record.record_type
            && may_silence
        {
            self.heard_version(link, *version);
        }
        let own = self.link.as_mut().filter(|own| own.return_path.link() == link);
        let is_own = own.is_some();
        if own.as_ref().is_some_and(|own| own.mismatched) {
            return;
        }
        if let Some(own) = own {
            own.nudges.heard(now);
        }
        match record.record_type {
            // R-E2E.41
            RecordType::NoSession { .. } if record.payload_security != PayloadSecurity::Plaintext => {
                self.notice("a payload under TLS outside of a session".to_owned());
            }
            RecordType::NoSession { payload } => {
                // Agents before 1.2 send no Connect record: whatever they send shows that they are there.
                if self.requires_session() {
                    self.notice("a Message outside of a session was ignored".to_owned());
                    return self.open_session(now);
                }
                if is_own {
                    self.open_link(now);
                }
                self.message(now, Reply { path: return_path, in_session: false }, &payload);
            }
            RecordType::WebSocketConnect
            | RecordType::MqttConnect { .. }
            | RecordType::StompConnect { .. }
            | RecordType::UdsConnect => {
                if is_own {
                    self.outputs.push_back(Output::Connected);
                    self.open_link(now);
                }
            }
            RecordType::Disconnect { reason, reason_code } => {
                if is_own {
                    let reason = if reason.is_empty() { format!("code {reason_code}") } else { reason };
                    self.outputs.push_back(Output::Disconnected { reason });
                    self.shut_link();
                }
            }
            RecordType::Session(_) => self.session_record(now, record, &peer, return_path),
        }
    }

    /// R-MQTT.26a: a broker in between translates, and nobody can rely on what it makes of it. Nothing is said to the agent
    /// and nothing heard of it until its Connect record names our version.
    fn heard_version(&mut self, link: LinkId, version: MqttVersion) {
        let Some(own) = self.link.as_mut().filter(|own| own.return_path.link() == link) else { return };
        let Some(ours) = own.version else { return };
        let mismatched = version != ours;
        if std::mem::replace(&mut own.mismatched, mismatched) != mismatched && mismatched {
            let reason = format!("it speaks {version:?} of MQTT, and we {ours:?}");
            self.outputs.push_back(Output::Disconnected { reason });
            self.shut_link();
        }
    }

    /// An agent that is configured with another controller id will never understand us: that is told, once
    /// for each connection.
    fn misaddressed(&mut self, link: LinkId, to: &EndpointId) {
        match self.link.as_mut().filter(|own| own.return_path.link() == link && !own.misaddressed) {
            Some(own) => {
                own.misaddressed = true;
                self.outputs.push_back(Output::Misaddressed { to: to.clone() });
            }
            None => self.notice(format!("a Record for {to}")),
        }
    }

    /// R-WS.16: a connection that carries what is no Record at all is closed. A Record with a bad value is
    /// answered where that is allowed (R-MTP.5), and dropped.
    fn unreadable(&mut self, link: LinkId, return_path: ReturnPath, error: &RecordError) {
        if let Some((from, answer)) = error.answer(&self.config.endpoint)
            && *from == self.agent
        {
            self.send_to(return_path, &answer);
        }
        let reason = format!("a Record that cannot be read: {error}");
        match error.reason {
            Malformed::Undecodable(_) => self.outputs.push_back(Output::Close { link, reason }),
            _ => self.notice(reason),
        }
    }

    /// The sender is the agent that this machine stands for, and its certificate says so (R-SEC.0a). A
    /// certificate that is only pinned and names no endpoint was accepted for this one by a person.
    fn check_sender(&self, record: &Record, peer: &PeerAuth) -> Result<(), String> {
        if record.from_id != self.agent {
            return Err(format!("a Record from {} on the connection of {}", record.from_id, self.agent));
        }
        let PeerAuth::Certificate(certificate) = peer else { return Ok(()) };
        // A DNS name is an id of the fqdn scheme only, and says nothing about other ids.
        let mut names = certificate.endpoint_ids.iter().filter(|id| id.scheme() != "fqdn");
        let anonymous = !certificate.trusted && names.next().is_none();
        if anonymous || certificate.endpoint_ids.iter().any(|id| id.certifies(&record.from_id)) {
            Ok(())
        } else {
            Err(format!("the certificate does not name {}", record.from_id))
        }
    }

    pub(super) fn message(&mut self, now: Mono, reply: Reply, payload: &[u8]) {
        match Msg::decode(payload) {
            Ok(Msg { msg_id, body: Body::Request(request) }) => {
                self.request(now, reply, msg_id, request, payload);
            }
            Ok(Msg { msg_id, body }) => self.answer(now, &msg_id, body, payload.len()),
            Err(error) => {
                if let Some(answer) = error.answer() {
                    self.reply(now, reply, &answer);
                }
                self.notice(format!("a message that cannot be read: {error}"));
            }
        }
    }

    fn request(&mut self, now: Mono, reply: Reply, msg_id: String, request: Request, payload: &[u8]) {
        match request {
            Request::Notify(notify) => self.notified(reply, msg_id, notify, payload),
            // R-MSG.1: an agent's other requests are for USP Brokers, and the rest is no agent's to make.
            other => {
                let error =
                    ErrorBody::new(code::MESSAGE_NOT_SUPPORTED, format!("{} is not supported", other.name()));
                self.reply(now, reply, &Msg::error(msg_id, error));
            }
        }
    }

    /// R-E2E.6a, controller side: sessions are not spoken here.
    pub(super) fn refuse_session(&mut self, return_path: ReturnPath) {
        let reason = "end-to-end sessions are not allowed";
        self.send_disconnect(return_path, code::SESSION_CONTEXT_NOT_ALLOWED, reason);
    }

    /// R-MTP.9: with code and reason.
    pub(super) fn send_disconnect(&mut self, return_path: ReturnPath, code: u32, reason: &str) {
        let (me, agent) = (&self.config.endpoint, &self.agent);
        let record = Record::disconnect(me, agent, Version::CURRENT, code, reason).encode();
        self.outputs.push_back(Output::Send(Outbound { return_path, record }));
    }

    pub(super) fn notice(&mut self, what: String) {
        self.outputs.push_back(Output::Noticed(what));
    }
}
