//! A scripted agent that notifies as fast as it is acknowledged, repeats what was not acknowledged, and
//! answers whatever it is asked.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use mtp::ws::{Dialer, WsUrl};
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, Role, Verdict};
use tokio::sync::mpsc;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::DeleteResp;
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::get_instances::{self, GetInstancesResp};
use usp_proto::get_supported_dm::{GetSupportedDmResp, RequestedObjectResult, SupportedObjectResult};
use usp_proto::get_supported_protocol::GetSupportedProtocolResp;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::operate::{OperateResp, OperationResult};
use usp_proto::record::encode_message;
use usp_proto::set::{SetResp, UpdateObject, UpdatedInstanceResult, UpdatedObjectResult};
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Response, Version};

use super::site::CONTROLLER;

/// Notifications that wait for their answer at the same time.
const WINDOW: usize = 16;
/// What it notifies of; the value is the notification's number.
pub(crate) const NOTIFIED: &str = "Device.DeviceInfo.SerialNumber";

/// What the agent remembers from one connection to the next: nothing that a device would forget.
#[derive(Default)]
pub(crate) struct Memory {
    /// Number of the last notification.
    pub(crate) last: u64,
    /// Sent, and not acknowledged yet.
    pub(crate) open: Vec<u64>,
    /// Acknowledged.
    pub(crate) acknowledged: Vec<u64>,
}

enum Heard {
    Up(Box<LinkUp>),
    Record(Bytes),
    Down,
}

struct Ear(mpsc::UnboundedSender<Heard>);

impl LinkHandler for Ear {
    fn up(&self, link: LinkUp) {
        let _ = self.0.send(Heard::Up(Box::new(link)));
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let _ = self.0.send(Heard::Record(record.record));
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {
        let _ = self.0.send(Heard::Down);
    }
}

/// One connection of the agent, until it breaks; with `fresh`, new notifications are made all the time.
/// Each acknowledgement is told to `progress`.
pub(crate) fn connect(
    url: &str,
    eid: &str,
    fresh: bool,
    mut memory: Memory,
    progress: &Sender<()>,
) -> Memory {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url: WsUrl = url.parse().expect("a URL");
    let eid = EndpointId::receive(eid).expect("an endpoint id");
    runtime.block_on(async {
        let Ok(link) = Dialer::new(url, eid.clone(), Role::Agent).connect().await else { return };
        let (ear, mut heard) = mpsc::unbounded_channel();
        tokio::spawn(async move { link.run(&Ear(ear)).await });
        let Some(Heard::Up(up)) = heard.recv().await else { return };
        let controller = EndpointId::receive(CONTROLLER).expect("an endpoint id");
        let send = |msg: &Msg| {
            let sent = up.sender.send(encode_message(&eid, &controller, Version::CURRENT, msg));
            assert!(sent.is_ok() || up.sender.is_closed(), "not sent: {sent:?}");
        };
        let _ = up.sender.send(Record::websocket_connect(&eid, &controller, Version::CURRENT).encode());
        memory.open.iter().for_each(|number| send(&notify(*number)));
        loop {
            while fresh && memory.open.len() < WINDOW {
                memory.last += 1;
                memory.open.push(memory.last);
                send(&notify(memory.last));
            }
            let Some(Heard::Record(bytes)) = heard.recv().await else { return };
            let record = Record::decode(bytes).expect("the server's own Record");
            let RecordType::NoSession { payload } = &record.record_type else { continue };
            let msg = Msg::decode(payload).expect("the server's own Msg");
            match &msg.body {
                Body::Request(request) => send(&Msg::response(msg.msg_id.clone(), reply(request))),
                Body::Response(Response::NotifyResp(_)) => {
                    let number = msg.msg_id.trim_start_matches('n').parse().expect("an id of ours");
                    memory.open.retain(|open| *open != number);
                    memory.acknowledged.push(number);
                    if progress.send(()).is_err() {
                        return;
                    }
                }
                body => panic!("a notification was answered with {body:?}"),
            }
        }
    });
    memory
}

fn notify(number: u64) -> Msg {
    let change = ValueChange { param_path: NOTIFIED.to_owned(), param_value: number.to_string() };
    let notify = Notify::new("test", true, Notification::ValueChange(change));
    Msg::request(format!("n{number}"), Request::Notify(notify))
}

/// Whatever is asked for exists, whatever is written is taken, and every command succeeds at once.
fn reply(request: &Request) -> Response {
    match request {
        Request::GetSupportedProtocol(_) => {
            Response::GetSupportedProtocolResp(GetSupportedProtocolResp::new(&[Version::new(1, 4)]))
        }
        Request::Get(get) => Response::GetResp(GetResp {
            req_path_results: get.param_paths.iter().map(|one| found(one)).collect(),
        }),
        Request::GetInstances(get) => {
            let none = |path: &String| get_instances::RequestedPathResult::success(path, Vec::new());
            let req_path_results = get.obj_paths.iter().map(none).collect();
            Response::GetInstancesResp(GetInstancesResp { req_path_results })
        }
        Request::GetSupportedDm(get) => {
            let supported_obj_path = "Device.DeviceInfo.".to_owned();
            let object = SupportedObjectResult { supported_obj_path, ..SupportedObjectResult::default() };
            let uri = "urn:broadband-forum-org:tr-181-2-19-1-usp";
            let one = |path: &String| RequestedObjectResult::success(path, uri, vec![object.clone()]);
            let req_obj_results = get.obj_paths.iter().map(one).collect();
            Response::GetSupportedDmResp(GetSupportedDmResp { req_obj_results })
        }
        Request::Add(add) => {
            let made = |path: &str| {
                CreatedObjectResult::success(path, format!("{path}1."), Vec::new(), BTreeMap::new())
            };
            let created_obj_results = add.create_objs.iter().map(|one| made(&one.obj_path)).collect();
            Response::AddResp(AddResp { created_obj_results })
        }
        Request::Set(set) => {
            Response::SetResp(SetResp { updated_obj_results: set.update_objs.iter().map(taken).collect() })
        }
        Request::Operate(operate) => {
            let result = OperationResult::done(&operate.command, BTreeMap::new());
            Response::OperateResp(OperateResp { operation_results: vec![result] })
        }
        _ => Response::DeleteResp(DeleteResp::default()),
    }
}

fn taken(object: &UpdateObject) -> UpdatedObjectResult {
    let params = object.param_settings.iter().map(|one| (one.param.clone(), one.value.clone()));
    let written = UpdatedInstanceResult {
        affected_path: object.obj_path.clone(),
        updated_params: params.collect(),
        ..UpdatedInstanceResult::default()
    };
    UpdatedObjectResult::success(&object.obj_path, vec![written])
}

fn found(path: &str) -> RequestedPathResult {
    let (object, name) = path.split_at(path.rfind('.').map_or(0, |dot| dot + 1));
    let name = if name.is_empty() { "ModelName" } else { name };
    let params = BTreeMap::from([(name.to_owned(), "a value".to_owned())]);
    RequestedPathResult::success(path, vec![ResolvedPathResult::new(object, params)])
}
