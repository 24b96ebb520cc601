//! A host for the machine under test: it owns the tree and a clock, refreshes and commits at once (or when
//! told), and collects what the machine sends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dm::model::Model;
use dm::path::ObjectPath;
use dm::tree::{Change, ChangeSet, CommandCall, Transaction, Tree};
use dm::{Fault, Mono, Now, UtcTime};
use usp_endpoint::agent::audit::Audit;
use usp_endpoint::agent::io::{Boot, CloseReason, Input, ModelEvent, Output, ReadPart, Ticket};
use usp_endpoint::agent::{AgentConfig, AgentMachine};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::msg::Body;
use usp_proto::notify::Notify;
use usp_proto::{EndpointId, Msg, Record, RecordType, Request, Version};

use super::show;
use crate::device::{builder, fill};
pub(crate) use crate::device::{place, put};

pub(crate) const AGENT: &str = "os::012345-A1";
/// Row 1 of the Controller table.
pub(crate) const ONE: &str = "self::one";
/// Row 2 of the Controller table.
pub(crate) const TWO: &str = "self::two";

pub(crate) const MODEL: &str = "\
model usp=urn:example:agent
Device. object usp=2.0
Device.Boot! event usp=2.0
Device.Boot! arg Cause usp=2.0 type=string
Device.Info. object usp=2.0
Device.Info.Key param usp=2.0 access=readWrite secured type=string
Device.Info.Load param usp=2.0 access=readOnly type=unsignedInt
Device.Info.Name param usp=2.0 access=readWrite type=string size=0:16
Device.Info.Password param usp=2.0 access=readWrite hidden type=string
Device.Info.UpTime param usp=2.0 access=readOnly notify=canDeny type=unsignedInt
Device.Info.Ping() command usp=2.0
Device.Info.Ping() in Count usp=2.0 type=unsignedInt range=1:10
Device.Info.Ping() in Host usp=2.0 mandatory type=string
Device.Info.Ping() out Time usp=2.0 type=unsignedInt
Device.Info.Probe() command usp=2.0
Device.Info.Probe() in Count usp=2.0 type=unsignedInt default=parameter:3
Device.Info.Probe() in Host usp=2.0 mandatory type=string default=parameter:localhost
Device.Info.Probe() in Name usp=2.0 type=string default=parameter:\"\"
Device.Info.Probe() in Port usp=2.0 type=unsignedInt
Device.Info.Probe() in Window.{i}.Mode usp=2.0 type=string default=parameter:AnyTime
Device.Info.Probe() in Window.{i}.Start usp=2.0 type=unsignedInt
Device.Info.Scan() command usp=2.0 async
Device.LocalAgent. object usp=2.0
Device.LocalAgent.Periodic! event usp=2.0
Device.LocalAgent.TransferComplete! event usp=2.0
Device.LocalAgent.Controller.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable functional=EndpointID key=Alias
Device.LocalAgent.Controller.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Controller.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.EndpointID param usp=2.0 access=readWrite type=string default=object:\"\"
Device.LocalAgent.Controller.{i}.OnBoardingComplete param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.OnBoardingRestartTime param usp=2.0 access=readWrite type=unsignedInt default=object:0
Device.LocalAgent.Controller.{i}.PeriodicNotifInterval param usp=2.0 access=readWrite type=unsignedInt
Device.LocalAgent.Controller.{i}.PeriodicNotifTime param usp=2.0 access=readWrite type=dateTime
Device.LocalAgent.Controller.{i}.USPNotifRetryIntervalMultiplier param usp=2.0 access=readWrite type=unsignedInt default=object:2000
Device.LocalAgent.Controller.{i}.USPNotifRetryMinimumWaitInterval param usp=2.0 access=readWrite type=unsignedInt default=object:5
Device.LocalAgent.Controller.{i}.SendOnBoardRequest() command usp=2.0
Device.LocalAgent.Controller.{i}.BootParameter.{i}. object usp=2.0 access=readWrite entries=0:
Device.LocalAgent.Controller.{i}.BootParameter.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.BootParameter.{i}.ParameterName param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.TransferCompletePolicy. object usp=2.0
Device.LocalAgent.Controller.{i}.TransferCompletePolicy.ResultTypeFilter param usp=2.0 access=readWrite type=string
Device.LocalAgent.Request.{i}. object usp=2.0 entries=0: functional=Originator,Command,CommandKey key=Alias
Device.LocalAgent.Request.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Request.{i}.Command param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.CommandKey param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Originator param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Status param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Cancel() command usp=2.0
Device.LocalAgent.Subscription.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Alias key=Recipient,ID
Device.LocalAgent.Subscription.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Subscription.{i}.CreationDate param usp=2.0 access=readOnly type=dateTime
Device.LocalAgent.Subscription.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.ID param usp=2.0 access=readWrite type=string size=1:64
Device.LocalAgent.Subscription.{i}.NotifExpiration param usp=2.0 access=readWrite type=unsignedInt default=object:0
Device.LocalAgent.Subscription.{i}.NotifRetry param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.NotifType param usp=2.0 access=readWrite type=string
Device.LocalAgent.Subscription.{i}.Persistent param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.Recipient param usp=2.0 access=readOnly type=string ref=strong:row:Device.LocalAgent.Controller.{i}.
Device.LocalAgent.Subscription.{i}.ReferenceList param usp=2.0 access=writeOnceReadOnly type=string list=0: size=0:256
Device.LocalAgent.Subscription.{i}.TimeToLive param usp=2.0 access=readWrite type=unsignedInt default=object:0
Device.LocalAgent.Subscription.{i}.TriggerAction param usp=2.0 access=readWrite type=string default=object:Notify
Device.LocalAgent.Subscription.{i}.TriggerConfigSettings param usp=2.0 access=readWrite type=string list=0:16
Device.LocalAgent.Threshold.{i}. object usp=2.0 access=readWrite entries=0:
Device.LocalAgent.Threshold.{i}.Controller param usp=2.0 access=readOnly type=string ref=strong:row:Device.LocalAgent.Controller.{i}.
Device.LocalAgent.Threshold.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Threshold.{i}.OperatingMode param usp=2.0 access=readWrite type=string default=object:Normal
Device.LocalAgent.Threshold.{i}.ReferencePath param usp=2.0 access=readWrite type=string
Device.LocalAgent.Threshold.{i}.ThresholdOperator param usp=2.0 access=readWrite type=string default=object:Rise
Device.LocalAgent.Threshold.{i}.ThresholdParam param usp=2.0 access=readWrite type=string
Device.LocalAgent.Threshold.{i}.ThresholdValue param usp=2.0 access=readWrite type=string
Device.LocalAgent.Threshold.{i}.Triggered! event usp=2.0
Device.Net. object usp=2.0
Device.Net.Interface.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Alias functional=Name
Device.Net.Interface.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.Net.Interface.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.Net.Interface.{i}.Mtu param usp=2.0 access=readWrite type=unsignedInt range=68:9000 default=object:1500
Device.Net.Interface.{i}.Name param usp=2.0 access=readWrite type=string
Device.Net.Interface.{i}.Reset() command usp=2.0 async
Device.Net.Interface.{i}.Linked! event usp=2.0
Device.Net.Interface.{i}.Address.{i}. object usp=2.0 access=readWrite entries=0: key=Ip
Device.Net.Interface.{i}.Address.{i}.Ip param usp=2.0 access=readWrite type=string
";

