//! All associations of one UDP socket.
//!
//! An address has one that stands, and beside it one whose handshake is under way: whoever can write that address on
//! a datagram does not end what stands, and a peer that has forgotten it begins anew.

mod again;
mod handshake;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dimpl::Config;
use usp_proto::link::PeerAuth;

use super::super::limits::{ASSOCIATION_IDLE, ASSOCIATION_IDLE_CALLED, MAX_WAITING};
use super::association::{self, Association, Proof, Said};
use super::cookie::Cookies;
use super::event::{Event, Trust};
use super::hello::{self, ClientHello, Kind};
use crate::error::Error;

/// handshake_failure (RFC 5246 section 7.2.2).
const HANDSHAKE_FAILURE: u8 = 40;
/// bad_certificate.
const BAD_CERTIFICATE: u8 = 42;

/// What there is with one address.
#[derive(Default)]
struct Place {
    standing: Option<Association>,
    coming: Option<Association>,
    /// What is to be said when one stands.
    waiting: VecDeque<Bytes>,
    armed: Option<Duration>,
}

impl Place {
    fn due(&self) -> Option<Duration> {
        let standing = self.standing.as_ref().map(|it| it.due.min(it.used + idle(it)));
        standing.into_iter().chain(self.coming.as_ref().map(|it| it.due)).min()
    }

    fn is_empty(&self) -> bool {
        self.standing.is_none() && self.coming.is_none()
    }

    fn slot(&mut self, slot: Slot) -> &mut Option<Association> {
        match slot {
            Slot::Standing => &mut self.standing,
            Slot::Coming => &mut self.coming,
        }
    }
}

/// Who was called waits a little longer, so that the other side is the one to end it.
fn idle(association: &Association) -> Duration {
    if association.by_us { ASSOCIATION_IDLE } else { ASSOCIATION_IDLE_CALLED }
}

/// Which of the two associations of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Standing,
    /// Its handshake is under way.
    Coming,
}

