//! Messages in general: answered, matched by id, told apart by their body.

use prost::Message;
use usp_proto::generated::usp_msg as wire;
use usp_proto::get::{Get, GetResp};
use usp_proto::get_supported_dm::GetSupportedDm;
use usp_proto::get_supported_protocol::GetSupportedProtocol;
use usp_proto::notify::{Event, Notification, Notify};
use usp_proto::operate::Operate;
use usp_proto::register::{Register, RegistrationPath};
use usp_proto::{Body, Msg, Request, Response};

use super::{Check, check, should};
use crate::bench::{Bench, describe};
use crate::limits;
use crate::target::{ENDPOINT, REQUEST, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(get, "R-MSG.0-get-is-answered", [], "Get is answered."),
    check!(get_instances, "R-MSG.0-get-instances-is-answered", [], "GetInstances is answered."),
    check!(get_supported_dm, "R-MSG.0-get-supported-dm-is-answered", [], "GetSupportedDM is answered."),
    check!(
        get_supported_protocol,
        "R-MSG.0-get-supported-protocol-is-answered",
        [],
        "GetSupportedProtocol is answered with versions."
    ),
    check!(set, "R-MSG.0-set-is-answered", [Subscriptions], "Set is answered."),
    check!(add, "R-MSG.0-add-is-answered", [Subscriptions], "Add is answered."),
    check!(delete, "R-MSG.0-delete-is-answered", [Subscriptions], "Delete is answered."),
    check!(operate, "R-MSG.0-operate-is-answered", [Timer], "Operate is answered."),
    check!(register, "R-MSG.1-register-is-refused", [], "An agent does not register what others have."),
    check!(notify, "R-MSG.1-notify-is-refused", [], "An agent does not acknowledge a notification."),
    check!(no_header, "R-MSG.6-no-header", [], "A Message without a header is not carried out."),
    check!(no_id, "R-MSG.8-no-message-id", [], "A Message without an id is not carried out."),
    check!(echo, "R-MSG.9-id-is-repeated", [], "An answer repeats the id of its request, whatever that is."),
    check!(two, "R-MSG.9-two-at-once", [], "Of two requests at once each gets its own answer."),
    check!(unmatched, "R-MSG.9-unmatched-answer", [], "An answer to nothing is ignored."),
    should!(body_wins, "R-MSG.10-body-wins", [], "Where the type in the header disagrees, the body wins."),
    check!(
        own_type,
        "R-MSG.10-type-of-answers",
        [],
        "The type in the header of an answer is that of its body."
    ),
];

fn get_request() -> Request {
    Request::Get(Get::new([ENDPOINT], 0))
}

async fn get(bench: &mut Bench) -> Result<(), Stop> {
    bench.get(&[ENDPOINT], 0).await.map(drop)
}

async fn get_instances(bench: &mut Bench) -> Result<(), Stop> {
    bench.instances(REQUEST).await.map(drop)
}

async fn get_supported_dm(bench: &mut Bench) -> Result<(), Stop> {
    let request = GetSupportedDm {
        obj_paths: vec!["Device.LocalAgent.".to_owned()],
        first_level_only: true,
        return_commands: true,
        return_events: true,
        return_params: true,
        return_unique_key_sets: false,
    };
    match bench.ask(Request::GetSupportedDm(request)).await? {
        Body::Response(Response::GetSupportedDmResp(_)) => Ok(()),
        other => Err(crate::bench::unexpected("GetSupportedDMResp", &other)),
    }
}

async fn get_supported_protocol(bench: &mut Bench) -> Result<(), Stop> {
    let versions = "1.0,1.1,1.2,1.3,1.4".to_owned();
    let request = GetSupportedProtocol { controller_supported_protocol_versions: versions };
    match bench.ask(Request::GetSupportedProtocol(request)).await? {
        Body::Response(Response::GetSupportedProtocolResp(resp)) => {
            let told = resp.agent_supported_protocol_versions;
            let is_version = |text: &str| {
                text.trim().split_once('.').is_some_and(|(major, minor)| {
                    major.parse::<u16>().is_ok() && minor.parse::<u16>().is_ok()
                })
            };
            holds(
                told.split(',').all(is_version),
                "the versions",
                || "such as 1.3,1.4".to_owned(),
                || told.clone(),
            )
        }
        other => Err(crate::bench::unexpected("GetSupportedProtocolResp", &other)),
    }
}

async fn set(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    bench.set(false, &[(&row.path, &[("TimeToLive", "86401", true)])]).await.map(drop)
}

async fn add(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    bench.add(false, &[(SUBSCRIPTION, &[("ID", &id, true)])]).await.map(drop)
}

async fn delete(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    bench.delete(vec![format!("{SUBSCRIPTION}[ID==\"{id}\"].")], true).await.map(drop)
}

async fn operate(bench: &mut Bench) -> Result<(), Stop> {
    // Without its mandatory argument: answered, and not carried out.
    let request = Operate { command: bench.timer_path(), send_resp: true, ..Operate::default() };
    bench.ask(Request::Operate(request)).await.map(drop)
}

