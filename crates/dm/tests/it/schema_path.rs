//! Supported-DM paths: tables of cases.

use dm::path::{PathErrorKind, SchemaKind, SchemaSegment};
use dm::{Name, SchemaPath};
use requirement::requirement;

fn parse(text: &str) -> SchemaPath {
    SchemaPath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
#[requirement("R-ARC.7")]
fn every_kind_of_schema_path_is_read() {
    use SchemaKind as K;
    for (text, kind, name, parent) in [
        ("Device.", K::Object, "Device", None),
        ("Device.WiFi.", K::Object, "WiFi", Some("Device.")),
        ("Device.WiFi.SSID.", K::Object, "SSID", Some("Device.WiFi.")),
        ("Device.WiFi.SSID.{i}.", K::Object, "SSID", Some("Device.WiFi.")),
        ("Device.WiFi.SSID.{i}.Stats.", K::Object, "Stats", Some("Device.WiFi.SSID.{i}.")),
        ("Device.WiFi.SSID.{i}.Enable", K::Param, "Enable", Some("Device.WiFi.SSID.{i}.")),
        ("Device.Reboot()", K::Command, "Reboot", Some("Device.")),
        ("Device.IP.Interface.{i}.Reset()", K::Command, "Reset", Some("Device.IP.Interface.{i}.")),
        ("Device.Boot!", K::Event, "Boot", Some("Device.")),
        ("Device.ProxiedDevice.1.", K::Object, "ProxiedDevice", Some("Device.")),
        ("Device.ProxiedDevice.1.WiFi.Radio.{i}.", K::Object, "Radio", Some("Device.ProxiedDevice.1.WiFi.")),
    ] {
        let path = parse(text);
        assert_eq!(path.to_string(), text);
        assert_eq!(path.kind(), kind, "{text}");
        assert_eq!(path.name(), Name::parse(name).unwrap(), "{text}");
        assert_eq!(path.parent().as_ref().map(SchemaPath::as_str), parent, "{text}");
    }
}

#[test]
fn segments_are_told_apart() {
    use SchemaSegment as S;
    let path = parse("Device.A.7.B.{i}.Go()");
    assert_eq!(
        path.segments().collect::<Vec<_>>(),
        [S::Name("Device"), S::Name("A"), S::Row(7), S::Name("B"), S::Any, S::Name("Go")]
    );
    assert_eq!(path.names().collect::<Vec<_>>(), ["Device", "A", "B", "Go"]);
    assert!(path.has_numbers() && !path.is_row());
    assert!(!parse("Device.A.{i}.").has_numbers() && parse("Device.A.{i}.").is_row());
}

#[test]
fn a_table_has_two_forms() {
    for (text, table, row) in [
        ("Device.A.", "Device.A.", "Device.A.{i}."),
        ("Device.A.{i}.", "Device.A.", "Device.A.{i}."),
        ("Device.A.3.", "Device.A.3.", "Device.A.3."),
        ("Device.", "Device.", "Device."),
        ("Device.A.{i}.B", "Device.A.{i}.B", "Device.A.{i}.B"),
    ] {
        assert_eq!(parse(text).as_table().as_str(), table);
        assert_eq!(parse(text).as_row().as_str(), row);
    }
}

#[test]
fn paths_grow_by_names() {
    let name = Name::parse("X").unwrap();
    let object = parse("Device.A.{i}.");
    assert_eq!(object.child(&name), parse("Device.A.{i}.X."));
    assert_eq!(object.param(&name), parse("Device.A.{i}.X"));
    assert_eq!(object.command(&name), parse("Device.A.{i}.X()"));
    assert_eq!(object.event(&name), parse("Device.A.{i}.X!"));
}

#[test]
fn other_texts_fail_where_they_go_wrong() {
    use PathErrorKind as K;
    for (text, offset, kind) in [
        ("", 0, K::Empty),
        ("Device", 6, K::DotExpected),
        ("Device.{i}.", 7, K::RowNotAllowed),
        ("Device.A.{i}", 12, K::DotExpected),
        ("Device.A.{i}.{i}.", 13, K::RowNotAllowed),
        ("Device.A.{i}.B.1.", 15, K::NumberAfterPlaceholder),
        ("Device.A.{j}.", 9, K::PlaceholderExpected),
        ("Device.A.{}.", 9, K::PlaceholderExpected),
        ("Device.A.0.", 9, K::BadNumber),
        ("Device.A.*.", 9, K::NotConcrete),
        ("Device.A.[B==1].", 9, K::NotConcrete),
        ("Device.A.B+.C", 10, K::NotConcrete),
        ("Device.A.B#1+.C", 10, K::NotConcrete),
        ("Device.A().", 10, K::AfterTarget),
        ("Device.A(", 8, K::CommandExpected),
        ("Device.A\u{e9}.", 8, K::AfterName),
        ("Device..", 7, K::NameExpected),
    ] {
        let error = SchemaPath::parse(text).expect_err(text);
        assert_eq!((error.offset, error.kind), (offset, kind), "{text}");
    }
    let deep = format!("Device.{}b", "a.".repeat(64));
    assert_eq!(SchemaPath::parse(&deep).unwrap_err().kind, K::TooManySegments);
}
