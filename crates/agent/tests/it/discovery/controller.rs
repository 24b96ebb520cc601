//! Rows of controllers that were found.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use agent::config::Config;
use agent::discovery::controller::{Offer, Source, current, forget, take};
use agent::discovery::keep::Search;
use agent::discovery::lease::{Lease, hex};
use agent::host;
use agent::identity::Identity;
use agent::links::plan::{By, Plans, plans};
use agent::state::StateDir;
use agent::system::SystemRoot;
use agent::trust::Certificates;
use dm::operation::{Add, Get, ObjectSettings, ParamSetting, Set};
use dm::tree::{Change, Place, Requester, Tree};
use dm::{ObjectPath, Operation, Outcome, Value};
use engine::Instance;
use engine::trust::{Certificate, TrustCrypto as _, trusted};
use mtp::EndpointId;
use pki::{Ca, Validity};
use requirement::requirement;
use tokio::sync::watch;

const CONFIG: &str = "[agent]\nendpoint = \"proto:lab:agent\"\n[[controller]]\nendpoint = \"proto::configured\"\n\
                      url = \"wss://configured.example/usp\"\n";
const UNTRUSTED: &str = "Device.LocalAgent.ControllerTrust.Role.2";

pub(super) async fn started(folder: &Path) -> Arc<Instance> {
    let config = Config::parse(CONFIG).expect("well-formed");
    let state = StateDir::open(folder).expect("a folder");
    let endpoint = id("proto:lab:agent");
    let identity = Identity::default();
    let instance =
        host::instance(&config, &state, &identity, &endpoint, None, Vec::new()).await.expect("an instance");
    instance.start().await.expect("it starts");
    instance
}

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

fn offer(endpoint: &str, url: &str) -> Offer {
    Offer::new(id(endpoint), url.parse().expect("a URL"))
}

async fn found(instance: &Instance, source: Source, offer: &Offer) {
    instance.change(|tree| take(tree, source, offer, UNTRUSTED, &[])).await.expect("it is kept");
}

/// What a Get of one path says, as `param = value` lines.
fn get(tree: &Tree, path: &str) -> Vec<String> {
    let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
    let outcome = tree.get(&get, &Requester::full());
    let Outcome::Get(mut results) = outcome else { panic!("{outcome:?}") };
    let Ok(objects) = results.remove(0).result else { return Vec::new() };
    let params = objects
        .iter()
        .flat_map(|object| object.params.iter().map(|(name, value)| format!("{name} = {value}")));
    params.collect()
}

/// What is dialled, as `row controller URL` lines.
fn urls(plans: &Plans) -> Vec<String> {
    let reached = plans.controllers.values();
    let ways = reached.flat_map(|reach| reach.ways.iter().map(move |way| (&reach.controller, way)));
    let line = |(controller, way): (&EndpointId, &agent::links::plan::Way)| match &way.by {
        By::WebSocket { url, .. } => Some(format!("{} {controller} {url}", way.row)),
        _ => None,
    };
    ways.filter_map(line).collect()
}

#[track_caller]
fn assert_get(instance: &Instance, path: &str, expected: &[&str]) {
    let found = instance.with_tree(|tree| get(tree, path)).expect("it runs");
    for line in expected {
        assert!(found.iter().any(|found| found == line), "{line} is not in {found:#?}");
    }
}

/// Writes as a controller would.
async fn write(instance: &Instance, operation: Operation) {
    let plan = |tree: &Tree| {
        let plan = tree.plan(&operation, &Requester::full()).expect("a write");
        assert!(!matches!(plan.outcome(), Outcome::Failed(_)), "{:?}", plan.outcome());
        plan.transactions.into_iter().flat_map(|transaction| transaction.changes).collect()
    };
    instance.change(plan).await.expect("it is kept");
}

fn settings(path: &str, params: &[(&str, &str)]) -> Vec<ObjectSettings> {
    let param = |(param, value): &(&str, &str)| ParamSetting {
        param: (*param).to_owned(),
        value: (*value).to_owned(),
        required: true,
    };
    vec![ObjectSettings { path: path.to_owned(), params: params.iter().map(param).collect() }]
}

