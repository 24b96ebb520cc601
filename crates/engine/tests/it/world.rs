//! One instance with a machine that speaks plain text: `get PATH`, `read PATH` (that alone), `set PATH PARAM VALUE`,
//! `add PATH [PARAM VALUE]`, `delete PATH`, `delete-each PATH` (with `allow_partial`), `run COMMAND [WHAT]`, `cancel`, `watch PATH`,
//! `boot`, `close`, `own PARAM VALUE` (a change of the machine itself), `noise` (a Record that nobody believes).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dm::model::{Arg, Command, Event, ModelBuilder, ObjectDef, Param};
use dm::operation::{Add, Delete, ObjectAccess, ObjectSettings, Operate, ParamAccess, ParamSetting, Set};
use dm::path::{Name, ObjectPath, SchemaPath};
use dm::schema::{Facets, Reference};
use dm::tree::{Change, ChangeSet, Happening, Place, Plan, Requester, Tree};
use dm::{Mono, Now, Operation, Outcome, Type, Value};
use engine::journal::Journal;
use engine::provider::Provider;
use engine::{
    FactoryDefault, Host, Instance, InstanceConfig, Kind, KindConfig, Machine, Outlet, OutletClosed,
    SystemClock,
};
use tokio::sync::Notify;
use usp_endpoint::EndpointId;
use usp_endpoint::agent::io::{CloseReason, Input, Output, ReadPart, Ticket};
use usp_endpoint::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, ReturnPath};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn param(text: &str, ty: Type, access: ParamAccess) -> Param {
    Param { access, ..Param::new(name(text), ty) }
}

fn table(count: &str) -> ObjectDef {
    ObjectDef { access: ObjectAccess::AddDelete, entries_param: Some(name(count)), ..ObjectDef::default() }
}

pub(crate) fn own_model(model: &mut ModelBuilder) {
    let (controller, agent) = ("Device.LocalAgent.Controller.{i}.", "Device.LocalAgent.");
    model.param(agent, param("ControllerNumberOfEntries", Type::UnsignedInt, ParamAccess::ReadOnly)).unwrap();
    model.param(agent, param("EndpointID", Type::String, ParamAccess::ReadOnly)).unwrap();
    model.object(controller, table("ControllerNumberOfEntries")).unwrap();
    model.param(agent, param("Label", Type::String, ParamAccess::ReadWrite)).unwrap();
    let reference = Some(Reference { strong: true, ..Reference::default() });
    let facets = Facets { reference, list: Some(dm::schema::ListFacet::default()), ..Facets::default() };
    model.param(agent, Param { facets, ..param("Uses", Type::String, ParamAccess::ReadWrite) }).unwrap();
    for text in ["Alias", "EndpointID", "Fares"] {
        model.param(controller, param(text, Type::String, ParamAccess::ReadWrite)).unwrap();
    }
    let secret = Param { secured: true, ..param("Secret", Type::String, ParamAccess::ReadWrite) };
    model.param(controller, secret).unwrap();
    model.param(controller, param("Enable", Type::Boolean, ParamAccess::ReadWrite)).unwrap();
}

pub(crate) fn net_model(model: &mut ModelBuilder) {
    let (net, interface) = ("Device.Net.", "Device.Net.Interface.{i}.");
    model.param(net, param("InterfaceNumberOfEntries", Type::UnsignedInt, ParamAccess::ReadOnly)).unwrap();
    model.object(interface, table("InterfaceNumberOfEntries")).unwrap();
    model.param(interface, param("Alias", Type::String, ParamAccess::ReadWrite)).unwrap();
    model.param(interface, param("Name", Type::String, ParamAccess::ReadOnly)).unwrap();
    model.param(interface, param("Enable", Type::Boolean, ParamAccess::ReadWrite)).unwrap();
    model.param(interface, param("Mtu", Type::UnsignedInt, ParamAccess::ReadWrite)).unwrap();
    let lower = Facets { reference: Some(Reference::default()), ..Facets::default() };
    let list = Some(dm::schema::ListFacet::default());
    let lower = Facets { list, ..lower };
    let lower = Param { facets: lower, ..param("LowerLayers", Type::String, ParamAccess::ReadWrite) };
    model.param(interface, lower).unwrap();
    let stats = "Device.Net.Interface.{i}.Stats.";
    model.param(stats, param("Bytes", Type::UnsignedLong, ParamAccess::ReadOnly)).unwrap();
    let what = arg("What", Facets::default());
    let of = arg("What", Facets { reference: Some(Reference::default()), ..Facets::default() });
    let via = Command { name: name("Via"), is_async: true, inputs: vec![of], outputs: Vec::new() };
    model.command(interface, via).unwrap();
    let reset = Command { name: name("Reset"), is_async: true, inputs: vec![what], outputs: Vec::new() };
    model.command(interface, reset).unwrap();
    model.event(interface, Event { name: name("Flap"), args: Vec::new() }).unwrap();
}

