//! What is asked, and how it is answered.

use mtp::coap::message::{Code, Kind, Message};
use mtp::coap::option::{
    ACCEPT, BLOCK1, BLOCK2, Block, CONTENT_FORMAT, PROXY_URI, SIZE1, SIZE2, URI_HOST, URI_PATH, URI_QUERY,
    uint,
};
use requirement::requirement;

use super::world::{Bench, REPLY_TO, record, secs};

/// A POST of a Record, as another Endpoint makes it.
pub(super) fn post(bench: &mut Bench, payload: impl Into<bytes::Bytes>) -> Message {
    let mut message = bench
        .request(Code::POST)
        .with(URI_PATH, "usp")
        .with(CONTENT_FORMAT, uint(42))
        .with(URI_QUERY, REPLY_TO);
    message.payload = payload.into();
    message
}

/// The same with other options; they are put in their order.
fn changed(bench: &mut Bench, gone: &[u16], come: &[(u16, &str)]) -> Message {
    let mut message = post(bench, record(10));
    message.options.retain(|(number, _)| !gone.contains(number));
    message.options.extend(come.iter().map(|(number, value)| (*number, (*value).to_owned().into())));
    message.options.sort_by_key(|(number, _)| *number);
    message
}

#[requirement("R-COAP.4", "R-COAP.7")]
#[test]
fn a_record_is_taken_once_and_answered_with_changed() {
    let mut bench = Bench::proven();
    let asked = post(&mut bench, record(10));
    let answer = bench.ask(asked.clone());
    assert_eq!((answer.kind, answer.code, answer.id), (Kind::Acknowledgement, Code::CHANGED, asked.id));
    assert_eq!((&answer.token, &answer.options[..], &answer.payload[..]), (&asked.token, &[][..], &[][..]));
    // A duplicate is given the same answer, until its id may mean something else: after 247 seconds.
    for wait in [1, 100, 145] {
        bench.pass(secs(wait));
        assert_eq!(bench.ask(asked.clone()), answer);
    }
    assert_eq!(bench.arrived(), [record(10)]);
    bench.pass(secs(1));
    assert_eq!(bench.ask(asked), answer);
    assert_eq!(bench.arrived(), [record(10)], "another one");
}

#[test]
fn one_that_wants_no_acknowledgement_is_answered_without_one() {
    let mut bench = Bench::proven();
    let asked = Message { kind: Kind::NonConfirmable, ..post(&mut bench, record(10)) };
    let answer = bench.ask(asked.clone());
    assert_eq!(
        (answer.kind, answer.code, &answer.token),
        (Kind::NonConfirmable, Code::CHANGED, &asked.token)
    );
    bench.hear(asked);
    assert_eq!(bench.said(), [], "a duplicate");
    assert_eq!(bench.arrived(), [record(10)]);
    // What can't be understood is not answered at all.
    let unknown = changed(&mut bench, &[], &[(9, "")]);
    bench.hear(Message { kind: Kind::NonConfirmable, ..unknown });
    assert_eq!(bench.said(), []);
}

