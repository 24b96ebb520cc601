//! What records say about endpoints.

use mtp::EndpointId;
use mtp::discovery::found::{Found, Records, Wanted};
use mtp::discovery::service::Mtp;
use mtp::discovery::{Attributes, Party, Service};
use requirement::requirement;

use super::packets::{A, AAAA, PTR, SRV, TXT, name, record, response, srv, txt};

const LIST: &[&str] = &["_usp-ctr-ws", "_tcp", "host", "example", "com"];
const INSTANCE: &[&str] = &["os::012345-a.b", "_usp-ctr-ws", "_tcp", "example", "com"];
const HOST: &[&str] = &["host", "example", "com"];

fn wanted(domain: &str, endpoint: Option<&str>) -> Wanted {
    let endpoint = endpoint.map(|id| EndpointId::receive(id).expect("an id"));
    Wanted::new(Party::Controller, domain, endpoint).expect("a domain")
}

fn found(wanted: &Wanted, packets: &[Vec<u8>]) -> Vec<Found> {
    let mut records = Records::default();
    for packet in packets {
        records.take(packet);
    }
    records.found(wanted)
}

/// The records of the standard's example of a controller.
fn example() -> Vec<Vec<u8>> {
    vec![
        record(LIST, PTR, 300, &name(INSTANCE)),
        record(INSTANCE, SRV, 300, &srv(0, 1, 5684, HOST)),
        record(INSTANCE, TXT, 300, &txt(&["path=/usp", "encrypt"])),
        record(HOST, AAAA, 300, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]),
        record(HOST, A, 300, &[192, 0, 2, 200]),
    ]
}

#[requirement("R-DIS.7", "R-DIS.8")]
#[test]
fn a_controller_of_a_domain() {
    let expected = Found {
        endpoint: EndpointId::receive("os::012345-a.b").expect("an id"),
        service: Service { party: Party::Controller, mtp: Mtp::WebSocket },
        host: "host.example.com".to_owned(),
        port: 5684,
        addresses: vec![
            "192.0.2.200".parse().expect("an address"),
            "2001:db8::200".parse().expect("an address"),
        ],
        attributes: Attributes { path: Some("/usp".to_owned()), name: None, encrypt: true },
    };
    let domain = wanted("host.example.com", None);
    assert_eq!(found(&domain, &[response(&example())]), std::slice::from_ref(&expected));
    // One record in each packet, the last one first.
    let single: Vec<_> = example().into_iter().rev().map(|record| response(&[record])).collect();
    assert_eq!(found(&domain, &single), std::slice::from_ref(&expected));
    assert_eq!(found(&wanted("host.example.com", Some("os::012345-a.b")), &single), [expected]);
    assert_eq!(found(&wanted("host.example.com", Some("os::012345-other")), &single), []);
    // Without its place there is nothing to connect to.
    assert_eq!(found(&domain, &single[4..]), []);
}

#[test]
fn whoever_should_be_tried_first_comes_first() {
    let instance = |id: &'static str| [id, "_usp-ctr-ws", "_tcp", "local"];
    let ids =
        ["os::012345-low", "os::012345-heavy", "os::012345-light", "os::012345-none", "os::012345-root"];
    let places = [
        srv(1, 9, 1, &["h", "local"]),
        srv(0, 9, 2, &["h", "local"]),
        srv(0, 1, 3, &["h", "local"]),
        // No port and no host: the service is not there.
        srv(0, 9, 0, &["h", "local"]),
        srv(0, 9, 4, &[]),
    ];
    let records: Vec<_> =
        ids.iter().zip(&places).map(|(id, place)| record(&instance(id), SRV, 120, place)).collect();
    let found = found(&wanted("local", None), &[response(&records)]);
    let order: Vec<_> = found.iter().map(|found| (found.endpoint.as_str(), found.port)).collect();
    assert_eq!(order, [("os::012345-heavy", 2), ("os::012345-light", 3), ("os::012345-low", 1)]);
}

