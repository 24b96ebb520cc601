//! Addresses that anybody may have written on a datagram, and what they can make us do and hold.

use bytes::Bytes;
use mtp::coap::Failure;
use mtp::coap::limits::{MAX_HELD, MAX_HELD_OF_ONE, MAX_QUEUED, MAX_READY, MAX_STRANGERS};
use mtp::coap::machine::{Event, Standing};
use mtp::coap::message::{Code, Kind, Message};
use mtp::coap::option::{BLOCK1, Block, CONTENT_FORMAT, SIZE1, URI_PATH, URI_QUERY, uint};
use requirement::requirement;

use super::requests::post;
use super::world::{AGENT, AT_AGENT, AT_CONTROLLER, Bench, Weather, World, addr, record, secs};

/// What is said to an address, and how many bytes that is.
fn transmitted(bench: &mut Bench) -> Vec<(String, Message)> {
    let said = bench.events().into_iter().filter_map(|event| match event {
        Event::Transmit { to, datagram } => {
            Some((to.to_string(), Message::decode(&datagram).expect("a message")))
        }
        _ => None,
    });
    said.collect()
}

/// The id of the question is all that proves an address: who guesses at it has 32 tries of 65536, and then the question
/// counts no more, nor does what waited for its answer.
#[test]
fn whoever_guesses_at_the_proof_has_few_tries() {
    for (tries, believed) in [(32, 1), (33, 0)] {
        let mut bench = Bench::new();
        let mut message = post(&mut bench, record(50));
        message.options[2].1 = "reply-to=coap://192.0.2.1:7000/usp".into();
        bench.hear_from("192.0.2.1:49152", message);
        let asked = transmitted(&mut bench)[0].1.id;
        for guess in 1..=tries {
            let id = asked.wrapping_add(guess * 3);
            bench.hear_from("192.0.2.1:7000", Message::new(Kind::Reset, Code::EMPTY, id));
        }
        bench.hear_from("192.0.2.1:7000", Message::new(Kind::Reset, Code::EMPTY, asked));
        assert_eq!(bench.arrived().len(), believed, "{tries}");
        let events = bench.events();
        let guessed =
            |event: &Event| matches!(event, Event::Refused { why: "guesses at what it was asked", .. });
        assert_eq!(events.iter().filter(|event| guessed(event)).count(), 1 - believed, "{events:?}");
    }
}

/// Of a stranger's Record nothing is heard until somebody answers where it wants to be answered; what is sent until then
/// is two small messages, however often they have to be sent.
#[requirement("R-COAP.2a")]
#[test]
fn a_record_waits_until_its_sender_is_proven_to_be_there() {
    for (there, refused) in [(true, 0), (false, 1)] {
        let mut bench = Bench::new();
        let mut message = post(&mut bench, record(60_000 / 64));
        message.options[2].1 = "reply-to=coap://192.0.2.1:7000/usp".into();
        let length = message.encode().len();
        bench.hear_from("192.0.2.1:49152", message);
        let said = transmitted(&mut bench);
        assert_eq!(said.len(), 2);
        assert_eq!((said[0].0.as_str(), said[0].1.code), ("192.0.2.1:7000", Code::EMPTY));
        assert_eq!((said[1].0.as_str(), said[1].1.code), ("192.0.2.1:49152", Code::CHANGED));
        let sent: usize = said.iter().map(|(_, one)| one.encode().len()).sum();
        assert!(sent * 10 < length);
        assert_eq!(bench.arrived().len(), 0);
        assert_eq!(bench.machine.standing(bench.now, addr("192.0.2.1:7000")), Standing::Known);
        // Whoever guesses wrong is not believed, and neither is somebody else.
        let wrong = Message::new(Kind::Reset, Code::EMPTY, said[0].1.id.wrapping_add(1));
        bench.hear_from("192.0.2.1:7000", wrong);
        bench.hear_from("192.0.2.1:7001", Message::new(Kind::Reset, Code::EMPTY, said[0].1.id));
        assert_eq!(bench.arrived().len(), 0);
        if there {
            bench.hear_from("192.0.2.1:7000", Message::new(Kind::Reset, Code::EMPTY, said[0].1.id));
            assert_eq!(bench.machine.standing(bench.now, addr("192.0.2.1:7000")), Standing::Proven);
        } else {
            bench.pass(secs(100));
            assert_eq!(bench.machine.standing(bench.now, addr("192.0.2.1:7000")), Standing::Unknown);
        }
        let events = bench.events();
        let refusals = events.iter().filter(|event| matches!(event, Event::Refused { .. })).count();
        assert_eq!(refusals, refused, "{events:?}");
        assert!(events.iter().all(|event| match event {
            Event::Transmit { datagram, .. } => datagram.len() == 4,
            _ => true,
        }));
        let arrived: Vec<_> = std::iter::from_fn(|| bench.machine.poll_record()).collect();
        assert_eq!(arrived.len(), usize::from(there));
        for one in arrived {
            assert_eq!(&*one.reply_to, "coap://192.0.2.1:7000/usp");
        }
    }
}

