//! Endpoint ids: what we accept, what we make, certificates, URIs.

use proptest::prelude::{ProptestConfig, proptest};
use requirement::requirement;
use usp_proto::{EndpointId, Malformed};

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn received_ids_split_on_the_first_two_colons() {
    let check = |text: &str, scheme: &str, authority: &str, instance: &str| {
        let id = id(text);
        assert_eq!((id.scheme(), id.authority(), id.instance()), (scheme, authority, instance));
        assert_eq!(id.as_str(), text);
    };
    check("os::012345-A1", "os", "", "012345-A1");
    check("oui:00256D:my-unique-bbf-id-42", "oui", "00256D", "my-unique-bbf-id-42");
    check("self::a:b::c", "self", "", "a:b::c");
    check("ops::012345-Router Ö-S N%31", "ops", "", "012345-Router Ö-S N%31");
    check("future:x:y", "future", "x", "y");
}

#[test]
fn what_is_no_endpoint_id() {
    for text in ["", "a", "a:b", ":", "::", "a::", "::b", "a::b\n", "a::\u{0}", "a::\u{85}"] {
        assert!(EndpointId::receive(text).is_err(), "{text:?}");
    }
    assert!(EndpointId::receive(&format!("a::{}", "b".repeat(253))).is_ok());
    assert!(EndpointId::receive(&format!("a::{}", "b".repeat(254))).is_err());
}

#[requirement("R-ARC.2a", "R-ARC.5")]
#[test]
fn ids_of_every_scheme_that_we_may_make() {
    for text in [
        "oui:ACDE48:any-Instance_1.2",
        "oui:ACDE48C:28-bit",
        "oui:ACDE48C12:36-bit",
        "cid:3AA3F8:my-id",
        "pen:3562:my-id",
        "self::my-Agent",
        "self:ab~.-_:my-Agent",
        "user::my-Agent",
        "user:123456:my-Agent",
        "os::ACDE48-0123456789",
        "ops::ACDE48-Box-9-0123456789",
        "uuid::f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "imei::990000862471854",
        "fqdn::cusp.example.com",
        "os::ACDE48-a%20b%C3%96",
    ] {
        assert_eq!(EndpointId::strict(text).map(|id| id.to_string()), Ok(text.to_owned()));
    }
}

#[requirement("R-ARC.2a", "R-ARC.3", "R-ARC.4", "R-ARC.4a", "R-ARC.5", "R-ARC.6")]
#[test]
fn ids_that_we_never_make() {
    let check = |text: &str, why: &str| match EndpointId::strict(text) {
        Err(Malformed::EndpointId { why: found, .. }) => assert_eq!(found, why, "{text}"),
        other => panic!("{text}: {other:?}"),
    };
    check("os", "fewer than two colons");
    check("future::x", "unknown authority scheme");
    check("OS::ACDE48-1", "unknown authority scheme");
    check("oui:ACDE4:x", "an OUI has 6, 7 or 9 hexadecimal digits");
    check("oui:ACDE48C1:x", "an OUI has 6, 7 or 9 hexadecimal digits");
    check("oui::x", "an OUI has 6, 7 or 9 hexadecimal digits");
    check("cid:3AA3F:x", "a CID has 6 hexadecimal digits");
    check("pen::x", "a PEN is a decimal number");
    check("pen:0x1:x", "a PEN is a decimal number");
    check("oui:00256D:x", "an OUI of the Broadband Forum");
    check("oui:00256d:x", "an OUI of the Broadband Forum");
    check("os::00256D-1", "an OUI of the Broadband Forum");
    check("ops::00256D-A-1", "an OUI of the Broadband Forum");
    check("pen:3561:x", "the PEN of the Broadband Forum");
    check("pen:03561:x", "the PEN of the Broadband Forum");
    check("proto::x", "not for production");
    check("doc::agent", "not for production");
    check("self:1234567:x", "an authority-id has up to 6 unreserved characters");
    check("user:a b:x", "an authority-id has up to 6 unreserved characters");
    check("os:x:ACDE48-1", "this scheme has no authority-id");
    check("os::ACDE48", "OUI, product class and serial number are joined by dashes");
    check("os::ACDE48-", "OUI, product class and serial number are joined by dashes");
    check("ops::ACDE48-Box", "OUI, product class and serial number are joined by dashes");
    check("ops::ACDE48--1", "OUI, product class and serial number are joined by dashes");
    check("os::Router-1", "an OUI has 6, 7 or 9 hexadecimal digits");
    check("uuid::f81d4fae-7dec-11d0-a765", "not a UUID");
    check("uuid::f81d4fae7dec11d0a76500a0c91e6bf6", "not a UUID");
    check("imei::99000086247185", "an IMEI has 15 digits");
    check("fqdn::*.example.com", "not a fully qualified domain name");
    check("fqdn::localhost", "not a fully qualified domain name");
    check("fqdn::a..b", "not a fully qualified domain name");
    check("self::", "scheme or instance-id is empty");
    check("self::a b", "a character that an instance-id may not hold");
    check("self::a:b", "a character that an instance-id may not hold");
    check("self::a%2", "a character that an instance-id may not hold");
    check("self::a%zz", "a character that an instance-id may not hold");
    check("self::ä", "a character that an instance-id may not hold");
    check("self::*", "a character that an instance-id may not hold");
    check(&format!("self::{}", "x".repeat(51)), "instance-id longer than 50 characters");
    assert!(EndpointId::strict(&format!("self::{}", "x".repeat(50))).is_ok());
}