#[test]
fn what_is_no_record_of_a_controller() {
    let place = srv(0, 0, 80, HOST);
    let strange: &[&[&str]] = &[
        &["printer", "_usp-ctr-ws", "_tcp", "local"],
        &["os::012345-a", "_usp-agt-ws", "_tcp", "local"],
        &["os::012345-a", "_http", "_tcp", "local"],
        &["os::012345-a", "_usp-ctr-ws", "_udp", "local"],
        &["os::012345-a"],
    ];
    let records: Vec<_> = strange.iter().map(|labels| record(labels, SRV, 120, &place)).collect();
    assert_eq!(found(&wanted("local", None), &[response(&records)]), []);
    let good = record(&["os::012345-a", "_usp-ctr-ws", "_tcp", "local"], SRV, 120, &place);
    let good_bye = record(&["os::012345-a", "_usp-ctr-ws", "_tcp", "local"], SRV, 0, &place);
    assert_eq!(found(&wanted("local", None), &[response(std::slice::from_ref(&good))]).len(), 1);
    assert_eq!(found(&wanted("local", None), &[response(&[good_bye])]), []);
    // A query with records in it is no response.
    let mut query = response(&[good]);
    query[2] = 0;
    assert_eq!(found(&wanted("local", None), &[query]), []);
}

#[test]
fn packets_that_lie_about_themselves() {
    let mut records = Records::default();
    let good = response(&example());
    for end in 0..good.len() {
        assert!(!records.take(&good[..end]), "{end}");
    }
    // Counts that the bytes can't hold.
    for at in [4, 6, 8, 10] {
        let mut lie = good.clone();
        lie[at] = 0xff;
        assert!(!records.take(&lie), "{at}");
    }
    // A name that points at itself.
    let mut turning = response(&[vec![0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 1, 0, 0]]);
    assert!(!records.take(&turning));
    turning.resize(9001, 0);
    assert!(!records.take(&turning));
    assert!(records.found(&wanted("local", None)).is_empty());
}

#[test]
fn no_more_records_are_kept_than_256() {
    let mut records = Records::default();
    for number in 0..300_u16 {
        let [high, low] = number.to_be_bytes();
        let kept = records.take(&response(&[record(HOST, A, 60, &[10, 0, high, low])]));
        assert_eq!(kept, number < 256, "{number}");
    }
}

#[test]
fn a_name_in_local_is_that_of_a_host() {
    let instance = |id: &'static str| [id, "_usp-ctr-ws", "_tcp", "local"];
    let here = srv(0, 0, 80, &["host", "local"]);
    let there = srv(0, 0, 80, &["proto::there", "local"]);
    let records = [("os::012345-here", &here), ("proto::there", &there)];
    let records = records.map(|(id, place)| record(&instance(id), SRV, 120, place));
    for (domain, endpoint, expected) in [
        ("local", None, &["os::012345-here", "proto::there"][..]),
        ("host.local", None, &["os::012345-here"]),
        ("HOST.LOCAL", None, &["os::012345-here"]),
        ("proto::there.local", None, &["proto::there"]),
        ("host.local", Some("proto::there"), &[]),
        ("other.local", None, &[]),
    ] {
        let found = found(&wanted(domain, endpoint), &[response(&records)]);
        let ids: Vec<_> = found.iter().map(|found| found.endpoint.as_str()).collect();
        assert_eq!(ids, expected, "{domain} {endpoint:?}");
    }
    for domain in ["", ".", &"x".repeat(64)] {
        assert!(Wanted::new(Party::Controller, domain, None).is_none(), "{domain:?}");
    }
}

/// What python-zeroconf 0.47 answers to a list of four questions: compressed, and with an NSEC record that is none.
const ZEROCONF: &str = "123484000004000100000004\
    0b5f7573702d6374722d7773045f746370056c6f63616c00000c0001\
    0d5f7573702d6374722d6d717474c018000c0001\
    0e5f7573702d6374722d73746f6d70c018000c0001\
    0d5f7573702d6374722d636f6170045f756470c01d000c0001\
    c00c000c000100001194000c0970726f746f3a3a7a63c00c\
    067a63686f7374c01d002f000100001194000ac08200000004000000 08\
    c08200010001000000780004c0000207\
    c0760010000100001194000a09706174683d2f757370\
    c0760021000100000078000800000000 1267c082";

#[test]
fn a_packet_is_read_whatever_else_is_in_it() {
    let bytes = usp_proto::exchange::parse_hex(&ZEROCONF.replace(' ', "")).expect("hex");
    let found = found(&wanted("local", None), &[bytes.to_vec()]);
    let expected = Found {
        endpoint: EndpointId::receive("proto::zc").expect("an id"),
        service: Service { party: Party::Controller, mtp: Mtp::WebSocket },
        host: "zchost.local".to_owned(),
        port: 4711,
        addresses: vec!["192.0.2.7".parse().expect("an address")],
        attributes: Attributes { path: Some("/usp".to_owned()), name: None, encrypt: false },
    };
    assert_eq!(found, [expected]);
}
