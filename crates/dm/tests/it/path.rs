//! Requesters' paths, concrete object paths and reference values: tables of cases.

use std::num::NonZeroU32;

use dm::path::{
    Comparison, Element, Follow, Item, Literal, Operator, PathErrorKind, ReferenceValue, RelativePath,
    Segment, Selector, Step, Target,
};
use dm::{Code, Fault, Name, ObjectPath, Path, PathError};
use requirement::requirement;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap()
}

fn object(text: &str) -> Segment {
    Segment::Object(name(text))
}

/// The texts parse, and print as they were.
fn check_same(texts: &[&str]) {
    for text in texts {
        match Path::parse(text) {
            Ok(path) => assert_eq!(path.to_string(), *text),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

/// Each text fails at its offset, for its reason.
fn check_errors<T: std::fmt::Debug>(
    parse: impl Fn(&str) -> Result<T, PathError>,
    cases: &[(&str, usize, PathErrorKind)],
) {
    for (text, offset, kind) in cases {
        let error = parse(text).expect_err(text);
        assert_eq!((error.offset, error.kind), (*offset, *kind), "{text}");
        assert_eq!(Fault::from(error).code, Code::INVALID_PATH_SYNTAX, "{text}");
    }
}

#[test]
#[requirement("R-ARC.7")]
fn every_kind_of_path_is_read_and_printed() {
    check_same(&[
        "Device.",
        "Device.WiFi.",
        "Device.WiFi.SSID.3.",
        "Device.WiFi.SSID.4294967295.Enable",
        "Device.DeviceInfo.SoftwareVersion",
        "Device.SelfTestDiagnostics()",
        "Device.Boot!",
        "Device.LocalAgent.Subscription.1.Triggered!",
        "InternetGatewayDevice.DeviceInfo.",
        "Device.X_EXAMPLE-COM_MyConfig.Status",
        "Device.X_012345_Ad.1.X_012345_Go()",
        "Device._private._x",
        "Device.WiFi.SSID.*.",
        "Device.WiFi.AccessPoint.*.AssociatedDevice.*.SignalStrength",
        "Device.IP.Interface.[Type==\"Normal\"&&Stats.ErrorsSent>0].IPv4Address.[AddressingType==\"Static\"].IPAddress",
        "Device.IP.Interface.[Enable==true].IPv4Address.*.Enable",
        "Device.IP.Interface.[Enable==1].Reset()",
        "Device.IP.Interface.*.IPv6Address.[ValidLifetime<2021-06-06T08:00:00Z].",
        "Device.USB.USBHosts.Host.*.Device.[DeviceClass==08].",
        "Device.X.Y.[A!=-1.5&&B~=\"x\"&&C<=+7&&D>=0123&&E>1&&F<2].",
        "Device.NAT.PortMapping.1.Interface+.Name",
        "Device.NAT.PortMapping.[RemoteHost==\"\"&&ExternalPort==0&&Protocol==\"TCP\"].Interface+.Stats.",
        "Device.IP.Interface.1.LowerLayers#2+.",
        "Device.IP.Interface.*.LowerLayers#*+.LowerLayers+.MACAddress",
        "Device.WiFi.AccessPoint.[SSIDReference+.SSID==\"MyHome\"].Enable",
        "Device.A.B.[Refs#*+.Child.Ref#3+.P==\"v\"].",
    ]);
}

#[test]
fn the_parts_of_a_search_path_are_told_apart() {
    let path = Path::parse(r#"Device.A.[B.C#2+.D ~= "x%22y%25z%41"&&E==+12].F#*+.G()"#).unwrap();
    let first = Comparison {
        steps: vec![
            Step::Child(name("B")),
            Step::Follow(Follow { param: name("C"), item: Item::Number(number(2)) }),
        ],
        param: name("D"),
        operator: Operator::Contains,
        literal: Literal::Quoted("x\"y%z%41".into()),
    };
    let second = Comparison {
        steps: vec![],
        param: name("E"),
        operator: Operator::Equal,
        literal: Literal::Bare("+12".into()),
    };
    let Segment::Rows(Selector::Matching(expr)) = &path.segments[2] else { panic!("{path:?}") };
    assert_eq!(expr.all, [first, second]);
    assert_eq!(path.segments[..2], [object("Device"), object("A")]);
    assert_eq!(path.segments[3], Segment::Follow(Follow { param: name("F"), item: Item::All }));
    assert_eq!(path.target, Target::Command(name("G")));
}

#[test]
#[requirement("R-ARC.9a", "R-ARC.9b")]
fn blanks_around_operators_are_read_and_never_printed() {
    for text in [
        "Device.A.[B==1&&C!=\"x y\"].D",
        "Device.A.[ B == 1 && C != \"x y\" ].D",
        "Device.A.[B  ==\t1  &&\tC!= \"x y\"].D",
        "Device.A.[\tB ==1&& C !=\"x y\"\t].D",
    ] {
        assert_eq!(Path::parse(text).unwrap().to_string(), "Device.A.[B==1&&C!=\"x y\"].D");
    }
}

#[test]
fn quotes_and_percents_in_constants_are_escaped() {
    for (written, held, printed) in [
        (r#""""#, "", r#""""#),
        (r#""a%22b""#, "a\"b", r#""a%22b""#),
        (r#""100%25""#, "100%", r#""100%25""#),
        (r#""100%""#, "100%", r#""100%25""#),
        (r#""%2522""#, "%22", r#""%2522""#),
        (r#""%20%2c""#, "%20%2c", r#""%2520%252c""#),
        (r#""]&&[\ é""#, r"]&&[\ é", r#""]&&[\ é""#),
    ] {
        let path = Path::parse(&format!("Device.A.[B=={written}].")).unwrap();
        let Some(Segment::Rows(Selector::Matching(expr))) = path.segments.last() else { panic!("{written}") };
        assert_eq!(expr.all[0].literal, Literal::quoted(held));
        assert_eq!(path.to_string(), format!("Device.A.[B=={printed}]."));
    }
}

#[test]
fn a_text_that_is_no_path_fails_where_it_goes_wrong() {
    use PathErrorKind as K;
    check_errors(
        Path::parse,
        &[
            ("", 0, K::Empty),
            (".", 0, K::NameExpected),
            ("Device", 6, K::DotExpected),
            ("Device..", 7, K::NameExpected),
            (" Device.", 0, K::NameExpected),
            ("Device. ", 7, K::NameExpected),
            ("Device.Wi Fi.", 9, K::AfterName),
            ("Device.WiFi\u{e9}.", 11, K::AfterName),
            ("Device.\u{e9}", 7, K::NameExpected),
            ("Device.-A", 7, K::NameExpected),
            ("Device.A.1", 10, K::DotExpected),
            ("Device.A.*", 10, K::DotExpected),
            ("Device.A.0.", 9, K::BadNumber),
            ("Device.A.01.", 9, K::BadNumber),
            ("Device.A.1x.", 10, K::DotExpected),
            ("Device.A.4294967296.", 9, K::NumberTooLarge),
            ("Device.A.99999999999999999999999999.", 9, K::NumberTooLarge),
            ("Device.1.", 7, K::RowNotAllowed),
            ("Device.A.1.2.", 11, K::RowNotAllowed),
            ("Device.A.*.*.", 11, K::RowNotAllowed),
            ("Device.A.B+.1.", 12, K::RowNotAllowed),
            ("Device.A.{i}.", 9, K::NameExpected),
            ("Device.A.{}.", 9, K::NameExpected),
            ("Device.A.[].", 10, K::NameExpected),
            ("Device.A.[B].", 11, K::OperatorExpected),
            ("Device.A.[B=1].", 11, K::OperatorExpected),
            ("Device.A.[cpe-1].", 15, K::OperatorExpected),
            ("Device.A.[B==].", 13, K::ConstantExpected),
            ("Device.A.[B==Bob].", 13, K::ConstantExpected),
            ("Device.A.[B==\"x].", 14, K::QuoteExpected),
            ("Device.A.[B==1&&].", 16, K::NameExpected),
            ("Device.A.[B==1||C==2].", 14, K::BracketExpected),
            ("Device.A.[B==1&C==2].", 14, K::BracketExpected),
            ("Device.A.[B==1", 14, K::BracketExpected),
            ("Device.A.[B==1]", 15, K::DotExpected),
            ("Device.A.[B.1.C==1].", 12, K::NameExpected),
            ("Device.A.[B.*.C==1].", 12, K::NameExpected),
            ("Device.A.[B+==1].", 12, K::DotExpected),
            ("Device.A.[\u{e9}==1].", 10, K::NameExpected),
            ("Device.Reboot(", 13, K::CommandExpected),
            ("Device.Reboot(1)", 13, K::CommandExpected),
            ("Device.Reboot().", 15, K::AfterTarget),
            ("Device.Boot!.", 12, K::AfterTarget),
            ("Device.A.B+", 11, K::DotExpected),
            ("Device.A.B#+.", 11, K::FollowExpected),
            ("Device.A.B#1.", 12, K::FollowExpected),
            ("Device.A.B#0+.", 11, K::BadNumber),
            ("Device.A.B#*.", 12, K::FollowExpected),
        ],
    );
}

#[test]
fn limits_hold() {
    let kind = |text: &str| Path::parse(text).map(|_| ()).map_err(|error| error.kind);
    assert_eq!(kind(&format!("Device.{}", "a".repeat(256))), Ok(()));
    assert_eq!(kind(&format!("Device.{}", "a".repeat(257))), Err(PathErrorKind::NameTooLong));
    assert_eq!(kind(&format!("Device.{}", "a.".repeat(63))), Ok(()));
    assert_eq!(kind(&format!("Device.{}", "a.".repeat(64))), Err(PathErrorKind::TooManySegments));
    assert_eq!(kind(&format!("Device.{}b", "a.".repeat(63))), Err(PathErrorKind::TooManySegments));
    assert_eq!(kind(&"a.".repeat(4096)), Err(PathErrorKind::TooLong));
    assert_eq!(kind(&format!("D.A.[{}C==1].", "B==1&&".repeat(63))), Ok(()));
    assert_eq!(kind(&format!("D.A.[{}C==1].", "B==1&&".repeat(64))), Err(PathErrorKind::TooManyComparisons));
    assert_eq!(kind(&format!("D.A.[{}C==1].", "B.".repeat(16))), Ok(()));
    assert_eq!(kind(&format!("D.A.[{}C==1].", "B.".repeat(17))), Err(PathErrorKind::TooManySteps));
    // A bare percent sign is printed as three bytes, and what is printed must be readable again.
    assert_eq!(kind(&format!("D.A.[B==\"{}\"].", "%".repeat(1300))), Ok(()));
    assert_eq!(kind(&format!("D.A.[B==\"{}\"].", "%".repeat(1400))), Err(PathErrorKind::TooLong));
    assert_eq!(kind(&"[".repeat(4096)), Err(PathErrorKind::NameExpected));
}

#[test]
fn search_paths_are_known_and_map_to_the_supported_model() {
    for (text, search, schema) in [
        ("Device.WiFi.", false, Some("Device.WiFi.")),
        ("Device.WiFi.SSID.3.Enable", false, Some("Device.WiFi.SSID.{i}.Enable")),
        ("Device.WiFi.SSID.*.", true, Some("Device.WiFi.SSID.{i}.")),
        ("Device.WiFi.SSID.[A==1].Stats.Reset()", true, Some("Device.WiFi.SSID.{i}.Stats.Reset()")),
        ("Device.Boot!", false, Some("Device.Boot!")),
        ("Device.A.1.Ref+.Name", false, None),
        ("Device.A.1.Ref#2+.Name", false, None),
        ("Device.A.1.Ref#*+.Name", true, None),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.is_search(), search, "{text}");
        assert_eq!(path.to_schema().as_ref().map(|path| path.as_str()), schema, "{text}");
    }
}

#[test]
fn object_paths_are_built_and_taken_apart() {
    let row = ObjectPath::root().child(name("WiFi")).child(name("SSID")).row(number(3));
    assert_eq!(row.to_string(), "Device.WiFi.SSID.3.");
    assert_eq!(ObjectPath::parse("Device.WiFi.SSID.3."), Ok(row.clone()));
    assert_eq!(row.elements()[3], Element::Row(number(3)));
    assert_eq!(row.row_number(), Some(number(3)));
    assert_eq!(row.param_text(&name("Enable")), "Device.WiFi.SSID.3.Enable");
    assert_eq!(row.reference_text(), "Device.WiFi.SSID.3");
    assert_eq!(row.to_schema().as_str(), "Device.WiFi.SSID.{i}.");
    let table = row.parent().unwrap();
    assert_eq!(table.to_string(), "Device.WiFi.SSID.");
    assert_eq!(table.row_number(), None);
    assert!(row.starts_with(&table) && row.starts_with(&row) && !table.starts_with(&row));
    assert!(!ObjectPath::parse("Device.WiFi.SSIDs.3.").unwrap().starts_with(&table));
    assert_eq!(ObjectPath::root().parent(), None);
    assert_eq!(Path::from(&row), Path::parse("Device.WiFi.SSID.3.").unwrap());
    assert_eq!(Path::parse("Device.WiFi.SSID.3.Enable").unwrap().concrete_object(), Some(row));
    assert_eq!(Path::parse("Device.WiFi.SSID.*.").unwrap().concrete_object(), None);
}

#[test]
fn object_paths_sort_as_the_tree_does() {
    let sorted =
        ["Device.", "Device.A.", "Device.A.2.", "Device.A.2.B.", "Device.A.10.", "Device.A-B.", "Device.AB."];
    let mut paths: Vec<ObjectPath> =
        sorted.iter().rev().map(|text| ObjectPath::parse(text).unwrap()).collect();
    paths.sort();
    assert_eq!(paths.iter().map(ObjectPath::to_string).collect::<Vec<_>>(), sorted);
}

#[test]
fn only_concrete_objects_are_object_paths() {
    use PathErrorKind as K;
    check_errors(
        ObjectPath::parse,
        &[
            ("", 0, K::Empty),
            ("Device", 6, K::ObjectExpected),
            ("Device.WiFi.Enable", 18, K::ObjectExpected),
            ("Device.WiFi.SSID.*.", 17, K::NotConcrete),
            ("Device.WiFi.SSID.[A==1].", 17, K::NotConcrete),
            ("Device.A.B+.", 10, K::NotConcrete),
            ("Device.1.", 7, K::RowNotAllowed),
            ("Device.A.1.1.", 11, K::RowNotAllowed),
            ("Device.A.0.", 9, K::BadNumber),
        ],
    );
}

#[test]
#[should_panic(expected = "rows are asked only of tables")]
fn a_row_has_no_rows() {
    drop(ObjectPath::root().row(number(1)));
}

#[test]
#[requirement("R-ARC.11")]
fn reference_values_have_no_last_dot_and_may_use_keys() {
    for (text, printed, object, param) in [
        ("", "", None, None),
        ("Device.IP.Interface.1", "Device.IP.Interface.1", Some("Device.IP.Interface.1."), None),
        ("Device.IP.Interface.1.", "Device.IP.Interface.1", Some("Device.IP.Interface.1."), None),
        ("Device.Hosts", "Device.Hosts", Some("Device.Hosts."), Some("Device.Hosts")),
        (
            "Device.WiFi.SSID.[Alias==\"a.b\"]",
            "Device.WiFi.SSID.[Alias==\"a.b\"]",
            Some("Device.WiFi.SSID.[Alias==\"a.b\"]."),
            None,
        ),
        ("Device.A.1.Enable", "Device.A.1.Enable", Some("Device.A.1.Enable."), Some("Device.A.1.Enable")),
    ] {
        let value = ReferenceValue::parse(text).unwrap();
        assert_eq!(value.to_string(), printed);
        assert_eq!(value.is_null(), text.is_empty());
        assert_eq!(value.object().map(Path::to_string).as_deref(), object);
        assert_eq!(value.param().as_ref().map(Path::to_string).as_deref(), param);
    }
    let row = ObjectPath::parse("Device.IP.Interface.1.").unwrap();
    assert_eq!(ReferenceValue::parse("Device.IP.Interface.1").unwrap().concrete_object(), Some(row.clone()));
    assert_eq!(ReferenceValue::from(&row).to_string(), "Device.IP.Interface.1");
    use PathErrorKind as K;
    check_errors(
        ReferenceValue::parse,
        &[
            ("Device.A.*", 9, K::NotConcrete),
            ("Device.A.1.Ref+", 14, K::NotConcrete),
            ("Device.A.[B==1&&C>2]", 9, K::NotAKey),
            ("Device.A.B()", 10, K::NotConcrete),
            ("Device.A.B!", 10, K::NotConcrete),
            ("Device.A..", 9, K::NameExpected),
            ("Device.A,Device.B", 8, K::AfterName),
        ],
    );
}

#[test]
fn relative_paths_go_through_children() {
    let path = RelativePath::parse("WebSocket.Port").unwrap();
    assert_eq!((path.children.as_slice(), &path.param), ([name("WebSocket")].as_slice(), &name("Port")));
    assert_eq!(path.to_string(), "WebSocket.Port");
    use PathErrorKind as K;
    check_errors(
        RelativePath::parse,
        &[
            ("", 0, K::Empty),
            ("A.", 2, K::NameExpected),
            ("A.1.B", 2, K::NameExpected),
            ("A+.B", 1, K::AfterName),
            ("A()", 1, K::AfterName),
            (&"A.".repeat(20), 33, K::TooManySteps),
        ],
    );
}

#[test]
fn names_are_bounded_and_ascii() {
    for text in ["A", "_", "X_EXAMPLE-COM_y", "a1"] {
        assert_eq!(Name::parse(text).unwrap(), text);
    }
    for text in ["", "1a", "-a", "a.b", "a b", "a()", "é", "a\u{e9}"] {
        assert!(Name::parse(text).is_err(), "{text}");
    }
}