pub(crate) fn process_model(model: &mut ModelBuilder) {
    let process = "Device.Proc.Process.{i}.";
    model.object(process, ObjectDef::default()).unwrap();
    model.param(process, param("Command", Type::String, ParamAccess::ReadWrite)).unwrap();
    model.param("Device.Proc.", param("Load", Type::UnsignedInt, ParamAccess::ReadWrite)).unwrap();
}

fn arg(name: &str, facets: Facets) -> Arg {
    Arg { name: name.to_owned(), ty: Type::String, facets, mandatory: false, default: None }
}

/// What leaves by the only link.
#[derive(Default)]
pub(crate) struct Peer {
    said: Mutex<VecDeque<String>>,
    spoke: Notify,
}

impl Outlet for Peer {
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed> {
        self.said.lock().unwrap().push_back(String::from_utf8(outbound.record.to_vec()).unwrap());
        self.spoke.notify_one();
        Ok(())
    }

    fn close(&self, reason: CloseReason) {
        self.said.lock().unwrap().push_back(format!("closed: {reason:?}"));
        self.spoke.notify_one();
    }

    fn renew(&self) {
        self.said.lock().unwrap().push_back("renewed".to_owned());
        self.spoke.notify_one();
    }
}

impl Peer {
    /// The next thing that the instance says.
    pub(crate) async fn hear(&self) -> String {
        loop {
            if let Some(said) = self.said.lock().unwrap().pop_front() {
                return said;
            }
            self.spoke.notified().await;
        }
    }

    /// What it has said already.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.said.lock().unwrap().drain(..).collect()
    }
}

pub(crate) struct World {
    pub(crate) instance: Arc<Instance>,
    pub(crate) peer: Arc<Peer>,
}

/// Lets virtual time go by, and everything that is due happen.
pub(crate) async fn pass(time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(Duration::from_millis(100));
        left -= step;
        tokio::time::advance(step).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) const LINK: LinkId = LinkId(1);

pub(crate) fn providers(list: &[Arc<crate::providers::Fake>]) -> Vec<Arc<dyn Provider>> {
    list.iter().map(|provider| provider.clone() as Arc<dyn Provider>).collect()
}

pub(crate) fn kind(providers: &[Arc<dyn Provider>]) -> Kind {
    let config = KindConfig {
        uri: "urn:example:test".to_owned(),
        own: &own_model,
        stored: Vec::new(),
        volatile: vec![SchemaPath::parse("Device.Proc.").unwrap()],
        defaults: vec![
            FactoryDefault::new("Device.LocalAgent.", "EndpointID", "os::1"),
            FactoryDefault::new("Device.LocalAgent.Controller.1.", "EndpointID", "proto::first"),
            FactoryDefault::secret("Device.LocalAgent.Controller.1.", "Secret", "hunter2"),
        ],
    };
    Kind::build(&config, providers).unwrap().with_fleeting(&[(
        "Device.LocalAgent.Controller.{i}.",
        "Fares",
        "down",
    )])
}

impl World {
    /// An instance over this journal, started, with one link.
    pub(crate) async fn start(list: &[Arc<crate::providers::Fake>], journal: Journal) -> World {
        World::start_version(list, journal, "1.0").await
    }

    pub(crate) async fn start_version(
        list: &[Arc<crate::providers::Fake>],
        journal: Journal,
        version: &str,
    ) -> World {
        let host = Host::new(Arc::new(SystemClock::new()));
        World::start_on(host, list, journal, version).await
    }

    pub(crate) async fn start_on(
        host: Arc<Host>,
        list: &[Arc<crate::providers::Fake>],
        journal: Journal,
        version: &str,
    ) -> World {
        let providers = providers(list);
        let config = InstanceConfig {
            kind: Arc::new(kind(&providers)),
            machine: Box::new(Plain::default()),
            providers,
            defaults: Vec::new(),
            journal,
            software_version: version.to_owned(),
            refresh_first: true,
        };
        let instance = Instance::new(host, config).unwrap();
        instance.start().await.unwrap();
        let world = World { instance, peer: Arc::default() };
        world.connect(LINK);
        world
    }

    /// One more connection with the same peer.
    pub(crate) fn connect(&self, link: LinkId) {
        let controller = EndpointId::receive("proto::first").unwrap();
        let return_path = ReturnPath::WebSocket(link);
        self.instance.link_up(
            controller,
            return_path,
            Contact::Connection,
            PeerAuth::Unproven,
            self.peer.clone(),
        );
    }

    pub(crate) fn say(&self, text: &str) {
        self.say_on(LINK, text);
    }

