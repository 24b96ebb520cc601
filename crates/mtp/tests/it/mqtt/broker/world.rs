//! A machine and its clients: bytes in, bytes out, and a clock that a test moves.

use std::net::SocketAddr;
use std::time::Duration;

use mtp::mqtt::broker::machine::{Arrived, Client, ConnId, Effect};
use mtp::mqtt::broker::wire::{Decoder, Incoming};
use mtp::mqtt::broker::{Incident, Machine, Offence, Rights};
use mtp::mqtt::{Topic, Version};
use mtp::{EndpointId, Login, PeerAuth};
use usp_proto::Record;

use crate::mqtt::machine::{packet, text};
use crate::support::id;

pub(crate) const BOTH: [Version; 2] = [Version::V5, Version::V3_1_1];
pub(crate) const AGENT: &str = "os::00256D-0001";
pub(crate) const OTHER: &str = "os::00256D-0002";
pub(crate) const OWN: &str = "usp/agents/os::00256D-0001";
pub(crate) const OTHERS: &str = "usp/agents/os::00256D-0002";
pub(crate) const CONTROLLER: &str = "usp/controllers/self::c";

pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) now: Duration,
    pub(crate) arrived: Vec<Arrived>,
    pub(crate) told: Vec<Incident>,
}

pub(crate) struct Peer {
    pub(crate) id: ConnId,
    decoder: Decoder,
}

impl World {
    pub(crate) fn new() -> World {
        let now = Duration::from_secs(1000);
        World { machine: Machine::new([7; 32]), now, arrived: Vec::new(), told: Vec::new() }
    }

    /// CONNECT as these bytes, admitted with these rights; what CONNACK says is left to be heard.
    pub(crate) fn connect(&mut self, bytes: &[u8], rights: Rights) -> Result<Peer, u8> {
        self.connect_from(bytes, rights, None)
    }

    /// The same from this address.
    pub(crate) fn connect_from(
        &mut self,
        bytes: &[u8],
        rights: Rights,
        peer_addr: Option<SocketAddr>,
    ) -> Result<Peer, u8> {
        let mut decoder = Decoder::new();
        let mut data = bytes;
        let connect = match decoder.read(&mut data) {
            Ok(Some(Incoming::Connect(connect))) => connect,
            other => panic!("not CONNECT: {other:?}"),
        };
        decoder.admit();
        let id = self.machine.connect(self.now, &connect, Client { rights, peer_addr })?;
        self.look();
        Ok(Peer { id, decoder })
    }

    /// A client with a clean session that may do everything, whose CONNACK is heard.
    pub(crate) fn anybody(&mut self, version: Version, name: &str) -> Peer {
        let peer = self.connect(&hello(version, name), free(name)).expect("it may");
        self.hear(&peer);
        peer
    }

    /// An Endpoint whose CONNACK is heard.
    pub(crate) fn endpoint(&mut self, version: Version, eid: &str, own: &str) -> Peer {
        let peer = self.connect(&hello(version, eid), bound(eid, own)).expect("it may");
        self.hear(&peer);
        peer
    }

    pub(crate) fn say(&mut self, peer: &mut Peer, bytes: &[u8]) {
        let mut data = bytes;
        while !data.is_empty() {
            match peer.decoder.read(&mut data) {
                Ok(Some(packet)) => self.machine.receive(self.now, peer.id, packet),
                Ok(None) => break,
                Err(fault) => {
                    self.machine.fault(self.now, peer.id, fault);
                    break;
                }
            }
        }
        self.look();
    }

