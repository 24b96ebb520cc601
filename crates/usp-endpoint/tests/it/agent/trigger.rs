//! Subscriptions that set something in the device.

use super::host::{Host, ONE, TWO};
use super::writes::{add, set};

const ROWS: &str = "Device.LocalAgent.Subscription.";

/// A connected host; subscription 1 of the first controller watches the load.
fn watching(action: &str, settings: &str) -> Host {
    let mut host = Host::new();
    let more = [("TriggerAction", action), ("TriggerConfigSettings", settings)];
    host.subscribe(1, 1, "ValueChange", "Device.Info.Load", &more);
    host.start();
    host.link(1, ONE);
    host.news();
    host
}

#[test]
fn the_action_says_whether_to_tell_and_whether_to_set() {
    for (action, told, mtu) in [
        ("Notify", &["1 s1 Device.Info.Load=9"][..], "1500"),
        ("Config", &[], "1300"),
        ("NotifyAndConfig", &["1 s1 Device.Info.Load=9"], "1300"),
    ] {
        let mut host = watching(action, "Device.Net.Interface.1.Mtu=1300");
        assert_eq!(host.watched, ["Device.Info."], "{action}");
        host.change("Device.Info.", "Load", "9");
        assert_eq!(host.news(), told, "{action}");
        assert_eq!(host.value("Device.Net.Interface.1.", "Mtu"), mtu, "{action}");
        assert_eq!(host.noticed, [""; 0]);
    }
}

/// The settings are one Set, with the values of TR-181's form: texts are quoted.
#[test]
fn all_settings_are_made_or_none() {
    let name = |host: &Host| host.value("Device.Info.", "Name");
    let mtu = |host: &Host| ["1", "3"].map(|row| host.value(&format!("Device.Net.Interface.{row}."), "Mtu"));
    for (settings, expected, noticed) in [
        ("Device.Info.Name=\"a,b=c\", Device.Net.Interface.*.Mtu=1300", ("a,b=c", ["1300", "1300"]), ""),
        ("Device.Info.Name=\"%22%25\"", ("\"%", ["1500", "1400"]), ""),
        ("Device.Net.Interface.[Name==\"eth1\"].Mtu=1300", ("cusp", ["1500", "1300"]), ""),
        (
            "Device.Info.Name=\"a\",Device.Net.Interface.1.Mtu=67",
            ("cusp", ["1500", "1400"]),
            "the settings of subscription row 1 of self::one failed: 7021 Device.Net.Interface.1.Mtu (7012)",
        ),
        (
            "Device.Info.Name=\"a\",Device.Info.Load=1",
            ("cusp", ["1500", "1400"]),
            "the settings of subscription row 1 of self::one failed: 7021 Device.Info.Load (7013)",
        ),
        (
            "Device.Nowhere.X=1",
            ("cusp", ["1500", "1400"]),
            "the settings of subscription row 1 of self::one failed: 7026 Device.Nowhere. (7026)",
        ),
    ] {
        let mut host = watching("Config", settings);
        host.change("Device.Info.", "Load", "9");
        assert_eq!(
            (name(&host).as_str(), mtu(&host)),
            (expected.0, expected.1.map(str::to_owned)),
            "{settings}"
        );
        assert_eq!(host.noticed.join(""), noticed, "{settings}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_when_they_are_written() {
    for (settings, code) in [
        ("Device.Info.Name=\"x\"", 0),
        ("", 0),
        ("Device.Info.Name", 7012),
        ("Device.Info.=1", 7012),
        ("Device.Info.Name=\"x", 7012),
        ("Device.Info.Name=x\"", 7012),
        ("=1", 7012),
        (&["Device.Info.Name=1"; 17].join(","), 7012),
    ] {
        let mut host = Host::running();
        let setting = format!("!TriggerConfigSettings={settings}");
        let answer = host.ask(add(false, &[(ROWS, &["!ID=a", &setting])]));
        match code {
            0 => assert!(!answer.starts_with("Error"), "{settings}: {answer}"),
            code => assert_eq!(
                answer,
                format!("Error 7021 Device.LocalAgent.Subscription.1.TriggerConfigSettings {code}"),
                "{settings}"
            ),
        }
    }
}

/// What is set is news for others, and may set them off; those that set each other off for ever end.
#[test]
fn a_chain_of_subscriptions_ends() {
    let mut host = Host::new();
    let on = |settings| [("TriggerAction", "Config"), ("TriggerConfigSettings", settings)];
    host.subscribe(1, 1, "ValueChange", "Device.Info.Load", &on("Device.Info.Name=\"a\""));
    host.subscribe(2, 1, "ValueChange", "Device.Info.Name", &on("Device.Net.Interface.1.Mtu=1300"));
    host.subscribe(3, 2, "ValueChange", "Device.Net.", &[]);
    host.start();
    host.link(2, TWO);
    host.news();
    host.change("Device.Info.", "Load", "9");
    assert_eq!(host.news(), ["2 s3 Device.Net.Interface.1.Mtu=1300"]);
    // Each undoes what the other does.
    host.subscribe(4, 1, "ValueChange", "Device.Net.Interface.3.Mtu", &on("Device.Net.Interface.3.Mtu=1000"));
    host.subscribe(5, 1, "ValueChange", "Device.Net.Interface.3.Mtu", &on("Device.Net.Interface.3.Mtu=2000"));
    host.change("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "77");
    host.change("Device.Net.Interface.3.", "Mtu", "1500");
    // The device's own change, and two in each of eight links.
    assert_eq!(host.news().len(), 17);
    assert!(!host.noticed.is_empty());
    assert!(host.noticed.iter().all(|what| what.ends_with("too long a chain")), "{:?}", host.noticed);
}

/// A trigger that comes while its Set waits has no second one.
#[test]
fn what_is_triggered_twice_before_it_is_set_is_set_once() {
    let mut host = watching("Config", "Device.Net.Interface.1.Mtu=1300");
    host.hold = true;
    host.ask(set(false, &[("Device.Info.", &["Name=x"])]));
    host.refreshed.clear();
    host.change("Device.Info.", "Load", "8");
    host.change("Device.Info.", "Load", "9");
    assert_eq!(host.refreshed, ["Device.Net.Interface.1."], "values are asked for once");
    assert_eq!(host.held.len(), 1, "the controller's");
    host.commit();
    assert_eq!(host.held.len(), 1, "the subscription's");
    host.commit();
    assert_eq!((host.held.len(), host.value("Device.Net.Interface.1.", "Mtu").as_str()), (0, "1300"));
}
