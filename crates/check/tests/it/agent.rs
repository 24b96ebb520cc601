//! An agent in this process: the real machine on the real engine, behind a link that may carry a fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use check::{Arrival, Bench, BenchConfig, Link, Profile, Unsent, Way as Transport, Wire, limits};
use dm::Type;
use dm::model::{ModelBuilder, Param, Params};
use dm::operation::ParamAccess;
use dm::path::{Name, SchemaPath};
use dm::schema::{Facets, ListFacet, tr_181};
use engine::{
    AgentConfig, AgentMachine, CloseReason, FactoryDefault, Host, Instance, InstanceConfig, Journal, Kind,
    KindConfig, Outlet, OutletClosed, SystemClock,
};
use prost::Message;
use tokio::sync::mpsc;
use usp_proto::generated::usp_record::record::RecordType;
use usp_proto::generated::usp_record::{NoSessionContextRecord, Record};
use usp_proto::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, PeerCertificate, ReturnPath};
use usp_proto::{Body, EndpointId, Msg, Request, Version};

use crate::faults::Fault;
use crate::keys;

pub(crate) const AGENT: &str = "os::012345-A1";
pub(crate) const CONTROLLER: &str = "proto::cusp-check";
const LINK: LinkId = LinkId(1);
const SUBSCRIPTION: &str = "Device.LocalAgent.Subscription.{i}.";

const OBJECTS: &[(&str, Params<'_>)] = &[
    (
        "Device.LocalAgent.",
        Params::Only(&[
            "ControllerNumberOfEntries",
            "EndpointID",
            "MaxSubscriptionChangeAdoptionTime",
            "RequestNumberOfEntries",
            "SubscriptionNumberOfEntries",
        ]),
    ),
    (
        "Device.LocalAgent.Controller.{i}.",
        Params::Only(&[
            "Alias",
            "AssignedRole",
            "BootParameterNumberOfEntries",
            "Enable",
            "EndpointID",
            "InheritedRole",
            "OnBoardingComplete",
            "PeriodicNotifInterval",
            "PeriodicNotifTime",
            "USPNotifRetryIntervalMultiplier",
            "USPNotifRetryMinimumWaitInterval",
        ]),
    ),
    ("Device.LocalAgent.Controller.{i}.E2ESession.", Params::All),
    ("Device.LocalAgent.ControllerTrust.", Params::Only(&["RoleNumberOfEntries"])),
    ("Device.LocalAgent.ControllerTrust.Role.{i}.", Params::All),
    ("Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.", Params::All),
    ("Device.LocalAgent.Controller.{i}.BootParameter.{i}.", Params::All),
    ("Device.LocalAgent.Request.{i}.", Params::All),
    (
        SUBSCRIPTION,
        Params::Only(&[
            "Alias",
            "CreationDate",
            "Enable",
            "ID",
            "NotifExpiration",
            "NotifRetry",
            "NotifType",
            "Persistent",
            "Recipient",
            "TimeToLive",
        ]),
    ),
];

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).unwrap()
}

fn supported(model: &mut ModelBuilder) {
    let catalogue = tr_181();
    for (path, params) in OBJECTS {
        model.add_from(&catalogue, path, *params).unwrap();
    }
    // Fixed once it is written: TR-181 says so in its text, where its table says readWrite.
    let facets = Facets { list: Some(ListFacet::default()), ..Facets::default() };
    let access = ParamAccess::WriteOnceReadOnly;
    let list = Param { facets, access, ..Param::new(Name::parse("ReferenceList").unwrap(), Type::String) };
    model.param(SUBSCRIPTION, list).unwrap();
    for (path, action) in [
        ("Device.LocalAgent.Request.{i}.", "Cancel()"),
        ("Device.LocalAgent.", "Periodic!"),
        ("Device.LocalAgent.Controller.{i}.", "SendOnBoardRequest()"),
    ] {
        model.add_actions(&catalogue, path, &[action]).unwrap();
    }
    engine::support_timers(model).unwrap();
}

