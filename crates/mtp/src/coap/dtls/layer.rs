//! All associations of one UDP socket.
//!
//! An address has one that stands, and beside it one whose handshake is under way: whoever can write that address on
//! a datagram does not end what stands, and a peer that has forgotten it begins anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dimpl::Config;
use pki::Identity;
use rustls_pki_types::CertificateDer;
use usp_proto::link::PeerAuth;

use super::super::limits::{
    ASSOCIATION_IDLE, ASSOCIATION_IDLE_CALLED, MAX_ASSOCIATIONS, MAX_HANDSHAKES, MAX_HANDSHAKES_OF_ONE,
    MAX_UNTRUSTED, MAX_WAITING,
};
pub use super::association::Proof;
use super::association::{self, Association, Said};
use super::cookie::Cookies;
use super::crypto::with_cookie;
use super::hello::{self, ClientHello, Kind};
use crate::error::Error;

/// bad_certificate (RFC 5246 section 7.2.2).
const BAD_CERTIFICATE: u8 = 42;
/// handshake_failure
const HANDSHAKE_FAILURE: u8 = 40;

/// Whose certificates count, and what we show.
pub trait Trust: Send + Sync {
    /// Our certificate and its key, now.
    fn own(&self) -> Identity;

    /// What the certificate of somebody proves who came to us, or to whom we came; its key is proven by the
    /// handshake. Not asked about one that stands for somebody at the same host already.
    ///
    /// # Errors
    /// Why it is refused.
    fn judge(&self, at: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String>;
}

/// What is to be done, or has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A datagram leaves.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// What.
        datagram: Bytes,
    },
    /// An association stands.
    Up {
        /// With whom.
        at: SocketAddr,
    },
    /// What came by it.
    Heard {
        /// From whom.
        from: SocketAddr,
        /// What.
        datagram: Bytes,
    },
    /// It stands no more, or the one that comes after it is somebody else's; or none came about.
    Gone {
        /// With whom.
        at: SocketAddr,
        /// Why.
        why: String,
        /// What was proven of whoever was there.
        was: Option<Proof>,
    },
    /// Somebody is not who may come, or does what one does not do.
    Refused {
        /// Who.
        from: SocketAddr,
        /// Why.
        why: String,
    },
}

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
}

/// Who was called waits a little longer, so that the other side is the one to end it.
fn idle(association: &Association) -> Duration {
    if association.by_us { ASSOCIATION_IDLE } else { ASSOCIATION_IDLE_CALLED }
}

