//! The machine's rules, one frame after another.

use std::time::Duration;

use bytes::Bytes;
use mtp::uds::frame::FrameError;
use mtp::uds::machine::{End, Event, Machine};
use requirement::requirement;

use crate::support::id;

const HANDSHAKE_A: &[u8] = b"_USP\0\0\0\x0d\x01\0\0\0\x08proto::a";
const HANDSHAKE_B: &[u8] = b"_USP\0\0\0\x0d\x01\0\0\0\x08proto::b";
const RECORD: &[u8] = b"_USP\0\0\0\x08\x03\0\0\0\x03abc";

fn client() -> Machine {
    Machine::dialled(id("proto::a"), None)
}

fn server() -> Machine {
    Machine::accepted(id("proto::b"))
}

fn events(machine: &mut Machine, bytes: &[u8]) -> Vec<Event> {
    machine.receive(bytes);
    std::iter::from_fn(|| machine.poll()).collect()
}

fn peer(text: &str, password: Option<&'static [u8]>) -> Event {
    Event::Peer { endpoint: id(text), password: password.map(Bytes::from_static) }
}

fn record() -> Event {
    Event::Record(Bytes::from_static(b"abc"))
}

/// A server whose handshake is complete.
fn stands() -> Machine {
    let mut server = server();
    assert_eq!(events(&mut server, HANDSHAKE_A), [peer("proto::a", None)]);
    assert!(server.accept());
    assert_eq!(server.take_out(), HANDSHAKE_B);
    server
}

/// The text of the one Error frame that leaves.
fn error(machine: &mut Machine) -> String {
    let out = machine.take_out();
    assert_eq!(out[..4], *b"_USP");
    assert_eq!(out[8], 2, "not an Error: {out:?}");
    assert_eq!(usize::from(out[12]) + 13, out.len(), "more than one frame");
    String::from_utf8(out[13..].to_vec()).unwrap()
}

#[test]
#[requirement("R-UDS.16", "R-UDS.17", "R-UDS.22")]
fn the_client_speaks_first_and_the_server_answers() {
    let (mut client, mut server) = (client(), server());
    assert_eq!(server.take_out(), b""[..]);
    let first = client.take_out();
    assert_eq!(first, HANDSHAKE_A);
    assert_eq!(events(&mut server, &first), [peer("proto::a", None)]);
    // Not before the host has decided.
    assert_eq!(server.take_out(), b""[..]);
    assert!(server.accept());
    let answer = server.take_out();
    assert_eq!(answer, HANDSHAKE_B);
    assert_eq!(events(&mut client, &answer), [peer("proto::b", None)]);
    assert_eq!(client.take_out(), b""[..], "an answer is not answered");

    client.send(b"abc");
    let sent = client.take_out();
    assert_eq!(sent, RECORD);
    assert_eq!(events(&mut server, &sent), [record()]);
    server.send(b"abc");
    assert_eq!(events(&mut client, &server.take_out()), [record()]);
}

#[test]
fn a_password_goes_beside_the_handshake() {
    let mut client = Machine::dialled(id("proto::a"), Some(b"pw"));
    let mut server = server();
    let both = client.take_out();
    assert_eq!(both, b"_USP\0\0\0\x14\x01\0\0\0\x08proto::a\x04\0\0\0\x02pw"[..]);
    let found = events(&mut server, &both);
    assert_eq!(found, [peer("proto::a", Some(b"pw"))]);
    assert!(!format!("{found:?}").contains("pw"));
    // In the other order, and alone.
    let mut server = self::server();
    assert_eq!(events(&mut server, b"_USP\0\0\0\x07\x04\0\0\0\x02pw"), []);
    let swapped = b"_USP\0\0\0\x14\x04\0\0\0\x02pw\x01\0\0\0\x08proto::a";
    assert_eq!(events(&mut server, swapped), [peer("proto::a", Some(b"pw"))]);
}

