//! The real agent machine inside an instance, spoken to in USP Records.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::model::{ModelBuilder, Params};
use dm::operation::{Add, CommandResult, Get, ObjectSettings, Operate, ParamSetting, Set};
use dm::path::SchemaPath;
use dm::schema::{Catalogue, Facts, encode, text};
use dm::{Operation, Outcome, Value};
use engine::{
    FactoryDefault, Host, Instance, InstanceConfig, Journal, Kind, KindConfig, Outlet, OutletClosed,
    SystemClock,
};
use requirement::requirement;
use tokio::sync::Notify;
use usp_endpoint::agent::io::CloseReason;
use usp_endpoint::agent::{AgentConfig, AgentMachine};
use usp_endpoint::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, PeerCertificate, ReturnPath};
use usp_endpoint::translate;
use usp_proto::notify::Notification;
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Version};

use crate::disk::Disk;
use crate::providers::{Fake, row};

const AGENT: &str = "os::012345-A1";
const CONTROLLER: &str = "self::one";

const OWN: &str = "\
model usp=urn:example:agent
Device. object usp=2.0
Device.Boot! event usp=2.0
Device.LocalAgent. object usp=2.0
Device.LocalAgent.EndpointID param usp=2.0 access=readOnly type=string
Device.LocalAgent.Controller.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable functional=EndpointID key=Alias
Device.LocalAgent.Controller.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Controller.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.EndpointID param usp=2.0 access=readWrite type=string default=object:\"\"
Device.LocalAgent.Controller.{i}.OnBoardingComplete param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Request.{i}. object usp=2.0 entries=0: functional=Originator,Command,CommandKey key=Alias
Device.LocalAgent.Request.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Request.{i}.Command param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.CommandKey param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Originator param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Status param usp=2.0 access=readOnly type=string
Device.LocalAgent.Subscription.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Alias key=Recipient,ID
Device.LocalAgent.Subscription.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Subscription.{i}.CreationDate param usp=2.0 access=readOnly type=dateTime
Device.LocalAgent.Subscription.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.ID param usp=2.0 access=readWrite type=string size=1:64
Device.LocalAgent.Subscription.{i}.NotifRetry param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.NotifType param usp=2.0 access=readWrite type=string
Device.LocalAgent.Subscription.{i}.Persistent param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.Recipient param usp=2.0 access=readOnly type=string ref=strong:row:Device.LocalAgent.Controller.{i}.
Device.LocalAgent.Subscription.{i}.ReferenceList param usp=2.0 access=writeOnceReadOnly type=string list=0: size=0:256
Device.LocalAgent.Subscription.{i}.TimeToLive param usp=2.0 access=readWrite type=unsignedInt default=object:0
";

const INFO: &str = "\
model usp=urn:example:agent
Device.Info. object usp=2.0
Device.Info.Load param usp=2.0 access=readWrite type=unsignedInt
Device.Info.Scan() command usp=2.0 async
Device.Info.Scan() in What usp=2.0 type=string
";

fn add_text(builder: &mut ModelBuilder, source: &str) {
    let rows = text::parse(source).unwrap();
    let blob = encode(&rows).unwrap();
    let catalogue = Catalogue::open(&blob).unwrap();
    for object in &rows.objects {
        let path = object.path.as_str();
        builder.add_from(&catalogue, path, Params::All).unwrap();
        for row in &object.rows {
            let name = match row.facts {
                Facts::Command(_) => format!("{}()", row.name),
                Facts::Event(_) => format!("{}!", row.name),
                _ => continue,
            };
            builder.add_actions(&catalogue, path, &[&name]).unwrap();
        }
    }
}

/// The controller's end of the link: what came by it, decoded.
#[derive(Default)]
struct Wire {
    records: Mutex<VecDeque<Record>>,
    came: Notify,
}

impl Outlet for Wire {
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed> {
        self.records.lock().unwrap().push_back(Record::decode(outbound.record).unwrap());
        self.came.notify_one();
        Ok(())
    }

    fn close(&self, reason: CloseReason) {
        assert_eq!(reason, CloseReason::Replaced, "only a newer connection takes the place of this one");
    }
}

struct Agent {
    instance: Arc<Instance>,
    wire: Arc<Wire>,
    info: Arc<Fake>,
    notified: Vec<String>,
    asked: u32,
}

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).unwrap()
}

fn info() -> Arc<Fake> {
    let info = Arc::new(Fake::new("info", "Device.Info.", |builder| add_text(builder, INFO)));
    set_load(&info, 7);
    info
}

fn set_load(info: &Fake, load: u64) {
    info.set_rows(vec![row("Device.Info.", &[], &[("Load", Value::Uint(load))])]);
}