    pub(crate) fn say_on(&self, link: LinkId, text: &str) {
        let record = Bytes::copy_from_slice(text.as_bytes());
        let return_path = ReturnPath::WebSocket(link);
        self.instance.handle(Inbound { link, peer: PeerAuth::Unproven, return_path, record });
    }

    /// The same agent after a loss of power, started, with one link.
    pub(crate) async fn lose_power(&self) -> World {
        let instance = self.instance.restarted(Box::new(Plain::default())).unwrap();
        instance.start().await.unwrap();
        let world = World { instance, peer: Arc::default() };
        world.connect(LINK);
        world
    }

    pub(crate) async fn ask(&self, text: &str) -> String {
        self.say(text);
        self.peer.hear().await
    }

    /// Lets everything happen that happens by itself within this time.
    pub(crate) async fn pass(&self, time: Duration) {
        pass(time).await;
    }
}

/// The machine that speaks plain text.
pub(crate) fn machine() -> Box<dyn Machine> {
    Box::new(Plain::default())
}

/// The machine.
#[derive(Default)]
struct Plain {
    next: u64,
    outputs: VecDeque<Output>,
    reads: Vec<(Ticket, String)>,
    writes: Vec<(Ticket, Plan)>,
    runs: Vec<Ticket>,
    boot: String,
    recognised: Option<LinkId>,
}

impl Plain {
    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    fn tell(&mut self, text: String) {
        let outbound = Outbound { return_path: ReturnPath::WebSocket(LINK), record: text.into() };
        self.outputs.push_back(Output::Send(outbound));
    }

    fn obey(&mut self, tree: &mut Tree, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["get", path] => {
                let ticket = self.ticket();
                self.reads.push((ticket, path.to_owned()));
                let places = vec![split(tree, path).0];
                self.outputs.push_back(Output::Refresh { ticket, places, parts: Vec::new() });
            }
            ["read", path] => {
                let ticket = self.ticket();
                self.reads.push((ticket, path.to_owned()));
                let (place, param) = split(tree, path);
                let param = tree.model().param_index(place.object, param);
                let parts = vec![ReadPart { place, param }];
                self.outputs.push_back(Output::Refresh { ticket, places: Vec::new(), parts });
            }
            ["watch", path] => self.outputs.push_back(Output::Watch(vec![split(tree, path).0])),
            ["set", path, param, value] => {
                let set = Set { allow_partial: false, objects: vec![settings(path, param, value)] };
                self.write(tree, &Operation::Set(set));
            }
            ["set", one, p, v, two, q, w] => {
                let objects = vec![settings(one, p, v), settings(two, q, w)];
                self.write(tree, &Operation::Set(Set { allow_partial: false, objects }));
            }
            ["add", path] => {
                let objects = vec![ObjectSettings { path: path.to_owned(), params: Vec::new() }];
                self.write(tree, &Operation::Add(Add { allow_partial: false, objects }));
            }
            ["add", path, param, value] => {
                let objects = vec![settings(path, param, value)];
                self.write(tree, &Operation::Add(Add { allow_partial: false, objects }));
            }
            ["delete", path] => {
                let paths = vec![path.to_owned()];
                self.write(tree, &Operation::Delete(Delete { allow_partial: false, paths }));
            }
            ["delete-each", path] => {
                let paths = vec![path.to_owned()];
                self.write(tree, &Operation::Delete(Delete { allow_partial: true, paths }));
            }
            ["run", command, what] => self.run(tree, command, what),
            ["own", param, value] => {
                let place = split(tree, "Device.LocalAgent.").0;
                let param = tree.model().param_index(place.object, param).unwrap();
                let changes = tree.apply(&[Change::Set { place, param, value: Some(Value::text(value)) }]);
                self.outputs.push_back(Output::Wrote(changes));
                self.tell("did".to_owned());
            }
            ["noise"] => {}
            ["panic"] => panic!("the test wants it"),
            ["boot"] => self.tell(self.boot.clone()),
            ["cancel"] => self.outputs.push_back(Output::Cancel(self.runs[0])),
            ["close"] => {
                let reason = CloseReason::ControllerGone;
                self.outputs.push_back(Output::Close { link: LINK, reason });
            }
            _ => panic!("{text}"),
        }
    }

    fn write(&mut self, tree: &Tree, operation: &Operation) {
        let plan = tree.plan(operation, &Requester::full()).unwrap();
        let ticket = self.ticket();
        let transactions = plan.transactions.clone();
        self.writes.push((ticket, plan));
        let controller = EndpointId::receive("proto::first").unwrap();
        self.outputs.push_back(Output::Commit { ticket, controller, transactions });
    }

    fn run(&mut self, tree: &Tree, command: &str, what: &str) {
        let args = vec![("What".to_owned(), what.to_owned())];
        let operate = Operate { command: command.to_owned(), args, ..Operate::default() };
        for (_, call) in tree.commands(&operate, &Requester::full()).unwrap() {
            let ticket = self.ticket();
            self.runs.push(ticket);
            let controller = EndpointId::receive("proto::first").unwrap();
            let command_key = "key".to_owned();
            self.outputs.push_back(Output::Run { ticket, controller, command_key, call: call.unwrap() });
        }
    }

    fn changed(&mut self, tree: &Tree, changes: &ChangeSet) {
        let model = tree.model();
        for change in changes {
            let text = match change {
                Happening::Changed { place, param, new, .. } => {
                    let name = &model.object(place.object).params[usize::from(*param)].name;
                    let new = new.as_ref().map_or("absent".to_owned(), |value| value.to_string());
                    format!("{}={new}", place.leaf_text(model, name.as_str()))
                }
                Happening::Created(row) => format!("+{}", row.text(model)),
                Happening::Deleted(row) => format!("-{}", row.text(model)),
            };
            self.tell(format!("note {text}"));
        }
    }
}

