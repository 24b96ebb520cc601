//! Another supported model while the instance runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::Type;
use dm::Value;
use dm::model::{ModelBuilder, ObjectDef, Param};
use dm::operation::{ObjectAccess, ParamAccess};
use dm::path::{Name, ObjectPath, SchemaPath};
use engine::provider::{Pending, Provider, ProviderError, Push, Report, Row, Sink};
use engine::{Host, Instance, InstanceConfig, Journal, SystemClock};

use crate::disk::Disk;
use crate::providers::{Fake, interfaces, net, row};
use crate::world::{LINK, World, kind, providers};

const GUEST: &str = "Device.Guest.";
const TABLE: &str = "Device.Guest.Row.{i}.";

/// A provider whose part comes and goes, and that counts its rows itself.
#[derive(Default)]
struct Guest(Mutex<State>);

#[derive(Default)]
struct State {
    there: bool,
    broken: bool,
    /// It sees no changes.
    blind: bool,
    rows: Vec<Row>,
    /// Whether it was there, each time that the model it had given was in effect.
    in_effect: Vec<bool>,
    sink: Option<Sink>,
}

impl Guest {
    /// Its part of the model is another one now.
    async fn anew(&self) {
        let sink = self.with(|state| state.sink.clone().unwrap());
        sink.0.send(Push::ModelChanged).await.unwrap();
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    async fn comes(&self, numbers: &[&str]) {
        let rows = numbers.iter().map(|number| row(TABLE, &[number], &[("Name", Value::text(*number))]));
        self.with(|state| (state.there, state.rows) = (true, rows.collect()));
        self.anew().await;
        self.tells().await;
    }

    async fn tells(&self) {
        let sink = self.with(|state| state.sink.clone().unwrap());
        let report = Report { rows: self.with(|state| state.rows.clone()) };
        sink.0.send(Push::Changed { subtrees: self.subtrees(), report }).await.unwrap();
    }

    async fn goes(&self) {
        self.with(|state| state.there = false);
        self.anew().await;
    }
}

fn param(text: &str) -> Param {
    Param { access: ParamAccess::ReadWrite, ..Param::new(Name::parse(text).unwrap(), Type::String) }
}

impl Provider for Guest {
    fn name(&self) -> &'static str {
        "guest"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        if self.with(|state| state.there) {
            let def = ObjectDef { access: ObjectAccess::AddDelete, remote: true, ..ObjectDef::default() };
            model.object(TABLE, def).unwrap().param(TABLE, param("Name")).unwrap();
            model.param(GUEST, param("Title")).unwrap();
        }
    }

    fn in_effect(&self) {
        self.with(|state| state.in_effect.push(state.there));
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        let parts = self.with(|state| state.there.then(|| SchemaPath::parse(GUEST).unwrap()));
        parts.into_iter().collect()
    }

    fn counts_rows(&self) -> bool {
        true
    }

    fn max_age(&self) -> Duration {
        Duration::ZERO
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        let answer = self.with(|state| match state.broken {
            true => Err(ProviderError("it sleeps".to_owned())),
            false => Ok(Report { rows: state.rows.clone() }),
        });
        Box::pin(async { answer })
    }

    fn watch(&self, sink: Sink) -> bool {
        self.with(|state| state.sink = Some(sink));
        true
    }

    fn sees_changes(&self) -> bool {
        !self.with(|state| state.blind)
    }
}

async fn world(net: &Arc<Fake>, journal: Journal) -> (World, Arc<Guest>) {
    let guest = Arc::new(Guest::default());
    (world_with(net, std::slice::from_ref(&guest), journal).await, guest)
}