#[requirement("R-ARC.5", "R-ARC.6")]
#[test]
fn constructors_escape_what_is_not_allowed() {
    let made =
        |id: Result<EndpointId, Malformed>| id.map(|id| id.to_string()).map_err(|error| error.to_string());
    assert_eq!(made(EndpointId::os("ACDE48", "A/1")), Ok("os::ACDE48-A%2F1".into()));
    assert_eq!(made(EndpointId::os("ACDE48", "Ö 1%~")), Ok("os::ACDE48-%C3%96%201%25%7E".into()));
    assert_eq!(made(EndpointId::ops("ACDE48", "hAP ax-3", "1")), Ok("ops::ACDE48-hAP%20ax-3-1".into()));
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    assert_eq!(made(EndpointId::uuid(uuid)), Ok(format!("uuid::{uuid}")));
    assert_eq!(made(EndpointId::proto("", "cusp server")), Ok("proto::cusp%20server".into()));
    assert_eq!(made(EndpointId::proto("lab", "1")), Ok("proto:lab:1".into()));
    for bad in [
        EndpointId::os("ACDE48", ""),
        EndpointId::os("xyz", "1"),
        EndpointId::os("ACDE48", &"ü".repeat(10)),
        EndpointId::ops("ACDE48", "", "1"),
        EndpointId::uuid("1"),
        EndpointId::proto("a.b", "1"),
        EndpointId::proto("a:b", "1"),
        EndpointId::proto("", ""),
    ] {
        assert!(bad.is_err(), "{bad:?}");
    }
}

#[requirement("R-SEC.0a")]
#[test]
fn urns_of_certificates() {
    assert_eq!(id("os::ACDE48-1").to_urn(), "urn:bbf:usp:id:os::ACDE48-1");
    assert_eq!(EndpointId::from_urn("urn:bbf:usp:id:os::ACDE48-1"), Some(Ok(id("os::ACDE48-1"))));
    assert_eq!(EndpointId::from_urn("URN:BBF:usp:id:os::ACDE48-a"), Some(Ok(id("os::ACDE48-a"))));
    for other in
        ["", "urn:uuid:1", "https://example.com/", "os::ACDE48-1", "urn:bbf:usp:i", "ürn:bbf:usp:id:a::b"]
    {
        assert_eq!(EndpointId::from_urn(other), None, "{other}");
    }
    assert!(matches!(EndpointId::from_urn("urn:bbf:usp:id:os"), Some(Err(_))));
}