/// 2026-01-31T12:00:00Z.
const NOON: UtcTime = UtcTime(1_769_860_800_000_000);

pub(crate) struct Host {
    pub(crate) machine: AgentMachine,
    pub(crate) tree: Tree,
    pub(crate) now: Now,
    /// Everything sent, in order: link number, then `show`n.
    pub(crate) log: Vec<String>,
    /// Every Record sent, in order.
    pub(crate) sent: Vec<bytes::Bytes>,
    /// Where each of them went.
    pub(crate) paths: Vec<ReturnPath>,
    /// Notifications sent, in order.
    pub(crate) notifies: Vec<(u64, String, Notify)>,
    /// Answers, by message id.
    answers: Vec<(String, Body)>,
    pub(crate) runs: Vec<(Ticket, String, CommandCall)>,
    pub(crate) cancelled: Vec<Ticket>,
    pub(crate) closed: Vec<(u64, CloseReason)>,
    pub(crate) refreshed: Vec<String>,
    pub(crate) watched: Vec<String>,
    pub(crate) wrote: Vec<ChangeSet>,
    pub(crate) noticed: Vec<String>,
    pub(crate) audited: Vec<Audit>,
    /// Whether anything was taken for a controller's, which confirms a change that waits for that.
    pub(crate) recognised: bool,
    /// Holds commits back until [`Host::commit`].
    pub(crate) hold: bool,
    pub(crate) held: VecDeque<(Ticket, Vec<Transaction>)>,
    /// Leaves refreshes unanswered.
    pub(crate) wait_for_refresh: bool,
    /// Fails the transaction of this index in each commit.
    pub(crate) fail: Option<usize>,
    asked: u32,
    /// The text of its model.
    text: String,
}