/// There are servers that answer the question whether anybody is there like any other.
#[test]
fn any_acknowledgement_proves_it() {
    for (kind, code) in [
        (Kind::Reset, Code::EMPTY),
        (Kind::Acknowledgement, Code::EMPTY),
        (Kind::Acknowledgement, Code::METHOD_NOT_ALLOWED),
    ] {
        let mut bench = Bench::new();
        let message = post(&mut bench, record(1));
        bench.hear(message);
        let ping = transmitted(&mut bench).remove(0).1;
        bench.hear(Message::new(kind, code, ping.id));
        assert_eq!(bench.arrived().len(), 1, "{kind:?} {code}");
    }
}

/// A name is taken for the address that the request came from: nothing is looked up for strangers.
#[test]
fn a_name_in_reply_to() {
    let mut bench = Bench::proven();
    let mut message = post(&mut bench, record(1));
    message.options[2].1 = "reply-to=coap://device.example/usp".into();
    assert_eq!(bench.ask(message).code, Code::CHANGED);
    let arrived = bench.machine.poll_record().expect("a Record");
    assert_eq!(&*arrived.reply_to, "coap://192.0.2.1/usp");
}

/// After an hour without an answer somebody else may be there.
#[test]
fn a_proof_grows_old() {
    let mut bench = Bench::proven();
    bench.pass(secs(3599));
    assert_eq!(bench.machine.standing(bench.now, addr(AGENT)), Standing::Proven);
    bench.pass(secs(1));
    assert_eq!(bench.machine.standing(bench.now, addr(AGENT)), Standing::Unknown);
    bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(1));
    assert_eq!(bench.said()[0].code, Code::EMPTY);
}

#[test]
fn records_of_whom_nothing_is_proven_are_short() {
    let limit = 64 * 1024;
    let mut bench = Bench::new();
    let block = |number: u32, more| Block { number, more, exponent: 6 }.value();
    for number in 0..64 {
        let message = post(&mut bench, vec![1; 1024]).with(BLOCK1, block(number, true));
        assert_eq!(bench.ask(message).code, Code::CONTINUE, "{number}");
    }
    let message = post(&mut bench, vec![1; 1]).with(BLOCK1, block(64, false));
    let answer = bench.ask(message);
    assert_eq!((answer.code, answer.values(SIZE1).next()), (Code::TOO_LARGE, Some(&uint(limit))));
    let message = post(&mut bench, vec![1; 1024]).with(BLOCK1, block(0, true)).with(SIZE1, uint(limit + 1));
    assert_eq!(bench.ask(message).code, Code::TOO_LARGE);
}

fn a_post(id: u16, from: &str, payload: Bytes, block: Option<Block>) -> Message {
    let mut message = Message::new(Kind::Confirmable, Code::POST, id)
        .with(URI_PATH, "usp")
        .with(CONTENT_FORMAT, uint(42))
        .with(URI_QUERY, format!("reply-to=coap://{from}/usp"));
    message.options.extend(block.map(|block| (BLOCK1, block.value())));
    message.payload = payload;
    message
}

/// What is put together of strangers is 4 MiB, whatever they are.
#[test]
fn blocks_of_many_strangers() {
    let mut bench = Bench::new();
    let say = |bench: &mut Bench, port: u32, number: u32| {
        let from = format!("192.0.2.1:{port}");
        let block = Block { number, more: true, exponent: 6 };
        let id = u16::try_from(number).expect("few");
        bench.hear_from(&from, a_post(id, &from, vec![0; 1024].into(), Some(block)));
        bench.said().pop().expect("an answer").code
    };
    for number in 0..64 {
        for port in 1000..1064 {
            assert_eq!(say(&mut bench, port, number), Code::CONTINUE);
        }
    }
    assert_eq!(say(&mut bench, 1064, 0), Code::UNAVAILABLE);
    // One that is forgotten makes room.
    bench.pass(secs(93));
    assert_eq!(say(&mut bench, 1065, 0), Code::CONTINUE);
}