#[test]
#[requirement("R-UDS.15")]
fn unknown_types_are_ignored() {
    let mut server = server();
    assert_eq!(events(&mut server, b"_USP\0\0\0\x05\x09\0\0\0\0"), []);
    let mixed = b"_USP\0\0\0\x13\x05\0\0\0\x01x\x01\0\0\0\x08proto::a";
    assert_eq!(events(&mut server, mixed), [peer("proto::a", None)]);
    assert!(server.accept());
    assert_eq!(events(&mut server, b"_USP\0\0\0\x0d\xfe\0\0\0\0\x03\0\0\0\x03abc"), [record()]);
}

#[test]
#[requirement("R-UDS.19")]
fn further_handshakes_are_ignored() {
    let mut server = stands();
    let other = b"_USP\0\0\0\x0d\x01\0\0\0\x08proto::c";
    assert_eq!(events(&mut server, other), []);
    // Not even looked at.
    assert_eq!(events(&mut server, b"_USP\0\0\0\x05\x01\0\0\0\0"), []);
    assert_eq!(server.take_out(), b""[..]);
    assert_eq!(events(&mut server, RECORD), [record()]);

    let mut client = client();
    events(&mut client, HANDSHAKE_B);
    client.take_out();
    assert_eq!(events(&mut client, other), []);
    assert_eq!(client.take_out(), b""[..]);
}

#[test]
#[requirement("R-UDS.20")]
fn records_before_the_handshake_are_ignored() {
    let mut server = server();
    assert_eq!(events(&mut server, RECORD), []);
    // In the frame of the Handshake, and after it before the answer.
    let both = b"_USP\0\0\0\x15\x01\0\0\0\x08proto::a\x03\0\0\0\x03abc";
    assert_eq!(events(&mut server, both), [peer("proto::a", None)]);
    server.receive(RECORD);
    assert!(server.accept());
    assert_eq!(events(&mut server, b""), []);
    assert_eq!(events(&mut server, RECORD), [record()]);

    let mut client = client();
    assert_eq!(events(&mut client, RECORD), []);
    // The answer completes the handshake for the client: a Record behind it counts.
    let both = b"_USP\0\0\0\x15\x01\0\0\0\x08proto::b\x03\0\0\0\x03abc";
    assert_eq!(events(&mut client, both), [peer("proto::b", None), record()]);
}

#[test]
fn nothing_is_sent_before_the_handshake() {
    let mut server = server();
    server.send(b"abc");
    assert_eq!(server.take_out(), b""[..]);
}

#[test]
#[requirement("R-UDS.21")]
fn a_handshake_that_cannot_be_used_is_answered_with_an_error() {
    let cases: [(&[u8], &str); 5] = [
        (b"_USP\0\0\0\x05\x01\0\0\0\0", "not an endpoint id"),
        (b"_USP\0\0\0\x07\x01\0\0\0\x02\xff\xfe", "the endpoint id is not UTF-8"),
        (b"_USP\0\0\0\x09\x01\0\0\0\x04none", "not an endpoint id"),
        (
            b"_USP\0\0\0\x1a\x01\0\0\0\x08proto::a\x01\0\0\0\x08proto::c",
            "more than one handshake or password in a frame",
        ),
        (
            b"_USP\0\0\0\x17\x01\0\0\0\x08proto::a\x04\0\0\0\0\x04\0\0\0\0",
            "more than one handshake or password in a frame",
        ),
    ];
    for (bytes, why) in cases {
        for mut machine in [server(), client()] {
            machine.take_out();
            assert_eq!(events(&mut machine, bytes), [Event::End(End::Handshake(why))]);
            assert_eq!(error(&mut machine), why);
            // It is over: a better one comes too late.
            assert_eq!(events(&mut machine, HANDSHAKE_A), []);
        }
    }
}

#[test]
fn who_is_refused_is_told() {
    let mut server = server();
    events(&mut server, HANDSHAKE_A);
    server.refuse("unknown service");
    assert_eq!(error(&mut server), "unknown service");
    assert_eq!(events(&mut server, RECORD), []);
    server.send(b"abc");
    server.refuse("twice");
    assert_eq!(server.take_out(), b""[..]);

    let mut server = self::server();
    server.refuse(&"ä".repeat(200));
    assert_eq!(error_bytes(&mut server), 256);
    let mut server = self::server();
    server.refuse(&format!("x{}", "ä".repeat(200)));
    assert_eq!(error_bytes(&mut server), 255, "not cut within a character");
}