impl Agent {
    async fn start(info: &Arc<Fake>, journal: Journal) -> Agent {
        let providers = crate::world::providers(std::slice::from_ref(info));
        let controller = "Device.LocalAgent.Controller.1.";
        let config = KindConfig {
            uri: "urn:example:agent".to_owned(),
            own: &|builder| add_text(builder, OWN),
            stored: Vec::new(),
            volatile: vec![SchemaPath::parse("Device.LocalAgent.Request.").unwrap()],
            defaults: vec![
                FactoryDefault::new("Device.LocalAgent.", "EndpointID", AGENT),
                FactoryDefault::new(controller, "EndpointID", CONTROLLER),
                FactoryDefault::new(controller, "Enable", "true"),
                FactoryDefault::new(controller, "OnBoardingComplete", "true"),
            ],
        };
        let agent = AgentConfig {
            endpoint: id(AGENT),
            versions: Version::SUPPORTED.to_vec(),
            oui: "012345".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: "A1".to_owned(),
            crypto: None,
        };
        let config = InstanceConfig {
            kind: Arc::new(Kind::build(&config, &providers).unwrap()),
            machine: Box::new(AgentMachine::new(agent, [3; 32])),
            providers,
            defaults: Vec::new(),
            journal,
            software_version: "1.0".to_owned(),
            refresh_first: true,
        };
        let instance = Instance::new(Host::new(Arc::new(SystemClock::new())), config).unwrap();
        instance.start().await.unwrap();
        let wire = Arc::new(Wire::default());
        let path = ReturnPath::WebSocket(LinkId(1));
        instance.link_up(id(CONTROLLER), path, Contact::Connection, PeerAuth::Unproven, wire.clone());
        let mut agent = Agent { instance, wire, info: info.clone(), notified: Vec::new(), asked: 0 };
        assert!(agent.next().await.record_type.is_connect(), "R-MTP.6: the first Record says who is there");
        agent
    }

    async fn next(&mut self) -> Record {
        loop {
            if let Some(record) = self.wire.records.lock().unwrap().pop_front() {
                return record;
            }
            self.wire.came.notified().await;
        }
    }

    async fn next_msg(&mut self) -> Msg {
        match self.next().await.record_type {
            RecordType::NoSession { payload } => Msg::decode(&payload).unwrap(),
            other => panic!("{}", other.name()),
        }
    }

    async fn ask(&mut self, operation: Operation) -> Outcome {
        self.asked += 1;
        let msg_id = self.asked.to_string();
        let request = translate::request(operation);
        let msg = Msg::request(msg_id.clone(), request.clone());
        let record = Record::message(&id(CONTROLLER), &id(AGENT), Version::CURRENT, msg.encode()).encode();
        let return_path = ReturnPath::WebSocket(LinkId(1));
        let inbound = Inbound { link: LinkId(1), peer: PeerAuth::Unproven, return_path, record };
        self.instance.record(inbound).await;
        loop {
            let msg = self.next_msg().await;
            match msg.body {
                Body::Response(response) if msg.msg_id == msg_id => {
                    return translate::outcome(&request, response).unwrap();
                }
                Body::Error(error) => return Outcome::Failed(translate::message_failure(&error)),
                body => self.note(&body),
            }
        }
    }

    fn note(&mut self, body: &Body) {
        let Body::Request(Request::Notify(notify)) = body else { panic!("neither answer nor notification") };
        let what = match notify.notification.as_ref().unwrap() {
            Notification::ValueChange(change) => format!("{}={}", change.param_path, change.param_value),
            Notification::OperComplete(complete) => format!("{}{}", complete.obj_path, complete.command_name),
            Notification::Event(event) => format!("{}{}", event.obj_path, event.event_name),
            other => other.name().to_owned(),
        };
        self.notified.push(format!("{}: {what}", notify.subscription_id));
    }

    /// The next notification.
    async fn news(&mut self) -> String {
        while self.notified.is_empty() {
            let msg = self.next_msg().await;
            self.note(&msg.body);
        }
        self.notified.remove(0)
    }

    async fn get(&mut self, path: &str) -> String {
        let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
        match self.ask(Operation::Get(get)).await {
            Outcome::Get(mut results) => match results.remove(0).result {
                Ok(objects) => {
                    objects.iter().flat_map(|o| &o.params).map(|(n, v)| format!("{n}={v}")).collect()
                }
                Err(fault) => fault.code.to_string(),
            },
            other => format!("{other:?}"),
        }
    }

    async fn subscribe(&mut self, id: &str, kind: &str, reference: &str) {
        let param = |(param, value): (&str, &str)| ParamSetting {
            param: param.to_owned(),
            value: value.to_owned(),
            required: true,
        };
        let params = [
            ("ID", id),
            ("Enable", "true"),
            ("Persistent", "true"),
            ("NotifType", kind),
            ("ReferenceList", reference),
        ];
        let path = "Device.LocalAgent.Subscription.".to_owned();
        let objects = vec![ObjectSettings { path, params: params.map(param).to_vec() }];
        match self.ask(Operation::Add(Add { allow_partial: false, objects })).await {
            Outcome::Add(results) => assert!(results[0].result.is_ok(), "{:?}", results[0].result),
            other => panic!("{other:?}"),
        }
    }
}