async fn world_with(net: &Arc<Fake>, guests: &[Arc<Guest>], journal: Journal) -> World {
    let mut providers = providers(std::slice::from_ref(net));
    providers.extend(guests.iter().map(|guest| guest.clone() as Arc<dyn Provider>));
    let config = InstanceConfig {
        kind: Arc::new(kind(&providers)),
        machine: crate::world::machine(),
        providers,
        defaults: Vec::new(),
        journal,
        software_version: "1.0".to_owned(),
        refresh_first: true,
    };
    let instance = Instance::new(Host::new(Arc::new(SystemClock::new())), config).unwrap();
    instance.start().await.unwrap();
    let world = World { instance, peer: Arc::default() };
    world.connect(LINK);
    world
}

#[tokio::test(start_paused = true)]
async fn a_part_comes_and_goes_and_the_rest_stays() {
    let net = net();
    net.set_rows(interfaces(&["eth0", "eth1"]));
    let (world, guest) = world(&net, Journal::memory()).await;
    assert_eq!(world.ask("set Device.LocalAgent. Label here").await, "ok");
    let changed = ObjectPath::parse("Device.LocalAgent.").unwrap();
    let follower = world.instance.follow(&changed).unwrap();
    guest.comes(&["3", "8"]).await;
    world.pass(Duration::from_secs(1)).await;
    let heard = world.peer.heard();
    assert_eq!(heard, ["model changed", "note +Device.Guest.Row.3.", "note +Device.Guest.Row.8."]);
    assert_eq!(guest.with(|state| state.in_effect.clone()), [true]);
    assert_eq!(world.ask("get Device.Guest.Row.8.Name").await, "Device.Guest.Row.8.Name=8");
    assert_eq!(world.ask("get Device.Net.Interface.").await, "Device.Net.Interface. has 1,2");
    assert_eq!(world.ask("get Device.Net.Interface.2.Name").await, "Device.Net.Interface.2.Name=eth1");
    assert_eq!(world.ask("get Device.LocalAgent.Label").await, "Device.LocalAgent.Label=here");
    assert_eq!(*follower.borrow(), 0);
    assert_eq!(world.ask("set Device.LocalAgent. Label there").await, "ok");
    assert_eq!(*follower.borrow(), 1, "who followed the agent's part still does");
    guest.goes().await;
    world.pass(Duration::from_secs(1)).await;
    let heard = world.peer.heard();
    assert_eq!(heard, ["note -Device.Guest.Row.3.", "note -Device.Guest.Row.8.", "model changed"]);
    assert_eq!(guest.with(|state| state.in_effect.clone()), [true, false]);
    assert_eq!(world.ask("get Device.LocalAgent.Label").await, "Device.LocalAgent.Label=there");
    assert_eq!(world.ask("get Device.Net.Interface.2.Name").await, "Device.Net.Interface.2.Name=eth1");
    // Keys of rows are found under the new model.
    net.log();
    assert_eq!(world.ask("set Device.Net.Interface.2. Mtu 9").await, "ok");
    assert!(net.log().contains(&"prepare Device.Net.Interface.2.Mtu=9 [eth1]".to_owned()));
}

