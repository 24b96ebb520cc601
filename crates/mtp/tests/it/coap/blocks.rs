//! Records in blocks (RFC 7959), from the sender's side and the receiver's.

use bytes::Bytes;
use mtp::coap::Failure;
use mtp::coap::machine::Event;
use mtp::coap::message::{Code, Kind, Message};
use mtp::coap::option::{BLOCK1, Block, SIZE1, read_uint};
use requirement::requirement;

use super::requests::post;
use super::world::{AT_AGENT, AT_CONTROLLER, Bench, record, secs};

fn block(number: u32, more: bool, exponent: u8) -> Block {
    Block { number, more, exponent }
}

/// What a sender says next, as `number/more/size`, and the bytes.
fn said(bench: &mut Bench) -> (String, Message) {
    let message = bench.said().pop().expect("it says something");
    let words = match Block::of(&message, BLOCK1).expect("sound") {
        Some(Block { number, more, exponent }) => format!("{number}/{}/{}", u8::from(more), 16 << exponent),
        None => "whole".to_owned(),
    };
    (words, message)
}

fn answer(bench: &mut Bench, to: &Message, code: Code, about: Option<Block>) {
    let mut answer = Message::new(Kind::Acknowledgement, code, to.id);
    answer.token = to.token.clone();
    answer.options.extend(about.map(|about| (BLOCK1, about.value())));
    bench.hear(answer);
}

/// A peer, and what a Record of 3000 bytes and some becomes: what is said each time, and how it is answered.
type Step = (&'static str, Code, Option<Block>);

fn sends(steps: &[Step]) -> Vec<Event> {
    let mut bench = Bench::proven();
    let whole = record(3000);
    assert_eq!(whole.len(), 3047);
    bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), whole.clone());
    let mut token: Option<Bytes> = None;
    for (expected, code, about) in steps {
        let (words, message) = said(&mut bench);
        assert_eq!(words, *expected);
        assert_eq!(*token.get_or_insert_with(|| message.token.clone()), message.token, "one token for all");
        assert_eq!(message.token.len(), 8);
        let own = Block::of(&message, BLOCK1).expect("sound");
        let start = own.map_or(0, Block::offset);
        assert_eq!(message.payload, whole[start..start + message.payload.len()]);
        let size = message.values(SIZE1).next().and_then(|size| read_uint(size));
        assert_eq!(size, (own.is_some() && start == 0).then_some(3047));
        answer(&mut bench, &message, *code, *about);
    }
    let left = bench.events();
    assert!(bench.machine.is_drained(), "{left:?}");
    left
}

#[requirement("R-COAP.5")]
#[test]
fn a_sender_follows_what_the_receiver_wants() {
    const CONTINUE: Code = Code::CONTINUE;
    let b = block;
    let fine = sends(&[
        ("0/1/1024", CONTINUE, Some(b(0, true, 6))),
        ("1/1/1024", CONTINUE, Some(b(1, true, 6))),
        ("2/0/1024", Code::CHANGED, Some(b(2, false, 6))),
    ]);
    assert_eq!(fine, []);
    // RFC 7959 figure 8: smaller blocks from here on.
    let fine = sends(&[
        ("0/1/1024", CONTINUE, Some(b(0, true, 5))),
        ("2/1/512", CONTINUE, Some(b(2, true, 5))),
        ("3/1/512", CONTINUE, Some(b(3, true, 4))),
        ("8/1/256", CONTINUE, Some(b(8, true, 6))),
        ("9/1/256", CONTINUE, Some(b(9, true, 6))),
        ("10/1/256", CONTINUE, Some(b(10, true, 6))),
        ("11/0/256", Code::CHANGED, None),
    ]);
    assert_eq!(fine, []);
    // Section 2.9.3: the first block was too large; begin again with smaller ones.
    let fine = sends(&[
        ("0/1/1024", Code::TOO_LARGE, Some(b(0, true, 5))),
        ("0/1/512", CONTINUE, Some(b(0, true, 5))),
        ("1/1/512", CONTINUE, Some(b(1, true, 5))),
        // Section 2.9.2: it has forgotten the first ones.
        ("2/1/512", Code::INCOMPLETE, None),
        ("0/1/512", CONTINUE, Some(b(0, true, 5))),
        ("1/1/512", CONTINUE, Some(b(1, true, 5))),
        ("2/1/512", CONTINUE, Some(b(2, true, 5))),
        ("3/1/512", CONTINUE, Some(b(3, true, 5))),
        ("4/1/512", CONTINUE, Some(b(4, true, 5))),
        ("5/0/512", Code::CHANGED, None),
    ]);
    assert_eq!(fine, []);
    let failed = |code| vec![Event::Failed { uri: AT_AGENT.into(), why: Failure::Refused(code) }];
    // Too long at any size; done before it was there; another block than the one that was sent; more wanted than
    // there is.
    assert_eq!(sends(&[("0/1/1024", Code::TOO_LARGE, None)]), failed(Code::TOO_LARGE));
    assert_eq!(sends(&[("0/1/1024", Code::CHANGED, None)]), failed(Code::CHANGED));
    assert_eq!(sends(&[("0/1/1024", CONTINUE, Some(b(1, true, 6)))]), failed(CONTINUE));
    let end = [
        ("0/1/1024", CONTINUE, Some(b(0, true, 6))),
        ("1/1/1024", CONTINUE, Some(b(1, true, 6))),
        ("2/0/1024", CONTINUE, Some(b(2, true, 6))),
    ];
    assert_eq!(sends(&end), failed(CONTINUE));
    // It never gets further: not for ever.
    let first = ("0/1/1024", CONTINUE, Some(b(0, true, 6)));
    let lost = ("1/1/1024", Code::INCOMPLETE, None);
    let round = [first, lost, first, lost, first, lost, first, lost, first, lost];
    assert_eq!(sends(&round), failed(Code::INCOMPLETE));
}

