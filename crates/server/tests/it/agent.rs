//! A scripted agent: it answers what onboarding asks, and hands a test what the test waits for.

pub(crate) mod elsewhere;

use std::collections::BTreeMap;

use bytes::Bytes;
use mtp::ws::{Dialer, WsUrl};
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Role, Verdict};
use tokio::sync::mpsc;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::DeleteResp;
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::get_instances::{self, GetInstancesResp};
use usp_proto::get_supported_dm::{
    GetSupportedDm, GetSupportedDmResp, RequestedObjectResult, SupportedObjectResult,
};
use usp_proto::get_supported_protocol::GetSupportedProtocolResp;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::operate::OperateResp;
use usp_proto::set::{SetResp, UpdatedInstanceResult, UpdatedObjectResult};
use usp_proto::{Body, EndpointId, Msg, Record, Request, Response, Version};

use crate::world::{CONTROLLER, PATIENCE, Running, id};

/// Our row in its table of controllers.
const OWN_ROW: &str = "Device.LocalAgent.Controller.1.";
/// Tables whose rows it keeps.
const TABLES: [&str; 2] = ["LocalAgent.Subscription.", "BootParameter."];

enum Heard {
    Up(Box<LinkUp>),
    Record(Bytes),
    Down(DownReason),
}

/// Where an agent's link is heard.
#[derive(Clone)]
pub(crate) struct Ear(mpsc::UnboundedSender<Heard>);

impl LinkHandler for Ear {
    fn up(&self, link: LinkUp) {
        let _ = self.0.send(Heard::Up(Box::new(link)));
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let _ = self.0.send(Heard::Record(record.record));
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, reason: DownReason) {
        let _ = self.0.send(Heard::Down(reason));
    }
}

/// An agent on a link.
pub(crate) struct Agent {
    eid: EndpointId,
    controller: EndpointId,
    sender: LinkSender,
    heard: mpsc::UnboundedReceiver<Heard>,
    /// What the link is, where that matters.
    up: Option<Box<LinkUp>>,
    notifications: u32,
    /// Rows that were added, with what a person would see of them.
    rows: BTreeMap<String, BTreeMap<String, String>>,
    /// What it supports.
    pub(crate) model: Vec<SupportedObjectResult>,
    /// How often it was asked for all of that.
    pub(crate) asked_for_model: u32,
}

/// A model of one object that nobody needs.
fn small() -> Vec<SupportedObjectResult> {
    let supported_obj_path = "Device.DeviceInfo.".to_owned();
    vec![SupportedObjectResult { supported_obj_path, ..SupportedObjectResult::default() }]
}

/// A dialler for a plain listener.
pub(crate) fn dialer(server: &Running, eid: &str) -> Dialer {
    let url: WsUrl = format!("ws://{}/usp", server.listeners.usp_websocket).parse().expect("a URL");
    Dialer::new(url, id(eid), Role::Agent)
}

impl Agent {
    /// Connects in plaintext, and announces itself.
    pub(crate) async fn dial(server: &Running, eid: &str) -> Agent {
        Agent::over(&dialer(server, eid)).await
    }

    /// Connects, and announces itself.
    pub(crate) async fn over(dialer: &Dialer) -> Agent {
        let link = dialer.connect().await.expect("the server lets us in");
        let (ear, mut heard) = mpsc::unbounded_channel();
        tokio::spawn(async move { link.run(&Ear(ear)).await });
        let Some(Heard::Up(up)) = heard.recv().await else { panic!("a link begins with being up") };
        let controller = dialer.expected.clone().unwrap_or_else(|| id(CONTROLLER));
        let (mut agent, _) = Agent::on(dialer.eid.clone(), controller, up.sender.clone());
        agent.heard = heard;
        agent.announce();
        agent
    }

    /// On a link that somebody else runs, and lets it hear.
    pub(crate) fn on(eid: EndpointId, controller: EndpointId, sender: LinkSender) -> (Agent, Ear) {
        let (ear, heard) = mpsc::unbounded_channel();
        let (rows, model) = (BTreeMap::new(), small());
        let agent = Agent {
            eid,
            controller,
            sender,
            heard,
            up: None,
            notifications: 0,
            rows,
            model,
            asked_for_model: 0,
        };
        (agent, Ear(ear))
    }

    /// The Connect record.
    pub(crate) fn announce(&self) {
        self.raw(Record::websocket_connect(&self.eid, &self.controller, Version::CURRENT).encode());
    }

    pub(crate) fn raw(&self, record: Bytes) {
        self.sender.send(record).expect("the link stands");
    }

    pub(crate) fn send(&self, msg: &Msg) {
        self.raw(usp_proto::record::encode_message(&self.eid, &self.controller, Version::CURRENT, msg));
    }

