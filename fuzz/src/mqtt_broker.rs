//! The MQTT broker: any bytes as what a client sends, from CONNECT on.

use std::time::Duration;

use mtp::PeerAuth;
use mtp::mqtt::Topic;
use mtp::mqtt::broker::machine::{Client, ConnId, Effect};
use mtp::mqtt::broker::wire::{Decoder, Incoming};
use mtp::mqtt::broker::{Machine, Rights};
use usp_proto::{EndpointId, Record};

const NOW: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(100_000);
/// CONNECT of both versions, and SUBSCRIBE to everything with QoS 2.
const OBSERVERS: [&[u8]; 2] = [
    b"\x10\x0E\0\x04MQTT\x05\x02\0\0\0\0\x01o\x82\x07\0\x01\0\0\x01#\x02",
    b"\x10\x0D\0\x04MQTT\x04\x02\0\0\0\x01p\x82\x06\0\x01\0\x01#\x02",
];

/// Whatever a client sends, in whatever pieces: it says nothing after its end, what others get are whole packets, an
/// Endpoint speaks only for itself and to its peers, and nothing is left when everybody is gone. The first byte
/// chooses whether the client is an Endpoint and where the rest is cut.
pub fn mqtt_broker(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let bound = choice & 1 == 1;
    let mut machine = Machine::new([0; 32]);
    let attached = machine.attach(vec!["c/#".parse().expect("a fixed filter")]);
    let observers = OBSERVERS.map(|bytes| observer(&mut machine, bytes));
    let mut peer = Peer { decoder: Decoder::new(), id: None, over: false };
    for piece in data.chunks(usize::from(choice / 2) + 1) {
        peer.send(&mut machine, piece, bound);
        for effect in machine.take_effects() {
            if let Effect::Deliver(_, arrived) = effect
                && bound
            {
                assert_eq!(Record::sender(&arrived.record), arrived.endpoint, "somebody else's Record");
                assert_eq!(arrived.topic.as_str(), "c/1", "a forbidden topic");
            }
        }
        for topic in observers.into_iter().flat_map(|id| drain(&mut machine, id)) {
            let allowed = topic == "c/1" || topic.starts_with("c/1/reply-to=");
            assert!(allowed || !bound, "a forbidden topic: {topic}");
        }
        peer.id.map(|id| drain(&mut machine, id));
    }
    if let Some(id) = peer.id {
        machine.fault(NOW, id, mtp::mqtt::broker::wire::Fault { code: 0x81, what: "the end" });
        drain(&mut machine, id);
        assert!(machine.is_closing(id));
    }
    for id in observers.into_iter().chain(peer.id) {
        machine.lost(NOW, id);
    }
    machine.detach(attached);
    machine.handle_timeout(LATER);
    assert_eq!(machine.connections(), 0);
    assert_eq!(machine.poll_timeout(), None, "a timer of nobody");
}

struct Peer {
    decoder: Decoder,
    id: Option<ConnId>,
    over: bool,
}

impl Peer {
    fn send(&mut self, machine: &mut Machine, mut data: &[u8], bound: bool) {
        while !data.is_empty() && !self.over {
            match (self.decoder.read(&mut data), self.id) {
                (Ok(None), _) => {}
                (Ok(Some(Incoming::Connect(connect))), None) => {
                    let client = Client { rights: rights(bound), peer_addr: None };
                    self.id = machine.connect(NOW, &connect, client).ok();
                    self.over = self.id.is_none();
                    self.decoder.admit();
                }
                (Ok(Some(packet)), Some(id)) => machine.receive(NOW, id, packet),
                (Ok(Some(packet)), None) => panic!("{packet:?} before CONNECT"),
                (Err(fault), id) => {
                    self.over = true;
                    if let Some(id) = id {
                        machine.fault(NOW, id, fault);
                        assert!(machine.is_closing(id), "open after {fault}");
                    }
                }
            }
        }
    }
}

fn observer(machine: &mut Machine, bytes: &[u8]) -> ConnId {
    let mut peer = Peer { decoder: Decoder::new(), id: None, over: false };
    peer.send(machine, bytes, false);
    peer.id.expect("a sound CONNECT")
}

/// Takes everything that there is to write: whole packets. Gives the topics of those that are messages.
fn drain(machine: &mut Machine, id: ConnId) -> Vec<String> {
    let mut topics = Vec::new();
    while let Some(chunk) = machine.poll_transmit(NOW, id) {
        let packet = [&chunk.head[..], &chunk.payload[..]].concat();
        let (mut length, mut at) = (0, 1);
        loop {
            length |= usize::from(packet[at] & 0x7F) << (7 * (at - 1));
            at += 1;
            if packet[at - 1] & 0x80 == 0 {
                break;
            }
        }
        assert_eq!(packet.len(), at + length, "not a whole packet");
        if packet[0] >> 4 == 3 {
            let name = usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
            topics.push(String::from_utf8_lossy(&packet[at + 2..at + 2 + name]).into_owned());
        }
    }
    topics
}

fn rights(bound: bool) -> Rights {
    let endpoint = EndpointId::receive("os::00256D-0001").expect("a fixed id");
    let topic = |name: &str| name.parse::<Topic>().expect("a fixed topic");
    let mut rights = Rights::of_endpoint(endpoint, PeerAuth::Unproven, &topic("a/1"), &[topic("c/1")]);
    if !bound {
        rights.endpoint = None;
        rights.retain = true;
        rights.subscribe = vec!["#".parse().expect("a fixed filter")];
        rights.publish.clone_from(&rights.subscribe);
    }
    rights
}
