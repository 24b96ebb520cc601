//! Set, Add and Delete.

use dm::Operation;
use dm::operation::{Add, Delete, ObjectSettings, ParamSetting, Set};
use requirement::requirement;
use usp_endpoint::limits::MAX_WAITING_WRITES;

use super::host::{Host, ONE, TWO};

/// `"Name=x"`, not required; `"!Name=x"`, required.
fn objects(objects: &[(&str, &[&str])]) -> Vec<ObjectSettings> {
    let setting = |text: &&str| {
        let (name, value) = text.split_once('=').expect("a setting of the test");
        ParamSetting {
            param: name.trim_start_matches('!').to_owned(),
            value: value.to_owned(),
            required: name.starts_with('!'),
        }
    };
    let object = |(path, params): &(&str, &[&str])| ObjectSettings {
        path: (*path).to_owned(),
        params: params.iter().map(setting).collect(),
    };
    objects.iter().map(object).collect()
}

pub(crate) fn set(allow_partial: bool, settings: &[(&str, &[&str])]) -> Operation {
    Operation::Set(Set { allow_partial, objects: objects(settings) })
}

pub(crate) fn add(allow_partial: bool, rows: &[(&str, &[&str])]) -> Operation {
    Operation::Add(Add { allow_partial, objects: objects(rows) })
}

