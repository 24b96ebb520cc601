//! Facts of the committed catalogue, compared with literals from the TR-181 2.19.1 files.

use dm::SchemaPath;
use dm::Type;
use dm::operation::{ObjectAccess, ParamAccess};
use dm::schema::{
    ActiveNotify, CommandFacts, DefaultKind, DefaultValue, Direction, EnumRef, Facts, ObjectFacts,
    ParamFacts, Protocol, Row, Size, Status, Version, tr_181,
};

fn row(path: &str, protocol: Protocol) -> Row {
    let catalogue = tr_181();
    catalogue.item(path, protocol).unwrap_or_else(|| panic!("{path}")).to_row()
}

fn param(path: &str, protocol: Protocol) -> ParamFacts {
    match row(path, protocol).facts {
        Facts::Param(facts) => facts,
        other => panic!("{path}: {other:?}"),
    }
}

fn object(path: &str) -> ObjectFacts {
    let catalogue = tr_181();
    let own = catalogue.object(path).and_then(|object| object.facts(Protocol::Usp)).expect(path);
    match own.to_row().facts {
        Facts::Object(facts) => facts,
        other => panic!("{path}: {other:?}"),
    }
}

fn version(major: u8, minor: u8) -> Option<Version> {
    Some(Version { major, minor })
}

#[test]
fn names_both_models() {
    assert_eq!(tr_181().model_uri(Protocol::Usp), Some("urn:broadband-forum-org:tr-181-2-19-1-usp"));
    assert_eq!(tr_181().model_uri(Protocol::Cwmp), Some("urn:broadband-forum-org:tr-181-2-19-1-cwmp"));
}

#[test]
fn holds_every_definition_of_both_models() {
    let count = |protocol| {
        let (mut objects, mut params, mut commands, mut events, mut args) = (0, 0, 0, 0, 0);
        for object in tr_181().objects() {
            objects += usize::from(object.facts(protocol).is_some());
            params += object.params(protocol).count();
            commands += object.commands(protocol).count();
            events += object.events(protocol).count();
            args += object
                .commands(protocol)
                .chain(object.events(protocol))
                .map(|i| i.args().count())
                .sum::<usize>();
        }
        (objects, params, commands, events, args)
    };
    assert_eq!(count(Protocol::Usp), (822, 6722, 179, 53, 427 + 505 + 141));
    assert_eq!(count(Protocol::Cwmp), (873, 7343, 0, 0, 0));
}

#[test]
fn has_923_parameters_in_the_cwmp_model_alone() {
    let mut only = 0;
    for object in tr_181().objects() {
        let cwmp = object.params(Protocol::Cwmp);
        only += cwmp.filter(|param| object.param(param.name(), Protocol::Usp).is_none()).count();
    }
    assert_eq!(only, 923);
}

#[test]
fn knows_a_counter_of_seconds() {
    let up_time = row("Device.DeviceInfo.UpTime", Protocol::Usp);
    assert_eq!((up_time.since.usp, up_time.since.cwmp), (version(2, 12), version(2, 0)));
    assert_eq!(up_time.status, Status::Current);
    let facts = param("Device.DeviceInfo.UpTime", Protocol::Usp);
    assert_eq!(facts.ty, Type::UnsignedInt);
    assert_eq!(facts.facets.units.as_deref(), Some("seconds"));
    assert_eq!(facts.access, ParamAccess::ReadOnly);
    assert_eq!(facts.notify, ActiveNotify::CanDeny);
    assert!(param("Device.Ethernet.Interface.{i}.Stats.BytesSent", Protocol::Usp).facets.is_counter());
}

#[test]
fn knows_flags() {
    let software = param("Device.DeviceInfo.SoftwareVersion", Protocol::Cwmp);
    assert!(software.forced_inform);
    assert_eq!(software.notify, ActiveNotify::ForceEnabled);
    assert!(param("Device.Users.User.{i}.Password", Protocol::Usp).secured);
    assert!(!param("Device.Users.User.{i}.Username", Protocol::Usp).secured);
    assert!(param("Device.ATM.Link.{i}.Stats.Reset", Protocol::Cwmp).command);
    assert!(object("Device.ProxiedDevice.{i}.").mount_point);
    assert_eq!(row("Device.BulkData.Profile.{i}.StreamingHost", Protocol::Usp).status, Status::Deleted);
}

#[test]
fn keeps_what_differs_between_the_protocols() {
    let alias = "Device.IP.Interface.{i}.Alias";
    assert_eq!(param(alias, Protocol::Usp).access, ParamAccess::WriteOnceReadOnly);
    assert_eq!(param(alias, Protocol::Cwmp).access, ParamAccess::ReadWrite);
    assert_eq!(param(alias, Protocol::Usp).facets.sizes, [Size { min: 0, max: Some(64) }]);
    assert!(tr_181().item("Device.ManagementServer.PeriodicInformInterval", Protocol::Usp).is_none());
    let interval = param("Device.ManagementServer.PeriodicInformInterval", Protocol::Cwmp);
    assert_eq!(interval.access, ParamAccess::ReadWrite);
    assert_eq!((interval.facets.ranges[0].min, interval.facets.ranges[0].max), (Some(1), None));
    assert_eq!(interval.facets.units.as_deref(), Some("seconds"));
}