#[requirement("R-COAP.2", "R-COAP.6", "R-COAP.8", "R-COAP.11", "R-COAP.12", "R-COAP.13")]
#[test]
fn what_is_wrong_and_how_it_is_answered() {
    type Case = (&'static str, &'static [u16], &'static [(u16, &'static str)], &'static str);
    const LONG: &str = "reply-to=coap://192.0.2.1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let cases: &[Case] = &[
        ("fine", &[], &[], "2.04"),
        ("for this host", &[], &[(URI_HOST, "other.example"), (7, "\u{16}3")], "2.04"),
        ("no content format", &[CONTENT_FORMAT], &[], "2.04"),
        ("a format with a zero before it", &[CONTENT_FORMAT], &[(CONTENT_FORMAT, "\0*")], "2.04"),
        ("an option that may be ignored", &[], &[(292, "tag"), (258, "\u{2}")], "2.04"),
        ("any answer will do", &[], &[(ACCEPT, "*")], "2.04"),
        ("another question beside it", &[], &[(URI_QUERY, "a=b")], "2.04"),
        ("another format", &[CONTENT_FORMAT], &[(CONTENT_FORMAT, "2")], "4.15"),
        ("the format none", &[CONTENT_FORMAT], &[(CONTENT_FORMAT, "")], "4.15"),
        ("no path", &[URI_PATH], &[], "4.04"),
        ("another path", &[URI_PATH], &[(URI_PATH, "other")], "4.04"),
        ("a longer path", &[], &[(URI_PATH, "usp")], "4.04"),
        ("the root below", &[], &[(URI_PATH, "")], "4.04"),
        ("no reply-to", &[URI_QUERY], &[], "4.00"),
        ("two of them", &[], &[(URI_QUERY, REPLY_TO)], "4.00"),
        ("no URI", &[URI_QUERY], &[(URI_QUERY, "reply-to=usp")], "4.00"),
        ("another scheme", &[URI_QUERY], &[(URI_QUERY, "reply-to=http://192.0.2.1/")], "4.00"),
        ("with DTLS", &[URI_QUERY], &[(URI_QUERY, "reply-to=coaps://192.0.2.1/")], "4.00"),
        ("with a query", &[URI_QUERY], &[(URI_QUERY, "reply-to=coap://192.0.2.1/?a")], "4.00"),
        ("too long", &[URI_QUERY], &[(URI_QUERY, LONG)], "4.00"),
        ("to somebody else", &[URI_QUERY], &[(URI_QUERY, "reply-to=coap://192.0.2.9/usp")], "4.03"),
        ("a critical option", &[], &[(9, "")], "4.02"),
        ("If-Match", &[], &[(1, "x")], "4.02"),
        ("a repeated option", &[], &[(ACCEPT, "*"), (ACCEPT, "*")], "4.02"),
        ("for a proxy", &[], &[(PROXY_URI, "coap://other/")], "5.05"),
        ("a block of a reserved size", &[], &[(BLOCK1, "\u{7}")], "4.00"),
    ];
    for (what, gone, come, expected) in cases {
        let mut bench = Bench::proven();
        let message = changed(&mut bench, gone, come);
        let length = message.encode().len();
        let answer = bench.ask(message);
        assert_eq!(answer.code.to_string(), *expected, "{what}");
        assert_eq!(bench.arrived().len(), usize::from(*expected == "2.04"), "{what}");
        assert!(answer.encode().len() <= length, "{what}: {answer:?}");
    }
    for method in [Code::GET, Code::of(0, 3), Code::of(0, 4), Code::of(0, 5), Code::of(0, 31)] {
        let mut bench = Bench::proven();
        let message = Message { code: method, ..post(&mut bench, record(10)) };
        assert_eq!(bench.ask(message).code, Code::METHOD_NOT_ALLOWED, "{method}");
    }
    for payload in [&b""[..], b"\xff\xff", b"{}"] {
        let mut bench = Bench::proven();
        let message = post(&mut bench, payload);
        assert_eq!(bench.ask(message).code, Code::BAD_REQUEST, "{payload:?}");
        assert_eq!(bench.arrived().len(), 0);
    }
}

#[test]
fn what_is_no_message_is_reset_and_what_is_no_coap_is_ignored() {
    let mut bench = Bench::new();
    bench.machine.receive(
        bench.now,
        super::world::addr(super::world::AGENT),
        &vec![0x40, 1, 0, 9, 0xff].into(),
    );
    assert_eq!(bench.said(), [Message::new(Kind::Reset, Code::EMPTY, 9)]);
    for bytes in [&[0x50, 1, 0, 9, 0xff][..], &[0xc0, 1, 0, 9], b"\x16\x03\x01\x00", b""] {
        bench.machine.receive(bench.now, super::world::addr(super::world::AGENT), &bytes.to_vec().into());
        assert_eq!(bench.said(), [], "{bytes:?}");
    }
}