    pub(crate) fn respond(&self, msg_id: &str, response: Response) {
        self.send(&Msg::response(msg_id, response));
    }

    /// A ValueChange notification; its message id.
    pub(crate) fn value_change(&mut self, path: &str, value: &str) -> String {
        let what = ValueChange { param_path: path.to_owned(), param_value: value.to_owned() };
        self.notify(Notification::ValueChange(what))
    }

    /// Whether nothing has come that nobody has looked at.
    pub(crate) fn heard_nothing(&mut self) -> bool {
        self.heard.is_empty()
    }

    /// Whether an answer has come; what is asked meanwhile is answered.
    pub(crate) fn heard_answer(&mut self) -> bool {
        while let Ok(Heard::Record(bytes)) = self.heard.try_recv() {
            let record = Record::decode(bytes).expect("the server's own Record");
            let usp_proto::RecordType::NoSession { payload } = &record.record_type else { continue };
            let msg = Msg::decode(payload).expect("the server's own Msg");
            match &msg.body {
                Body::Request(request) => {
                    let answer = self.reply(request);
                    self.respond(&msg.msg_id, answer);
                }
                _ => return true,
            }
        }
        false
    }

    pub(crate) fn notify(&mut self, what: Notification) -> String {
        self.notifications += 1;
        let msg_id = format!("n{}", self.notifications);
        self.send(&Msg::request(msg_id.clone(), Request::Notify(Notify::new("cusp-test", true, what))));
        msg_id
    }

    /// Whether all that was sent has arrived: a ping that came after it is answered.
    pub(crate) async fn settled(&self) -> bool {
        self.sender.answers_ping(PATIENCE).await
    }

    pub(crate) fn leave(&self) {
        self.sender.close(mtp::ws::close_code::NORMAL, "");
    }

    async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        next.expect("something in time").expect("the link's task lives")
    }

    /// The next Record.
    pub(crate) async fn record(&mut self) -> Record {
        match self.next().await {
            Heard::Record(bytes) => Record::decode(bytes).expect("the server's own Record"),
            Heard::Down(reason) => panic!("the link is gone: {reason}"),
            Heard::Up(_) => panic!("a link is up once"),
        }
    }

    /// How the link ends; Records before that are dropped.
    pub(crate) async fn down(&mut self) -> DownReason {
        loop {
            if let Heard::Down(reason) = self.next().await {
                return reason;
            }
        }
    }

    /// The close code by which the server ended the link.
    pub(crate) async fn closed(&mut self) -> u16 {
        match self.down().await {
            DownReason::ClosedByPeer { code, .. } => code,
            other => panic!("expected a close, got {other}"),
        }
    }

    /// Answers everything that is asked until a message comes that the test wants.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Msg) -> bool) -> Msg {
        loop {
            let record = self.record().await;
            let usp_proto::RecordType::NoSession { payload } = &record.record_type else { continue };
            let msg = Msg::decode(payload).expect("the server's own Msg");
            if wanted(&msg) {
                return msg;
            }
            if let Body::Request(request) = &msg.body {
                let answer = self.reply(request);
                self.respond(&msg.msg_id, answer);
            }
        }
    }

    /// As [`reply`], with a memory for rows, among them ours in the table of controllers.
    fn reply(&mut self, request: &Request) -> Response {
        match request {
            Request::GetSupportedDm(get) => {
                self.asked_for_model += u32::from(get.return_params);
                supported(get, &self.model)
            }
            Request::Add(add) => {
                for object in &add.create_objs {
                    let row = format!("{}{}.", object.obj_path, self.rows.len() + 1);
                    let params =
                        object.param_settings.iter().map(|one| (one.param.clone(), one.value.clone()));
                    let recipient = ("Recipient".to_owned(), OWN_ROW.trim_end_matches('.').to_owned());
                    self.rows.insert(row, params.chain([recipient]).collect());
                }
                reply(request)
            }
            Request::Get(get) => {
                let req_path_results = get.param_paths.iter().map(|path| self.remembered(path)).collect();
                Response::GetResp(GetResp { req_path_results })
            }
            _ => reply(request),
        }
    }

    fn remembered(&self, path: &str) -> RequestedPathResult {
        if path.contains("[EndpointID==") {
            let own = BTreeMap::from([("EndpointID".to_owned(), self.controller.as_str().to_owned())]);
            return RequestedPathResult::success(path, vec![ResolvedPathResult::new(OWN_ROW, own)]);
        }
        if !TABLES.iter().any(|table| path.ends_with(table)) {
            return found(path);
        }
        let below = self.rows.iter().filter(|(row, _)| row.starts_with(path));
        let below = below.map(|(row, params)| ResolvedPathResult::new(row, params.clone()));
        RequestedPathResult::success(path, below.collect())
    }

    /// Answers everything until a request comes that the test wants to answer itself.
    pub(crate) async fn request(&mut self, wanted: impl Fn(&Request) -> bool) -> (String, Request) {
        let msg = self.until(|msg| matches!(&msg.body, Body::Request(request) if wanted(request))).await;
        match msg.body {
            Body::Request(request) => (msg.msg_id, request),
            _ => unreachable!("a request was waited for"),
        }
    }

    /// Answers what the test wanted to see first.
    pub(crate) fn take(&mut self, msg_id: &str, request: &Request) {
        let answer = self.reply(request);
        self.respond(msg_id, answer);
    }

    /// Answers everything until this path is asked for; the message id.
    pub(crate) async fn get_of(&mut self, path: &str) -> String {
        self.request(|request| matches!(request, Request::Get(get) if get.param_paths == [path])).await.0
    }

    /// Answers everything until this message is answered.
    pub(crate) async fn answer_to(&mut self, msg_id: &str) -> Msg {
        self.until(|msg| msg.msg_id == msg_id && !matches!(msg.body, Body::Request(_))).await
    }

    /// Goes on answering, until the link is gone.
    pub(crate) fn keep_answering(mut self) {
        tokio::spawn(async move {
            while let Some(heard) = self.heard.recv().await {
                let Heard::Record(bytes) = heard else { continue };
                let Ok(record) = Record::decode(bytes) else { continue };
                let usp_proto::RecordType::NoSession { payload } = &record.record_type else { continue };
                if let Ok(Msg { msg_id, body: Body::Request(request) }) = Msg::decode(payload) {
                    let answer = self.reply(&request);
                    self.respond(&msg_id, answer);
                }
            }
        });
    }
}