#[requirement("R-DIS.0", "R-DIS.1a")]
#[tokio::test]
async fn a_lease_becomes_a_row_and_the_row_follows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    let mut lease = offer("proto::found", "wss://acs.example:8183/usp");
    lease.provisioning_code = Some("P-7".to_owned());
    lease.retry_minimum_wait = Some("9".to_owned());
    lease.retry_multiplier = Some("2500".to_owned());
    found(&instance, Source::Dhcp, &lease).await;
    assert_get(
        &instance,
        "Device.LocalAgent.Controller.2.",
        &[
            "Alias = cpe-dhcp",
            "Enable = true",
            "EndpointID = proto::found",
            "AssignedRole = Device.LocalAgent.ControllerTrust.Role.2",
            "ProvisioningCode = P-7",
            "USPNotifRetryMinimumWaitInterval = 9",
            "USPNotifRetryIntervalMultiplier = 2500",
            "PeriodicNotifInterval = 86400",
            "MTPNumberOfEntries = 1",
        ],
    );
    let dialled = |instance: &Instance| -> Vec<String> { urls(&instance.with_tree(plans).expect("it runs")) };
    let configured = "Device.LocalAgent.Controller.1.MTP.1. proto::configured wss://configured.example/usp";
    assert_eq!(
        dialled(&instance),
        [configured, "Device.LocalAgent.Controller.2.MTP.1. proto::found wss://acs.example:8183/usp"]
    );
    // The same again changes nothing; what a controller has set since stays.
    let row = "Device.LocalAgent.Controller.2.";
    let objects = settings(row, &[("AssignedRole", "Device.LocalAgent.ControllerTrust.Role.1")]);
    write(&instance, Operation::Set(Set { allow_partial: false, objects })).await;
    let changes =
        instance.with_tree(|tree| take(tree, Source::Dhcp, &lease, UNTRUSTED, &[])).expect("it runs");
    assert_eq!(changes, []);
    // Another place and another code. A number that TR-181 does not allow is no number.
    lease.url = "wss://other.example/".parse().expect("a URL");
    lease.provisioning_code = Some("P-8".to_owned());
    lease.retry_minimum_wait = Some("0".to_owned());
    lease.retry_multiplier = Some("many".to_owned());
    found(&instance, Source::Dhcp, &lease).await;
    assert_get(
        &instance,
        row,
        &[
            "AssignedRole = Device.LocalAgent.ControllerTrust.Role.1",
            "ProvisioningCode = P-8",
            "USPNotifRetryMinimumWaitInterval = 9",
            "USPNotifRetryIntervalMultiplier = 2500",
        ],
    );
    assert_eq!(
        dialled(&instance),
        [configured, "Device.LocalAgent.Controller.2.MTP.1. proto::found wss://other.example/"]
    );
}

/// What the tables name as CAs for a controller.
fn roots(instance: &Instance, controller: &str) -> Vec<Vec<u8>> {
    let named = instance.with_tree(|tree| trusted(tree, &Certificates::default(), Some(&id(controller))));
    named.expect("it runs").certificates.into_iter().map(|(certificate, _)| certificate.der).collect()
}

fn ca(name: &str) -> Certificate {
    let year = Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 60 * 60));
    let ca = Ca::create(name, year).expect("a CA");
    Certificates::default().read_der(ca.certificate()).expect("a certificate")
}

#[tokio::test]
async fn the_configured_cas_vouch_for_who_is_found_and_for_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    let (one, other) = (ca("one"), ca("other"));
    let take_with = async |endpoint: &str, source, cas: &[Certificate]| {
        let offer = offer(endpoint, "wss://found.example/");
        instance.change(|tree| take(tree, source, &offer, UNTRUSTED, cas)).await.expect("it is kept");
    };
    take_with("proto::found", Source::Dhcp, std::slice::from_ref(&one)).await;
    assert_eq!(roots(&instance, "proto::found"), std::slice::from_ref(&one.der));
    assert_eq!(roots(&instance, "proto::configured"), [] as [Vec<u8>; 0]);
    // One more in the configuration; the first has its row already.
    let both = [one.clone(), other.clone()];
    take_with("proto::found", Source::Dhcp, &both).await;
    take_with("proto::listed", Source::Browse, &both).await;
    for controller in ["proto::found", "proto::listed"] {
        assert_eq!(roots(&instance, controller), [one.der.clone(), other.der.clone()], "{controller}");
    }
    assert_get(&instance, "Device.LocalAgent.", &["CertificateNumberOfEntries = 2"]);
    // The same again changes nothing.
    let again = offer("proto::found", "wss://found.example/");
    let changes = instance.with_tree(|tree| take(tree, Source::Dhcp, &again, UNTRUSTED, &both));
    assert_eq!(changes.expect("it runs"), []);
}