fn kind() -> Kind {
    let controller = "Device.LocalAgent.Controller.1.";
    let role = "Device.LocalAgent.ControllerTrust.Role.1.";
    let full = "Device.LocalAgent.ControllerTrust.Role.1.Permission.1.";
    let config = KindConfig {
        uri: "urn:example:agent".to_owned(),
        own: &supported,
        stored: Vec::new(),
        volatile: vec![SchemaPath::parse("Device.LocalAgent.Request.").unwrap()],
        defaults: vec![
            FactoryDefault::new("Device.LocalAgent.", "EndpointID", AGENT),
            FactoryDefault::new(controller, "EndpointID", CONTROLLER),
            FactoryDefault::new(controller, "Enable", "true"),
            FactoryDefault::new(controller, "OnBoardingComplete", "true"),
            FactoryDefault::new(controller, "AssignedRole", "Device.LocalAgent.ControllerTrust.Role.1"),
            FactoryDefault::new(controller, "PeriodicNotifInterval", "86400"),
            FactoryDefault::new("Device.LocalAgent.", "MaxSubscriptionChangeAdoptionTime", "7"),
            FactoryDefault::new(role, "Enable", "true"),
            FactoryDefault::new(role, "Name", "Full Access"),
            FactoryDefault::new(full, "Enable", "true"),
            FactoryDefault::new(full, "Targets", "Device."),
            FactoryDefault::new(full, "Param", "rw-n"),
            FactoryDefault::new(full, "Obj", "rw-n"),
            FactoryDefault::new(full, "InstantiatedObj", "rw-n"),
            FactoryDefault::new(full, "CommandEvent", "r-xn"),
        ],
    };
    Kind::build(&config, &[]).unwrap()
}

/// A bench with an agent at the other end of its link.
pub(crate) async fn bench(fault: Option<&'static Fault>) -> Bench {
    bench_by(fault, Profile::parse(PROFILE).unwrap(), PeerAuth::Unproven).await
}

/// Roles serve for a vendor's table.
const PROFILE: &str = "[table]\npath = \"Device.LocalAgent.ControllerTrust.Role.\"\n\
                       settings = { Name = \"one\" }\nchange = [\"Name\", \"another\"]\n";

/// The same, with what a vendor says beforehand.
pub(crate) async fn bench_with(fault: Option<&'static Fault>, profile: Profile) -> Bench {
    bench_by(fault, profile, PeerAuth::Unproven).await
}

/// The same, where the transport proves who the bench is.
pub(crate) async fn protected_bench(fault: Option<&'static Fault>) -> Bench {
    let certificate = PeerCertificate {
        fingerprint: [0; 32],
        endpoint_ids: vec![id(CONTROLLER)],
        trusted: true,
        vouched: true,
        chain: Vec::new(),
    };
    bench_by(fault, Profile::default(), PeerAuth::Certificate(certificate.into())).await
}

async fn bench_by(fault: Option<&'static Fault>, profile: Profile, peer: PeerAuth) -> Bench {
    let agent = AgentConfig {
        endpoint: id(AGENT),
        versions: Version::SUPPORTED.to_vec(),
        oui: "012345".to_owned(),
        product_class: "Box".to_owned(),
        serial_number: "A1".to_owned(),
        crypto: Some(keys::of_agent()),
    };
    let config = InstanceConfig {
        kind: Arc::new(kind()),
        machine: Box::new(AgentMachine::new(agent, [3; 32])),
        providers: Vec::new(),
        defaults: Vec::new(),
        journal: Journal::memory(),
        software_version: "1.0".to_owned(),
        refresh_first: false,
    };
    let instance = Instance::new(Host::new(Arc::new(SystemClock::new())), config).unwrap();
    instance.start().await.unwrap();
    let (sender, arrivals) = mpsc::channel(limits::ARRIVALS);
    if peer != PeerAuth::Unproven {
        sender.try_send(Arrival::Certificate(Some(keys::certificate_of_agent()))).unwrap();
    }
    sender.try_send(Arrival::Up).unwrap();
    let way = Arc::new(Way {
        fault,
        sender,
        asked: Mutex::default(),
        heard: Mutex::default(),
        in_sessions: Mutex::default(),
        said: Mutex::default(),
    });
    instance.link_up(
        id(CONTROLLER),
        ReturnPath::WebSocket(LINK),
        Contact::Connection,
        peer.clone(),
        way.clone(),
    );
    over_with(
        Link { wire: Box::new(Ears { instance, peer, way }), arrivals, way: Transport::Records },
        profile,
    )
}

/// A bench over a link.
pub(crate) fn over(link: Link) -> Bench {
    over_with(link, Profile::default())
}

/// The same, where the agent has to say who it is.
pub(crate) fn stranger(link: Link) -> Bench {
    Bench::new(BenchConfig { agent: None, keys: None, ..config(Profile::default()) }, link)
}

/// A bench over a link, with what a vendor says beforehand.
pub(crate) fn over_with(link: Link, profile: Profile) -> Bench {
    Bench::new(config(profile), link)
}

fn config(profile: Profile) -> BenchConfig {
    BenchConfig {
        controller: id(CONTROLLER),
        agent: Some(id(AGENT)),
        run: "t".to_owned(),
        patience: limits::PATIENCE,
        profile,
        keys: Some(keys::of_bench()),
    }
}

