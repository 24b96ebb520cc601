//! What is told without being asked: notifications of every kind need their letter.

use std::time::Duration;

use dm::operation::Operate;
use dm::tree::Change;
use dm::{Operation, Value};
use requirement::requirement;
use usp_endpoint::agent::io::Input;

use super::super::host::{Host, ONE, TWO, place};
use super::super::writes::set;
use super::{ALL, NONE, READ, Strings, device, give, list, start};

const NOTIFY: Strings = ["---n"; 4];
const SILENT: [Strings; 4] = [
    ["rwx-", "rwxn", "rwxn", "rwxn"],
    ["rwxn", "rwx-", "rwxn", "rwxn"],
    ["rwxn", "rwxn", "rwx-", "rwxn"],
    ["rwxn", "rwxn", "rwxn", "rwx-"],
];

/// Makes something happen that a subscription of [`super::ONE`] is about.
type Happen = fn(&mut Host);

fn delete(host: &mut Host) {
    let row = place(&host.tree, "Device.Net.Interface.3.");
    host.apply(&[Change::Remove { row }]);
}

fn complete(host: &mut Host) {
    let operate = Operate {
        command: "Device.Info.Scan()".to_owned(),
        command_key: "k".to_owned(),
        send_resp: true,
        args: Vec::new(),
    };
    host.ask_as(2, TWO, Operation::Operate(operate));
    let (ticket, _, _) = host.runs.remove(0);
    host.input(Input::CommandEnded { ticket, result: Ok(Vec::new()) });
}

