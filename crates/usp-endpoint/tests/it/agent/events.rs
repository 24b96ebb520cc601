//! Boot!, Periodic!, and the events of providers.

use std::time::Duration;

use dm::Value;
use dm::tree::Change;
use requirement::requirement;
use usp_endpoint::limits::{MAX_BOOT_PARAMETERS, MAX_BOOT_ROWS};
use usp_proto::notify::Notification;

use super::host::{Host, ONE, TWO};

const BOOT: &str = "s1 Device.Boot![Cause=LocalReboot,CommandKey=,FirmwareUpdated=false,ParameterMap=";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn boot_tells_each_controller_its_own_parameters() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.Boot!", &[]);
    host.subscribe(2, 2, "Event", "Device.", &[]);
    let rows = [
        (1, "true", "Device.Info.Load"),
        (2, "true", "Device.Net.Interface.*.Name"),
        (3, "false", "Device.Info.Name"),
        (4, "true", "Device.Nowhere."),
    ];
    for (row, enable, name) in rows {
        host.fill(
            &format!("Device.LocalAgent.Controller.1.BootParameter.{row}."),
            &[("Enable", enable), ("ParameterName", name)],
        );
    }
    super::host::put(&mut host.tree, "Device.Net.Interface.3.", "Name", "a\"b\\c\n");
    host.start();
    assert_eq!(host.refreshed, ["Device.Info.", "Device.Net.Interface."]);
    host.link(1, ONE);
    host.link(2, TWO);
    assert_eq!(
        host.news(),
        [
            "1 WebSocketConnect".to_owned(),
            format!(
                "1 {BOOT}{{\"Device.Info.Load\":7,\"Device.Net.Interface.1.Name\":\"eth0\",\
                 \"Device.Net.Interface.3.Name\":\"a\\\"b\\\\c\\u000a\"}},Reason=power]"
            ),
            "2 WebSocketConnect".to_owned(),
            format!("2 {}{{}},Reason=power]", BOOT.replace("s1", "s2")),
        ]
    );
}

/// What one controller writes into its table bounds neither the memory nor the time of a boot.
#[test]
fn the_parameters_of_a_boot_are_bounded() {
    let wide = "x".repeat(100_000);
    for (rows, interfaces, pattern, name, expected) in [
        // Rows: each has its own parameter.
        (130, 130, "Device.Net.Interface.{row}.Mtu", "n", MAX_BOOT_ROWS),
        // Matches: one pattern has them all, and nothing is told twice.
        (3, 1030, "Device.Net.Interface.*.Mtu", "n", MAX_BOOT_PARAMETERS),
        // Bytes: two of them are not too much.
        (1, 5, "Device.Net.Interface.*.Name", wide.as_str(), 2),
        // An object is no parameter.
        (1, 1, "Device.Net.", "n", 0),
        (1, 1, "Device.", "n", 0),
        (1, 1, "Device.Net.Interface.1.Reset()", "n", 0),
    ] {
        let mut host = Host::new();
        host.subscribe(1, 1, "Event", "Device.Boot!", &[]);
        for row in 1..=interfaces {
            host.fill(&format!("Device.Net.Interface.{row}."), &[("Name", name)]);
        }
        for row in 1..=rows {
            let name = pattern.replace("{row}", &row.to_string());
            let values = [("Enable", "true"), ("ParameterName", name.as_str())];
            host.fill(&format!("Device.LocalAgent.Controller.1.BootParameter.{row}."), &values);
        }
        host.start();
        host.link(1, ONE);
        let (_, _, notify) = &host.notifies[0];
        let Some(Notification::Event(event)) = &notify.notification else { panic!("no event: {notify:?}") };
        let map = &event.params["ParameterMap"];
        assert_eq!(map.matches("\"Device.").count(), expected, "{pattern}");
    }
}