/// From the bench to the agent.
struct Ears {
    instance: Arc<Instance>,
    peer: PeerAuth,
    way: Arc<Way>,
}

/// From the agent to the bench.
struct Way {
    fault: Option<&'static Fault>,
    sender: mpsc::Sender<Arrival>,
    /// The requests as the bench sent them.
    asked: Mutex<BTreeMap<String, Request>>,
    /// How many Messages of a kind were heard, and said.
    heard: Mutex<BTreeMap<&'static str, usize>>,
    said: Mutex<BTreeMap<&'static str, usize>>,
    /// How many Records of sessions were heard.
    in_sessions: Mutex<usize>,
}

impl Wire for Ears {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        let Some(record) = self.way.hear(record) else { return Ok(()) };
        let return_path = ReturnPath::WebSocket(LINK);
        self.instance.handle(Inbound { link: LINK, peer: self.peer.clone(), return_path, record });
        Ok(())
    }
}

impl Way {
    /// What the agent hears of a Record; nothing, perhaps.
    fn hear(&self, bytes: Bytes) -> Option<Bytes> {
        let mut record = Record::decode(bytes.clone()).ok()?;
        if let Some(Msg { msg_id, body: Body::Request(request) }) = message(&record) {
            self.asked.lock().unwrap().insert(msg_id, request);
        }
        let Some(fault) = self.fault else { return Some(bytes) };
        if let Some(hear) = fault.hear_record {
            let heard = hear(&mut record, &bytes);
            return heard.then(|| record.encode_to_vec().into());
        }
        if let (Some(hear), Some(RecordType::SessionContext(_))) =
            (fault.hear_session_nth, &record.record_type)
        {
            let mut before = self.in_sessions.lock().unwrap();
            let heard = hear(*before, &mut record);
            *before += 1;
            return heard.then(|| record.encode_to_vec().into());
        }
        if let (Some(hear), Some(mut msg)) = (fault.hear_nth, message(&record)) {
            let heard = hear(count(&self.heard, &msg), &mut msg);
            put(&mut record, &msg);
            return heard.then(|| record.encode_to_vec().into());
        }
        if let (Some(hear), Some(mut msg)) = (fault.hear, message(&record)) {
            let heard = hear(&mut msg);
            put(&mut record, &msg);
            return heard.then(|| record.encode_to_vec().into());
        }
        Some(bytes)
    }

    /// What the agent says; nothing, perhaps.
    fn say(&self, bytes: Bytes) -> Option<Bytes> {
        let Some(fault) = self.fault else { return Some(bytes) };
        let mut record = Record::decode(bytes).unwrap();
        if let (Some(say), Some(mut msg)) = (fault.say, message(&record)) {
            let said = say(self.asked.lock().unwrap().get(&msg.msg_id), &mut msg);
            put(&mut record, &msg);
            if !said {
                return None;
            }
        }
        if let (Some(say), Some(mut msg)) = (fault.say_nth, message(&record)) {
            let said = say(count(&self.said, &msg), &mut msg);
            put(&mut record, &msg);
            if !said {
                return None;
            }
        }
        let said = fault.say_record.is_none_or(|say| say(&mut record));
        said.then(|| record.encode_to_vec().into())
    }
}

impl Outlet for Way {
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed> {
        if let Some(record) = self.say(outbound.record) {
            self.sender.try_send(Arrival::Record(record)).unwrap();
        }
        Ok(())
    }

    fn close(&self, reason: CloseReason) {
        panic!("no check here makes the agent close its link: {reason:?}");
    }
}

/// How many Messages of this kind came before.
fn count(counts: &Mutex<BTreeMap<&'static str, usize>>, msg: &Msg) -> usize {
    let kind = match &msg.body {
        Body::Request(request) => request.name(),
        Body::Response(response) => response.name(),
        Body::Error(_) => "Error",
    };
    let mut counts = counts.lock().unwrap();
    let before = counts.entry(kind).or_default();
    *before += 1;
    *before - 1
}

/// The Message in a Record, if it is a good one.
pub(crate) fn message(record: &Record) -> Option<Msg> {
    match &record.record_type {
        Some(RecordType::NoSessionContext(context)) => Msg::decode(&context.payload).ok(),
        _ => None,
    }
}

/// Puts a Message into a Record.
pub(crate) fn put(record: &mut Record, msg: &Msg) {
    let context = NoSessionContextRecord { payload: msg.encode() };
    record.record_type = Some(RecordType::NoSessionContext(context));
}
