//! Names and TXT strings of DNS-SD.

use requirement::requirement;
use usp_proto::discovery::service::{Attributes, Mtp, Party, Service, endpoint, escaped, label};
use usp_proto::{EndpointId, Malformed};

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

#[test]
fn the_services_of_iana() {
    for (party, mtp, labels) in [
        (Party::Agent, Mtp::WebSocket, ["_usp-agt-ws", "_tcp"]),
        (Party::Agent, Mtp::Mqtt, ["_usp-agt-mqtt", "_tcp"]),
        (Party::Agent, Mtp::Stomp, ["_usp-agt-stomp", "_tcp"]),
        (Party::Agent, Mtp::Coap, ["_usp-agt-coap", "_udp"]),
        (Party::Controller, Mtp::WebSocket, ["_usp-ctr-ws", "_tcp"]),
        (Party::Controller, Mtp::Mqtt, ["_usp-ctr-mqtt", "_tcp"]),
        (Party::Controller, Mtp::Stomp, ["_usp-ctr-stomp", "_tcp"]),
        (Party::Controller, Mtp::Coap, ["_usp-ctr-coap", "_udp"]),
    ] {
        let service = Service { party, mtp };
        assert_eq!(service.labels(), labels);
        assert_eq!(Service::from_labels(labels.map(str::as_bytes)), Some(service));
        assert!(Service::of(party).any(|other| other == service));
    }
    assert_eq!(
        Service::from_labels([b"_USP-Agt-ws", b"_TCP"]),
        Some(Service { party: Party::Agent, mtp: Mtp::WebSocket })
    );
    assert_eq!(Service::from_labels([b"_usp-agt-ws", b"_udp"]), None);
    assert_eq!(Service::from_labels([b"_http", b"_tcp"]), None);
}

#[requirement("R-DIS.8")]
#[test]
fn an_instance_is_called_by_its_endpoint_id() {
    let dotted = id("proto:a.b:c.d");
    assert_eq!(label(&dotted), Ok("proto:a.b:c.d"));
    assert_eq!(escaped("proto:a.b:c.d"), r"proto:a\.b:c\.d");
    assert_eq!(escaped(r"os::012345-a\b"), r"os::012345-a\\b");
    assert_eq!(endpoint(b"proto:a.b:c.d"), Ok(dotted));
    let (fits, long) = (format!("os::012345-{}", "x".repeat(52)), format!("os::012345-{}", "x".repeat(53)));
    assert_eq!(label(&id(&fits)), Ok(fits.as_str()));
    let what = "endpoint id in a domain name";
    assert_eq!(label(&id(&long)), Err(Malformed::TooLong { what, limit: 63 }));
    assert!(endpoint(b"printer").is_err());
    assert!(endpoint(b"os::\xff").is_err());
}

fn attributes(path: Option<&str>, name: Option<&str>, encrypt: bool) -> Attributes {
    Attributes { path: path.map(str::to_owned), name: name.map(str::to_owned), encrypt }
}

#[test]
fn what_a_txt_record_says() {
    for (attributes, strings) in [
        (
            attributes(Some("/usp"), Some("kitchen light"), true),
            &["path=/usp", "name=kitchen light", "encrypt"][..],
        ),
        (attributes(Some("/usp"), Some("kitchen light"), false), &["path=/usp", "name=kitchen light"]),
        (attributes(Some("/usp"), None, true), &["path=/usp", "encrypt"]),
        (attributes(Some(""), None, false), &["path="]),
    ] {
        assert_eq!(attributes.strings().expect("it fits"), strings);
        assert_eq!(Attributes::read(strings.iter().map(|string| string.as_bytes())), attributes);
    }
    let what = "string of a TXT record";
    let (fits, long) = ("x".repeat(250), "x".repeat(251));
    assert!(attributes(Some(&fits), None, false).strings().is_ok());
    assert_eq!(attributes(Some(&long), None, false).strings(), Err(Malformed::TooLong { what, limit: 255 }));
}

#[test]
fn what_others_write_into_txt_records() {
    for (strings, expected) in [
        (&[&b"PATH=/a"[..], b"Encrypt"][..], attributes(Some("/a"), None, true)),
        (&[b"path=/a", b"path=/b"], attributes(Some("/a"), None, false)),
        // Whatever value it has: that it is there counts.
        (&[b"encrypt=false"], attributes(None, None, true)),
        (&[b"path", b"name="], attributes(None, Some(""), false)),
        (&[b"=/a", b"", b"role=x", b"paths=/a"], attributes(None, None, false)),
        (&[b"path=/a=b"], attributes(Some("/a=b"), None, false)),
        (&[b"path=\xff", b"name=a\nb"], attributes(None, None, false)),
    ] {
        assert_eq!(Attributes::read(strings.iter().copied()), expected, "{strings:?}");
    }
}