#[test]
fn a_whole_record_becomes_blocks_where_it_is_too_large() {
    let mut bench = Bench::proven();
    let whole = record(100);
    bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), whole.clone());
    let (words, message) = said(&mut bench);
    assert_eq!(words, "whole");
    answer(&mut bench, &message, Code::TOO_LARGE, Some(block(0, false, 2)));
    let mut sent = Vec::new();
    for expected in ["0/1/64", "1/1/64", "2/0/64"] {
        let (words, message) = said(&mut bench);
        assert_eq!(words, expected);
        sent.extend_from_slice(&message.payload);
        let about = Block::of(&message, BLOCK1).expect("sound");
        answer(
            &mut bench,
            &message,
            if expected == "2/0/64" { Code::CHANGED } else { Code::CONTINUE },
            about,
        );
    }
    assert_eq!(sent, whole);
    assert_eq!(bench.events(), []);
}

/// Puts a block of a Record in; gives the answer's code.
fn put(bench: &mut Bench, whole: &Bytes, at: Block) -> String {
    let start = at.offset().min(whole.len());
    let end = (start + at.size()).min(whole.len());
    let message = post(bench, whole.slice(start..end)).with(BLOCK1, at.value());
    let answer = bench.ask(message);
    let said = Block::of(&answer, BLOCK1).expect("sound");
    if answer.code.class() == 2 {
        assert_eq!(said, Some(at), "it names the block");
    }
    answer.code.to_string()
}

#[requirement("R-COAP.5", "R-COAP.8")]
#[test]
fn a_receiver_puts_them_together() {
    let whole = record(3000);
    type Steps = &'static [(u32, bool, u8, &'static str)];
    let cases: &[(&str, Steps, usize)] = &[
        ("in order", &[(0, true, 6, "2.31"), (1, true, 6, "2.31"), (2, false, 6, "2.04")], 1),
        (
            "smaller on the way",
            &[(0, true, 6, "2.31"), (1, true, 6, "2.31"), (4, true, 5, "2.31"), (5, false, 5, "2.04")],
            1,
        ),
        // The answer was lost, and the sender took another id.
        (
            "twice the same",
            &[
                (0, true, 6, "2.31"),
                (1, true, 6, "2.31"),
                (1, true, 6, "2.31"),
                (0, true, 6, "2.31"),
                (1, true, 6, "2.31"),
                (2, false, 6, "2.04"),
            ],
            1,
        ),
        ("a gap", &[(0, true, 6, "2.31"), (2, false, 6, "4.08"), (1, true, 6, "4.08")], 0),
        ("without the first", &[(1, true, 6, "4.08"), (2, false, 6, "4.08")], 0),
        (
            "begun anew",
            &[
                (0, true, 6, "2.31"),
                (0, true, 5, "2.31"),
                (1, true, 5, "2.31"),
                (1, true, 6, "2.31"),
                (2, false, 6, "2.04"),
            ],
            1,
        ),
        (
            "after the end",
            &[(0, true, 6, "2.31"), (1, true, 6, "2.31"), (2, false, 6, "2.04"), (2, false, 6, "4.08")],
            1,
        ),
        ("larger than it says", &[(0, true, 6, "2.31"), (1, false, 6, "4.00")], 0),
    ];
    for (what, steps, arrived) in cases {
        let mut bench = Bench::proven();
        for (number, more, exponent, expected) in *steps {
            assert_eq!(
                put(&mut bench, &whole, block(*number, *more, *exponent)),
                *expected,
                "{what}: {number}"
            );
        }
        let got = bench.arrived();
        assert_eq!(got.len(), *arrived, "{what}");
        assert!(got.iter().all(|record| *record == whole), "{what}");
    }
}

#[test]
fn a_block_shorter_or_longer_than_it_says() {
    for (length, more, expected) in
        [(15, true, "4.00"), (17, true, "4.00"), (17, false, "4.00"), (16, true, "2.31")]
    {
        let mut bench = Bench::proven();
        let message = post(&mut bench, vec![8; length]).with(BLOCK1, block(0, more, 0).value());
        assert_eq!(bench.ask(message).code.to_string(), expected, "{length} {more}");
    }
}

/// Blocks of one sender don't mix with those of another, nor with those that are to be answered elsewhere.
#[test]
fn whose_blocks_they_are() {
    let whole = record(1500);
    let mut bench = Bench::proven();
    assert_eq!(put(&mut bench, &whole, block(0, true, 6)), "2.31");
    let mut other = post(&mut bench, whole.slice(1024..)).with(BLOCK1, block(1, false, 6).value());
    bench.hear_from("192.0.2.1:9999", other.clone());
    assert_eq!(bench.said().pop().map(|said| said.code), Some(Code::INCOMPLETE));
    other.id += 1000;
    other.options[2].1 = "reply-to=coap://192.0.2.1/other".into();
    assert_eq!(bench.ask(other).code, Code::INCOMPLETE);
}

/// 93 seconds after the last block nobody waits for the next.
#[test]
fn what_does_not_go_on_is_forgotten() {
    let whole = record(1500);
    for (wait, expected) in [(92, "2.04"), (93, "4.08")] {
        let mut bench = Bench::proven();
        assert_eq!(put(&mut bench, &whole, block(0, true, 6)), "2.31");
        bench.pass(secs(wait));
        assert_eq!(put(&mut bench, &whole, block(1, false, 6)), expected);
    }
}
