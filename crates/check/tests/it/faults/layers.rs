//! Faults below the meaning of messages: Records, encoding, matching.

use prost::Message;
use usp_proto::generated::usp_msg as wire;
use usp_proto::generated::usp_msg::request::ReqType;
use usp_proto::generated::usp_record::record::RecordType;
use usp_proto::generated::usp_record::{Record, SessionContextRecord};
use usp_proto::get::Get;
use usp_proto::notify::NotifyResp;
use usp_proto::register::RegisterResp;
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, fail, on, respond};
use crate::agent::{AGENT, CONTROLLER, message, put};

pub(super) static FAULTS: &[Fault] = &[
    Fault::say_record("R-MTP.6-connect-first", |record| {
        !matches!(record.record_type, Some(RecordType::WebsocketConnect(_)))
    }),
    Fault::say_record("R-MTP.4b-answers-name-both-ends", |record| {
        record.to_id = AGENT.to_owned();
        true
    }),
    Fault::hear_record("R-E2E.1-for-somebody-else", for_me),
    Fault::hear_record("R-ARC.2-from-itself", |record, _| {
        CONTROLLER.clone_into(&mut record.from_id);
        true
    }),
    Fault::hear_record("R-MTP.5-bad-for-somebody-else", for_me),
    Fault::hear_record("R-MTP.5-bad-without-sender", |record, _| {
        CONTROLLER.clone_into(&mut record.from_id);
        true
    }),
    Fault::hear_record("R-MTP.5-bad-with-response", guess),
    Fault::hear_record("R-MTP.5-bad-without-message-id", guess),
    Fault::hear_record("R-E2E.26-empty-payload", guess),
    Fault::say_record("R-ARC.2a-authority-scheme", |record| called(record, "mac::012345")),
    Fault::say_record("R-ARC.3-not-the-forums", |record| called(record, "os::00256D-1")),
    Fault::say_record("R-ARC.5-characters", |record| called(record, "os::012345-A 1")),
    Fault::say_record("R-ARC.6-length", |record| {
        called(record, "os::012345-1234567890123456789012345678901234567890ABCD")
    }),
    Fault::say_record("R-E2E.6a-not-allowed", |record| {
        if let Some(RecordType::Disconnect(disconnect)) = &mut record.record_type {
            disconnect.reason_code = 7105;
        }
        true
    }),
    Fault::say_record("R-MTP.9-says-why", |record| {
        if let Some(RecordType::Disconnect(disconnect)) = &mut record.record_type {
            disconnect.reason.clear();
        }
        true
    }),
    // The channel is as good as closed.
    Fault::hear("R-E2E.6a-goes-on-without", |msg| !matches!(msg.body, Body::Request(Request::Get(_)))),
    Fault::say_record("R-MSG.0a-without-session", |record| {
        let is_get_resp = |msg: &Msg| matches!(msg.body, Body::Response(Response::GetResp(_)));
        if message(record).as_ref().is_some_and(is_get_resp)
            && let Some(RecordType::NoSessionContext(context)) = &record.record_type
        {
            let payload = vec![context.payload.clone()];
            let context =
                SessionContextRecord { session_id: 2, sequence_id: 1, payload, ..Default::default() };
            record.record_type = Some(RecordType::SessionContext(context));
        }
        true
    }),
    Fault::hear_record("R-E2E.41-tls-needs-a-session", |record, _| {
        record.payload_security = 0;
        true
    }),
    Fault::hear_record("R-ENC.0-unknown-field", knows_all),
    Fault::hear_record("R-ENC.1-unknown-field", knows_all),
    Fault::say("R-ENC.2-unknown-value", |_, msg| !matches!(msg.body, Body::Error(_))),
    Fault::hear_record("R-ENC.4-no-record-type", guess),
    Fault::hear_record("R-ENC.4-unknown-record-type", guess),
    Fault::say("R-ENC.5-empty-body", other_code),
    Fault::say("R-ENC.5-empty-request", |_, msg| !matches!(msg.body, Body::Error(_))),
    Fault::say("R-ENC.5-unknown-request", |_, msg| !matches!(msg.body, Body::Error(_))),
    Fault::hear_record("R-ENC.3-two-requests", |record, _| {
        let Some(mut msg) = payload(record).filter(|_| message(record).is_none()) else { return true };
        msg.body = Some(get_body());
        put_wire(record, &msg);
        true
    }),
    Fault::say("R-MSG.0-get-is-answered", |asked, _| !matches!(asked, Some(Request::Get(_)))),
    Fault::say("R-MSG.0-get-instances-is-answered", |asked, _| {
        !matches!(asked, Some(Request::GetInstances(_)))
    }),
    Fault::say(
        "R-MSG.0-get-supported-dm-is-answered",
        |asked, _| !matches!(asked, Some(Request::GetSupportedDm(get)) if get.first_level_only),
    ),
    Fault::say(
        "R-MSG.0-get-supported-protocol-is-answered",
        |_, msg| on!(Response::GetSupportedProtocolResp, msg, resp => resp.agent_supported_protocol_versions.clear()),
    ),
    Fault::say("R-MSG.0-set-is-answered", |asked, _| !matches!(asked, Some(Request::Set(_)))),
    Fault::say("R-MSG.0-add-is-answered", |asked, _| !matches!(asked, Some(Request::Add(_)))),
    Fault::say("R-MSG.0-delete-is-answered", |asked, _| !matches!(asked, Some(Request::Delete(_)))),
    Fault::say("R-MSG.0-operate-is-answered", |asked, _| !matches!(asked, Some(Request::Operate(_)))),
    Fault::say("R-MSG.1-register-is-refused", |asked, msg| match asked {
        Some(Request::Register(_)) => respond(msg, Response::RegisterResp(RegisterResp::default())),
        _ => true,
    }),
    Fault::say("R-MSG.1-notify-is-refused", |asked, msg| match asked {
        Some(Request::Notify(_)) => respond(msg, Response::NotifyResp(NotifyResp::default())),
        _ => true,
    }),
    Fault::hear_record("R-MSG.6-no-header", guess),
    Fault::hear_record("R-MSG.8-no-message-id", guess),
    Fault::say("R-MSG.9-id-is-repeated", |_, msg| {
        // An agent that takes ids for ASCII.
        msg.msg_id = msg.msg_id.replace('ÿ', "?");
        true
    }),
    Fault::say("R-MSG.9-two-at-once", |_, msg| {
        on!(Response::GetResp, msg, resp => resp.req_path_results.iter_mut().for_each(|result| {
            "Device.LocalAgent.EndpointID".clone_into(&mut result.requested_path);
        }))
    }),
    Fault::hear("R-MSG.9-unmatched-answer", |msg| {
        if matches!(msg.body, Body::Response(_)) {
            msg.body = Body::Request(Request::Get(Get::default()));
        }
        true
    }),
    Fault::hear_record("R-MSG.10-body-wins", |record, _| {
        let Some(msg) = payload(record) else { return true };
        let is_get = matches!(
            msg.body.and_then(|body| body.msg_body),
            Some(wire::body::MsgBody::Request(wire::Request { req_type: Some(ReqType::Get(_)) }))
        );
        !is_get || msg.header.is_some_and(|header| header.msg_type == i32::from(wire::header::MsgType::Get))
    }),
    Fault::say_record("R-MSG.10-type-of-answers", |record| {
        let Some(mut msg) = payload(record) else { return true };
        if let Some(header) = &mut msg.header {
            header.msg_type = wire::header::MsgType::Get.into();
        }
        put_wire(record, &msg);
        true
    }),
];