/// What the tree learns while it fills is no news, and nothing is told before the start itself.
#[test]
fn nothing_is_told_before_boot() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.", &[]);
    host.subscribe(2, 1, "ObjectCreation", "Device.Net.Interface.", &[]);
    host.wait_for_refresh = true;
    host.start();
    host.link(1, ONE);
    host.create("Device.Net.Interface.8.");
    host.event("Device.Net.Interface.1.", "Linked!", &[]);
    host.create("Device.Net.Interface.9.");
    let log = host.news();
    assert!(log[1].starts_with(&format!("1 {BOOT}")), "{log:?}");
    assert_eq!(
        log[2..],
        ["1 s1 Device.Net.Interface.1.Linked![]", "1 s2 +Device.Net.Interface.9.[Alias=,Name=]"]
    );
}

#[test]
fn periodic_follows_the_phase_of_its_controller() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.LocalAgent.Periodic!", &[]);
    host.subscribe(2, 2, "Event", "Device.LocalAgent.Periodic!", &[]);
    // It is 12:00:00; the phase lies in the future, and only its remainder counts.
    host.fill_more("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "60");
    host.fill_more("Device.LocalAgent.Controller.1.", "PeriodicNotifTime", "2030-01-01T00:00:20Z");
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host.news();
    host.pass(secs(19));
    assert_eq!(host.news(), [""; 0]);
    host.pass(secs(1));
    assert_eq!(host.news(), ["1 s1 Device.LocalAgent.Periodic![]"]);
    // The clock is set back by a little: that turn has been taken.
    host.now.utc = host.now.utc.map(|utc| dm::UtcTime(utc.0 - 5_000));
    host.pass(secs(59));
    assert_eq!(host.news(), [""; 0]);
    host.pass(secs(61));
    assert_eq!(host.news().len(), 1, "at 12:01:20 and, a little later, not yet at 12:02:20");
    host.change("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "0");
    host.pass(secs(600));
    assert_eq!(host.news(), [""; 0]);
}

#[test]
fn without_a_phase_or_a_clock_a_period_starts_when_it_is_set() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.LocalAgent.", &[]);
    host.fill_more("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "60");
    host.now.utc = None;
    host.start();
    host.link(1, ONE);
    host.news();
    host.pass(secs(59));
    assert_eq!(host.news(), [""; 0]);
    host.pass(secs(1));
    assert_eq!(host.news(), ["1 s1 Device.LocalAgent.Periodic![]"]);
}

#[test]
fn transfers_are_filtered_by_their_result() {
    for (filter, told) in
        [("Both", [true, true]), ("", [true, true]), ("Success", [true, false]), ("Failure", [false, true])]
    {
        let mut host = Host::new();
        host.subscribe(1, 1, "Event", "Device.LocalAgent.TransferComplete!", &[]);
        host.fill_more("Device.LocalAgent.Controller.1.TransferCompletePolicy.", "ResultTypeFilter", filter);
        host.start();
        host.link(1, ONE);
        for (code, told) in ["0", "7022"].into_iter().zip(told) {
            host.news();
            host.event("Device.LocalAgent.", "TransferComplete!", &[("FaultCode", code)]);
            assert_eq!(host.news().len(), usize::from(told), "{filter} {code}");
        }
    }
}

#[test]
fn a_threshold_is_for_the_controller_that_made_it() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.LocalAgent.Threshold.", &[]);
    host.subscribe(2, 2, "Event", "Device.LocalAgent.Threshold.*.Triggered!", &[]);
    host.fill("Device.LocalAgent.Threshold.1.", &[("Controller", "Device.LocalAgent.Controller.2")]);
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host.news();
    host.event("Device.LocalAgent.Threshold.1.", "Triggered!", &[("ParamValue", "9")]);
    assert_eq!(host.news(), ["2 s2 Device.LocalAgent.Threshold.1.Triggered![ParamValue=9]"]);
}

