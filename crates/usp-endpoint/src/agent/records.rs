//! Records that arrive: whose they are and what they carry; and Records that leave.

use dm::Now;
use dm::tree::Tree;
use usp_proto::error_code::code;
use usp_proto::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, ReturnPath};
use usp_proto::msg::Body;
use usp_proto::record::{MqttVersion, PayloadSecurity, encode_message};
use usp_proto::{EndpointId, Malformed, Msg, Record, RecordType, Response, Version};

use super::AgentMachine;
use super::audit::Deed;
use super::io::{CloseReason, Output};
use super::requests::Origin;

impl AgentMachine {
    pub(super) fn record(&mut self, now: Now, tree: &mut Tree, inbound: Inbound) {
        let Inbound { link, return_path, record, .. } = inbound;
        let record = match Record::decode(record) {
            Ok(record) => record,
            Err(error) => {
                // R-MTP.5: only for a Request of a known sender.
                if let Some((to, answer)) = error.answer(&self.config.endpoint)
                    && !self.banned.contains(to)
                {
                    let to = to.clone();
                    self.send(&to, return_path, &answer);
                }
                // R-WS.16
                if matches!(error.reason, Malformed::Undecodable(_)) {
                    self.outputs.push_back(Output::Close { link, reason: CloseReason::BadRecord });
                }
                return;
            }
        };
        // R-E2E.1, R-ARC.2: for somebody else, or from ourselves.
        if record.to_id != self.config.endpoint || record.from_id == self.config.endpoint {
            return;
        }
        // What is on its way when a connection is forgotten is nobody's.
        let Some(configured) = self.links.get(&link) else { return };
        if configured.controller != record.from_id {
            return self.not_believed(now, &record.from_id, "the connection is another controller's");
        }
        let peer = &configured.peer;
        if !speaks_for(peer, &record.from_id) {
            return self.not_believed(now, &record.from_id, "the certificate does not speak for it");
        }
        // R-E2E.41: only sessions have a payload under TLS.
        let in_session = matches!(record.record_type, RecordType::Session(_));
        if !in_session && record.payload_security != PayloadSecurity::Plaintext {
            return;
        }
        // A controller with the BannedRole is not spoken with at all.
        if self.banned.contains(&record.from_id) {
            return;
        }
        let peer = peer.clone();
        if let RecordType::MqttConnect { version, .. } = &record.record_type
            && !self.is_open(&peer)
        {
            self.heard_version(link, *version);
        }
        if self.links.get(&link).is_some_and(|link| link.mismatched) {
            return;
        }
        // What nothing protects anybody may have said; of sessions their own machine knows.
        if !self.is_open(&peer) && self.controller(&record.from_id).is_some() {
            self.recognised = Some(link);
        }
        match record.record_type {
            // R-SEC.0, figure "no-secure-message-exchange": nobody but the two may read or change it.
            RecordType::NoSession { .. } if self.is_open(&peer) => {
                let why = "nothing protects it: neither TLS, nor a trusted broker, nor a session";
                self.not_believed(now, &record.from_id, why);
                self.remind_of_session(&record.from_id);
            }
            // `SessionMode` Require: no Message flows outside of a session.
            RecordType::NoSession { .. } if self.requires_session(&record.from_id) => {
                let what = format!("a Message of {} outside of a session was ignored", record.from_id);
                self.outputs.push_back(Output::Noticed(what));
                self.remind_of_session(&record.from_id);
            }
            RecordType::NoSession { payload } => {
                let (controller, msg_id) = (record.from_id, String::new());
                self.message(
                    now,
                    tree,
                    Origin { controller, msg_id, return_path, in_session: false },
                    &payload,
                );
            }
            RecordType::Session(_) => self.session_record(record, &peer, return_path),
            RecordType::Disconnect { .. } => self.purge_session(&record.from_id),
            _ => {}
        }
    }

    /// R-MQTT.26a: a broker in between translates, and nobody can rely on what it makes of it. Where anybody could have
    /// said it, it is ignored: a controller is not to be silenced by others.
    fn heard_version(&mut self, link: LinkId, version: MqttVersion) {
        let Some(link) = self.links.get_mut(&link) else { return };
        let Contact::Mqtt { version: own, .. } = &link.contact else { return };
        let mismatched = version != *own;
        if std::mem::replace(&mut link.mismatched, mismatched) != mismatched && mismatched {
            let controller = link.controller.clone();
            let what =
                format!("{controller} speaks {version:?} of MQTT, and we {own:?}: it is not spoken with");
            self.outputs.push_back(Output::Noticed(what));
            self.purge_session(&controller);
        }
    }