#[test]
fn knows_tables_and_keys() {
    let facts = object("Device.LocalAgent.Subscription.{i}.");
    assert_eq!(facts.access, ObjectAccess::AddDelete);
    assert_eq!((facts.min_entries, facts.max_entries), (0, None));
    assert_eq!(facts.entries_param.as_deref(), Some("SubscriptionNumberOfEntries"));
    assert_eq!(facts.enable_param.as_deref(), Some("Enable"));
    let keys: Vec<(bool, String)> =
        facts.unique_keys.iter().map(|key| (key.functional, key.params.join("+"))).collect();
    assert_eq!(keys, [(false, "Alias".to_owned()), (false, "Recipient+ID".to_owned())]);
    let mtp = object("Device.LocalAgent.Controller.{i}.MTP.{i}.");
    assert!(mtp.unique_keys[0].functional);
    assert_eq!(mtp.unique_keys[0].params, ["Protocol"]);
    assert_eq!(object("Device.InterfaceStack.{i}.").access, ObjectAccess::ReadOnly);
}

#[test]
fn knows_facets() {
    let words = |path| -> Vec<String> {
        let facts = param(path, Protocol::Usp);
        facts.facets.enumeration.into_iter().map(|word| word.value).collect()
    };
    assert_eq!(words("Device.Ethernet.Interface.{i}.DuplexMode"), ["Half", "Full", "Auto"]);
    let retry = param("Device.LocalAgent.Controller.{i}.USPNotifRetryIntervalMultiplier", Protocol::Usp);
    assert_eq!((retry.facets.ranges[0].min, retry.facets.ranges[0].max), (Some(1000), Some(65535)));
    assert_eq!(retry.default, Some(DefaultValue { kind: DefaultKind::Object, value: "2000".to_owned() }));
    let layers = param("Device.IP.Interface.{i}.LowerLayers", Protocol::Usp).facets;
    assert_eq!(layers.list.expect("a list").sizes, [Size { min: 0, max: Some(1024) }]);
    assert!(layers.reference.expect("a reference").strong);
    let address = param("Device.IP.Interface.{i}.IPv4Address.{i}.IPAddress", Protocol::Usp).facets;
    assert_eq!(address.named.as_deref(), Some("IPv4Address"));
    assert_eq!(address.patterns.len(), 2);
    let firewall = param("Device.Firewall.Config", Protocol::Usp).facets.enumeration;
    assert_eq!((firewall[2].value.as_str(), firewall[2].status), ("Off", Status::Deleted));
    assert!(firewall[3].optional);
}

#[test]
fn resolves_references() {
    let targets = |path| -> Vec<String> {
        let reference = param(path, Protocol::Usp).facets.reference.expect(path);
        reference.targets.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        targets("Device.LocalAgent.Subscription.{i}.Recipient"),
        ["Device.LocalAgent.Controller.{i}."]
    );
    assert_eq!(targets("Device.IP.Interface.{i}.Router"), ["Device.Routing.Router.{i}."]);
    let source = param("Device.LocalAgent.Controller.{i}.MTP.{i}.Protocol", Protocol::Usp).facets.enum_ref;
    let listed = SchemaPath::parse("Device.LocalAgent.SupportedProtocols").expect("a path");
    assert_eq!(source, Some(EnumRef { param: listed, null: None }));
}

#[test]
fn knows_commands_and_events() {
    let ping = row("Device.IP.Diagnostics.IPPing()", Protocol::Usp);
    let Facts::Command(CommandFacts { is_async, args }) = ping.facts else { panic!("a command") };
    assert!(is_async);
    let host = args.iter().find(|arg| arg.name == "Host").expect("an argument");
    let Facts::Arg(facts) = &host.facts else { panic!("an argument") };
    assert_eq!((facts.direction, facts.mandatory, facts.ty), (Direction::Input, true, Type::String));
    assert_eq!(facts.facets.sizes, [Size { min: 0, max: Some(256) }]);
    let hidden = args.iter().find(|arg| arg.name == "AverageResponseTime").expect("an argument");
    assert!(matches!(&hidden.facts, Facts::Arg(facts) if facts.direction == Direction::Output));
    assert!(!tr_181().item("Device.Reboot()", Protocol::Usp).expect("a command").is_async());

    let boot = row("Device.Boot!", Protocol::Usp);
    let names: Vec<&str> = boot.args().iter().map(|arg| arg.name.as_str()).collect();
    assert_eq!(names, ["Cause", "CommandKey", "FirmwareUpdated", "ParameterMap", "Reason"]);
    assert_eq!(boot.args()[4].since.usp, version(2, 18));
    let hops = row("Device.IP.Diagnostics.TraceRoute()", Protocol::Usp);
    assert!(hops.args().iter().any(|arg| arg.name == "RouteHops.{i}.HostAddress"));
}

#[test]
fn misses_what_is_not_there() {
    for path in ["Device.Nothing", "Device.DeviceInfo.UpTime()", "Device.Reboot", "Device.Boot", "", "Device"]
    {
        assert!(tr_181().item(path, Protocol::Usp).is_none(), "{path}");
    }
    assert!(tr_181().object("Device.DeviceInfo").is_none());
    assert!(tr_181().object("Device.IP.Interface.").is_none());
}