/// Which steps of a value trigger which operator, each from the value before.
#[test]
fn a_threshold_triggers_on_the_step_that_meets_it() {
    for (operator, mode, expected) in [
        // The load starts at 7; the threshold is 10.
        ("Rise", "Normal", &["10", "12"][..]),
        ("Rise", "Single", &["10"]),
        ("Fall", "Normal", &["9"]),
        ("Cross", "Normal", &["10", "9", "12"]),
        ("Eq", "Normal", &["10"]),
        ("NotEq", "Normal", &["11"]),
    ] {
        let mut host = Host::new();
        host.subscribe(1, 1, "Event", "Device.LocalAgent.Threshold.", &[]);
        let values = [
            ("Controller", "Device.LocalAgent.Controller.1"),
            ("Enable", "true"),
            ("OperatingMode", mode),
            ("ReferencePath", "Device.Info."),
            ("ThresholdOperator", operator),
            ("ThresholdParam", "Load"),
            ("ThresholdValue", "10"),
        ];
        host.fill("Device.LocalAgent.Threshold.1.", &values);
        host.start();
        host.link(1, ONE);
        host.news();
        assert_eq!(host.watched, ["Device.Info."]);
        for load in ["8", "10", "11", "9", "12"] {
            host.change("Device.Info.", "Load", load);
        }
        let event = |value: &&str| {
            let params = format!("ParamPath=Device.Info.Load,ParamValue={value}");
            format!("1 s1 Device.LocalAgent.Threshold.1.Triggered![{params}]")
        };
        assert_eq!(host.news(), expected.iter().map(event).collect::<Vec<_>>(), "{operator} {mode}");
        assert_eq!(host.value("Device.LocalAgent.Threshold.1.", "Enable"), (mode == "Normal").to_string());
    }
}

#[test]
fn a_single_threshold_triggers_once_though_two_values_meet_it() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.LocalAgent.Threshold.", &[]);
    let values = [
        ("Controller", "Device.LocalAgent.Controller.1"),
        ("Enable", "true"),
        ("OperatingMode", "Single"),
        ("ReferencePath", "Device.Net.Interface.*."),
        ("ThresholdOperator", "Rise"),
        ("ThresholdParam", "Mtu"),
        ("ThresholdValue", "2000"),
    ];
    host.fill("Device.LocalAgent.Threshold.1.", &values);
    host.start();
    host.link(1, ONE);
    host.news();
    let mtu = |row: &str| {
        let place = super::host::place(&host.tree, &format!("Device.Net.Interface.{row}."));
        let param = host.tree.model().param_index(place.object, "Mtu").expect("it is in the model");
        Change::Set { place, param, value: Some(Value::Uint(9000)) }
    };
    let both = [mtu("1"), mtu("3")];
    host.apply(&both);
    let event = "ParamPath=Device.Net.Interface.1.Mtu,ParamValue=9000";
    assert_eq!(host.news(), [format!("1 s1 Device.LocalAgent.Threshold.1.Triggered![{event}]")]);
}

#[test]
#[requirement("R-NOT.0")]
fn an_event_reaches_those_who_asked_for_it() {
    for (list, told) in [
        ("Device.Net.Interface.1.Linked!", true),
        ("Device.Net.Interface.*.Linked!", true),
        ("Device.Net.Interface.[Name==\"eth0\"].Linked!", true),
        ("Device.Net.Interface.[Name==\"eth1\"].Linked!", false),
        ("Device.Net.Interface.3.Linked!", false),
        ("Device.Net.", true),
        ("Device.Net.Interface.1.Address.", false),
        ("Device.Boot!", false),
        ("Device.Info.,Device.Net.Interface.", true),
    ] {
        let mut host = Host::new();
        host.subscribe(1, 1, "Event", list, &[]);
        host.start();
        host.link(1, ONE);
        host.news();
        host.event("Device.Net.Interface.1.", "Linked!", &[("Speed", "1")]);
        let expected: &[&str] = if told { &["1 s1 Device.Net.Interface.1.Linked![Speed=1]"] } else { &[] };
        assert_eq!(host.news(), expected, "{list}");
    }
}