    fn not_believed(&mut self, now: Now, claimed: &EndpointId, why: &str) {
        self.audit_refusal(now, Deed::NotBelieved, claimed, "Record", why);
    }

    pub(super) fn message(&mut self, now: Now, tree: &mut Tree, mut origin: Origin, payload: &[u8]) {
        self.heard_message(now, tree, origin.return_path.link());
        match Msg::decode(payload) {
            Ok(Msg { msg_id, body: Body::Request(request) }) => {
                origin.msg_id = msg_id;
                self.request(now, tree, origin, request);
            }
            // R-NOT.9: the message id tells which notification it is.
            Ok(Msg { msg_id, body: Body::Response(Response::NotifyResp(_)) }) => {
                self.acknowledged(now, &origin.controller, &msg_id);
            }
            Ok(_) => {}
            // R-ENC.5, R-MSG.1
            Err(error) => {
                if let Some(answer) = error.answer() {
                    self.answer(&origin, &answer);
                }
            }
        }
    }

    /// R-E2E.6a
    pub(super) fn refuse_session(&mut self, to: &EndpointId, return_path: &ReturnPath) {
        let code = code::SESSION_CONTEXT_NOT_ALLOWED;
        self.end_session(to, return_path, code, "end-to-end sessions are not allowed");
    }

    /// Says that there is no session, on a connection that stays: whoever hears a Disconnect record waits for a
    /// Connect record (R-MTP.8).
    pub(super) fn end_session(&mut self, to: &EndpointId, path: &ReturnPath, code: u32, reason: &str) {
        self.send_disconnect(to, path.clone(), code, reason);
        let link = self.links.get(&path.link()).filter(|link| link.greeted && link.controller == *to);
        if let Some((path, contact)) = link.map(|link| (link.return_path.clone(), link.contact.clone())) {
            self.send_connect(to, path, &contact);
        }
    }

    /// R-MTP.9: with code and reason.
    pub(super) fn send_disconnect(&mut self, to: &EndpointId, path: ReturnPath, code: u32, reason: &str) {
        let record = Record::disconnect(&self.config.endpoint, to, Version::CURRENT, code, reason);
        self.outputs.push_back(Output::Send(Outbound { return_path: path, record: record.encode() }));
    }

    pub(super) fn send_connect(&mut self, to: &EndpointId, return_path: ReturnPath, contact: &Contact) {
        let record = Record::connect(&self.config.endpoint, to, Version::CURRENT, &return_path, contact);
        if let Some(record) = record {
            self.outputs.push_back(Output::Send(Outbound { return_path, record: record.encode() }));
        }
    }

    pub(super) fn send(&mut self, to: &EndpointId, return_path: ReturnPath, msg: &Msg) {
        let record = encode_message(&self.config.endpoint, to, Version::CURRENT, msg);
        self.outputs.push_back(Output::Send(Outbound { return_path, record }));
    }
}

/// Whether what the transport proved lets this controller speak (R-SEC.0a, R-SEC.3, R-SEC.5).
///
/// A certificate that names endpoints must name the sender, and be signed by a known CA or vouched for. One
/// that names none speaks for the controller only where the transport vouches for it: on a connection that
/// this agent dialled and whose host it checked, or where the certificate is pinned. A controller that dials in
/// under a CA's signature alone could otherwise call itself by any name. Without TLS it is the host that
/// decides who may connect.
pub(super) fn speaks_for(peer: &PeerAuth, from: &EndpointId) -> bool {
    let PeerAuth::Certificate(certificate) = peer else { return true };
    if certificate.endpoint_ids.iter().any(|id| id.certifies(from)) {
        return certificate.trusted || certificate.vouched;
    }
    // A DNS name is an id of the fqdn scheme only, and says nothing about other ids.
    let says_nothing = |id: &EndpointId| id.scheme() == "fqdn" && from.scheme() != "fqdn";
    certificate.vouched && certificate.endpoint_ids.iter().all(says_nothing)
}

/// Whether the transport proved that it is this controller: by a certificate that speaks for it, not by
/// leaving the question open.
pub(super) fn proves(peer: &PeerAuth, controller: &EndpointId) -> bool {
    matches!(peer, PeerAuth::Certificate(_)) && speaks_for(peer, controller)
}
