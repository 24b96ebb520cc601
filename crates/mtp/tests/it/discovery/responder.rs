//! The answering machine of mDNS, on time that the test gives.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mtp::EndpointId;
use mtp::discovery::responder::{Responder, To};
use mtp::discovery::service::Mtp;
use mtp::discovery::{Advert, Attributes, Party, Service};
use requirement::requirement;

use super::packets::{A, AAAA, ANY, PTR, SRV, TXT, lines, name, query, record, response, srv};

const INSTANCE: &[&str] = &["proto:a.b:c", "_usp-agt-ws", "_tcp", "local"];
const HOST: &[&str] = &["proto:a.b:c", "local"];
const LIST: &[&str] = &["_usp-agt-ws", "_tcp", "local"];
const SUBTYPE: &[&str] = &["_iot-device", "_sub", "_usp-agt-ws", "_tcp", "local"];

const SRV_LINE: &str = r"proto:a\.b:c._usp-agt-ws._tcp.local! 120 SRV 0 0 8184 proto:a\.b:c.local";
const TXT_LINE: &str = r"proto:a\.b:c._usp-agt-ws._tcp.local! 4500 TXT path=/usp|name=kitchen light|encrypt";
const A_LINE: &str = r"proto:a\.b:c.local! 120 A 192.0.2.100";
const PTR_LINE: &str = r"_usp-agt-ws._tcp.local 4500 PTR proto:a\.b:c._usp-agt-ws._tcp.local";
const SUB_LINE: &str =
    r"_iot-device._sub._usp-agt-ws._tcp.local 4500 PTR proto:a\.b:c._usp-agt-ws._tcp.local";

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn peer(port: u16) -> SocketAddr {
    ([192, 0, 2, 7], port).into()
}

fn advert(party: Party, listed: bool) -> Advert {
    let name = (party == Party::Agent).then(|| "kitchen light".to_owned());
    Advert {
        service: Service { party, mtp: Mtp::WebSocket },
        port: 8184,
        attributes: Attributes { path: Some("/usp".to_owned()), name, encrypt: true },
        subtypes: vec!["iot-device".to_owned()],
        listed,
    }
}

fn new(advert: Advert, address: [u8; 4]) -> Responder {
    let endpoint = EndpointId::receive("proto:a.b:c").expect("an id");
    Responder::new(&endpoint, &[advert], &[IpAddr::from(address)], ms(0), [7; 32]).expect("it fits")
}

/// An agent that has its names, at second 10.
fn established() -> Responder {
    let mut responder = new(advert(Party::Agent, true), [192, 0, 2, 100]);
    while let Some(due) = responder.poll_timeout() {
        responder.poll(due);
    }
    responder
}

fn at_ten(more: u64) -> Duration {
    ms(10_000 + more)
}

/// All that it says to the end of this time.
fn said(responder: &mut Responder, until: Duration) -> Vec<(To, Vec<String>)> {
    let mut said = Vec::new();
    while let Some(due) = responder.poll_timeout().filter(|due| *due <= until) {
        said.extend(responder.poll(due).map(|(to, bytes)| (to, lines(&bytes))));
    }
    said
}

#[requirement("R-DIS.3")]
#[test]
fn it_asks_three_times_announces_twice_and_says_good_bye() {
    let mut responder = new(advert(Party::Agent, true), [192, 0, 2, 100]);
    let mut times = Vec::new();
    let mut packets = Vec::new();
    while let Some(due) = responder.poll_timeout() {
        let (to, bytes) = responder.poll(due).expect("it is due");
        assert_eq!(to, To::All);
        times.push(due);
        packets.push(lines(&bytes));
    }
    assert!(times[0] < ms(250));
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [ms(250), ms(250), ms(250), ms(1000)]);
    let probe = [
        r"? proto:a\.b:c._usp-agt-ws._tcp.local ANY to me",
        r"? proto:a\.b:c.local ANY to me",
        r"& proto:a\.b:c._usp-agt-ws._tcp.local 120 SRV 0 0 8184 proto:a\.b:c.local",
        r"& proto:a\.b:c._usp-agt-ws._tcp.local 4500 TXT path=/usp|name=kitchen light|encrypt",
        r"& proto:a\.b:c.local 120 A 192.0.2.100",
    ];
    assert_eq!(packets[..3], [probe, probe, probe]);
    let announcement = [SRV_LINE, TXT_LINE, PTR_LINE, SUB_LINE, A_LINE].map(|line| format!("= {line}"));
    assert_eq!(packets[3..], [announcement.clone(), announcement]);
    let good_bye = lines(&responder.good_bye().expect("others know it"));
    assert_eq!(good_bye[0], r"= proto:a\.b:c._usp-agt-ws._tcp.local! 0 SRV 0 0 8184 proto:a\.b:c.local");
    assert_eq!(good_bye.len(), 5);
    assert!(good_bye.iter().all(|line| line.contains(" 0 ")), "{good_bye:?}");
    assert!(!responder.answers());
    assert_eq!(new(advert(Party::Agent, true), [192, 0, 2, 100]).good_bye(), None, "nobody knows it");
}