fn settings(path: &str, param: &str, value: &str) -> ObjectSettings {
    let setting = ParamSetting { param: param.to_owned(), value: value.to_owned(), required: true };
    ObjectSettings { path: path.to_owned(), params: vec![setting] }
}

/// Object and parameter of a path; the parameter is empty for an object path.
fn split<'a>(tree: &Tree, path: &'a str) -> (Place, &'a str) {
    let (object, param) = path.split_at(path.rfind('.').unwrap() + 1);
    let place = Place::of(tree.model(), &ObjectPath::parse(object).unwrap()).unwrap();
    (place, param)
}

fn read(tree: &Tree, path: &str) -> String {
    let (place, param) = split(tree, path);
    if !tree.exists(&place) {
        return format!("{path} does not exist");
    }
    if param.is_empty() {
        let rows: Vec<String> = tree.rows(&place).iter().map(|number| number.to_string()).collect();
        return format!("{path} has {}", rows.join(","));
    }
    match tree.value_of(&place, param) {
        Some(value) => format!("{path}={value}"),
        None => format!("{path} is absent"),
    }
}

fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(failure) => failure.fault.to_string(),
        Outcome::Add(results) => {
            let results = results.iter().map(|result| match &result.result {
                Ok(created) => format!("added {}", created.path),
                Err(fault) => fault.to_string(),
            });
            results.collect::<Vec<_>>().join("; ")
        }
        Outcome::Delete(results) => {
            let deleted = results.iter().flat_map(|requested| &requested.result);
            let stayed = deleted.flat_map(|deleted| &deleted.unaffected);
            let stayed: Vec<String> = stayed.map(|(path, fault)| format!("{path} stays: {fault}")).collect();
            if stayed.is_empty() { "ok".to_owned() } else { stayed.join("; ") }
        }
        _ => "ok".to_owned(),
    }
}

impl Machine for Plain {
    fn handle(&mut self, _: Now, tree: &mut Tree, input: Input) {
        self.recognised = None;
        match input {
            Input::Record(inbound) => {
                let text = std::str::from_utf8(&inbound.record).unwrap();
                self.recognised = Some(inbound.link).filter(|_| text != "noise");
                self.obey(tree, text);
            }
            Input::Refreshed(ticket) => {
                let at = self.reads.iter().position(|(known, _)| *known == ticket).unwrap();
                let (_, path) = self.reads.remove(at);
                self.tell(read(tree, &path));
            }
            Input::Committed { ticket, ends, .. } => {
                let at = self.writes.iter().position(|(known, _)| *known == ticket).unwrap();
                let (_, plan) = self.writes.remove(at);
                self.tell(say(&plan.finish(&ends)));
            }
            Input::CommandEnded { result, .. } => self.tell(match result {
                Ok(output) => format!("ended {output:?}"),
                Err(fault) => format!("ended {fault}"),
            }),
            Input::Unheard { subtrees, fault, .. } => self.tell(format!("unheard {}: {fault}", subtrees[0])),
            Input::Changed(changes) => self.changed(tree, &changes),
            Input::Event(event) => self.tell(format!("event {}{}", event.object, event.name)),
            Input::Started(boot) => {
                self.boot = format!("{} {:?} {}", boot.cause, boot.command_key, boot.firmware_updated);
            }
            Input::ModelChanged => self.tell("model changed".to_owned()),
            Input::Shutdown => {
                self.tell("good-bye".to_owned());
                let reason = CloseReason::GoingAway;
                self.outputs.push_back(Output::Close { link: LINK, reason });
            }
            Input::LinkUp { .. }
            | Input::LinkDown(_)
            | Input::TrustChanged
            | Input::Timeout
            | Input::Consent(_) => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        None
    }

    fn recognised(&self) -> Option<LinkId> {
        self.recognised
    }
}