/// RFC 7252 section 4.3: somebody asks whether we are here.
#[test]
fn the_question_whether_we_are_here() {
    let mut bench = Bench::new();
    bench.hear(Message::new(Kind::Confirmable, Code::EMPTY, 7));
    assert_eq!(bench.said(), [Message::new(Kind::Reset, Code::EMPTY, 7)]);
    bench.hear(Message::new(Kind::NonConfirmable, Code::EMPTY, 8));
    assert_eq!(bench.said(), []);
}

#[requirement("R-COAP.1")]
#[test]
fn resources_are_listed_as_a_whole_and_in_blocks() {
    const CORE: &str = "</usp>;rt=\"bbf.usp.endpoint\";if=\"bbf.usp.c\";ct=42";
    let mut bench = Bench::new();
    let core =
        |bench: &mut Bench| bench.request(Code::GET).with(URI_PATH, ".well-known").with(URI_PATH, "core");
    let asked = core(&mut bench);
    let answer = bench.ask(asked);
    assert_eq!((answer.code, &answer.payload[..]), (Code::CONTENT, CORE.as_bytes()));
    assert_eq!(answer.options, [(CONTENT_FORMAT, uint(40))]);
    let mut read = Vec::new();
    for (number, more) in [(0, true), (1, true), (2, true), (3, false)] {
        let block = Block { number, more: false, exponent: 0 };
        let asked = core(&mut bench).with(BLOCK2, block.value());
        let answer = bench.ask(asked);
        let said = Block { more, ..block }.value();
        assert_eq!(answer.options, [(CONTENT_FORMAT, uint(40)), (BLOCK2, said), (SIZE2, uint(49))]);
        read.extend_from_slice(&answer.payload);
    }
    assert_eq!(read, CORE.as_bytes());
    for (message, expected) in [
        (core(&mut bench).with(BLOCK2, Block { number: 4, more: false, exponent: 0 }.value()), "4.00"),
        (core(&mut bench).with(BLOCK2, Block { number: 0xf_ffff, more: false, exponent: 6 }.value()), "4.00"),
        (core(&mut bench).with(ACCEPT, uint(50)), "4.06"),
        (core(&mut bench).with(ACCEPT, uint(40)), "2.05"),
        (Message { code: Code::POST, ..core(&mut bench) }, "4.05"),
    ] {
        assert_eq!(bench.ask(message).code.to_string(), expected);
    }
    let mut agent = mtp::coap::machine::Machine::new(
        mtp::coap::machine::Config { path: vec!["a b".to_owned()], role: mtp::Role::Agent },
        [1; 32],
    );
    agent.receive(bench.now, super::world::addr(super::world::CONTROLLER), &core(&mut bench).encode());
    let Some(mtp::coap::machine::Event::Transmit { datagram, .. }) = agent.poll() else {
        panic!("an answer")
    };
    let answer = Message::decode(&datagram).expect("a message");
    assert_eq!(&answer.payload[..], b"</a%20b>;rt=\"bbf.usp.endpoint\";if=\"bbf.usp.a\";ct=42");
}

/// A Record of which the sender says that it is too long is refused before it comes.
#[test]
fn what_is_announced_as_too_long() {
    let mut bench = Bench::proven();
    let limit = 8 * 1024 * 1024;
    for (size, expected) in [(limit, "2.31"), (limit + 1, "4.13"), (u32::MAX, "4.13")] {
        let mut message = post(&mut bench, vec![0; 16]);
        message = message
            .with(BLOCK1, Block { number: 0, more: true, exponent: 0 }.value())
            .with(SIZE1, uint(size));
        let answer = bench.ask(message);
        assert_eq!(answer.code.to_string(), expected);
        let said = answer.values(SIZE1).next().cloned();
        assert_eq!(said, (expected == "4.13").then(|| uint(limit)));
    }
}