#[requirement("R-DIS.8", "R-DIS.9", "R-DIS.11a")]
#[test]
fn what_is_asked_is_answered() {
    let plus = |lines: &[&str]| lines.iter().map(|line| format!("+ {line}")).collect::<Vec<_>>();
    let is = |line: &str| vec![format!("= {line}")];
    let with = |answer: &str, more: &[&str]| [is(answer), plus(more)].concat();
    let none_of = "= proto:a\\.b:c.local! 120 NSEC Some([64])";
    for (labels, kind, expected) in [
        (LIST, PTR, with(PTR_LINE, &[SRV_LINE, TXT_LINE, A_LINE])),
        (SUBTYPE, PTR, with(SUB_LINE, &[SRV_LINE, TXT_LINE, A_LINE])),
        (&["_USP-AGT-WS", "_TCP", "LOCAL"], PTR, with(PTR_LINE, &[SRV_LINE, TXT_LINE, A_LINE])),
        (
            &["_services", "_dns-sd", "_udp", "local"],
            PTR,
            is("_services._dns-sd._udp.local 4500 PTR _usp-agt-ws._tcp.local"),
        ),
        (INSTANCE, SRV, with(SRV_LINE, &[A_LINE])),
        (INSTANCE, TXT, is(TXT_LINE)),
        (INSTANCE, ANY, [is(SRV_LINE), is(TXT_LINE), plus(&[A_LINE])].concat()),
        (HOST, A, is(A_LINE)),
        // It has an address of IPv4, and says that it has none of IPv6.
        (HOST, AAAA, vec![none_of.to_owned()]),
    ] {
        let mut responder = established();
        responder.handle(at_ten(0), peer(5353), false, &query(&[(labels, kind, false)], &[]));
        assert_eq!(said(&mut responder, at_ten(200)), [(To::All, expected.clone())], "{labels:?} {kind}");
        // To the asker alone, if that will do.
        let mut responder = established();
        responder.handle(at_ten(0), peer(5353), false, &query(&[(labels, kind, true)], &[]));
        assert_eq!(said(&mut responder, at_ten(200)), [(To::One(peer(5353)), expected)], "{labels:?} {kind}");
    }
    for (labels, kind) in [
        (&["proto:a", "b:c", "_usp-agt-ws", "_tcp", "local"][..], SRV),
        (&["other", "_usp-agt-ws", "_tcp", "local"], SRV),
        (&["_usp-ctr-ws", "_tcp", "local"], PTR),
        (&["_usp-agt-ws", "_tcp", "example"], PTR),
        (LIST, SRV),
    ] {
        let mut responder = established();
        responder.handle(at_ten(0), peer(5353), false, &query(&[(labels, kind, false)], &[]));
        assert_eq!(said(&mut responder, at_ten(5000)), [], "{labels:?} {kind}");
    }
}

#[requirement("R-DIS.11")]
#[test]
fn a_controller_is_not_listed_but_answers_by_name() {
    let mut responder = new(advert(Party::Controller, false), [192, 0, 2, 200]);
    while let Some(due) = responder.poll_timeout() {
        responder.poll(due);
    }
    let own: &[&str] = &["proto:a.b:c", "_usp-ctr-ws", "_tcp", "local"];
    let list: &[&str] = &["_usp-ctr-ws", "_tcp", "local"];
    responder.handle(at_ten(0), peer(5353), false, &query(&[(list, PTR, false)], &[]));
    assert_eq!(said(&mut responder, at_ten(500)), []);
    responder.handle(at_ten(500), peer(5353), false, &query(&[(own, TXT, false)], &[]));
    let expected = r"= proto:a\.b:c._usp-ctr-ws._tcp.local! 4500 TXT path=/usp|encrypt".to_owned();
    assert_eq!(said(&mut responder, at_ten(500)), [(To::All, vec![expected])]);
}

#[test]
fn shared_answers_wait_a_little_and_others_do_not() {
    let mut responder = established();
    responder.handle(at_ten(0), peer(5353), false, &query(&[(LIST, PTR, false)], &[]));
    let due = responder.poll_timeout().expect("an answer");
    assert!((at_ten(20)..=at_ten(120)).contains(&due), "{due:?}");
    let mut responder = established();
    responder.handle(at_ten(0), peer(5353), false, &query(&[(INSTANCE, SRV, false)], &[]));
    assert_eq!(responder.poll_timeout(), Some(at_ten(0)));
}

#[test]
fn no_record_goes_to_all_twice_a_second() {
    let mut responder = established();
    let asked = query(&[(INSTANCE, TXT, false)], &[]);
    for (more, answers) in [(0, 1), (999, 0), (1000, 1), (1100, 0)] {
        responder.handle(at_ten(more), peer(5353), false, &asked);
        assert_eq!(said(&mut responder, at_ten(more)).len(), answers, "{more}");
    }
}