#[test]
fn records_that_wait_for_a_proof_are_few() {
    let mut bench = Bench::new();
    let mut id = 0;
    let mut answered = |bench: &mut Bench, port: usize| {
        id += 1;
        let from = format!("192.0.2.1:{port}");
        bench.hear_from(&from, a_post(id, &from, record(1), None));
        bench.said().iter().any(|said| said.code == Code::CHANGED)
    };
    let of_one = (0..10).filter(|_| answered(&mut bench, 1000)).count();
    assert_eq!(of_one, MAX_HELD_OF_ONE);
    let others = (0..1000).filter(|at| answered(&mut bench, 2000 + at)).count();
    assert_eq!(MAX_HELD_OF_ONE + others, MAX_HELD);
}

#[test]
fn strangers_are_forgotten_for_others() {
    let mut bench = Bench::new();
    let known = |bench: &Bench, at: usize| {
        bench.machine.standing(bench.now, addr(&format!("192.0.2.1:{at}"))) != Standing::Unknown
    };
    for at in 1..=MAX_STRANGERS + 10 {
        bench.hear_from(&format!("192.0.2.1:{at}"), Message::new(Kind::Confirmable, Code::GET, 1));
    }
    bench.events();
    let count = (1..=MAX_STRANGERS + 10).filter(|at| known(&bench, *at)).count();
    assert_eq!(count, MAX_STRANGERS);
    assert!(!known(&bench, 10) && known(&bench, 11));
    // Nothing of them is left after their time.
    bench.pass(secs(247));
    assert_eq!(bench.machine.timeout(), None);
    assert!(!known(&bench, 11));
}

/// While nobody takes what has arrived, no more is let in: the sender will send it again.
#[test]
fn nobody_takes_what_has_arrived() {
    let mut bench = Bench::proven();
    for _ in 0..MAX_READY {
        let message = post(&mut bench, record(1));
        assert_eq!(bench.ask(message).code, Code::CHANGED);
    }
    let message = post(&mut bench, record(2));
    bench.hear(message.clone());
    assert_eq!(bench.said(), []);
    assert_eq!(bench.machine.poll_record().map(|one| one.record), Some(record(1)));
    assert_eq!(bench.ask(message).code, Code::CHANGED);
    assert_eq!(bench.arrived().len(), MAX_READY);
}

#[test]
fn what_waits_to_be_sent_is_bounded() {
    let failed = Event::Failed { uri: AT_AGENT.into(), why: Failure::Full };
    let mut bench = Bench::proven();
    let send = |bench: &mut Bench, record: Bytes| {
        bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record);
        let events = bench.events();
        events.into_iter().filter(|event| !matches!(event, Event::Transmit { .. })).collect::<Vec<_>>()
    };
    for _ in 0..MAX_QUEUED {
        assert_eq!(send(&mut bench, record(1)), []);
    }
    assert_eq!(send(&mut bench, record(1)), std::slice::from_ref(&failed));
    // A long one alone is taken, and nothing beside it.
    let mut bench = Bench::proven();
    assert_eq!(send(&mut bench, record(2_000_000)), []);
    assert_eq!(send(&mut bench, record(1)), [failed]);
}

#[test]
fn where_nothing_can_be_sent_to() {
    for uri in ["coap://name.example/usp", "coaps://192.0.2.1/usp", "http://192.0.2.1/", ""] {
        let mut bench = Bench::new();
        bench.machine.send(bench.now, &uri.into(), &AT_CONTROLLER.into(), record(1));
        assert_eq!(bench.events(), [Event::Failed { uri: uri.into(), why: Failure::NoWay }]);
        assert_eq!(bench.machine.timeout(), None);
    }
}

/// After whatever happened nothing is left behind.
#[test]
fn in_the_end_everything_is_forgotten() {
    for seed in 100..110 {
        let mut world = World::new(Weather { lost: 40, doubled: 20, late: 20 }, seed);
        for bytes in [10, 3000, 30_000, 5] {
            world.tell_controller(record(bytes));
            world.tell_agent(record(bytes));
        }
        world.run_until(secs(20_000));
        assert!(world.agent.is_drained() && world.controller.is_drained(), "seed {seed}");
        assert_eq!((world.agent.timeout(), world.controller.timeout()), (None, None), "seed {seed}");
    }
}