#[tokio::test]
async fn without_room_for_its_ca_nobody_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    let one = ca("one");
    // Of the same issuer and number, as no CA would make it.
    let twin = Certificate { der: ca("other").der, ..one.clone() };
    let offer = offer("proto::found", "wss://found.example/");
    let take = |tree: &Tree| take(tree, Source::Dhcp, &offer, UNTRUSTED, &[one.clone(), twin.clone()]);
    assert_eq!(instance.with_tree(take).expect("it runs"), []);
}

#[tokio::test]
async fn another_controller_inherits_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    found(&instance, Source::Dhcp, &offer("proto::first", "wss://first.example/")).await;
    let row = "Device.LocalAgent.Controller.2.";
    let objects = settings(row, &[("AssignedRole", "Device.LocalAgent.ControllerTrust.Role.1")]);
    write(&instance, Operation::Set(Set { allow_partial: false, objects })).await;
    let subscription = settings("Device.LocalAgent.Subscription.", &[("ID", "s")]);
    write(&instance, Operation::Add(Add { allow_partial: false, objects: subscription })).await;
    // As the agent itself notes whose it is.
    let recipient = |tree: &Tree| {
        let path = ObjectPath::parse("Device.LocalAgent.Subscription.1.").expect("a path");
        let place = Place::of(tree.model(), &path).expect("a row");
        let param = tree.model().param_index(place.object, "Recipient").expect("a parameter");
        vec![Change::Set { place, param, value: Some(Value::text("Device.LocalAgent.Controller.2")) }]
    };
    instance.change(recipient).await.expect("it is kept");
    assert_get(&instance, "Device.LocalAgent.Subscription.", &["Recipient = Device.LocalAgent.Controller.2"]);
    found(&instance, Source::Dhcp, &offer("proto::second", "wss://second.example/")).await;
    let old = instance.with_tree(|tree| get(tree, row)).expect("it runs");
    assert_eq!(old, [] as [&str; 0]);
    assert_get(
        &instance,
        "Device.LocalAgent.Controller.3.",
        &[
            "Alias = cpe-dhcp",
            "EndpointID = proto::second",
            "AssignedRole = Device.LocalAgent.ControllerTrust.Role.2",
        ],
    );
    let subscriptions =
        instance.with_tree(|tree| get(tree, "Device.LocalAgent.Subscription.")).expect("it runs");
    assert_eq!(subscriptions, [] as [&str; 0]);
}

#[tokio::test]
async fn a_controller_that_has_a_row_keeps_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    let mut lease = offer("proto::configured", "wss://evil.example/");
    lease.provisioning_code = Some("P-9".to_owned());
    found(&instance, Source::Dhcp, &lease).await;
    let count = |instance: &Instance| {
        instance.with_tree(|tree| get(tree, "Device.LocalAgent.ControllerNumberOfEntries"))
    };
    assert_eq!(count(&instance).expect("it runs"), ["ControllerNumberOfEntries = 1"]);
    assert_get(&instance, "Device.LocalAgent.Controller.1.", &["ProvisioningCode = "]);
    // What was found before goes: the lease leads to the other one now.
    found(&instance, Source::Dhcp, &offer("proto::found", "wss://found.example/")).await;
    assert_eq!(count(&instance).expect("it runs"), ["ControllerNumberOfEntries = 2"]);
    found(&instance, Source::Dhcp, &lease).await;
    assert_eq!(count(&instance).expect("it runs"), ["ControllerNumberOfEntries = 1"]);
}