fn error_bytes(machine: &mut Machine) -> usize {
    let out = machine.take_out();
    assert!(std::str::from_utf8(&out[13..]).is_ok());
    out.len() - 13
}

#[test]
#[requirement("R-UDS.23")]
fn a_record_that_cannot_be_used_is_answered_with_an_error() {
    let mut server = stands();
    assert_eq!(events(&mut server, RECORD), [record()]);
    server.refuse("the Record can't be decoded");
    assert_eq!(error(&mut server), "the Record can't be decoded");
    assert_eq!(events(&mut server, RECORD), []);
}

#[test]
#[requirement("R-UDS.24")]
fn what_is_no_frame_is_answered_with_an_error() {
    let cases: [(&[u8], FrameError, &str); 4] = [
        (b"GET ", FrameError::Sync, "the frame does not begin with _USP"),
        (b"_USP\0\0\0\0", FrameError::Empty, "the frame holds nothing"),
        (b"_USP\0\0\0\x06\x03\0\0\0\x02a", FrameError::Overrun, "a value does not fit its frame"),
        // 64 KiB and 1 KiB are the most before the peer is authorised.
        (
            b"_USP\x00\x01\x04\x01",
            FrameError::TooLong { limit: 0x1_0400 },
            "the frame is longer than 66560 bytes",
        ),
    ];
    for (bytes, expected, text) in cases {
        for mut machine in [server(), stands(), client()] {
            machine.take_out();
            assert_eq!(events(&mut machine, bytes), [Event::End(End::Frame(expected))]);
            assert_eq!(error(&mut machine), text);
        }
    }
    // What came before counts.
    let mut server = stands();
    let both = [RECORD, b"nonsense"].concat();
    assert_eq!(events(&mut server, &both), [record(), Event::End(End::Frame(FrameError::Sync))]);
}

#[test]
#[requirement("R-UDS.25")]
fn an_error_ends_it_without_an_answer() {
    let told = b"_USP\0\0\0\x07\x02\0\0\0\x02no";
    for mut machine in [server(), stands(), client()] {
        machine.take_out();
        assert_eq!(events(&mut machine, told), [Event::End(End::PeerError("no".to_owned()))]);
        assert_eq!(machine.take_out(), b""[..]);
        assert_eq!(events(&mut machine, RECORD), []);
    }
    // While the host decides.
    let mut server = server();
    events(&mut server, HANDSHAKE_A);
    server.receive(told);
    assert!(!server.accept());
    assert_eq!(events(&mut server, b""), [Event::End(End::PeerError("no".to_owned()))]);
    assert_eq!(server.take_out(), b""[..]);
}

#[test]
#[requirement("R-UDS.18")]
fn the_handshake_may_take_thirty_seconds() {
    let mut client = client();
    assert_eq!(client.timeout(), Some(Duration::from_secs(30)));
    client.take_out();
    client.timed_out();
    assert_eq!(events(&mut client, HANDSHAKE_B), [Event::End(End::TimedOut)]);
    assert_eq!(error(&mut client), "no handshake in time");

    let mut late = self::client();
    events(&mut late, HANDSHAKE_B);
    assert_eq!(late.timeout(), None);
    late.timed_out();
    assert_eq!(events(&mut late, RECORD), [record()]);
}

#[test]
fn an_authorised_peer_may_send_more() {
    let mut server = stands();
    server.set_limit(0x2_0000);
    let mut long = b"_USP\x00\x02\x00\x05\x03\x00\x02\x00\x00".to_vec();
    long.resize(long.len() + 0x2_0000, 1);
    assert_eq!(events(&mut server, &long), [Event::Record(Bytes::from(vec![1; 0x2_0000]))]);
}