#[requirement("R-SEC.12")]
#[test]
fn wildcards_of_certificates() {
    let check = |certificate: &str, endpoint: &str, expected: bool| {
        assert_eq!(id(certificate).certifies(&id(endpoint)), expected, "{certificate} {endpoint}");
    };
    check("os::ACDE48-1", "os::ACDE48-1", true);
    check("os::ACDE48-1", "os::ACDE48-2", false);
    // Byte by byte: no case folding, no decoding.
    check("os::ACDE48-a", "os::ACDE48-A", false);
    check("os::ACDE48-%41", "os::ACDE48-A", false);
    check("os::ACDE48-*", "os::ACDE48-1", true);
    check("os::ACDE48-*", "os::ACDE48-", false);
    check("os::ACDE48-*", "os::ACDE49-1", false);
    check("os::ACDE48-*", "ops::ACDE48-1", false);
    check("ops::ACDE48-Box-*", "ops::ACDE48-Box-77", true);
    check("ops::ACDE48-Box-*", "ops::ACDE48-Bo-77", false);
    check("ops::ACDE48-*-7*", "ops::ACDE48-Box-77", true);
    check("ops::ACDE48-*-7*", "ops::ACDE48-Box-67", false);
    check("ops::ACDE48-*a*b", "ops::ACDE48-xaxaxxb", true);
    check("ops::ACDE48-*a*b", "ops::ACDE48-xaxaxxbc", false);
    // The part of whoever assigned the rest is literal.
    check("os::*-1", "os::ACDE48-1", false);
    check("os::ACDE4*-1", "os::ACDE48-1", false);
    check("os::*", "os::ACDE48-1", false);
    check("oui:ACDE48:*", "oui:ACDE48:x", true);
    check("oui:*:x", "oui:ACDE48:x", false);
    check("cid:3AA3F8:a*", "cid:3AA3F8:ab", true);
    check("pen:3562:*", "pen:3562:x", true);
    check("pen:3562:*", "pen:3563:x", false);
    // Schemes without an owner of the instances.
    for scheme in ["self", "user", "uuid", "imei", "proto", "doc", "fqdn"] {
        check(&format!("{scheme}::*"), &format!("{scheme}::x"), false);
    }
    // Nobody may call himself by a wildcard.
    check("os::ACDE48-*", "os::ACDE48-*", false);
}

#[requirement("R-WS.10b", "R-WS.10c")]
#[test]
fn ids_in_uris() {
    assert_eq!(id("doc::agent%21").to_query_value(), "doc::agent%2521");
    assert_eq!(id("ops::A-B C-Ü&=+#1").to_query_value(), "ops::A-B%20C-%C3%9C%26%3D%2B%231");
    let check = |query: &str, expected: Option<Option<&str>>| {
        let found = EndpointId::from_query(query).map(|found| found.ok().map(|id| id.to_string()));
        assert_eq!(found, expected.map(|id| id.map(str::to_owned)), "{query}");
    };
    check("eid=doc::agent%2521", Some(Some("doc::agent%21")));
    check("a=b&eid=os::ACDE48-1&c", Some(Some("os::ACDE48-1")));
    check("eid=os%3A%3aACDE48-1", Some(Some("os::ACDE48-1")));
    // No digits after the percent sign: it stands for itself; a plus is no blank.
    check("eid=os::a%2", Some(Some("os::a%2")));
    check("eid=os::a%zz+", Some(Some("os::a%zz+")));
    check("", None);
    check("a=b&xeid=os::1", None);
    check("EID=os::1", None);
    check("eid=", Some(None));
    check("eid=os::a%00", Some(None));
    check("eid=os::a%ff", Some(None));
    check("eid=os::1&eid=os::1", Some(None));
}

#[requirement("R-WS.10c")]
#[test]
fn any_id_survives_a_uri() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(instance in "[ -~ä€😀]{1,30}")| {
        let id = id(&format!("x::{instance}"));
        let value = id.to_query_value();
        assert!(value.bytes().all(|b| b.is_ascii_graphic() && !b"&=#+?".contains(&b)), "{value}");
        assert_eq!(EndpointId::from_query_value(&value), Ok(id));
    });
}