    /// What the broker has for this client, packet by packet.
    pub(crate) fn hear(&mut self, peer: &Peer) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while let Some(chunk) = self.machine.poll_transmit(self.now, peer.id) {
            packets.push([&chunk.head[..], &chunk.payload[..]].concat());
        }
        packets
    }

    pub(crate) fn ask(&mut self, peer: &mut Peer, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.say(peer, bytes);
        self.hear(peer)
    }

    pub(crate) fn lose(&mut self, peer: &Peer) {
        self.machine.lost(self.now, peer.id);
        self.look();
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.handle_timeout(self.now);
        self.look();
    }

    pub(crate) fn is_open(&self, peer: &Peer) -> bool {
        !self.machine.is_closing(peer.id)
    }

    /// What the broker told its host since.
    pub(crate) fn offences(&mut self) -> Vec<Offence> {
        std::mem::take(&mut self.told).into_iter().map(|incident| incident.what).collect()
    }

    pub(crate) fn look(&mut self) {
        for effect in self.machine.take_effects() {
            match effect {
                Effect::Wake(_) => {}
                Effect::Deliver(_, arrived) => self.arrived.push(arrived),
                Effect::Tell(incident) => self.told.push(incident),
            }
        }
    }
}

/// Proved by a password.
pub(crate) fn login(name: &str) -> PeerAuth {
    PeerAuth::Login(Login::new(name, [7; 32]))
}

/// Rights to everything.
pub(crate) fn free(identity: &str) -> Rights {
    Rights {
        identity: identity.into(),
        endpoint: None,
        proof: login(identity),
        subscribe: vec!["#".parse().unwrap()],
        publish: vec!["#".parse().unwrap()],
        offered: Vec::new(),
        response_information: None,
        retain: true,
        waits: false,
    }
}

/// Those of an Endpoint.
pub(crate) fn bound(eid: &str, own: &str) -> Rights {
    Rights::of_endpoint(id(eid), login(eid), &topic(own), &[topic(CONTROLLER)])
}

pub(crate) fn topic(name: &str) -> Topic {
    name.parse().unwrap()
}

/// CONNECT with a clean session, a keep-alive of 60 seconds and no properties.
pub(crate) fn hello(version: Version, client_id: &str) -> Vec<u8> {
    connect(version, 0x02, 60, &[], &[&text(client_id)])
}

/// CONNECT: flags, keep-alive, properties of 5.0, and the payload.
pub(crate) fn connect(
    version: Version,
    flags: u8,
    keep_alive: u16,
    props: &[u8],
    payload: &[&[u8]],
) -> Vec<u8> {
    let level = if version == Version::V5 { 5 } else { 4 };
    let [high, low] = keep_alive.to_be_bytes();
    let head = [0, 4, b'M', b'Q', b'T', b'T', level, flags, high, low];
    let payload = payload.concat();
    match version {
        Version::V5 => packet(0x10, &[&head, &[props.len() as u8], props, &payload]),
        Version::V3_1_1 => packet(0x10, &[&head, &payload]),
    }
}

/// SUBSCRIBE with the packet id 1 to one filter.
pub(crate) fn subscribe(version: Version, filter: &str, options: u8) -> Vec<u8> {
    packet(0x82, &[&[0, 1], none(version), &text(filter), &[options]])
}

/// SUBACK of it.
pub(crate) fn suback(version: Version, code: u8) -> Vec<u8> {
    packet(0x90, &[&[0, 1], none(version), &[code]])
}

/// PUBLISH without properties; `first` is its first byte.
pub(crate) fn publish(version: Version, first: u8, topic: &str, id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    publish_with(version, first, topic, id, &[], payload)
}

/// PUBLISH with properties, which 3.1.1 leaves out.
pub(crate) fn publish_with(
    version: Version,
    first: u8,
    topic: &str,
    id: Option<u16>,
    props: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let id = id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default();
    let length = [props.len() as u8];
    let (length, props) = if version == Version::V5 { (&length[..], props) } else { (&[][..], &[][..]) };
    packet(first, &[&text(topic), &id, length, props, payload])
}

/// The empty properties of 5.0.
pub(crate) fn none(version: Version) -> &'static [u8] {
    if version == Version::V5 { &[0] } else { &[] }
}

/// A Record of `from`.
pub(crate) fn record(from: &str) -> Vec<u8> {
    record_of(from, b"payload".to_vec())
}

pub(crate) fn record_of(from: &str, payload: Vec<u8>) -> Vec<u8> {
    let (from, to): (EndpointId, EndpointId) = (id(from), id("self::c"));
    Record::message(&from, &to, usp_proto::Version::CURRENT, payload.into()).encode().to_vec()
}
