//! Whose association has ended is not spoken for by whoever comes next to his address: the machine of CoAP above DTLS.

use std::time::Duration;

use bytes::Bytes;
use mtp::Role;
use mtp::coap::limits::MAX_HELD;
use mtp::coap::machine::Machine;
use mtp::coap::message::{Code, Kind, Message};
use mtp::coap::option::{CONTENT_FORMAT, URI_PATH, URI_QUERY, uint};

use crate::coap::world::{addr, machine, record};

const NOW: Duration = Duration::from_secs(1);
const DEVICE: &str = "192.0.2.1:49152";
/// Where it wants to be answered.
const LISTENING: &str = "192.0.2.1:5684";

fn post(machine: &mut Machine, id: u16, from: &str) {
    let mut message = Message::new(Kind::Confirmable, Code::POST, id)
        .with(URI_PATH, "usp")
        .with(CONTENT_FORMAT, uint(42))
        .with(URI_QUERY, "reply-to=coaps://192.0.2.1/usp");
    message.payload = record(10);
    machine.receive(NOW, addr(from), &message.encode());
    while machine.poll().is_some() {}
}

fn taken(machine: &mut Machine) -> Vec<Bytes> {
    std::iter::from_fn(|| machine.poll_record()).map(|one| one.record).collect()
}

/// A Record waits until somebody is proven to be where it is to be answered. If its sender goes meanwhile, the next one at
/// his address is not taken for who has sent it.
#[test]
fn a_record_that_waits_goes_with_its_sender() {
    for (gone, expected) in [(None, 1), (Some(DEVICE), 0), (Some("192.0.2.1:49153"), 1)] {
        let mut machine = machine(Role::Controller, 1).behind_dtls();
        machine.vouch(NOW, addr(DEVICE));
        post(&mut machine, 1, DEVICE);
        assert_eq!(taken(&mut machine).len(), 0, "it waits");
        if let Some(gone) = gone {
            assert!(machine.lost(addr(gone)).is_empty(), "nothing was ready");
        }
        // Somebody else is at the device's address, and the same device where it listens.
        machine.vouch(NOW, addr(DEVICE));
        machine.vouch(NOW, addr(LISTENING));
        assert_eq!(taken(&mut machine).len(), expected, "{gone:?}");
    }
}

/// What goes makes room for others.
#[test]
fn records_that_went_with_their_sender_take_no_room() {
    let mut machine = machine(Role::Controller, 1).behind_dtls();
    for number in 0..2 * MAX_HELD {
        let from = format!("192.0.2.1:{}", 10_000 + number);
        machine.vouch(NOW, addr(&from));
        post(&mut machine, 1, &from);
        machine.lost(addr(&from));
    }
    machine.vouch(NOW, addr(DEVICE));
    post(&mut machine, 1, DEVICE);
    machine.vouch(NOW, addr(LISTENING));
    assert_eq!(taken(&mut machine).len(), 1);
}

/// What was ready is given to whoever knows what was proven of its sender; nobody else takes it.
#[test]
fn a_record_that_is_ready_is_given_back() {
    let mut machine = machine(Role::Controller, 1).behind_dtls();
    for from in [DEVICE, LISTENING] {
        machine.vouch(NOW, addr(from));
        post(&mut machine, 1, from);
    }
    let given: Vec<_> = machine.lost(addr(DEVICE)).into_iter().map(|one| one.from).collect();
    assert_eq!(given, [addr(DEVICE)]);
    assert_eq!(machine.poll_record().map(|one| one.from), Some(addr(LISTENING)));
    assert!(!machine.has_record());
}
