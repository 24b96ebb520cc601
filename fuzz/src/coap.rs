//! Any bytes as datagrams of CoAP.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use mtp::Role;
use mtp::coap::limits::{MAX_DATAGRAM, MAX_OPTIONS};
use mtp::coap::machine::{Config, Event, Machine};
use mtp::coap::message::{Code, Kind, Message};
use mtp::coap::{CoapUri, option};

/// What can be read can be written and read again; URIs in it, too.
pub fn coap_message(data: &[u8]) {
    let Ok(message) = Message::decode(&Bytes::copy_from_slice(data)) else { return };
    assert!(message.options.len() <= MAX_OPTIONS && message.token.len() <= 8);
    assert_eq!(Message::decode(&message.encode()), Ok(message.clone()));
    let _ = option::has_unknown(&message);
    for (number, value) in &message.options {
        if let Some(block) = option::Block::read(value) {
            assert_eq!(option::Block::read(&block.value()), Some(block), "{number}");
        }
        let uri = std::str::from_utf8(value).ok().and_then(|text| text.parse::<CoapUri>().ok());
        if let Some(uri) = uri {
            // Written in full it may be longer than what is read.
            let again = uri.to_string().parse::<CoapUri>();
            assert!(again.is_err() || again.is_ok_and(|again| again == uri));
        }
    }
}

/// Datagrams, each behind a byte with its length in units of eight bytes and one with the address that it comes from:
/// no more is sent to an address than came from it, but for what a machine sends of itself; each Record that comes out
/// is to be answered at a proven address; and in the end nothing is left.
pub fn coap_machine(data: &[u8]) {
    let mut machine = Machine::new(Config { path: vec!["usp".to_owned()], role: Role::Agent }, [5; 32]);
    let mut now = Duration::from_secs(1);
    let mut rest = data;
    while let [length, from, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(*length) * 8).min(MAX_DATAGRAM));
        rest = tail;
        let from = SocketAddr::from(([192, 0, 2, 1], 1000 + u16::from(from % 4)));
        machine.receive(now, from, &Bytes::copy_from_slice(datagram));
        work(&mut machine, now, from, datagram.len());
        now += Duration::from_millis(700);
        machine.expired(now);
        work(&mut machine, now, from, 0);
    }
    while let Some(at) = machine.timeout() {
        assert!(at < now + Duration::from_secs(10_000), "it does not end");
        machine.expired(at);
        work(&mut machine, at, SocketAddr::from(([192, 0, 2, 9], 9)), 0);
    }
    assert!(machine.is_drained());
}

fn work(machine: &mut Machine, now: Duration, from: SocketAddr, came: usize) {
    while let Some(event) = machine.poll() {
        let Event::Transmit { to, datagram } = event else { continue };
        let said = Message::decode(&datagram).expect("what is sent is a message");
        let is_answer = said.kind != Kind::Confirmable && to == from && came > 0;
        let is_small = datagram.len() <= 4.max(2 * came) + 80;
        assert!(!is_answer || is_small || said.code == Code::CHANGED, "{said:?}");
        // Who is asked whether he is there is there.
        if said.kind == Kind::Confirmable && said.code == Code::EMPTY {
            machine.receive(now, to, &Message::new(Kind::Reset, Code::EMPTY, said.id).encode());
        }
    }
    while let Some(arrived) = machine.poll_record() {
        let uri: CoapUri = arrived.reply_to.parse().expect("a URI");
        assert_eq!(uri.address().map(|address| address.ip()), Some(arrived.from.ip()));
    }
}