#[tokio::test]
async fn ways_of_finding_have_rows_of_their_own_and_each_is_forgotten_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    found(&instance, Source::Dhcp, &offer("proto::a", "wss://a.example/")).await;
    found(&instance, Source::Browse, &offer("proto::b", r"wss://b/")).await;
    let now = |source| instance.with_tree(|tree| current(tree, source)).expect("it runs");
    assert_eq!((now(Source::Dhcp), now(Source::Fqdn)), (Some(id("proto::a")), None));
    instance.change(|tree| forget(tree, Source::Dhcp)).await.expect("it is kept");
    instance.change(|tree| forget(tree, Source::Fqdn)).await.expect("it is kept");
    assert_eq!((now(Source::Dhcp), now(Source::Browse)), (None, Some(id("proto::b"))));
}

#[tokio::test]
async fn nobody_is_found_unless_the_configuration_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    found(&instance, Source::Dhcp, &offer("proto::a", "wss://a.example/")).await;
    // "wss://a/u", "os::012345-A"
    let option = "00000de91919097773733a2f2f612f751d0c6f733a3a3031323334352d41".to_owned();
    let lease = Lease { interface: "eth0".to_owned(), version: 4, option, gateways: Vec::new() };
    lease.keep(folder.path()).expect("it is written");
    let config = Config::parse(CONFIG).expect("well-formed");
    let (_stop, stopped) = watch::channel(false);
    // With nothing to search for it ends at once.
    Search::new(&config, folder.path().to_owned(), SystemRoot::host()).keep(instance.clone(), stopped).await;
    let count = instance.with_tree(|tree| get(tree, "Device.LocalAgent.ControllerNumberOfEntries"));
    assert_eq!(count.expect("it runs"), ["ControllerNumberOfEntries = 1"]);
}

/// What is dialled once a lease with this controller was read.
async fn dialled_by(lease: &[(u8, &str)], discovery: &str, comes: bool) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(folder.path()).await;
    let inner: Vec<u8> = lease
        .iter()
        .flat_map(|(code, text)| {
            [&[*code, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat()
        })
        .collect();
    let bytes = [&[0, 0, 0x0d, 0xe9, u8::try_from(inner.len()).expect("short")][..], &inner].concat();
    let option = hex(&bytes);
    let lease = Lease { interface: "eth0".to_owned(), version: 4, option, gateways: Vec::new() };
    lease.keep(folder.path()).expect("it is written");
    let config =
        Config::parse(&format!("{CONFIG}[discovery]\ndhcp = true\n{discovery}")).expect("well-formed");
    let (stop, stopped) = watch::channel(false);
    let search = Search::new(&config, folder.path().to_owned(), SystemRoot::at(folder.path()));
    let mut rows = instance.follow(&ObjectPath::parse("Device.LocalAgent.Controller.").expect("a path"))?;
    let searching = tokio::spawn(search.keep(instance.clone(), stopped));
    if comes {
        rows.changed().await.expect("it runs");
    } else {
        // Until all that is ready has run: a lease that leads nowhere needs no more.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    instance.settled().await;
    let row = "Device.LocalAgent.Controller.2.MTP.1. ";
    let dialled = instance.with_tree(|tree| urls(&plans(tree))).expect("it runs");
    stop.send_replace(true);
    searching.await.expect("no panic");
    let it = dialled.iter().find_map(|line| line.strip_prefix(row)?.split_once(' '));
    it.map(|(_, url)| url.to_owned())
}

#[requirement("R-DIS.1b")]
#[tokio::test]
async fn what_a_lease_may_lead_to() {
    let who = (29, "proto::found");
    for (lease, discovery, expected) in [
        (&[(25, "wss://acs.example/usp"), who][..], "", Some("wss://acs.example/usp")),
        (&[(25, "wss://acs.example/usp"), who], "ca = \"/nowhere/ca.pem\"", None),
        (&[(25, "ws://acs.example/usp"), who], "", None),
        (&[(25, "ws://acs.example/usp"), who], "allow_plaintext = true", Some("ws://acs.example/usp")),
        (&[(25, "mqtts://acs.example/"), who], "allow_plaintext = true", None),
        (&[(25, "acs.example:80/usp"), who], "allow_plaintext = true", None),
        (&[who], "", None),
    ] {
        assert_eq!(
            dialled_by(lease, discovery, expected.is_some()).await.as_deref(),
            expected,
            "{lease:?} {discovery}"
        );
    }
}