impl Host {
    /// A device with two interfaces (1 and 3; 1 has an address) and two onboarded controllers, before its
    /// start.
    pub(crate) fn new() -> Host {
        Host::of(MODEL)
    }

    /// The same device with another model, which has all that [`MODEL`] has.
    pub(crate) fn of(text: &str) -> Host {
        let mut tree = Tree::new(model(text));
        for path in ["Device.", "Device.Info.", "Device.LocalAgent."] {
            fill(&mut tree, path, &[]);
        }
        put(&mut tree, "Device.Info.", "Name", "cusp");
        put(&mut tree, "Device.Info.", "Load", "7");
        put(&mut tree, "Device.Info.", "Key", "hunter2");
        fill(&mut tree, "Device.Net.Interface.1.", &[("Alias", "lan"), ("Name", "eth0"), ("Enable", "true")]);
        fill(&mut tree, "Device.Net.Interface.3.", &[("Alias", "wan"), ("Name", "eth1"), ("Mtu", "1400")]);
        fill(&mut tree, "Device.Net.Interface.1.Address.1.", &[("Ip", "192.0.2.1")]);
        for (row, endpoint) in [("1", ONE), ("2", TWO)] {
            let path = format!("Device.LocalAgent.Controller.{row}.");
            let values = [
                ("Alias", endpoint),
                ("EndpointID", endpoint),
                ("Enable", "true"),
                ("OnBoardingComplete", "true"),
            ];
            fill(&mut tree, &path, &values);
        }
        Host { text: text.to_owned(), ..Host::with(tree, [7; 32]) }
    }

    /// The machine of another start on the same tree.
    pub(crate) fn with(tree: Tree, seed: [u8; 32]) -> Host {
        let config = AgentConfig {
            endpoint: id(AGENT),
            versions: Version::SUPPORTED.to_vec(),
            oui: "012345".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: "A1".to_owned(),
            crypto: None,
        };
        Host {
            machine: AgentMachine::new(config, seed),
            tree,
            now: Now { mono: Mono(1_000_000), utc: Some(NOON) },
            log: Vec::new(),
            sent: Vec::new(),
            paths: Vec::new(),
            notifies: Vec::new(),
            answers: Vec::new(),
            runs: Vec::new(),
            cancelled: Vec::new(),
            closed: Vec::new(),
            refreshed: Vec::new(),
            watched: Vec::new(),
            wrote: Vec::new(),
            noticed: Vec::new(),
            audited: Vec::new(),
            recognised: false,
            hold: false,
            held: VecDeque::new(),
            wait_for_refresh: false,
            fail: None,
            asked: 0,
            text: MODEL.to_owned(),
        }
    }

    /// Started, and connected with both controllers: [`ONE`] on link 1, [`TWO`] on link 2.
    pub(crate) fn running() -> Host {
        let mut host = Host::new();
        host.start();
        host.link(1, ONE);
        host.link(2, TWO);
        host.log.clear();
        host
    }

    pub(crate) fn start(&mut self) {
        let boot = Boot {
            cause: "LocalReboot".to_owned(),
            command_key: String::new(),
            reason: "power".to_owned(),
            firmware_updated: false,
        };
        self.input(Input::Started(boot));
    }

    pub(crate) fn link(&mut self, link: u64, controller: &str) {
        self.link_as(link, controller, PeerAuth::Unproven);
    }

    pub(crate) fn link_as(&mut self, link: u64, controller: &str, peer: PeerAuth) {
        self.input(Input::LinkUp {
            controller: id(controller),
            return_path: path(link),
            contact: Contact::Connection,
            peer,
        });
    }

    /// Hands in a Record as it came from a link.
    pub(crate) fn record(&mut self, link: u64, record: &Record) {
        self.bytes(link, record.encode());
    }

    pub(crate) fn bytes(&mut self, link: u64, record: bytes::Bytes) {
        let peer = PeerAuth::Unproven;
        self.input(Input::Record(Inbound { link: LinkId(link), peer, return_path: path(link), record }));
    }