/// Which string's `n` each kind needs: with it, without it, and with nothing but the four of them.
#[test]
#[requirement("R-SEC.1")]
fn each_notification_needs_its_letter() {
    let cases: [(&str, &str, usize, Happen, &str); 6] = [
        (
            "ValueChange",
            "Device.Info.",
            0,
            |h| h.change("Device.Info.", "Name", "new"),
            "Device.Info.Name=new",
        ),
        (
            "ObjectCreation",
            "Device.Net.Interface.",
            1,
            |h| h.create("Device.Net.Interface.5."),
            "+Device.Net.Interface.5.[Alias=,Name=]",
        ),
        ("ObjectDeletion", "Device.Net.Interface.*.", 2, delete, "-Device.Net.Interface.3."),
        ("OperationComplete", "Device.Info.", 3, complete, "Device.Info.Scan() k []"),
        (
            "Event",
            "Device.",
            3,
            |h| h.event("Device.Net.Interface.1.", "Linked!", &[]),
            "Device.Net.Interface.1.Linked![]",
        ),
        (
            "Event",
            "Device.LocalAgent.Periodic!",
            3,
            |h| h.pass(Duration::from_secs(60)),
            "Device.LocalAgent.Periodic![]",
        ),
    ];
    for (kind, reference, string, happen, expected) in cases {
        let told = |strings: Strings| {
            let mut host = device(&[&[(0, "Device.", strings)]], &[1]);
            host.subscribe(1, 1, kind, reference, &[]);
            host.fill_more("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "60");
            start(&mut host);
            happen(&mut host);
            let news =
                host.news().into_iter().filter_map(|line| line.strip_prefix("1 s1 ").map(str::to_owned));
            news.collect::<Vec<_>>()
        };
        assert_eq!(told(ALL), [expected], "{kind}");
        assert_eq!(told(SILENT[string]), [""; 0], "{kind} without its letter");
        let only = told(NOTIFY);
        assert_eq!(only.len(), 1, "{kind} with no letter but n: {only:?}");
    }
}

/// A command and an event are told apart, and both from the object that they stand in.
#[test]
fn a_target_may_be_one_event_or_command() {
    for (targets, expected) in [
        ("Device.Net.Interface.*.Linked!", &["1 s1 Device.Net.Interface.1.Linked![]"][..]),
        ("Device.Info.Scan()", &["1 s2 Device.Info.Scan() k []"]),
        ("Device.Info.Ping()", &[]),
        ("Device.Net.Interface.3.Linked!", &[]),
    ] {
        let mut host = device(&[&[(0, targets, NOTIFY)]], &[1]);
        host.subscribe(1, 1, "Event", "Device.", &[]);
        host.subscribe(2, 1, "OperationComplete", "Device.", &[]);
        start(&mut host);
        complete(&mut host);
        host.event("Device.Net.Interface.1.", "Linked!", &[]);
        let mut news = host.news();
        news.retain(|line| line.starts_with("1 "));
        assert_eq!(news, expected, "{targets}");
    }
}

/// Keys are values: those that may not be read are not in the notification.
#[test]
fn created_rows_are_told_with_readable_keys() {
    let mut host = device(&[&[(0, "Device.", ALL), (1, "Device.Net.Interface.*.Alias", NONE)]], &[1]);
    host.subscribe(1, 1, "ObjectCreation", "Device.Net.Interface.", &[]);
    start(&mut host);
    host.create("Device.Net.Interface.5.");
    assert_eq!(host.news(), ["1 s1 +Device.Net.Interface.5.[Name=]"]);
}

/// A row that is gone answers no expression; nothing is told that one might forbid.
#[test]
fn of_rows_that_are_gone_no_more_is_told_than_before() {
    for (targets, expected) in [
        ("Device.Net.Interface.[Name==\"eth1\"].", &[][..]),
        ("Device.Net.Interface.3.", &[]),
        ("Device.Net.Interface.1.", &["1 s1 -Device.Net.Interface.3."]),
    ] {
        let mut host = device(&[&[(0, "Device.", ALL), (1, targets, NONE)]], &[1]);
        host.subscribe(1, 1, "ObjectDeletion", "Device.Net.Interface.*.", &[]);
        start(&mut host);
        delete(&mut host);
        assert_eq!(host.news(), expected, "{targets}");
    }
}

#[test]
fn boot_shows_what_its_controller_may_read() {
    for (strings, expected) in [(ALL, r#"{"Device.Info.Name":"cusp"}"#), (NOTIFY, "{}")] {
        let mut host = device(&[&[(0, "Device.", ALL), (1, "Device.Info.", strings)]], &[1]);
        host.subscribe(1, 1, "Event", "Device.Boot!", &[]);
        let row = "Device.LocalAgent.Controller.1.BootParameter.1.";
        host.fill(row, &[("Enable", "true"), ("ParameterName", "Device.Info.Name")]);
        host.start();
        host.link(1, super::ONE);
        let boot = host.log.iter().find(|line| line.contains("Boot!")).expect("it is told").clone();
        assert!(boot.contains(&format!("ParameterMap={expected}")), "{boot}");
    }
}

/// It acts with the permissions of the controller that made it.
#[test]
fn a_threshold_sees_what_its_creator_may_read() {
    for (strings, told) in [(READ, 1), (NOTIFY, 0)] {
        let mut host = device(&[&[(0, "Device.", ALL), (1, "Device.Info.Load", strings)]], &[1]);
        host.subscribe(1, 1, "Event", "Device.LocalAgent.Threshold.", &[]);
        let values = [
            ("Controller", "Device.LocalAgent.Controller.1"),
            ("Enable", "true"),
            ("ReferencePath", "Device.Info."),
            ("ThresholdParam", "Load"),
            ("ThresholdValue", "10"),
        ];
        host.fill("Device.LocalAgent.Threshold.1.", &values);
        start(&mut host);
        host.change("Device.Info.", "Load", "11");
        assert_eq!(host.news().len(), told, "{strings:?}");
    }
}

/// What one may not read one does not learn by searching for it, in what one watches.
#[test]
fn a_search_tells_no_more_than_a_read() {
    const WATCHED: &str = "Device.Net.Interface.[Name==\"eth1\"].";
    for (name, told) in [(READ, 1), (NONE, 0)] {
        let hidden = [(0, "Device.", ALL), (1, "Device.Net.Interface.*.Name", name)];
        let mut host = device(&[&hidden], &[1]);
        host.subscribe(1, 1, "ValueChange", &format!("{WATCHED}Mtu"), &[]);
        start(&mut host);
        host.change("Device.Net.Interface.1.", "Mtu", "1450");
        host.change("Device.Net.Interface.3.", "Mtu", "1450");
        assert_eq!(host.news().len(), told, "ValueChange {name:?}");

        let mut host = device(&[&hidden], &[1]);
        host.subscribe(1, 1, "Event", "Device.LocalAgent.Threshold.", &[]);
        let values = [
            ("Controller", "Device.LocalAgent.Controller.1"),
            ("Enable", "true"),
            ("ReferencePath", WATCHED),
            ("ThresholdParam", "Mtu"),
            ("ThresholdValue", "2000"),
        ];
        host.fill("Device.LocalAgent.Threshold.1.", &values);
        start(&mut host);
        host.change("Device.Net.Interface.1.", "Mtu", "3000");
        host.change("Device.Net.Interface.3.", "Mtu", "3000");
        assert_eq!(host.news().len(), told, "Threshold {name:?}");
    }
}

/// A row that acts for one controller is told by no other what to do.
#[test]
fn nobody_steers_what_acts_for_another() {
    let mut host = device(&[&[(0, "Device.", ALL)]], &[1]);
    host.subscribe(1, 1, "ValueChange", "Device.Info.Load", &[]);
    let values = [
        ("Controller", "Device.LocalAgent.Controller.1"),
        ("Enable", "true"),
        ("ReferencePath", "Device.Info."),
        ("ThresholdParam", "Load"),
        ("ThresholdValue", "10"),
    ];
    host.fill("Device.LocalAgent.Threshold.1.", &values);
    start(&mut host);
    let subscription = "Device.LocalAgent.Subscription.1.";
    let threshold = "Device.LocalAgent.Threshold.1.";
    for (row, setting) in [
        (subscription, "NotifType=Event"),
        (threshold, "ReferencePath=Device.Net.Interface.1."),
        (threshold, "ThresholdParam=Name"),
        (threshold, "ThresholdOperator=Fall"),
        (threshold, "ThresholdValue=11"),
    ] {
        for (who, name, taken) in [(2, TWO, false), (1, ONE, true)] {
            let answer = host.ask_as(who, name, set(true, &[(row, &[&format!("!{setting}")])]));
            assert_eq!(!answer.contains("7006"), taken, "{name} {setting} {answer}");
        }
    }
}

/// Secured values are told as they are read.
#[test]
fn a_secured_value_is_told_to_a_secured_role() {
    const UNREAD: Strings = ["---n", "r---", "r---", "----"];
    for (secured, strings, expected) in [
        (&[1][..], ALL, "1 s1 Device.Info.Key=new"),
        (&[], ALL, "1 s1 Device.Info.Key="),
        (&[1], UNREAD, "1 s1 Device.Info.Key="),
    ] {
        let mut host = device(&[&[(0, "Device.Info.", strings)]], &[1]);
        host.subscribe(1, 1, "ValueChange", "Device.Info.Key", &[]);
        host.fill_more(super::TRUST_OBJECT, "SecuredRoles", &list(secured));
        start(&mut host);
        let key = place(&host.tree, "Device.Info.");
        let param = host.tree.model().param_index(key.object, "Key").expect("it is in the model");
        host.apply(&[Change::Set { place: key, param, value: Some(Value::secret("new")) }]);
        assert_eq!(host.news(), [expected]);
    }
}

/// The Set of a subscription has the permissions of its recipient.
#[test]
fn a_triggered_set_has_the_permissions_of_its_recipient() {
    for (strings, expected) in [(ALL, "low"), (READ, "cusp")] {
        let mut host = device(&[&[(0, "Device.", ALL), (1, "Device.Info.Name", strings)]], &[1]);
        let more = [("TriggerAction", "Config"), ("TriggerConfigSettings", "Device.Info.Name=\"low\"")];
        host.subscribe(1, 1, "ValueChange", "Device.Info.Load", &more);
        start(&mut host);
        host.change("Device.Info.", "Load", "11");
        assert_eq!(host.value("Device.Info.", "Name"), expected, "{strings:?}");
        assert_eq!(host.noticed.len(), usize::from(expected == "cusp"));
    }
    // Nobody sets by another's subscription what only that other may set.
    let mut host = device(&[&[(0, "Device.", ALL)]], &[1]);
    host.subscribe(1, 1, "ValueChange", "Device.Info.Load", &[]);
    start(&mut host);
    let row = "Device.LocalAgent.Subscription.1.";
    for (who, name, taken) in [(2, TWO, false), (1, ONE, true)] {
        for setting in ["!TriggerAction=Config", "!TriggerConfigSettings=Device.Info.Name=\"low\""] {
            let answer = host.ask_as(who, name, set(true, &[(row, &[setting])]));
            assert_eq!(!answer.contains("7006"), taken, "{name} {setting} {answer}");
        }
    }
    host.change("Device.Info.", "Load", "11");
    assert_eq!(host.value("Device.Info.", "Name"), "low");
    // What is lost while it runs is lost.
    let mut host = device(&[&[(0, "Device.", ALL)]], &[1]);
    host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
    start(&mut host);
    host.change("Device.LocalAgent.Controller.1.", "AssignedRole", "");
    host.change("Device.Info.", "Name", "new");
    assert_eq!(host.news(), [""; 0]);
    give(&mut host, 1, &[1]);
}
