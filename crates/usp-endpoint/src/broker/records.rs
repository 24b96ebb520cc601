//! Records and Messages of services.

use dm::path::SchemaPath;
use usp_proto::error_code::code;
use usp_proto::link::{Inbound, LinkId, Outbound};
use usp_proto::msg::{Body, ErrorBody};
use usp_proto::record::PayloadSecurity;
use usp_proto::register::{
    Deregister, DeregisterResp, DeregisteredPathResult, Register, RegisterResp, RegisteredPathResult,
};
use usp_proto::{Msg, Record, RecordType, Request, Response, Version};

use super::Broker;
use super::io::Output;
use crate::limits::MAX_REGISTERED_PATHS;

impl Broker {
    pub(super) fn record(&mut self, inbound: Inbound) {
        let link = inbound.link;
        let Some(service) = self.services.get(&link) else { return };
        let record = match Record::decode(inbound.record) {
            Ok(record) => record,
            // R-UDS.23
            Err(error) => return self.close(link, format!("a Record that can't be read: {error}")),
        };
        if record.from_id != service.endpoint {
            return self.close(link, format!("a Record of {} on another's connection", record.from_id));
        }
        // R-E2E.1
        if record.to_id != self.endpoint {
            return self.notice(format!("a Record for {}", record.to_id));
        }
        match record.record_type {
            RecordType::NoSession { payload } if record.payload_security == PayloadSecurity::Plaintext => {
                self.message(link, &payload);
            }
            RecordType::NoSession { .. } => {
                self.notice("a payload under TLS outside of a session".to_owned());
            }
            RecordType::Disconnect { .. } => self.forget(link),
            // R-E2E.6a: within one device they protect nothing.
            RecordType::Session(_) => {
                let (me, to) = (&self.endpoint, &service.endpoint);
                let (code, reason) =
                    (code::SESSION_CONTEXT_NOT_ALLOWED, "end-to-end sessions are not allowed");
                let record = Record::disconnect(me, to, Version::CURRENT, code, reason).encode();
                self.outputs.push_back(Output::Send(Outbound { return_path: inbound.return_path, record }));
            }
            RecordType::UdsConnect
            | RecordType::WebSocketConnect
            | RecordType::MqttConnect { .. }
            | RecordType::StompConnect { .. } => {}
        }
    }

    fn message(&mut self, link: LinkId, payload: &[u8]) {
        match Msg::decode(payload) {
            Ok(Msg { msg_id, body: Body::Request(request) }) => self.request(link, msg_id, request),
            Ok(Msg { msg_id, body }) => self.answer(link, &msg_id, body),
            Err(error) => {
                if let Some(answer) = error.answer() {
                    self.send(link, &answer);
                }
                self.notice(format!("a message of a service that can't be read: {error}"));
            }
        }
    }

    fn request(&mut self, link: LinkId, msg_id: String, request: Request) {
        match request {
            Request::Register(register) => self.register(link, msg_id, &register),
            Request::Deregister(deregister) => self.deregister(link, msg_id, &deregister),
            Request::Notify(notify) => {
                // R-NOT.8. What it says is handed on within the process: there is nothing to store first.
                if notify.send_resp {
                    self.send(link, &Msg::response(msg_id, Response::NotifyResp(notify.response())));
                }
                self.outputs.push_back(Output::Notified { link, notify: Box::new(notify) });
            }
            // R-MSG.1
            other => {
                let text = format!("{} is not for a controller", other.name());
                let error = ErrorBody::new(code::MESSAGE_NOT_SUPPORTED, text);
                self.send(link, &Msg::error(msg_id, error));
            }
        }
    }

    fn register(&mut self, link: LinkId, msg_id: String, register: &Register) {
        let Some(service) = self.services.get(&link) else { return };
        let nothing = Vec::new();
        let trusted =
            self.trust.as_ref().map(|trust| trust.get(&service.endpoint).unwrap_or(&nothing).as_slice());
        let (before, known) = (self.registry.clone(), self.registry.paths(link));
        let (mut results, mut paths) = (Vec::new(), Vec::new());
        let mut error = (register.reg_paths.len() > MAX_REGISTERED_PATHS)
            .then(|| ErrorBody::new(code::RESOURCES_EXCEEDED, "too many paths in one message"));
        for requested in register.reg_paths.iter().map(|requested| &requested.path) {
            if error.is_some() {
                break;
            }
            match self.registry.register(link, requested, trusted) {
                Ok(path) => {
                    results.push(RegisteredPathResult::ok(requested, path.as_str()));
                    if !known.contains(&path) && !paths.contains(&path) {
                        paths.push(path);
                    }
                }
                // R-REG.0
                Err((code, text)) if register.allow_partial => {
                    results.push(RegisteredPathResult::failed(requested, code, text));
                }
                // R-REG.1
                Err((code, text)) => {
                    error = Some(ErrorBody::new(code, text.clone()).with_param(requested, code, text));
                }
            }
        }
        if let Some(error) = error {
            self.registry = before;
            return self.send(link, &Msg::error(msg_id, error));
        }
        let answer = RegisterResp { registered_path_results: results };
        self.send(link, &Msg::response(msg_id, Response::RegisterResp(answer)));
        if !paths.is_empty() {
            self.outputs.push_back(Output::Registered { link, paths });
        }
    }

    /// R-DEREG.4: whatever it asks, the answer is no Error.
    fn deregister(&mut self, link: LinkId, msg_id: String, deregister: &Deregister) {
        let mut withdrawn: Vec<SchemaPath> = Vec::new();
        let mut results = Vec::new();
        for (at, requested) in deregister.paths.iter().enumerate() {
            let end = match at < MAX_REGISTERED_PATHS {
                true => self.registry.deregister(link, requested),
                false => Err((code::RESOURCES_EXCEEDED, "too many paths in one message".to_owned())),
            };
            results.push(match end {
                Ok(paths) => {
                    let texts = paths.iter().map(|path| path.as_str().to_owned()).collect();
                    withdrawn.extend(paths);
                    DeregisteredPathResult::ok(requested, texts)
                }
                Err((code, text)) => DeregisteredPathResult::failed(requested, code, text),
            });
        }
        let answer = DeregisterResp { deregistered_path_results: results };
        self.send(link, &Msg::response(msg_id, Response::DeregisterResp(answer)));
        if !withdrawn.is_empty() {
            self.outputs.push_back(Output::Deregistered { link, paths: withdrawn });
        }
    }
}