#[requirement("R-NOT.0a")]
#[tokio::test(start_paused = true)]
async fn a_value_that_changes_by_itself_is_notified_within_ten_seconds() {
    let info = info();
    let mut agent = Agent::start(&info, Journal::memory()).await;
    assert_eq!(agent.get("Device.Info.Load").await, "Load=7");
    agent.subscribe("load", "ValueChange", "Device.Info.Load").await;
    crate::world::pass(Duration::from_secs(1)).await;
    set_load(&info, 8);
    let news = tokio::time::timeout(Duration::from_secs(10), agent.news()).await;
    assert_eq!(news.expect("in time"), "load: Device.Info.Load=8");
}

#[tokio::test(start_paused = true)]
async fn a_set_goes_through_the_provider_and_fails_with_it() {
    let info = info();
    let mut agent = Agent::start(&info, Journal::memory()).await;
    let set = |value: &str| {
        let params = vec![ParamSetting { param: "Load".to_owned(), value: value.to_owned(), required: true }];
        let objects = vec![ObjectSettings { path: "Device.Info.".to_owned(), params }];
        Operation::Set(Set { allow_partial: false, objects })
    };
    assert!(matches!(agent.ask(set("9")).await, Outcome::Set(_)));
    assert_eq!(
        agent.info.log(),
        ["refresh Device.Info.", "refresh Device.Info.", "prepare Device.Info.Load=9 []", "commit"]
    );
    agent.info.with(|state| {
        state.fails.insert("prepare");
    });
    match agent.ask(set("10")).await {
        Outcome::Failed(failure) => assert_eq!(failure.fault.code.0, 7003),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_asynchronous_command_has_a_request_row_and_completes() {
    let info = info();
    let mut agent = Agent::start(&info, Journal::memory()).await;
    agent.subscribe("done", "OperationComplete", "Device.Info.Scan()").await;
    let operate = Operate {
        command: "Device.Info.Scan()".to_owned(),
        command_key: "k".to_owned(),
        send_resp: true,
        args: Vec::new(),
    };
    match agent.ask(Operation::Operate(operate)).await {
        Outcome::Operate(results) => {
            let started = CommandResult::Started("Device.LocalAgent.Request.1.".to_owned());
            assert_eq!(results[0].result, Ok(started));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(agent.news().await, "done: Device.Info.Scan()");
}

#[tokio::test]
async fn persistent_subscriptions_survive_a_restart_and_hear_its_boot() {
    let disk = Disk::default();
    let info = info();
    let mut agent = Agent::start(&info, Journal::open(disk.clone()).unwrap()).await;
    agent.subscribe("boot", "Event", "Device.Boot!").await;
    agent.subscribe("load", "ValueChange", "Device.Info.Load").await;
    drop(agent);
    let mut agent = Agent::start(&info, Journal::open(disk).unwrap()).await;
    assert_eq!(agent.news().await, "boot: Device.Boot!");
    set_load(&info, 8);
    assert_eq!(agent.get("Device.Info.Load").await, "Load=8");
    assert_eq!(agent.news().await, "load: Device.Info.Load=8");
}

#[tokio::test(start_paused = true)]
async fn a_served_controller_is_recognised_by_its_certificate_or_its_records() {
    let names = |ids: &[&str]| {
        let endpoint_ids = ids.iter().map(|text| id(text)).collect();
        PeerAuth::Certificate(Arc::new(PeerCertificate {
            endpoint_ids,
            trusted: true,
            ..PeerCertificate::default()
        }))
    };
    let plain = || PeerAuth::Unproven;
    for (controller, peer, from, stands) in [
        (CONTROLLER, names(&[CONTROLLER]), None, true),
        (CONTROLLER, names(&["self::other"]), None, false),
        ("self::other", names(&["self::other"]), None, false),
        (CONTROLLER, plain(), None, false),
        (CONTROLLER, plain(), Some(CONTROLLER), true),
        (CONTROLLER, plain(), Some("self::other"), false),
        ("self::other", plain(), Some("self::other"), false),
        (CONTROLLER, names(&["self::other"]), Some(CONTROLLER), false),
    ] {
        let what = format!("{controller} {peer:?} {from:?}");
        let info = info();
        info.with(|state| state.needs_confirm = true);
        let mut agent = Agent::start(&info, Journal::memory()).await;
        let params = vec![ParamSetting { param: "Load".to_owned(), value: "9".to_owned(), required: true }];
        let objects = vec![ObjectSettings { path: "Device.Info.".to_owned(), params }];
        agent.ask(Operation::Set(Set { allow_partial: false, objects })).await;
        let (link, return_path) = (LinkId(2), ReturnPath::WebSocket(LinkId(2)));
        agent.instance.link_up(
            id(controller),
            return_path.clone(),
            Contact::Connection,
            peer.clone(),
            agent.wire.clone(),
        );
        if let Some(from) = from {
            let get = translate::request(Operation::Get(Get { paths: Vec::new(), max_depth: 0 }));
            let msg = Msg::request("1".to_owned(), get);
            let record = Record::message(&id(from), &id(AGENT), Version::CURRENT, msg.encode()).encode();
            agent.instance.record(Inbound { link, peer, return_path, record }).await;
        }
        info.log();
        crate::world::pass(Duration::from_secs(61)).await;
        assert_eq!(!info.log().iter().any(|line| line.starts_with("abort")), stands, "{what}");
    }
}