/// What comes back must not be a Response: silence and an Error are both right.
async fn not_carried_out(bench: &mut Bench) -> Result<(), Stop> {
    match bench.reaction().await? {
        Some(arrived) if matches!(arrived.msg.body, Body::Response(_)) => {
            Err(Stop::fail("the answer", "an Error, or none", describe(&arrived.msg.body)))
        }
        _ => Ok(()),
    }
}

async fn register(bench: &mut Bench) -> Result<(), Stop> {
    let path = RegistrationPath { path: "Device.X_CUSP_NoSuchThing.".to_owned() };
    let request = Register { allow_partial: true, reg_paths: vec![path] };
    let id = bench.next_id();
    bench.send_msg(&Msg::request(id, Request::Register(request)))?;
    not_carried_out(bench).await
}

async fn notify(bench: &mut Bench) -> Result<(), Stop> {
    let event = Event { obj_path: "Device.".to_owned(), event_name: "Boot!".to_owned(), ..Event::default() };
    let id = bench.next_id();
    bench.send_msg(&Msg::request(id, Request::Notify(Notify::new("x", true, Notification::Event(event)))))?;
    not_carried_out(bench).await
}

/// Sends a Message that was put together by hand.
fn send_wire(bench: &mut Bench, msg: &wire::Msg) -> Result<(), Stop> {
    let record = bench.record(msg.encode_to_vec().into())?;
    bench.send(record.encode())
}

fn get_body() -> wire::Body {
    let request = wire::Request { req_type: Some(get_request()) };
    wire::Body { msg_body: Some(wire::body::MsgBody::Request(request)) }
}

async fn no_header(bench: &mut Bench) -> Result<(), Stop> {
    send_wire(bench, &wire::Msg { header: None, body: Some(get_body()) })?;
    not_carried_out(bench).await
}

async fn no_id(bench: &mut Bench) -> Result<(), Stop> {
    let header = wire::Header { msg_id: String::new(), msg_type: wire::header::MsgType::Get.into() };
    send_wire(bench, &wire::Msg { header: Some(header), body: Some(get_body()) })?;
    not_carried_out(bench).await
}

async fn echo(bench: &mut Bench) -> Result<(), Stop> {
    let id = format!("{} ÿ/\"%", bench.next_id());
    bench.send_msg(&Msg::request(id.clone(), get_request()))?;
    let answer = bench.any_answer(limits::PATIENCE).await?;
    same("the id of the answer", &Some(id), &answer.map(|arrived| arrived.msg.msg_id))
}

async fn two(bench: &mut Bench) -> Result<(), Stop> {
    let paths = [ENDPOINT, "Device.LocalAgent.X_CUSP_NoSuchThing"];
    let ids = [bench.next_id(), bench.next_id()];
    for (id, path) in ids.iter().zip(paths) {
        bench.send_msg(&Msg::request(id.clone(), Request::Get(Get::new([path], 0))))?;
    }
    for (id, path) in ids.iter().zip(paths) {
        let answer = bench.answer(id, limits::PATIENCE).await?;
        let requested = answer.and_then(|arrived| match arrived.msg.body {
            Body::Response(Response::GetResp(resp)) => resp.req_path_results.into_iter().next(),
            _ => None,
        });
        let requested = requested.map(|result| result.requested_path);
        same("the path that the answer is about", &Some(path.to_owned()), &requested)?;
    }
    Ok(())
}

async fn unmatched(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    bench.send_msg(&Msg::response(id, Response::GetResp(GetResp::default())))?;
    match bench.reaction().await? {
        None => Ok(()),
        Some(arrived) => Err(Stop::fail("what the agent says to it", "nothing", describe(&arrived.msg.body))),
    }
}

async fn body_wins(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let header = wire::Header { msg_id: id.clone(), msg_type: wire::header::MsgType::Set.into() };
    send_wire(bench, &wire::Msg { header: Some(header), body: Some(get_body()) })?;
    match bench.answer(&id, limits::PATIENCE).await?.map(|arrived| arrived.msg.body) {
        Some(Body::Response(Response::GetResp(_))) => Ok(()),
        other => {
            let seen = other.as_ref().map_or_else(|| "nothing".to_owned(), describe);
            Err(Stop::fail("the answer to a Get whose header says SET", "GetResp", seen))
        }
    }
}

async fn own_type(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    bench.send_msg(&Msg::request(id.clone(), get_request()))?;
    let Some(arrived) = bench.answer(&id, limits::PATIENCE).await? else {
        return Err(Stop::fail("the Get is answered", "an answer", "none"));
    };
    let decoded = wire::Msg::decode(arrived.payload).map_err(|error| Stop::Error(error.to_string()))?;
    let told = decoded.header.map(|header| header.msg_type);
    same("msg_type of a GetResp", &Some(wire::header::MsgType::GetResp.into()), &told)
}