    /// Sends a message of a controller on its link.
    pub(crate) fn send(&mut self, link: u64, from: &str, msg: &Msg) {
        let record = Record::message(&id(from), &id(AGENT), Version::CURRENT, msg.encode());
        self.record(link, &record);
    }

    /// Sends a request of [`ONE`] on link 1; gives the answer, if there is one already.
    pub(crate) fn ask(&mut self, request: impl Into<Asked>) -> String {
        self.ask_as(1, ONE, request)
    }

    pub(crate) fn ask_as(&mut self, link: u64, from: &str, request: impl Into<Asked>) -> String {
        self.asked += 1;
        let msg_id = format!("q{}", self.asked);
        self.send(link, from, &Msg::request(msg_id.clone(), request.into().0));
        self.answer(&msg_id)
    }

    /// The answer to a message id, shown and taken; `-` if there is none.
    pub(crate) fn answer(&mut self, msg_id: &str) -> String {
        match self.answers.iter().position(|(known, _)| known == msg_id) {
            Some(at) => show::body(&self.answers.remove(at).1),
            None => "-".to_owned(),
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.machine.handle(self.now, &mut self.tree, input);
        self.recognised |= self.machine.recognised().is_some();
        while let Some(output) = self.machine.poll_output() {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Send(outbound) => {
                self.paths.push(outbound.return_path.clone());
                self.sent(outbound.return_path.link().0, outbound.record);
            }
            Output::Close { link, reason } => {
                self.log.push(format!("{} close", link.0));
                self.closed.push((link.0, reason));
            }
            Output::Refresh { ticket, places, parts } => {
                let model = self.tree.model();
                self.refreshed.extend(places.iter().map(|place| place.text(model)));
                let name = |ReadPart { place, param }: &ReadPart| {
                    let params = &model.object(place.object).params;
                    param.map_or("", |param| params[usize::from(param)].name.as_str())
                };
                self.refreshed.extend(parts.iter().map(|part| part.place.leaf_text(model, name(part))));
                if !self.wait_for_refresh {
                    self.input(Input::Refreshed(ticket));
                }
            }
            Output::Commit { ticket, transactions, .. } => {
                self.held.push_back((ticket, transactions));
                if !self.hold {
                    self.commit();
                }
            }
            Output::Wrote(changes) => self.wrote.push(changes),
            Output::Audit(entry) => self.audited.push(entry),
            Output::Noticed(what) => self.noticed.push(what),
            Output::Run { ticket, command_key, call, .. } => self.runs.push((ticket, command_key, call)),
            Output::Cancel(ticket) => self.cancelled.push(ticket),
            Output::Watch(places) => {
                self.watched = places.iter().map(|place| place.text(self.tree.model())).collect();
            }
        }
    }

    fn sent(&mut self, link: u64, record: bytes::Bytes) {
        self.sent.push(record.clone());
        let record = Record::decode(record).expect("our own Record");
        assert_eq!(record.from_id.as_str(), AGENT);
        let shown = match &record.record_type {
            RecordType::NoSession { payload } => {
                let msg = Msg::decode(payload).expect("our own message");
                let shown = show::body(&msg.body);
                match msg.body {
                    Body::Request(Request::Notify(notify)) => self.notifies.push((link, msg.msg_id, notify)),
                    body => self.answers.push((msg.msg_id, body)),
                }
                shown
            }
            RecordType::Disconnect { reason_code, .. } => format!("Disconnect {reason_code}"),
            RecordType::MqttConnect { version, subscribed_topic } => {
                format!("MqttConnect {version:?} {subscribed_topic}")
            }
            other => other.name().to_owned(),
        };
        self.log.push(format!("{link} {shown}"));
    }

    /// Ends the oldest commit that is held back.
    pub(crate) fn commit(&mut self) {
        let (ticket, transactions) = self.held.pop_front().expect("a commit to end");
        let mut changes = ChangeSet::new();
        let mut ends = Vec::new();
        for (at, transaction) in transactions.iter().enumerate() {
            if self.fail == Some(at) {
                ends.push(Err(Fault::new(dm::Code::INTERNAL_ERROR, "the hardware says no")));
            } else {
                changes.extend(self.tree.apply(&transaction.changes));
                ends.push(Ok(()));
            }
        }
        self.input(Input::Committed { ticket, ends, changes });
    }

    /// The device itself changes a value.
    pub(crate) fn change(&mut self, path: &str, name: &str, value: &str) {
        let changes = put(&mut self.tree, path, name, value);
        self.input(Input::Changed(changes));
    }

    /// The device itself makes or loses a row.
    pub(crate) fn apply(&mut self, change: &[Change]) {
        let changes = self.tree.apply(change);
        self.input(Input::Changed(changes));
    }

    /// The device itself makes a row with defaults.
    pub(crate) fn create(&mut self, path: &str) {
        let changes = self.tree.with_defaults(&place(&self.tree, path));
        self.apply(&changes);
    }

    /// Makes an object with its defaults and these values behind the machine's back.
    pub(crate) fn fill(&mut self, path: &str, values: &[(&str, &str)]) {
        fill(&mut self.tree, path, values);
    }

    /// Sets a value behind the machine's back.
    pub(crate) fn fill_more(&mut self, path: &str, name: &str, value: &str) {
        put(&mut self.tree, path, name, value);
    }

    pub(crate) fn event(&mut self, object: &str, name: &str, params: &[(&str, &str)]) {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let object = ObjectPath::parse(object).expect("a path of the test");
        self.input(Input::Event(ModelEvent { object, name: name.to_owned(), params }));
    }

    /// The device's supported model grows by objects before `Device.Info.`: the others move, and what
    /// was there stays.
    pub(crate) fn remodel(&mut self, more: &str) {
        self.text.insert_str(self.text.find("Device.Info. object").expect("it is in the model"), more);
        let mut tree = Tree::new(model(&self.text));
        self.tree.for_each(|old, values| {
            let place = place(&tree, &old.text(self.tree.model()));
            if place.is_row(tree.model()) {
                tree.apply(&[Change::Create { row: place.clone(), values: Vec::new() }]);
            }
            for (param, value) in self.tree.model().object(old.object).params.iter().zip(values) {
                let param = tree.model().param_index(place.object, param.name.as_str());
                let param = param.expect("a parameter of both models");
                tree.apply(&[Change::Set { place: place.clone(), param, value: value.clone() }]);
            }
        });
        self.tree = tree;
        self.input(Input::ModelChanged);
    }

    /// Lets time pass, with every timeout on the way.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= end) {
            self.turn_to(at);
            self.input(Input::Timeout);
        }
        self.turn_to(end);
    }

    fn turn_to(&mut self, at: Mono) {
        let past = at - self.now.mono;
        self.now = Now { mono: at.max(self.now.mono), utc: self.now.utc.map(|utc| utc + past) };
    }

    /// What was logged since the last call.
    pub(crate) fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// A subscription of a controller, made behind the machine's back before its start.
    pub(crate) fn subscribe(
        &mut self,
        row: u32,
        controller: u32,
        kind: &str,
        list: &str,
        more: &[(&str, &str)],
    ) {
        let recipient = format!("Device.LocalAgent.Controller.{controller}");
        let id = format!("s{row}");
        let mut values = vec![
            ("Alias", id.as_str()),
            ("Enable", "true"),
            ("ID", &id),
            ("NotifType", kind),
            ("ReferenceList", list),
            ("Recipient", &recipient),
            ("Persistent", "true"),
            ("CreationDate", "2026-01-31T12:00:00Z"),
        ];
        values.extend(more);
        fill(&mut self.tree, &format!("Device.LocalAgent.Subscription.{row}."), &values);
    }

    pub(crate) fn value(&self, path: &str, name: &str) -> String {
        self.tree.text_of(&place(&self.tree, path), name)
    }

    pub(crate) fn rows(&self, table: &str) -> Vec<u32> {
        self.tree.rows(&place(&self.tree, table)).into_iter().map(std::num::NonZeroU32::get).collect()
    }
}

/// A request, or anything that becomes one.
pub(crate) struct Asked(pub(crate) Request);

impl From<Request> for Asked {
    fn from(request: Request) -> Asked {
        Asked(request)
    }
}

impl From<dm::Operation> for Asked {
    fn from(operation: dm::Operation) -> Asked {
        Asked(usp_endpoint::translate::request(operation))
    }
}

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id of the test")
}

pub(crate) fn path(link: u64) -> ReturnPath {
    ReturnPath::WebSocket(LinkId(link))
}

fn model(text: &str) -> Arc<Model> {
    let mut builder = builder(text);
    usp_endpoint::agent::schedule::support(&mut builder).expect("a small model");
    builder.build()
}
