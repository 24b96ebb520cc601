//! What is printed of the values that pass through the machines: nothing.

use std::fmt::Debug;

use bytes::Bytes;
use dm::path::ObjectPath;
use dm::{Code, Fault};
use usp_endpoint::agent::io as agent;
use usp_endpoint::controller::io as controller;
use usp_endpoint::controller::io::Notice;
use usp_proto::exchange::{Direction, Entry};
use usp_proto::link::{Inbound, LinkId, Outbound, PeerAuth, ReturnPath};
use usp_proto::{Msg, Record, Request, Version};

use super::agent::host::id;

const SECRET: &str = "hunter2";

fn pairs() -> Vec<(String, String)> {
    vec![("KeyPassphrase".to_owned(), SECRET.to_owned())]
}

/// A Set of a secret, as a Record.
fn record() -> Bytes {
    let setting = dm::operation::ParamSetting {
        param: "KeyPassphrase".to_owned(),
        value: SECRET.to_owned(),
        required: true,
    };
    let object = dm::operation::ObjectSettings { path: "Device.A.".to_owned(), params: vec![setting] };
    let set = dm::operation::Set { allow_partial: false, objects: vec![object] };
    let request: Request = usp_endpoint::translate::request(dm::Operation::Set(set));
    let payload = Msg::request("m", request).encode();
    Record::message(&id("self::c"), &id("self::a"), Version::CURRENT, payload).encode()
}

fn shown(value: &dyn Debug, names: &str) {
    let text = format!("{value:?}");
    // A Record's bytes would be printed as escaped text, or as numbers.
    let numbers = SECRET.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    assert!(!text.contains(SECRET) && !text.contains(&numbers), "{text}");
    assert!(text.contains(names), "{text} does not tell {names}");
}

#[test]
fn values_are_not_printed() {
    let (link, return_path) = (LinkId(1), ReturnPath::WebSocket(LinkId(1)));
    let inbound =
        Inbound { link, peer: PeerAuth::Unproven, return_path: return_path.clone(), record: record() };
    let outbound = Outbound { return_path, record: record() };
    let object = ObjectPath::parse("Device.A.").expect("a path");
    let event = agent::ModelEvent { object, name: "Done!".to_owned(), params: pairs() };
    let fault = Fault::new(Code::COMMAND_FAILURE, SECRET);
    let ended = |result| agent::Input::CommandEnded { ticket: agent::Ticket(1), result };
    shown(&agent::Input::Record(inbound.clone()), "bytes");
    shown(&agent::Input::Event(event), "KeyPassphrase");
    shown(&ended(Ok(pairs())), "KeyPassphrase");
    shown(&ended(Err(fault.clone())), "7022");
    shown(&agent::Output::Send(outbound.clone()), "bytes");
    shown(&controller::Input::Record(inbound), "bytes");
    shown(&controller::Output::Send(outbound), "bytes");
    shown(&Entry::described(Direction::In, 1, record()), "Device.A.");
    let (path, command) = ("Device.A.".to_owned(), "Do()".to_owned());
    let complete = |result| {
        let (path, command, command_key) = (path.clone(), command.clone(), String::new());
        Notice::OperationComplete { path, command, command_key, result }
    };
    for (what, names) in [
        (Notice::ValueChange { path: path.clone(), value: SECRET.to_owned() }, "Device.A."),
        (Notice::Event { path: path.clone(), name: "Done!".to_owned(), params: pairs() }, "KeyPassphrase"),
        (Notice::ObjectCreation { path: path.clone(), unique_keys: pairs() }, "KeyPassphrase"),
        (complete(Ok(pairs())), "KeyPassphrase"),
        (complete(Err(fault)), "7022"),
    ] {
        let notification = controller::Notification {
            msg_id: "m".to_owned(),
            digest: [0; 32],
            subscription_id: "s".to_owned(),
            send_resp: true,
            what,
            raw: record(),
        };
        shown(&controller::Output::Store { ticket: controller::Ticket(1), notification }, names);
    }
}