/// Calls itself this.
fn called(record: &mut Record, id: &str) -> bool {
    id.clone_into(&mut record.from_id);
    true
}

/// Takes every Record for its own.
fn for_me(record: &mut Record, _: &[u8]) -> bool {
    AGENT.clone_into(&mut record.to_id);
    true
}

/// Takes what it does not understand for a Get.
fn guess(record: &mut Record, _: &[u8]) -> bool {
    let is_bad = |msg: &Msg| !matches!(msg.body, Body::Request(_));
    if message(record).as_ref().is_none_or(is_bad) {
        put(record, &Msg::request("guessed", Request::Get(Get::new(["Device."], 1))));
    }
    true
}

/// Does not hear what has a field that it does not know.
fn knows_all(_: &mut Record, bytes: &[u8]) -> bool {
    !bytes.ends_with(&[0x98, 0x06, 0x01])
}

fn other_code(_: Option<&Request>, msg: &mut Msg) -> bool {
    if matches!(msg.body, Body::Error(_)) { fail(msg, 7000) } else { true }
}

fn payload(record: &Record) -> Option<wire::Msg> {
    match &record.record_type {
        Some(RecordType::NoSessionContext(context)) => wire::Msg::decode(context.payload.clone()).ok(),
        _ => None,
    }
}

fn put_wire(record: &mut Record, msg: &wire::Msg) {
    if let Some(RecordType::NoSessionContext(context)) = &mut record.record_type {
        context.payload = msg.encode_to_vec().into();
    }
}

fn get_body() -> wire::Body {
    let request = wire::Request { req_type: Some(Request::Get(Get::new(["Device."], 1))) };
    wire::Body { msg_body: Some(wire::body::MsgBody::Request(request)) }
}