/// What is done with an association before it is asked what it says.
#[derive(Clone, Copy)]
enum Act<'a> {
    Receive(&'a [u8]),
    Send(&'a [u8]),
    Wake,
    Close,
    Nothing,
}

/// The associations of a socket.
pub struct Layer {
    trust: Arc<dyn Trust>,
    config: Arc<Config>,
    cookies: Cookies,
    base: Instant,
    places: BTreeMap<SocketAddr, Place>,
    timers: BTreeSet<(Duration, SocketAddr)>,
    /// Whose certificates are to be judged again.
    doubted: BTreeSet<SocketAddr>,
    events: VecDeque<Event>,
    handshakes: usize,
    standing: usize,
    untrusted: usize,
}

impl Layer {
    /// Begins at `base`, which all times are counted from. The seed is for cookies, which are not to be guessed.
    ///
    /// # Errors
    /// When our certificate can't be used: its key is of another kind than DTLS is spoken with here.
    pub fn new(trust: Arc<dyn Trust>, base: Instant, seed: &[u8; 32]) -> Result<Layer, Error> {
        association::credential(&trust.own())?;
        Ok(Layer {
            trust,
            config: association::config()?,
            cookies: Cookies::new(seed),
            base,
            places: BTreeMap::new(),
            timers: BTreeSet::new(),
            doubted: BTreeSet::new(),
            events: VecDeque::new(),
            handshakes: 0,
            standing: 0,
            untrusted: 0,
        })
    }

    /// A datagram has come.
    pub fn receive(&mut self, now: Duration, from: SocketAddr, datagram: &[u8]) {
        self.judge_again(now, from);
        match hello::kind(datagram) {
            None => self.events.push_back(Event::Stray { from, what: "no DTLS" }),
            Some(Kind::Data) => {
                let stands = self.places.get(&from).is_some_and(|place| place.standing.is_some());
                let slot = if stands { Slot::Standing } else { Slot::Coming };
                self.work(now, from, slot, Act::Receive(datagram));
            }
            Some(Kind::Handshake) => match ClientHello::read(datagram) {
                Some(hello) => self.hello(now, from, &hello, datagram),
                None => {
                    let comes = self.places.get(&from).is_some_and(|place| place.coming.is_some());
                    let slot = if comes { Slot::Coming } else { Slot::Standing };
                    self.work(now, from, slot, Act::Receive(datagram));
                }
            },
        }
        self.settle(from);
    }

    /// Sends to somebody, who is called first where nothing stands.
    pub fn send(&mut self, now: Duration, to: SocketAddr, plain: Bytes) {
        self.judge_again(now, to);
        if self.places.get(&to).is_some_and(|place| place.standing.is_some()) {
            self.work(now, to, Slot::Standing, Act::Send(&plain));
            return self.settle(to);
        }
        if !self.call(now, to) {
            return;
        }
        if let Some(place) = self.places.get_mut(&to)
            && place.waiting.len() < MAX_WAITING
        {
            // What is left out is sent again by CoAP.
            place.waiting.push_back(plain);
        }
        self.settle(to);
    }

    /// Calls somebody with whom nothing stands yet, nor is about to; says again what stands. What becomes of it is told in
    /// any case. False when that can't be.
    pub fn call(&mut self, now: Duration, to: SocketAddr) -> bool {
        self.judge_again(now, to);
        if let Some(place) = self.places.get_mut(&to).filter(|place| !place.is_empty()) {
            match &mut place.coming {
                _ if place.standing.is_some() => self.events.push_back(Event::Up { at: to }),
                Some(theirs) => theirs.awaited = true,
                None => {}
            }
            return true;
        }
        let mut own = match self.begin(now, to) {
            Ok(own) => own,
            Err(why) => {
                self.events.push_back(Event::Gone { at: to, why, was: None });
                return false;
            }
        };
        if let Err(error) = own.call(now) {
            self.events.push_back(Event::Gone { at: to, why: error.to_string(), was: None });
            return false;
        }
        self.put(to, own);
        self.work(now, to, Slot::Coming, Act::Nothing);
        self.settle(to);
        true
    }

    /// Ends what stands with somebody, and what is under way.
    pub fn hang_up(&mut self, now: Duration, at: SocketAddr, why: &str) {
        self.work(now, at, Slot::Standing, Act::Close);
        for slot in [Slot::Coming, Slot::Standing] {
            self.end(at, slot, Some(why.to_owned()));
        }
        self.settle(at);
    }

    /// Ends all; what is to be said about that is among the events.
    pub fn close(&mut self, now: Duration) {
        let all: Vec<SocketAddr> = self.places.keys().copied().collect();
        for at in all {
            self.hang_up(now, at, "closed");
        }
    }

    /// The time of something has come.
    pub fn expired(&mut self, now: Duration) {
        self.judge_some(now);
        while let Some(&(at, address)) = self.timers.first() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let Some(place) = self.places.get_mut(&address) else { continue };
            place.armed = None;
            let is_idle = place.standing.as_ref().is_some_and(|it| it.used + idle(it) <= now);
            if is_idle {
                self.work(now, address, Slot::Standing, Act::Close);
                self.end(address, Slot::Standing, Some("not used for long".to_owned()));
            }
            for slot in [Slot::Coming, Slot::Standing] {
                self.work(now, address, slot, Act::Wake);
            }
            self.settle(address);
        }
    }

    /// When something happens by itself.
    pub fn timeout(&self) -> Option<Duration> {
        if !self.doubted.is_empty() {
            return Some(Duration::ZERO);
        }
        self.timers.first().map(|(at, _)| *at)
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is proven of whoever is at an address.
    pub fn proof(&self, at: SocketAddr) -> Option<&Proof> {
        self.places.get(&at)?.standing.as_ref()?.proof.as_ref()
    }

    /// Whether a datagram begins a handshake: it is a hello that returns a cookie, so that its sender is at this address, and
    /// none that came before. What else comes of an address of which nothing is known costs us little, and proves nothing.
    pub fn begins(&self, now: Duration, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(hello) = ClientHello::read(datagram) else { return false };
        self.said_before(from, &hello).is_none() && self.cookies.check(now, from, &hello).is_some()
    }

    /// Whether anything is remembered of an address.
    pub fn knows(&self, at: SocketAddr) -> bool {
        self.places.contains_key(&at)
    }

    /// Does something with an association, if it is there, and then what it says.
    fn work(&mut self, now: Duration, at: SocketAddr, slot: Slot, act: Act<'_>) {
        let Some(place) = self.places.get_mut(&at) else { return };
        let Some(own) = place.slot(slot) else { return };
        let done = match act {
            Act::Receive(datagram) => own.receive(now, datagram),
            Act::Send(plain) => own.send(now, plain),
            Act::Wake => own.expired(now),
            Act::Close => {
                own.close();
                Ok(())
            }
            Act::Nothing => Ok(()),
        };
        let said = own.drain();
        let (mut slot, mut waiting) = (slot, VecDeque::new());
        for one in said {
            match one {
                Said::Packet(datagram) => self.transmit(at, datagram),
                Said::Certificate(leaf) => {
                    if let Err(why) = self.judge(at, &leaf) {
                        self.transmit(at, hello::alert(BAD_CERTIFICATE).into());
                        self.refuse(at, why.clone());
                        return self.end(at, Slot::Coming, Some(why));
                    }
                }
                Said::Up => {
                    let Some(waited) = self.up(now, at) else { return };
                    (slot, waiting) = (Slot::Standing, waited);
                }
                Said::Data(datagram) => {
                    if let Some(own) = self.standing_mut(at).filter(|_| slot == Slot::Standing) {
                        own.used = now;
                        self.events.push_back(Event::Heard { from: at, datagram });
                    }
                }
                Said::Closed => return self.end(at, slot, Some("the peer has ended it".to_owned())),
            }
        }
        if let Err(error) = done {
            if slot == Slot::Coming {
                if error.is_ours() {
                    self.transmit(at, hello::alert(HANDSHAKE_FAILURE).into());
                }
                self.refuse(at, error.to_string());
            }
            return self.end(at, slot, Some(error.to_string()));
        }
        // Behind the last of the handshake.
        for plain in waiting {
            self.work(now, at, Slot::Standing, Act::Send(&plain));
        }
    }

    fn standing_mut(&mut self, at: SocketAddr) -> Option<&mut Association> {
        self.places.get_mut(&at)?.standing.as_mut()
    }

    /// One is there no more; that is told where there is a reason to tell.
    fn end(&mut self, at: SocketAddr, slot: Slot, why: Option<String>) {
        let Some(place) = self.places.get_mut(&at) else { return };
        let Some(own) = place.slot(slot).take() else { return };
        match slot {
            Slot::Coming => self.handshakes -= 1,
            Slot::Standing => {
                self.standing -= 1;
                let untrusted = own.proof.as_ref().is_some_and(|proof| is_untrusted(&proof.auth));
                self.untrusted -= usize::from(untrusted);
            }
        }
        // One that somebody waits for did not come about; another that stands is not concerned.
        let is_told = slot == Slot::Standing || own.awaited && place.standing.is_none();
        if is_told && let Some(why) = why {
            let was = own.proof.filter(|_| slot == Slot::Standing);
            self.events.push_back(Event::Gone { at, why, was });
        }
    }

    /// Sees to it that the time is watched, and forgets what nothing is left of.
    fn settle(&mut self, at: SocketAddr) {
        let Some(place) = self.places.get_mut(&at) else { return };
        let due = if place.is_empty() { None } else { place.due() };
        if place.armed != due {
            if let Some(old) = std::mem::replace(&mut place.armed, due) {
                self.timers.remove(&(old, at));
            }
            if let Some(due) = due {
                self.timers.insert((due, at));
            }
        }
        if place.is_empty() {
            self.places.remove(&at);
        }
    }

    fn transmit(&mut self, to: SocketAddr, datagram: Bytes) {
        self.events.push_back(Event::Transmit { to, datagram });
    }

    fn refuse(&mut self, from: SocketAddr, why: impl Into<String>) {
        self.events.push_back(Event::Refused { from, why: why.into() });
    }
}

/// Whether nobody that we know vouches for the certificate.
fn is_untrusted(auth: &PeerAuth) -> bool {
    !matches!(auth, PeerAuth::Certificate(certificate) if certificate.trusted || certificate.vouched)
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("standing", &self.standing).finish_non_exhaustive()
    }
}
