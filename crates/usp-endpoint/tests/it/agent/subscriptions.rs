//! Which changes a subscription tells of, and how long it lives.

use std::time::Duration;

use dm::tree::Change;
use requirement::requirement;

use super::host::{Host, ONE, TWO, place};
use super::writes::{add, delete, set};

const ROWS: &str = "Device.LocalAgent.Subscription.";

/// What a ReferenceList may hold, by NotifType: judged when it is written, in whichever order the two come.
#[test]
#[requirement("R-NOT.0")]
fn references_suit_their_kind_of_notification() {
    let wrong =
        |param: &str, code: u32| format!("Error 7021 Device.LocalAgent.Subscription.1.{param} {code}");
    let long = vec!["Device.Info."; 257].join(",");
    for (kind, list, code) in [
        ("ValueChange", "Device.Info.Name", 0),
        ("ValueChange", "Device.Info.,Device.Net.Interface.[Name==\"a\"].Mtu", 0),
        ("ValueChange", "Device.Later.On", 0),
        ("ValueChange", "Device.Info.Scan()", 7012),
        ("ValueChange", "Device.Boot!", 7012),
        ("ValueChange", "Device.Info.Name,Device.Info.Scan()", 7012),
        ("ValueChange", "Device.Info..Name", 7012),
        ("ValueChange", "nonsense", 7012),
        ("ObjectCreation", "Device.Net.Interface.", 0),
        ("ObjectCreation", "Device.Net.Interface.*.Address.", 0),
        ("ObjectCreation", "Device.Later.", 0),
        ("ObjectCreation", "Device.Net.Interface.1.", 7012),
        ("ObjectCreation", "Device.Net.", 7012),
        ("ObjectCreation", "Device.Info.Name", 7012),
        ("ObjectDeletion", "Device.Net.Interface.1.", 0),
        ("ObjectDeletion", "Device.Net.Interface.*.,Device.Net.Interface.[Mtu>1].Address.*.", 0),
        ("ObjectDeletion", "Device.Net.Interface.", 7012),
        ("ObjectDeletion", "Device.", 7012),
        ("ObjectDeletion", "Device.Boot!", 7012),
        ("OperationComplete", "Device.Info.Scan()", 0),
        ("OperationComplete", "Device.", 0),
        ("OperationComplete", "Device.Info.Name", 7012),
        ("OperationComplete", "Device.Boot!", 7012),
        ("Event", "Device.Boot!,Device.Net.Interface.*.Linked!", 0),
        ("Event", "Device.LocalAgent.", 0),
        ("Event", "Device.Info.Scan()", 7012),
        ("Event", "Device.Info.Name", 7012),
        ("Event", "", 0),
        ("Event", &long, 7005),
    ] {
        let (kind_set, list_set) = (format!("!NotifType={kind}"), format!("!ReferenceList={list}"));
        let mut host = Host::running();
        let answer = host.ask(add(false, &[(ROWS, &["!ID=a", &kind_set, &list_set])]));
        match code {
            0 => {
                assert!(answer.starts_with("Device.LocalAgent.Subscription. => "), "{kind} {list}: {answer}");
            }
            code => assert_eq!(answer, wrong("ReferenceList", code), "{kind} {list}"),
        }
        // The other way round it is the kind that does not suit a list which could stand for another.
        let mut host = Host::running();
        let answer = host.ask(add(false, &[(ROWS, &["!ID=a", &list_set, &kind_set])]));
        assert_eq!(answer.starts_with("Error"), code != 0, "{kind} {list}: {answer}");
    }
    // What is not required fails alone.
    let mut host = Host::running();
    let row: &[&str] = &["!ID=a", "!NotifType=Event", "ReferenceList=Device.Info.Name"];
    assert_eq!(
        host.ask(add(false, &[(ROWS, row)])),
        "Device.LocalAgent.Subscription. => Device.LocalAgent.Subscription.1.\
         [Alias=cpe-1,ID=a,Recipient=Device.LocalAgent.Controller.1]!ReferenceList 7012"
    );
    host.ask(set(false, &[("Device.LocalAgent.Subscription.1.", &["ReferenceList=Device.Boot!"])]));
    assert_eq!(
        host.ask(set(false, &[("Device.LocalAgent.Subscription.1.", &["!NotifType=ValueChange"])])),
        wrong("NotifType", 7014)
    );
}

/// A connected host with one subscription of the first controller.
fn subscribed(kind: &str, list: &str) -> Host {
    let mut host = Host::new();
    host.subscribe(1, 1, kind, list, &[]);
    host.start();
    host.link(1, ONE);
    host.news();
    host
}

#[test]
#[requirement("R-NOT.0", "R-NOT.7")]
fn value_changes_are_told_by_parameter_search_or_object() {
    for (list, told) in [
        ("Device.Net.Interface.1.Mtu", true),
        ("Device.Net.Interface.*.Mtu", true),
        ("Device.Net.Interface.[Name==\"eth0\"].Mtu", true),
        ("Device.Net.Interface.[Name==\"eth1\"].Mtu", false),
        ("Device.Net.Interface.1.Name", false),
        ("Device.Net.Interface.3.Mtu", false),
        ("Device.Net.Interface.1.", true),
        ("Device.Net.", true),
        ("Device.Info.", false),
        ("Device.Info.Name,Device.Net.Interface.1.Mtu", true),
        ("Device.Net.Interface.1.Reset()", false),
    ] {
        let mut host = subscribed("ValueChange", list);
        host.change("Device.Net.Interface.1.", "Mtu", "1300");
        let expected: &[&str] = if told { &["1 s1 Device.Net.Interface.1.Mtu=1300"] } else { &[] };
        assert_eq!(host.news(), expected, "{list}");
    }
}