#[test]
fn what_the_asker_knows_is_not_said() {
    let known = |ttl| [record(LIST, PTR, ttl, &name(INSTANCE))];
    let other = [record(LIST, PTR, 4500, &name(&["other", "_usp-agt-ws", "_tcp", "local"]))];
    for (known, answers) in [(&known(4500), 0), (&known(2250), 0), (&known(2249), 1), (&other, 1)] {
        let mut responder = established();
        responder.handle(at_ten(0), peer(5353), false, &query(&[(LIST, PTR, false)], known));
        assert_eq!(said(&mut responder, at_ten(200)).len(), answers, "{known:?}");
    }
}

#[test]
fn a_simple_resolver_gets_what_dns_would_say() {
    let mut responder = established();
    let mut asked = query(&[(INSTANCE, TXT, false)], &[]);
    asked[..2].copy_from_slice(&[0x12, 0x34]);
    responder.handle(at_ten(0), peer(40_000), false, &asked);
    let (to, bytes) = responder.poll(at_ten(0)).expect("an answer");
    assert_eq!(to, To::One(peer(40_000)));
    assert_eq!(&bytes[..4], [0x12, 0x34, 0x84, 0]);
    assert_eq!(
        lines(&bytes),
        [
            r"? proto:a\.b:c._usp-agt-ws._tcp.local TYPE(TXT)",
            r"= proto:a\.b:c._usp-agt-ws._tcp.local 10 TXT path=/usp|name=kitchen light|encrypt"
        ]
    );
}

#[test]
fn whoever_has_the_name_keeps_it() {
    let theirs = response(&[record(INSTANCE, SRV, 120, &srv(0, 0, 9, &["other", "local"]))]);
    let probing = || new(advert(Party::Agent, true), [192, 0, 2, 100]);
    // Before it has the name: silence for a minute, then it asks again.
    let mut responder = probing();
    responder.poll(ms(250));
    responder.handle(ms(300), peer(5353), false, &theirs);
    assert!(!responder.answers());
    assert_eq!(responder.poll_timeout(), Some(ms(60_300)));
    assert_eq!(responder.poll(ms(60_300)), None);
    assert!(lines(&responder.poll(ms(60_300)).expect("a probe").1)[0].starts_with("? "));
    // When it has the name already: both ask again.
    let mut responder = established();
    responder.handle(at_ten(0), peer(5353), false, &theirs);
    assert!(!responder.answers());
    assert!(lines(&responder.poll(at_ten(0)).expect("a probe").1)[0].starts_with("? "));
    // Not theirs: the same value, a good-bye, from this host, by something that is no mDNS.
    let same = response(&[record(INSTANCE, SRV, 120, &srv(0, 0, 8184, HOST))]);
    let good_bye = response(&[record(INSTANCE, SRV, 0, &srv(0, 0, 9, &["other", "local"]))]);
    for (packet, own, port) in
        [(&same, false, 5353), (&good_bye, false, 5353), (&theirs, true, 5353), (&theirs, false, 4000)]
    {
        let mut responder = established();
        responder.handle(at_ten(0), peer(port), own, packet);
        assert!(responder.answers(), "{own} {port}");
    }
}

#[test]
fn of_two_that_ask_at_once_the_later_bytes_win() {
    let probe = |address| {
        let mut responder = new(advert(Party::Agent, true), address);
        let due = responder.poll_timeout().expect("a probe");
        let (_, bytes) = responder.poll(due).expect("a probe");
        (responder, bytes)
    };
    let (mut low, low_probe) = probe([192, 0, 2, 100]);
    let (mut high, high_probe) = probe([192, 0, 2, 101]);
    low.handle(ms(260), peer(5353), false, &high_probe);
    high.handle(ms(260), peer(5353), false, &low_probe);
    assert_eq!(low.poll_timeout(), Some(ms(1260)), "it waits a second");
    assert!(high.poll_timeout().expect("a probe") < ms(500));
    // Its own, come back.
    let (mut same, own_probe) = probe([192, 0, 2, 100]);
    same.handle(ms(260), peer(5353), false, &own_probe);
    assert!(same.poll_timeout().expect("a probe") < ms(500));
}

#[test]
fn an_id_that_is_no_label_is_not_advertised() {
    let endpoint = EndpointId::receive(&format!("os::012345-{}", "x".repeat(53))).expect("an id");
    let address = [IpAddr::from([192, 0, 2, 1])];
    assert!(Responder::new(&endpoint, &[advert(Party::Agent, true)], &address, ms(0), [7; 32]).is_none());
}

#[test]
fn answers_to_single_hosts_are_bounded() {
    let mut responder = established();
    for port in 0..40 {
        responder.handle(at_ten(0), peer(40_000 + port), false, &query(&[(INSTANCE, TXT, false)], &[]));
    }
    assert_eq!(said(&mut responder, at_ten(0)).len(), 16);
}