pub(crate) fn delete(allow_partial: bool, paths: &[&str]) -> Operation {
    Operation::Delete(Delete { allow_partial, paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

const NET: &str = "Device.Net.Interface.";

/// A search that fails in several rows is told of each of them, and changes none.
#[test]
#[requirement("R-SET.2a", "R-SET.2b")]
fn a_set_of_many_rows_stops_at_none_of_its_errors() {
    let mut host = Host::running();
    let expected = "Device.Net.Interface.*. => 7021 \
                    Device.Net.Interface.1.!Mtu 7012!Speed 7010 Device.Net.Interface.3.!Mtu 7012!Speed 7010";
    let settings: &[&str] = &["!Mtu=7", "!Speed=1", "Enable=true"];
    assert_eq!(host.ask(set(true, &[("Device.Net.Interface.*.", settings)])), expected);
    let message = host.ask(set(false, &[("Device.Net.Interface.*.", settings)]));
    assert_eq!(message.matches(" 7012").count() + message.matches(" 7010").count(), 4, "{message}");
    assert_eq!(host.value("Device.Net.Interface.3.", "Enable"), "false");
}

#[test]
#[requirement("R-SET.0", "R-SET.1", "R-SET.2", "R-SET.2a", "R-KEY.1", "R-KEY.2", "R-ENC.6")]
fn set_is_judged_object_by_object_or_as_a_whole() {
    type Case<'a> = (bool, &'a [(&'a str, &'a [&'a str])], &'a str);
    let cases: [Case<'_>; 9] = [
        (false, &[("Device.Info.", &["!Name=x"])], "Device.Info. => Device.Info.[Name=x]"),
        (
            true,
            &[("Device.Info.", &["!Name=y"]), ("Device.Net.Interface.1.", &["!Mtu=7"])],
            "Device.Info. => Device.Info.[Name=y]; Device.Net.Interface.1. => 7021 Device.Net.Interface.1.!Mtu 7012",
        ),
        (
            false,
            &[("Device.Info.", &["!Name=z"]), ("Device.Net.Interface.1.", &["!Mtu=7"])],
            "Error 7021 Device.Net.Interface.1.Mtu 7012",
        ),
        (false, &[("Device.Info.", &["Name=w", "Load=1"])], "Device.Info. => Device.Info.[Name=w]!Load 7013"),
        (
            true,
            &[("Device.Net.Interface.3.", &["!Alias=other"])],
            "Device.Net.Interface.3. => 7021 Device.Net.Interface.3.!Alias 7013",
        ),
        (
            true,
            &[("Device.Net.Interface.3.", &["!Name=wan0"])],
            "Device.Net.Interface.3. => Device.Net.Interface.3.[Name=wan0]",
        ),
        (
            true,
            &[("Device.Net.Interface.3.", &["!Enable=1", "!Mtu=01300"])],
            "Device.Net.Interface.3. => Device.Net.Interface.3.[Enable=true,Mtu=1300]",
        ),
        (
            true,
            &[("Device.Net.Interface.*.", &["!Name=same"])],
            "Device.Net.Interface.*. => 7021 Device.Net.Interface.3.!Name 7025",
        ),
        (true, &[("Device.Net.Interface.9.", &["!Mtu=1300"])], "Device.Net.Interface.9. => 7016 "),
    ];
    let mut host = Host::running();
    for (allow_partial, settings, expected) in cases {
        assert_eq!(host.ask(set(allow_partial, settings)), expected, "{settings:?}");
    }
    assert_eq!(host.value("Device.Info.", "Name"), "w");
    assert_eq!(host.value("Device.Net.Interface.1.", "Name"), "eth0");
}

#[test]
#[requirement("R-ADD.0", "R-ADD.1", "R-ADD.3", "R-ADD.4", "R-ADD.5")]
fn add_creates_rows_with_their_keys() {
    type Case<'a> = (bool, &'a [(&'a str, &'a [&'a str])], &'a str);
    let cases: [Case<'_>; 6] = [
        (
            false,
            &[(NET, &["Name=eth2"])],
            "Device.Net.Interface. => Device.Net.Interface.4.[Alias=cpe-4,Name=eth2]",
        ),
        (
            true,
            &[(NET, &["Alias=x", "Mtu=1"])],
            "Device.Net.Interface. => Device.Net.Interface.5.[Alias=x,Name=]!Mtu 7012",
        ),
        (
            true,
            &[(NET, &["!Mtu=1"]), (NET, &["Alias=y"])],
            "Device.Net.Interface. => 7021; Device.Net.Interface. => Device.Net.Interface.6.[Alias=y,Name=]",
        ),
        (false, &[(NET, &["Alias=z"]), (NET, &["!Mtu=1"])], "Error 7021 Device.Net.Interface.8.Mtu 7012"),
        (true, &[("Device.Info.", &[])], "Device.Info. => 7018"),
        (true, &[("Device.LocalAgent.Request.", &[])], "Device.LocalAgent.Request. => 7019"),
    ];
    let mut host = Host::running();
    for (allow_partial, rows, expected) in cases {
        assert_eq!(host.ask(add(allow_partial, rows)), expected, "{rows:?}");
    }
    assert_eq!(host.rows(NET), [1, 3, 4, 5, 6]);
}

#[test]
#[requirement("R-DEL.0", "R-DEL.1", "R-DEL.2a", "R-MSG.4a")]
fn delete_removes_rows_and_what_is_below() {
    let cases: [(bool, &[&str], &str); 6] = [
        (true, &["Device.Net.Interface.9."], "Device.Net.Interface.9. => nothing"),
        (
            false,
            &["Device.Net.Interface.3.", "Device.Net.Interface.9."],
            "Error 7016 Device.Net.Interface.9. 7016",
        ),
        (
            false,
            &["Device.Net.Interface.[Name==\"none\"]."],
            "Device.Net.Interface.[Name==\"none\"]. => nothing",
        ),
        (true, &["Device.Info."], "Device.Info. => 7018"),
        (
            false,
            &["Device.Net.Interface.1."],
            "Device.Net.Interface.1. => Device.Net.Interface.1.Address.1. Device.Net.Interface.1.",
        ),
        (true, &["Device.Net.Interface.*."], "Device.Net.Interface.*. => Device.Net.Interface.3."),
    ];
    let mut host = Host::running();
    for (allow_partial, paths, expected) in cases {
        assert_eq!(host.ask(delete(allow_partial, paths)), expected, "{paths:?}");
    }
    assert_eq!(host.rows(NET), [0; 0]);
}

#[test]
#[requirement("R-SET.1", "R-SET.0")]
fn a_commit_that_fails_is_answered() {
    let two: &[(&str, &[&str])] =
        &[("Device.Info.", &["Name=x"]), ("Device.Net.Interface.1.", &["Mtu=1300"])];
    let mut host = Host::running();
    host.fail = Some(0);
    assert_eq!(host.ask(set(false, two)), "Error 7003");
    assert_eq!(
        host.ask(set(true, two)),
        "Device.Info. => 7003 ; Device.Net.Interface.1. => Device.Net.Interface.1.[Mtu=1300]"
    );
}

#[test]
#[requirement("R-MSG.0")]
fn writes_wait_for_each_other_and_reads_do_not() {
    let mut host = Host::running();
    host.hold = true;
    assert_eq!(host.ask(set(false, &[("Device.Info.", &["Name=first"])])), "-");
    assert_eq!(host.ask_as(2, TWO, set(false, &[("Device.Info.", &["Name=second"])])), "-");
    assert_eq!(host.held.len(), 1, "the second is planned when the first has ended");
    let get = Operation::Get(dm::operation::Get { paths: vec!["Device.Info.Name".to_owned()], max_depth: 0 });
    assert_eq!(host.ask(get), "Device.Info.Name => Device.Info.[Name=cusp]");
    host.commit();
    assert_eq!(host.answer("q1"), "Device.Info. => Device.Info.[Name=first]");
    host.commit();
    assert_eq!(host.answer("q2"), "Device.Info. => Device.Info.[Name=second]");
}

#[test]
fn waiting_writes_are_bounded() {
    let mut host = Host::running();
    host.hold = true;
    let name = set(false, &[("Device.Info.", &["Name=x"])]);
    for _ in 0..=MAX_WAITING_WRITES {
        assert_eq!(host.ask(name.clone()), "-");
    }
    assert_eq!(host.ask(name), "Error 7005");
    host.commit();
    assert_eq!(host.answer("q65"), "Device.Info. => Device.Info.[Name=x]", "equal values need no commit");
}

/// The response leaves before the connection that it goes by is closed.
#[test]
fn a_controller_that_disables_itself_gets_its_answer() {
    let mut host = Host::running();
    host.subscribe(1, 1, "ValueChange", "Device.LocalAgent.Controller.", &[]);
    host.change("Device.LocalAgent.Subscription.1.", "NotifRetry", "true");
    host.ask(set(false, &[("Device.LocalAgent.Controller.1.", &["Enable=false"])]));
    assert_eq!(
        host.news(),
        [
            "1 Device.LocalAgent.Controller.1. => Device.LocalAgent.Controller.1.[Enable=false]",
            "1 s1? Device.LocalAgent.Controller.1.Enable=false",
            "1 Disconnect 7105",
            "1 close",
        ]
    );
    assert_eq!(
        host.ask_as(2, TWO, set(false, &[("Device.Info.", &["Name=x"])])),
        "Device.Info. => Device.Info.[Name=x]"
    );
}

/// The last thing that a deleted controller hears is that it is deleted.
#[test]
#[requirement("R-ARC.12")]
fn a_controller_that_deletes_itself_takes_its_subscriptions_along() {
    let mut host = Host::running();
    host.subscribe(1, 1, "ObjectDeletion", "Device.LocalAgent.Controller.*.", &[]);
    host.change("Device.LocalAgent.Subscription.1.", "NotifRetry", "true");
    host.ask(delete(false, &["Device.LocalAgent.Controller.1."]));
    assert_eq!(
        host.news(),
        [
            "1 Device.LocalAgent.Controller.1. => Device.LocalAgent.Subscription.1. Device.LocalAgent.Controller.1.",
            "1 s1? -Device.LocalAgent.Controller.1.",
            "1 Disconnect 7105",
            "1 close",
        ]
    );
    // What was on its way by then is nobody's.
    assert_eq!(host.ask_as(1, ONE, set(false, &[("Device.Info.", &["Name=x"])])), "-");
    assert_eq!(host.value("Device.Info.", "Name"), "cusp");
}

/// A way that a controller adds is tried after those that are there, unless it says where it stands.
#[test]
fn a_new_way_comes_last() {
    const WAYS: &str = "\
Device.LocalAgent.Controller.{i}.MTP.{i}. object usp=2.0 access=readWrite entries=0:
Device.LocalAgent.Controller.{i}.MTP.{i}.Order param usp=2.0 access=readWrite type=unsignedInt range=1:
";
    let mut text = super::host::MODEL.to_owned();
    let before = "Device.LocalAgent.Controller.{i}.TransferCompletePolicy. object";
    text.insert_str(text.find(before).expect("it is in the model"), WAYS);
    let mut host = Host::of(&text);
    host.start();
    host.link(1, ONE);
    let table = "Device.LocalAgent.Controller.1.MTP.";
    for (given, order) in [(&[][..], "1"), (&["!Order=7"], "7"), (&[], "8"), (&["!Order=3"], "3"), (&[], "9")]
    {
        host.ask(add(false, &[(table, given)]));
        let row = host.rows(table).last().copied().expect("a row");
        assert_eq!(host.value(&format!("{table}{row}."), "Order"), order, "{given:?}");
    }
}
