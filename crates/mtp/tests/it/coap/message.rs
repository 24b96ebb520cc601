//! Messages as bytes, with the examples of RFC 7252, and what is none.

use bytes::Bytes;
use mtp::coap::message::{Code, Kind, Message, NoMessage};
use mtp::coap::option::{self, Block};
use proptest::prelude::*;

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(pair).collect()
}

fn check(hex: &str, expected: &Message) {
    assert_eq!(Message::decode(&bytes(hex)).as_ref(), Ok(expected), "{hex}");
    assert_eq!(expected.encode(), bytes(hex), "{hex}");
}

#[test]
fn messages_and_their_bytes() {
    // RFC 7252 appendix A, figure 16: GET /temperature, and its answer.
    let get = Message::new(Kind::Confirmable, Code::GET, 0x7d34).with(option::URI_PATH, "temperature");
    check("4001 7d34 bb 74656d7065726174757265", &get);
    let mut content = Message::new(Kind::Acknowledgement, Code::CONTENT, 0x7d34);
    content.payload = "22.3 C".into();
    check("6045 7d34 ff 32322e332043", &content);
    // Figure 17: with a token.
    let mut get = Message::new(Kind::Confirmable, Code::GET, 0x7d35).with(option::URI_PATH, "temperature");
    get.token = Bytes::from_static(&[0x20]);
    check("4101 7d35 20 bb 74656d7065726174757265", &get);
    // An acknowledgement, a reset, and the question whether anybody is there.
    check("6000 7d34", &Message::new(Kind::Acknowledgement, Code::EMPTY, 0x7d34));
    check("7000 7d34", &Message::new(Kind::Reset, Code::EMPTY, 0x7d34));
    check("4000 7d34", &Message::new(Kind::Confirmable, Code::EMPTY, 0x7d34));
    // Deltas and lengths of one, two and three bytes: 12, 13, 268, 269 from one option to the next.
    let long = Message::new(Kind::NonConfirmable, Code::POST, 1)
        .with(12, "")
        .with(25, "thirteen byte")
        .with(293, Bytes::from(vec![7; 269]))
        .with(562, Bytes::from(vec![7; 268]));
    let (a, b) = ("07".repeat(269), "07".repeat(268));
    check(&format!("5002 0001 c0 dd0000 746869727465656e2062797465 deff0000{a} ed0000ff{b}"), &long);
}

#[test]
fn what_is_no_message() {
    let malformed = |kind, id, what| NoMessage::Malformed { kind, id, what };
    use Kind::{Acknowledgement, Confirmable, NonConfirmable};
    for (hex, expected) in [
        ("", NoMessage::Foreign),
        ("400112", NoMessage::Foreign),
        // Versions 0, 2 and 3.
        ("00010001", NoMessage::Foreign),
        ("80010001", NoMessage::Foreign),
        ("c0010001", NoMessage::Foreign),
        ("49010001 112233445566778899", malformed(Confirmable, 1, "a token of more than 8 bytes")),
        ("44010001 112233", malformed(Confirmable, 1, "it ends too early")),
        ("50010001 ff", malformed(NonConfirmable, 1, "no payload behind its marker")),
        ("40010001 f1", malformed(Confirmable, 1, "an option with a reserved delta or length")),
        ("40010001 1f", malformed(Confirmable, 1, "an option with a reserved delta or length")),
        ("40010001 d1", malformed(Confirmable, 1, "it ends too early")),
        ("40010001 e100", malformed(Confirmable, 1, "it ends too early")),
        ("40010001 1d", malformed(Confirmable, 1, "it ends too early")),
        ("40010001 b5 61", malformed(Confirmable, 1, "it ends too early")),
        ("40010001 e0ffff e0ffff", malformed(Confirmable, 1, "an option's number is too large")),
        ("41000001 20", malformed(Confirmable, 1, "an empty message with content")),
        ("60000001 ff31", malformed(Acknowledgement, 1, "an empty message with content")),
        ("40200001", malformed(Confirmable, 1, "a reserved code")),
        ("60e00001", malformed(Acknowledgement, 1, "a reserved code")),
        (&format!("40010001 {}", "10".repeat(65)), malformed(Confirmable, 1, "too many options")),
    ] {
        assert_eq!(Message::decode(&bytes(hex)), Err(expected), "{hex}");
    }
    let most = Message::decode(&bytes(&format!("40010001 {}", "10".repeat(64)))).expect("64 options");
    assert_eq!(most.options.len(), 64);
}

#[test]
fn integers_and_blocks() {
    for (value, hex) in
        [(0, ""), (1, "01"), (255, "ff"), (256, "0100"), (65536, "010000"), (u32::MAX, "ffffffff")]
    {
        assert_eq!(option::uint(value), bytes(hex));
        assert_eq!(option::read_uint(&bytes(hex)), Some(value));
    }
    // Zeros before it are let pass; more than four bytes are not.
    assert_eq!(option::read_uint(&bytes("00002a")), Some(42));
    assert_eq!(option::read_uint(&bytes("0000000001")), None);
    // RFC 7959 section 3: 1:0/1/128, 1:1/0/128, 2:3/1/64 and the like.
    for (number, more, exponent, hex) in [
        (0, false, 0, ""),
        (0, true, 3, "0b"),
        (1, false, 3, "13"),
        (3, true, 2, "3a"),
        (15, true, 6, "fe"),
        (16, false, 6, "0106"),
        (1_048_575, true, 6, "fffffe"),
    ] {
        let block = Block { number, more, exponent };
        assert_eq!(block.value(), bytes(hex));
        assert_eq!(Block::read(&bytes(hex)), Some(block));
    }
    assert_eq!(Block { number: 3, more: true, exponent: 2 }.offset(), 192);
    // The exponent 7 is reserved; four bytes are none.
    for hex in ["07", "0f", "01000006"] {
        assert_eq!(Block::read(&bytes(hex)), None, "{hex}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        (kind, code, id) in (0..4u8, prop::sample::select(vec![1u8, 2, 3, 4, 0x44, 0x5f, 0x80, 0xa3]), any::<u16>()),
        token in prop::collection::vec(any::<u8>(), 0..=8),
        options in prop::collection::vec((0..2000u16, prop::collection::vec(any::<u8>(), 0..400)), 0..8),
        payload in prop::collection::vec(any::<u8>(), 0..1100),
    ) {
        let kind = [Kind::Confirmable, Kind::NonConfirmable, Kind::Acknowledgement, Kind::Reset][usize::from(kind)];
        let mut message = Message::new(kind, Code(code), id);
        message.token = token.into();
        message.options = options.into_iter().map(|(number, value)| (number, value.into())).collect();
        message.options.sort_by_key(|(number, _)| *number);
        message.payload = payload.into();
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::decode(&bytes.into()) {
            let again = Message::decode(&message.encode());
            prop_assert_eq!(again, Ok(message));
        }
    }
}
