//! Recorded exchanges, replayed: the agent's Records go in, and what the machine sends must be what was
//! sent then. Message ids are the machine's own and differ; everything else is compared as decoded.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use dm::{Mono, Now, Outcome};
use usp_endpoint::controller::io::{Input, Learned, Notification, Output, Ticket};
use usp_endpoint::controller::{ControllerConfig, ControllerMachine};
use usp_proto::exchange::{self, Direction, Entry};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::mask::mask_record;
use usp_proto::{Body, Msg, Record, RecordType};

const RETURN_PATH: ReturnPath = ReturnPath::WebSocket(LinkId(1));

mod obuspa;

/// The machine on one recorded connection, with a host that stores everything at once.
struct Replay {
    machine: ControllerMachine,
    now: Now,
    /// Sent and not compared yet.
    sent: Vec<Msg>,
    /// The id that was recorded, and the one that the machine gave to the same request.
    ids: BTreeMap<String, String>,
    onboarded: Vec<Result<(), String>>,
    learned: Vec<Learned>,
    /// Outcomes of operations that were submitted, in the order of their tickets.
    outcomes: BTreeMap<Ticket, Outcome>,
    notified: Vec<Notification>,
}

impl Replay {
    fn new(first: &Record) -> Replay {
        let endpoint = first.to_id.clone();
        let config = ControllerConfig::new(endpoint);
        let machine = ControllerMachine::new(Arc::new(config), first.from_id.clone(), [9; 32]);
        let now = Now { mono: Mono(0), utc: None };
        let mut replay = Replay {
            machine,
            now,
            sent: Vec::new(),
            ids: BTreeMap::new(),
            onboarded: Vec::new(),
            learned: Vec::new(),
            outcomes: BTreeMap::new(),
            notified: Vec::new(),
        };
        replay.input(Input::LinkUp {
            return_path: RETURN_PATH,
            contact: Contact::default(),
            peer: PeerAuth::Unproven,
        });
        replay
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        let mut stored: Vec<Ticket> = Vec::new();
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(outbound) => self.sent.push(message(outbound.record)),
                Output::Store { ticket, notification } => {
                    stored.push(ticket);
                    self.notified.push(notification);
                }
                Output::Onboarded { result, .. } => self.onboarded.push(result),
                Output::Learned(learned) => self.learned.push(learned),
                Output::Answered { ticket, outcome } => {
                    assert!(self.outcomes.insert(ticket, outcome).is_none(), "answered twice");
                }
                Output::Failed { failure, .. } => panic!("an operation failed: {failure:?}"),
                Output::Close { reason, .. } => panic!("the machine closes the connection: {reason}"),
                _ => {}
            }
        }
        stored.into_iter().for_each(|ticket| self.input(Input::Stored(ticket)));
    }

    /// The agent's Record, with the message id that the machine waits for.
    fn hear(&mut self, recorded: &Bytes) {
        let mut record = Record::decode(recorded.clone()).expect("a Record that was received");
        if let RecordType::NoSession { payload } = &mut record.record_type {
            let mut msg = Msg::decode(payload).expect("a Msg that was received");
            if !matches!(msg.body, Body::Request(_)) {
                msg.msg_id = self.ids.get(&msg.msg_id).cloned().unwrap_or(msg.msg_id);
                *payload = msg.encode();
            }
        }
        let (link, record) = (RETURN_PATH.link(), record.encode());
        self.input(Input::Record(Inbound {
            link,
            peer: PeerAuth::Unproven,
            return_path: RETURN_PATH,
            record,
        }));
    }

    /// Whether the machine has sent this too.
    fn has_sent(&mut self, expected: &Msg) -> bool {
        let same = |msg: &Msg| match &msg.body {
            Body::Request(_) => msg.body == expected.body,
            _ => msg == expected,
        };
        let Some(at) = self.sent.iter().position(same) else { return false };
        self.ids.insert(expected.msg_id.clone(), self.sent.remove(at).msg_id);
        true
    }
}

fn message(record: Bytes) -> Msg {
    match Record::decode(record).expect("a Record of a controller").record_type {
        RecordType::NoSession { payload } => Msg::decode(&payload).expect("a Msg of a controller"),
        other => panic!("a controller sends no {}", other.name()),
    }
}

/// Replays a recording. What the host did then, and when, is not in it: `acts` are done one after another,
/// each when something is to be sent that the machine has not sent by itself.
fn replay(name: &str, recording: &str, acts: Vec<Input>) -> Replay {
    let entries = exchange::parse(recording).expect("a recording");
    let first = entries.iter().find(|entry| entry.direction == Direction::In).expect("something was heard");
    let mut replay = Replay::new(&Record::decode(first.record.clone()).expect("a Record that was received"));
    let mut acts = acts.into_iter();
    for Entry { direction, at_micros, record, note, .. } in &entries {
        replay.now.mono = Mono(*at_micros);
        match direction {
            Direction::In => replay.hear(record),
            Direction::Out => {
                let expected = message(record.clone());
                let mut sent = replay.has_sent(&expected);
                if !sent && let Some(act) = acts.next() {
                    replay.input(act);
                    sent = replay.has_sent(&expected);
                }
                assert!(sent, "{name}: not sent: {note}; but {:?}", replay.sent);
            }
        }
    }
    assert!(replay.sent.is_empty(), "{name}: sent besides: {:?}", replay.sent);
    assert!(acts.next().is_none(), "{name}: something was not done");
    replay
}

#[test]
fn an_onboarding_of_the_simulated_world() {
    let world = include_str!("../../exchanges/world-onboarding.jsonl");
    let replay = replay("world-onboarding", world, vec![Input::Onboard(crate::world::plan())]);
    assert_eq!(replay.onboarded, [Ok(())]);
}

/// OB-USP-AGENT 11.0.4 on a WebSocket that it dialled: onboarded by a plan that does not know its model,
/// then by one that does; then what a person asked for, and a notification of it. It refuses
/// `OnBoardingComplete`, which its model does not have, and that is no reason to fail.
#[test]
fn ob_usp_agent() {
    let recording = include_str!("../../exchanges/obuspa-11-onboarding.jsonl");
    let mut acts = vec![Input::Onboard(obuspa::blind_plan()), Input::Onboard(obuspa::plan())];
    for (number, operation) in (1..).zip(obuspa::operations()) {
        acts.push(Input::Submit { ticket: Ticket(number), operation, deadline: Mono(3_600_000_000) });
    }
    let replay = replay("obuspa-11", recording, acts);
    assert_eq!(replay.onboarded, [Ok(()), Ok(())]);
    obuspa::check(&replay);
}

/// A trace of a server shows masks in the place of secrets, and can be replayed all the same.
#[test]
fn a_masked_recording_replays() {
    let mut entries =
        exchange::parse(include_str!("../../exchanges/world-onboarding.jsonl")).expect("a recording");
    let mut masks = 0;
    for entry in &mut entries {
        let shown = mask_record(&entry.record, &|path, _| path.starts_with("Device.DeviceInfo."));
        masks += usize::from(shown.masked);
        (entry.record, entry.masked) = (shown.record, shown.masked);
    }
    assert!(masks > 0, "there is nothing to mask");
    let acts = vec![Input::Onboard(crate::world::plan())];
    let replay = replay("world-onboarding, masked", &exchange::write(&entries), acts);
    assert_eq!(replay.onboarded, [Ok(())]);
}
