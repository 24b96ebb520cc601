//! Namespaces and lists of versions.

use cwmp_proto::{CwmpVersion, Namespace};

#[test]
fn namespaces() {
    let cases = [
        ("urn:dslforum-org:cwmp-1-0", Some(0)),
        ("urn:dslforum-org:cwmp-1-2", Some(2)),
        (" URN:dslforum-org:CWMP-1-4 ", Some(4)),
        ("urn:dslforum-org:cwmp-1-10", Some(10)),
        ("urn:dslforum-org:cwmp-1-", None),
        ("urn:dslforum-org:cwmp-1-+2", None),
        ("urn:dslforum-org:cwmp-1-99999", None),
        ("urn:dslforum-org:cwmp-2-0", None),
        ("urn:dslforum-org:cwmp-1-ü", None),
        ("", None),
    ];
    for (uri, minor) in cases {
        assert_eq!(Namespace::from_uri(uri).map(|namespace| namespace.minor), minor, "{uri}");
    }
    assert_eq!(Namespace::NEWEST.uri(), "urn:dslforum-org:cwmp-1-2");
    assert_eq!(Namespace { minor: 1 }.version().to_string(), "1.1");
}

#[test]
fn versions() {
    let list = CwmpVersion::parse_list("1.0, 1.1,x,1.4,,2");
    assert_eq!(CwmpVersion::list(&list), "1.0,1.1,1.4");
    assert_eq!(CwmpVersion::list(&CwmpVersion::SPOKEN), "1.0,1.1,1.2,1.3,1.4");
    let common = |theirs: &str| {
        CwmpVersion::highest_common(&CwmpVersion::SPOKEN, &CwmpVersion::parse_list(theirs))
            .map(|version| version.to_string())
    };
    assert_eq!(common("1.0,1.2,1.9").as_deref(), Some("1.2"));
    assert_eq!(common("1.4,1.3").as_deref(), Some("1.4"));
    assert_eq!(common("2.0"), None);
    assert_eq!(CwmpVersion::parse_list(&"1.0,".repeat(100)).len(), 32);
}