/// What is done with an association before it is asked what it says.
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
            events: VecDeque::new(),
            handshakes: 0,
            standing: 0,
            untrusted: 0,
        })
    }

    /// A datagram has come.
    pub fn receive(&mut self, now: Duration, from: SocketAddr, datagram: &[u8]) {
        match hello::kind(datagram) {
            None => self.refuse(from, "no DTLS"),
            Some(Kind::Data) => {
                let is_coming = self.places.get(&from).is_some_and(|place| place.standing.is_none());
                self.work(now, from, is_coming, Act::Receive(datagram));
            }
            Some(Kind::Handshake) => match ClientHello::read(datagram) {
                Some(hello) => self.hello(now, from, &hello, datagram),
                None => {
                    let is_coming = self.places.get(&from).is_some_and(|place| place.coming.is_some());
                    self.work(now, from, is_coming, Act::Receive(datagram));
                }
            },
        }
        self.settle(from);
    }

    /// Sends to somebody, who is called first where nothing stands.
    pub fn send(&mut self, now: Duration, to: SocketAddr, plain: Bytes) {
        if self.places.get(&to).is_some_and(|place| place.standing.is_some()) {
            self.work(now, to, false, Act::Send(&plain));
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

    /// Calls somebody with whom nothing stands yet, nor is about to; says again what stands. False when that can't be.
    pub fn call(&mut self, now: Duration, to: SocketAddr) -> bool {
        if let Some(place) = self.places.get(&to).filter(|place| !place.is_empty()) {
            if place.standing.is_some() {
                self.events.push_back(Event::Up { at: to });
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
        self.work(now, to, true, Act::Nothing);
        self.settle(to);
        true
    }

    /// Ends what stands with somebody, and what is under way.
    pub fn hang_up(&mut self, now: Duration, at: SocketAddr, why: &str) {
        self.work(now, at, false, Act::Close);
        self.end(at, true, None);
        self.end(at, false, Some(why.to_owned()));
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
        while let Some(&(at, address)) = self.timers.first() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let Some(place) = self.places.get_mut(&address) else { continue };
            place.armed = None;
            let is_idle = place.standing.as_ref().is_some_and(|it| it.used + idle(it) <= now);
            if is_idle {
                self.work(now, address, false, Act::Close);
                self.end(address, false, Some("not used for long".to_owned()));
            }
            for is_coming in [true, false] {
                self.work(now, address, is_coming, Act::Wake);
            }
            self.settle(address);
        }
    }

    /// When something happens by itself.
    pub fn timeout(&self) -> Option<Duration> {
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

    /// Whether anything is remembered of an address.
    pub fn knows(&self, at: SocketAddr) -> bool {
        self.places.contains_key(&at)
    }

    /// Somebody says hello: again, or anew.
    fn hello(&mut self, now: Duration, from: SocketAddr, hello: &ClientHello<'_>, datagram: &[u8]) {
        let is_its =
            |it: &Option<Association>| it.as_ref().is_some_and(|it| !it.by_us && it.hello == hello.head);
        if let Some(place) = self.places.get(&from) {
            let (coming, standing) = (is_its(&place.coming), is_its(&place.standing));
            if coming || standing {
                return self.work(now, from, coming, Act::Receive(datagram));
            }
        }
        let Some(cookie) = self.cookies.check(now, from, hello) else {
            let cookie = self.cookies.make(now, from, hello);
            return self.transmit(from, hello.verify_request(&cookie).into());
        };
        let mut own = match self.begin(now, from) {
            Ok(own) => own,
            Err(why) => return self.refuse(from, why),
        };
        own.hello = hello.head.to_vec();
        // The library counts messages from the first hello, and asks for its cookie, as was done here already.
        let began = own.receive(now, &hello.first());
        drop(own.drain());
        let began = began.and_then(|()| with_cookie(cookie, || own.receive(now, datagram)));
        if let Err(error) = began {
            self.transmit(from, hello::alert(HANDSHAKE_FAILURE).into());
            return self.refuse(from, error.to_string());
        }
        self.put(from, own);
        self.work(now, from, true, Act::Nothing);
    }

    /// An association that says nothing yet, if there is room for one.
    fn begin(&self, now: Duration, with: SocketAddr) -> Result<Association, String> {
        let begins = (SocketAddr::new(with.ip(), 0), SocketAddr::new(with.ip(), u16::MAX));
        let of_one =
            self.places.range(begins.0..=begins.1).filter(|(_, place)| place.coming.is_some()).count();
        if self.handshakes >= MAX_HANDSHAKES || of_one >= MAX_HANDSHAKES_OF_ONE {
            return Err("too many handshakes at once".to_owned());
        }
        if self.standing >= MAX_ASSOCIATIONS {
            return Err("too many associations".to_owned());
        }
        let own = association::credential(&self.trust.own()).map_err(|error| error.to_string())?;
        Ok(Association::new(&self.config, own, self.base, now))
    }

    /// It takes the place of another whose handshake is under way.
    fn put(&mut self, at: SocketAddr, own: Association) {
        let place = self.places.entry(at).or_default();
        let (before, stands) = (place.coming.replace(own), place.standing.is_some());
        self.handshakes += usize::from(before.is_none());
        if before.is_some_and(|before| before.by_us) && !stands {
            let why = "it has called us meanwhile".to_owned();
            self.events.push_back(Event::Gone { at, why, was: None });
        }
    }

    /// Does something with an association, if it is there, and then what it says.
    fn work(&mut self, now: Duration, at: SocketAddr, is_coming: bool, act: Act<'_>) {
        let Some(place) = self.places.get_mut(&at) else { return };
        let own = if is_coming { &mut place.coming } else { &mut place.standing };
        let Some(own) = own.as_mut() else { return };
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
        let (mut is_coming, mut waiting) = (is_coming, VecDeque::new());
        for one in said {
            match one {
                Said::Packet(datagram) => self.transmit(at, datagram),
                Said::Certificate(leaf) => {
                    if let Err(why) = self.judge(at, &leaf) {
                        self.transmit(at, hello::alert(BAD_CERTIFICATE).into());
                        self.refuse(at, why.clone());
                        return self.end(at, true, Some(why));
                    }
                }
                Said::Up => {
                    let Some(waited) = self.up(now, at) else { return };
                    (is_coming, waiting) = (false, waited);
                }
                Said::Data(datagram) => {
                    if let Some(own) = self.standing_mut(at).filter(|_| !is_coming) {
                        own.used = now;
                        self.events.push_back(Event::Heard { from: at, datagram });
                    }
                }
                Said::Closed => return self.end(at, is_coming, Some("the peer has ended it".to_owned())),
            }
        }
        if let Err(error) = done {
            if is_coming {
                self.refuse(at, error.to_string());
            }
            return self.end(at, is_coming, Some(error.to_string()));
        }
        // Behind the last of the handshake.
        for plain in waiting {
            self.work(now, at, false, Act::Send(&plain));
        }
    }

    /// Whether the certificate of a handshake under way counts.
    fn judge(&mut self, at: SocketAddr, leaf: &[u8]) -> Result<(), String> {
        let fingerprint = pki::fingerprint(leaf);
        let known = self.same_host(at).find(|proof| proof.fingerprint == fingerprint).cloned();
        let Some(own) = self.places.get_mut(&at).and_then(|place| place.coming.as_mut()) else {
            return Err("no handshake is under way".to_owned());
        };
        let proof = match known {
            Some(known) => known,
            None => {
                let auth = self.trust.judge(at, own.by_us, &CertificateDer::from(leaf))?;
                Proof { fingerprint, auth }
            }
        };
        own.proof = Some(proof);
        Ok(())
    }

    /// Who stands at the same host.
    fn same_host(&self, at: SocketAddr) -> impl Iterator<Item = &Proof> {
        let (first, last) = (SocketAddr::new(at.ip(), 0), SocketAddr::new(at.ip(), u16::MAX));
        let places = self.places.range(first..=last);
        places.filter_map(|(_, place)| place.standing.as_ref().and_then(|it| it.proof.as_ref()))
    }

    /// A handshake is over: its association stands now. Gives what has waited for that, or `None` when it is of no use.
    fn up(&mut self, now: Duration, at: SocketAddr) -> Option<VecDeque<Bytes>> {
        let place = self.places.get_mut(&at)?;
        let own = place.coming.take()?;
        self.handshakes -= 1;
        let Some(proof) = own.proof.clone() else {
            self.refuse(at, "no certificate");
            if own.by_us {
                self.events.push_back(Event::Gone { at, why: "no certificate".to_owned(), was: None });
            }
            return None;
        };
        let before = place.standing.as_ref().and_then(|it| it.proof.as_ref());
        if before.is_some_and(|before| before.fingerprint != proof.fingerprint) {
            self.end(at, false, Some("somebody else is there now".to_owned()));
        } else {
            self.end(at, false, None);
        }
        if is_untrusted(&proof.auth) {
            self.make_room_for_untrusted(now);
            self.untrusted += 1;
        }
        self.standing += 1;
        let place = self.places.entry(at).or_default();
        place.standing = Some(own);
        let waiting = std::mem::take(&mut place.waiting);
        self.events.push_back(Event::Up { at });
        Some(waiting)
    }

    /// Whoever shows a certificate that nobody vouches for takes the place of another such, not of those that are
    /// trusted.
    fn make_room_for_untrusted(&mut self, now: Duration) {
        if self.untrusted < MAX_UNTRUSTED {
            return;
        }
        let untrusted = self.places.iter().filter_map(|(at, place)| {
            let own = place.standing.as_ref()?;
            own.proof.as_ref().is_some_and(|proof| is_untrusted(&proof.auth)).then_some((own.used, *at))
        });
        if let Some((_, oldest)) = untrusted.min() {
            self.hang_up(now, oldest, "others of whom nothing is proven came");
        }
    }

    fn standing_mut(&mut self, at: SocketAddr) -> Option<&mut Association> {
        self.places.get_mut(&at)?.standing.as_mut()
    }

    /// One is there no more; that is told where there is a reason to tell.
    fn end(&mut self, at: SocketAddr, is_coming: bool, why: Option<String>) {
        let Some(place) = self.places.get_mut(&at) else { return };
        let own = if is_coming { place.coming.take() } else { place.standing.take() };
        let Some(own) = own else { return };
        if is_coming {
            self.handshakes -= 1;
        } else {
            self.standing -= 1;
            self.untrusted -= usize::from(own.proof.as_ref().is_some_and(|proof| is_untrusted(&proof.auth)));
        }
        // One that was called for those that wait did not come about; another that stands is not concerned.
        let is_told = !is_coming || own.by_us && place.standing.is_none();
        if is_told && let Some(why) = why {
            let was = own.proof.filter(|_| !is_coming);
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