/// What it answers: whatever is asked for exists, and whatever is written is taken.
pub(crate) fn reply(request: &Request) -> Response {
    match request {
        Request::GetSupportedProtocol(_) => {
            Response::GetSupportedProtocolResp(GetSupportedProtocolResp::new(&[Version::new(1, 4)]))
        }
        Request::Get(get) => {
            let req_path_results = get.param_paths.iter().map(|path| found(path)).collect();
            Response::GetResp(GetResp { req_path_results })
        }
        Request::GetInstances(get) => {
            let none = |path: &String| get_instances::RequestedPathResult::success(path, Vec::new());
            let req_path_results = get.obj_paths.iter().map(none).collect();
            Response::GetInstancesResp(GetInstancesResp { req_path_results })
        }
        Request::GetSupportedDm(get) => supported(get, &small()),
        Request::Add(add) => {
            let made = |path: &str| {
                CreatedObjectResult::success(path, format!("{path}1."), Vec::new(), BTreeMap::new())
            };
            let created_obj_results = add.create_objs.iter().map(|one| made(&one.obj_path)).collect();
            Response::AddResp(AddResp { created_obj_results })
        }
        Request::Set(set) => {
            let taken = |object: &usp_proto::set::UpdateObject| {
                let params = object.param_settings.iter().map(|one| (one.param.clone(), one.value.clone()));
                let written = UpdatedInstanceResult {
                    affected_path: object.obj_path.clone(),
                    updated_params: params.collect(),
                    ..UpdatedInstanceResult::default()
                };
                UpdatedObjectResult::success(&object.obj_path, vec![written])
            };
            let updated_obj_results = set.update_objs.iter().map(taken).collect();
            Response::SetResp(SetResp { updated_obj_results })
        }
        Request::Operate(_) => Response::OperateResp(OperateResp::default()),
        _ => Response::DeleteResp(DeleteResp::default()),
    }
}

fn supported(get: &GetSupportedDm, model: &[SupportedObjectResult]) -> Response {
    let uri = "urn:broadband-forum-org:tr-181-2-19-1-usp";
    let one = |path: &String| RequestedObjectResult::success(path, uri, model.to_vec());
    let req_obj_results = get.obj_paths.iter().map(one).collect();
    Response::GetSupportedDmResp(GetSupportedDmResp { req_obj_results })
}

/// A path's value: the path itself.
fn found(path: &str) -> RequestedPathResult {
    let at = path.rfind('.').map_or(0, |dot| dot + 1);
    let (object, name) = path.split_at(at);
    let name = if name.is_empty() { "SerialNumber" } else { name };
    let params = BTreeMap::from([(name.to_owned(), format!("value of {name}"))]);
    RequestedPathResult::success(path, vec![ResolvedPathResult::new(object, params)])
}