#[tokio::test]
async fn what_is_fleeting_stays_so_with_another_model() {
    let journal = Journal::open(Disk::default()).unwrap();
    let (world, guest) = world(&net(), journal.clone()).await;
    guest.comes(&["1"]).await;
    assert_eq!(world.peer.hear().await, "model changed");
    assert_eq!(world.peer.hear().await, "note +Device.Guest.Row.1.");
    assert_eq!(world.ask("set Device.LocalAgent.Controller.1. Fares up").await, "ok");
    let live = journal.live();
    let kept = live.objects.get("Device.LocalAgent.Controller.1.");
    assert!(kept.is_none_or(|kept| !kept.params.contains_key("Fares")), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn rows_have_the_numbers_that_their_provider_gives() {
    let net = net();
    let (world, guest) = world(&net, Journal::memory()).await;
    guest.comes(&["9", "2"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.peer.heard();
    assert_eq!(world.ask("get Device.Guest.Row.").await, "Device.Guest.Row. has 2,9");
    assert_eq!(world.ask("get Device.Guest.Row.9.Name").await, "Device.Guest.Row.9.Name=9");
}

#[tokio::test(start_paused = true)]
async fn what_a_remote_part_was_before_is_not_told_as_what_it_is() {
    let net = net();
    let (world, guest) = world(&net, Journal::memory()).await;
    guest.comes(&["1"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.peer.heard();
    guest.with(|state| state.broken = true);
    assert_eq!(
        world.ask("get Device.Guest.Row.1.Name").await,
        "unheard Device.Guest.Row.{i}.: 7003 it sleeps"
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_waits_for_the_end_of_a_commit() {
    let mut fake = Fake::new("net", "Device.Net.", crate::world::net_model);
    fake.gate = tokio::sync::Semaphore::new(0);
    fake.gate.close();
    let net = Arc::new(fake);
    net.set_rows(interfaces(&["eth0"]));
    let (world, guest) = world(&net, Journal::memory()).await;
    world.say("set Device.Net.Interface.1. Mtu 7");
    guest.comes(&["1"]).await;
    world.pass(Duration::from_secs(1)).await;
    let heard = world.peer.heard();
    let at = |text: &str| heard.iter().position(|heard| heard == text);
    assert!(at("ok").is_some() && at("ok") < at("model changed"), "{heard:?}");
}

/// The one goes and the other comes with the same before the agent looks: nothing of the one passes for the other's.
#[tokio::test(start_paused = true)]
async fn a_part_that_another_provider_has_now_is_another_part() {
    let guests = [Arc::new(Guest::default()), Arc::new(Guest::default())];
    let [one, other] = &guests;
    let world = world_with(&net(), &guests, Journal::memory()).await;
    one.comes(&["1", "2"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.peer.heard();
    one.with(|state| state.rows.insert(0, row(GUEST, &[], &[("Title", Value::text("one"))])));
    assert_eq!(world.ask("get Device.Guest.Title").await, "note Device.Guest.Title=one");
    world.peer.heard();
    one.with(|state| state.there = false);
    let rows = ["2", "3"].map(|number| row(TABLE, &[number], &[("Name", Value::text(number))]));
    other.with(|state| (state.there, state.rows) = (true, rows.to_vec()));
    other.anew().await;
    world.pass(Duration::from_secs(1)).await;
    let heard = world.peer.heard();
    assert_eq!(heard, ["note -Device.Guest.Row.1.", "note -Device.Guest.Row.2.", "model changed"]);
    let title = |tree: &dm::tree::Tree| {
        let guest = dm::tree::Place::of(tree.model(), &ObjectPath::parse(GUEST).unwrap()).unwrap();
        tree.value_of(&guest, "Title").cloned()
    };
    assert_eq!(world.instance.with_tree(title), Some(None));
    other.tells().await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.peer.heard(), ["note +Device.Guest.Row.2.", "note +Device.Guest.Row.3."]);
    // What the former one says late is not believed.
    one.with(|state| state.rows = vec![row(TABLE, &["8"], &[("Name", Value::text("8"))])]);
    one.tells().await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.peer.heard(), Vec::<String>::new());
    assert_eq!(world.ask("get Device.Guest.Row.3.Name").await, "Device.Guest.Row.3.Name=3");
}

#[tokio::test(start_paused = true)]
async fn who_tells_of_changes_no_more_is_polled_though_the_model_stays_as_it_was() {
    let net = net();
    let (world, guest) = world(&net, Journal::memory()).await;
    guest.comes(&["1"]).await;
    world.pass(Duration::from_secs(1)).await;
    world.say("watch Device.Guest.");
    world.pass(Duration::from_secs(1)).await;
    world.peer.heard();
    let rows = vec![row(TABLE, &["1"], &[("Name", Value::text("new"))])];
    guest.with(|state| (state.blind, state.rows) = (true, rows));
    guest.anew().await;
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.peer.heard(), ["note Device.Guest.Row.1.Name=new"]);
}