#[test]
#[requirement("R-NOT.0")]
fn what_is_no_change_or_never_notified_is_not_told() {
    let mut host = subscribed("ValueChange", "Device.");
    host.change("Device.Info.", "UpTime", "5");
    host.change("Device.Info.", "Name", "cusp");
    assert_eq!(host.news(), [""; 0]);
    // A value that the device could not tell before is no change either.
    let place = place(&host.tree, "Device.Info.");
    let param = host.tree.model().param_index(place.object, "Load").expect("a parameter of the test's model");
    host.apply(&[Change::Set { place: place.clone(), param, value: None }]);
    host.apply(&[Change::Set { place, param, value: Some(dm::Value::Uint(9)) }]);
    assert_eq!(host.news(), [""; 0]);
    host.change("Device.Info.", "Password", "secret");
    assert_eq!(host.news(), ["1 s1 Device.Info.Password="]);
}

#[test]
#[requirement("R-NOT.0")]
fn rows_that_come_and_go_are_told() {
    for (kind, list, expected) in [
        (
            "ObjectCreation",
            "Device.Net.Interface.",
            &["1 s1 +Device.Net.Interface.4.[Alias=cpe-4,Name=]"][..],
        ),
        ("ObjectCreation", "Device.Net.Interface.*.", &[]),
        ("ObjectCreation", "Device.Net.", &[]),
        ("ObjectCreation", "Device.Net.Interface.*.Address.", &[]),
        ("ObjectDeletion", "Device.Net.Interface.1.", &["1 s1 -Device.Net.Interface.1."]),
        ("ObjectDeletion", "Device.Net.Interface.*.", &["1 s1 -Device.Net.Interface.1."]),
        ("ObjectDeletion", "Device.Net.Interface.3.", &[]),
        ("ObjectDeletion", "Device.Net.Interface.", &[]),
        ("ObjectDeletion", "Device.Net.Interface.1.Address.*.", &["1 s1 -Device.Net.Interface.1.Address.1."]),
    ] {
        let mut host = subscribed(kind, list);
        // The subscriber's own doing is news like any other.
        host.ask(add(false, &[("Device.Net.Interface.", &[])]));
        host.ask(delete(false, &["Device.Net.Interface.1."]));
        let news: Vec<String> = host.news().into_iter().filter(|line| line.starts_with("1 s1")).collect();
        assert_eq!(news, expected, "{kind} {list}");
    }
}

#[test]
#[requirement("R-NOT.0")]
fn a_subscription_belongs_to_who_adds_it_and_its_list_is_written_once() {
    let mut host = Host::running();
    let row: &[&str] =
        &["!ID=mine", "!NotifType=ValueChange", "!ReferenceList=Device.Info.Name", "!Enable=true"];
    assert_eq!(
        host.ask_as(2, TWO, add(false, &[(ROWS, row)])),
        "Device.LocalAgent.Subscription. => Device.LocalAgent.Subscription.1.\
         [Alias=cpe-1,ID=mine,Recipient=Device.LocalAgent.Controller.2]"
    );
    assert_eq!(host.value("Device.LocalAgent.Subscription.1.", "CreationDate"), "2026-01-31T12:00:00Z");
    assert_eq!(host.watched, ["Device.Info."]);
    host.news();
    host.ask(set(false, &[("Device.Info.", &["Name=x"])]));
    assert_eq!(host.news()[1..], ["2 mine Device.Info.Name=x"]);
    let other: &[&str] = &["!ReferenceList=Device.Info."];
    assert_eq!(
        host.ask_as(2, TWO, set(false, &[("Device.LocalAgent.Subscription.1.", other)])),
        "Error 7021 Device.LocalAgent.Subscription.1.ReferenceList 7013"
    );
    host.ask_as(2, TWO, set(false, &[("Device.LocalAgent.Subscription.1.", &["Enable=false"])]));
    assert_eq!(host.watched, [""; 0]);
    host.news();
    host.change("Device.Info.", "Name", "y");
    assert_eq!(host.news(), [""; 0]);
}

#[test]
#[requirement("R-NOT.0")]
fn only_persistent_subscriptions_outlive_a_restart() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.", &[]);
    host.subscribe(2, 1, "Event", "Device.", &[("Persistent", "false")]);
    host.subscribe(3, 1, "Event", "Device.", &[("TimeToLive", "60")]);
    host.subscribe(
        4,
        1,
        "Event",
        "Device.",
        &[("TimeToLive", "60"), ("CreationDate", "2026-01-31T11:58:59Z")],
    );
    let tree = host.tree.clone();
    host.start();
    assert_eq!(host.rows(ROWS), [1, 3]);
    // Without a clock nobody knows how much of a limited life is left.
    let mut blind = Host::with(tree, [8; 32]);
    blind.now.utc = None;
    blind.start();
    assert_eq!(blind.rows(ROWS), [1]);
}

#[test]
#[requirement("R-NOT.0")]
fn a_subscription_ends_with_its_time() {
    for clock in [true, false] {
        let mut host = Host::running();
        if !clock {
            host.now.utc = None;
        }
        let row: &[&str] =
            &["ID=a", "NotifType=ValueChange", "ReferenceList=Device.Info.", "Enable=true", "TimeToLive=60"];
        host.ask(add(false, &[(ROWS, row)]));
        host.pass(Duration::from_secs(30));
        host.change("Device.LocalAgent.Subscription.1.", "NotifRetry", "true");
        host.pass(Duration::from_secs(29));
        assert_eq!(host.rows(ROWS), [1]);
        host.pass(Duration::from_secs(1));
        assert_eq!(host.rows(ROWS), [0; 0], "clock: {clock}");
    }
}
