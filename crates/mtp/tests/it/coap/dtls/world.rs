//! Two ends of DTLS and the network between them, which the test is.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mtp::coap::dtls::{Event, Layer, Trust};

pub(super) fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(super) const DEVICE: u16 = 1;
pub(super) const SERVER: u16 = 2;

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) bytes: Bytes,
}

/// One end, and what has happened to it.
pub(super) struct End {
    port: u16,
    pub(super) layer: Layer,
    pub(super) told: Vec<Event>,
}

impl End {
    pub(super) fn new(port: u16, trust: Arc<dyn Trust>) -> End {
        let seed = [u8::try_from(port % 251).expect("small"); 32];
        let layer = Layer::new(trust, Instant::now(), &seed).expect("a credential");
        End { port, layer, told: Vec::new() }
    }

    /// What came by DTLS since it was asked last.
    pub(super) fn heard(&mut self) -> Vec<Bytes> {
        let told = std::mem::take(&mut self.told);
        let heard = told.into_iter().filter_map(|event| match event {
            Event::Heard { datagram, .. } => Some(datagram),
            _ => None,
        });
        heard.collect()
    }

    pub(super) fn stands_with(&self, port: u16) -> bool {
        self.layer.proof(at(port)).is_some()
    }

    /// Why somebody was refused, or what is there no more; all of it.
    pub(super) fn whys(&self) -> String {
        let whys = self.told.iter().filter_map(|event| match event {
            Event::Refused { why, .. } | Event::Gone { why, .. } => Some(why.as_str()),
            _ => None,
        });
        whys.collect::<Vec<_>>().join("; ")
    }
}

/// Both, and what is between them.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) ends: Vec<End>,
    pub(super) wire: VecDeque<Sent>,
    /// All that was ever sent.
    pub(super) seen: Vec<Sent>,
}

impl World {
    pub(super) fn new(device: Arc<dyn Trust>, server: Arc<dyn Trust>) -> World {
        let ends = vec![End::new(DEVICE, device), End::new(SERVER, server)];
        World { now: Duration::from_secs(1), ends, wire: VecDeque::new(), seen: Vec::new() }
    }

    pub(super) fn add(&mut self, port: u16, trust: Arc<dyn Trust>) {
        self.ends.push(End::new(port, trust));
    }

    pub(super) fn end(&mut self, port: u16) -> &mut End {
        self.ends.iter_mut().find(|end| end.port == port).expect("such an end")
    }

    pub(super) fn say(&mut self, from: u16, to: u16, words: &'static [u8]) {
        let now = self.now;
        self.end(from).layer.send(now, at(to), Bytes::from_static(words));
        self.collect();
    }

    /// Hands over a datagram, whoever wrote it.
    pub(super) fn hand_over(&mut self, from: u16, to: u16, bytes: &[u8]) {
        let now = self.now;
        if let Some(end) = self.ends.iter_mut().find(|end| end.port == to) {
            end.layer.receive(now, at(from), bytes);
        }
        self.collect();
    }

    pub(super) fn collect(&mut self) {
        for end in &mut self.ends {
            while let Some(event) = end.layer.poll() {
                match event {
                    Event::Transmit { to, datagram } => {
                        let sent = Sent { from: end.port, to: to.port(), bytes: datagram };
                        self.seen.push(sent.clone());
                        self.wire.push_back(sent);
                    }
                    other => end.told.push(other),
                }
            }
        }
    }

    /// Brings what is on its way, and what follows from that, except what the network loses.
    pub(super) fn bring(&mut self, mut loses: impl FnMut(&Sent) -> bool) {
        while let Some(sent) = self.wire.pop_front() {
            if !loses(&sent) {
                self.hand_over(sent.from, sent.to, &sent.bytes);
            }
        }
    }

    /// Time passes until this long after now; what is sent is brought.
    pub(super) fn pass(&mut self, long: Duration) {
        let until = self.now + long;
        loop {
            let next = self.ends.iter().filter_map(|end| end.layer.timeout()).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            for end in &mut self.ends {
                end.layer.expired(now);
            }
            self.collect();
            self.bring(|_| false);
        }
        self.now = until;
    }
}
