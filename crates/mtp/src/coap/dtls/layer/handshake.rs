//! How an association comes about: the cookie, the certificate, and the place that it takes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rustls_pki_types::CertificateDer;

use super::super::super::limits::{MAX_ASSOCIATIONS, MAX_HANDSHAKES, MAX_HANDSHAKES_OF_ONE, MAX_UNTRUSTED};
use super::super::association::{self, Association, Proof};
use super::super::crypto::with_cookie;
use super::super::event::Event;
use super::super::hello::{self, ClientHello};
use super::{Act, HANDSHAKE_FAILURE, Layer, Slot, is_untrusted};

impl Layer {
    /// Somebody says hello: again, or anew.
    pub(super) fn hello(
        &mut self,
        now: Duration,
        from: SocketAddr,
        hello: &ClientHello<'_>,
        datagram: &[u8],
    ) {
        if let Some(slot) = self.said_before(from, hello) {
            return self.work(now, from, slot, Act::Receive(datagram));
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
        self.work(now, from, Slot::Coming, Act::Nothing);
    }

    /// Which association this hello began already.
    pub(super) fn said_before(&self, from: SocketAddr, hello: &ClientHello<'_>) -> Option<Slot> {
        let is_its =
            |it: &Option<Association>| it.as_ref().is_some_and(|it| !it.by_us && it.hello == hello.head);
        let place = self.places.get(&from)?;
        let standing = || is_its(&place.standing).then_some(Slot::Standing);
        if is_its(&place.coming) { Some(Slot::Coming) } else { standing() }
    }

    /// An association that says nothing yet, if there is room for one.
    pub(super) fn begin(&self, now: Duration, with: SocketAddr) -> Result<Association, String> {
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
    pub(super) fn put(&mut self, at: SocketAddr, mut own: Association) {
        let place = self.places.entry(at).or_default();
        own.awaited |= place.coming.as_ref().is_some_and(|before| before.awaited && !before.by_us);
        let (before, stands) = (place.coming.replace(own), place.standing.is_some());
        self.handshakes += usize::from(before.is_none());
        if before.is_some_and(|before| before.by_us) && !stands {
            let why = "it has called us meanwhile".to_owned();
            self.events.push_back(Event::Gone { at, why, was: None });
        }
    }

    /// Whether the certificate of a handshake under way counts.
    pub(super) fn judge(&mut self, at: SocketAddr, leaf: &[u8]) -> Result<(), String> {
        let Some(own) = self.places.get(&at).and_then(|place| place.coming.as_ref()) else {
            return Err("no handshake is under way".to_owned());
        };
        let fingerprint = pki::fingerprint(leaf);
        let leaf = CertificateDer::from(leaf);
        let mut judged = (at, own.by_us);
        let auth = match self.trust.judge(at, own.by_us, &leaf) {
            Ok(auth) => auth,
            // Who stands at the same host has other ports, too: what counted there counts here, if it still does.
            Err(why) => {
                judged = self.judged_at_host(at, &fingerprint).ok_or(why)?;
                self.trust.judge(judged.0, judged.1, &leaf)?
            }
        };
        if let Some(own) = self.places.get_mut(&at).and_then(|place| place.coming.as_mut()) {
            (own.proof, own.judged) = (Some(Proof { fingerprint, auth }), Some(judged));
        }
        Ok(())
    }

    /// How the certificate was judged of somebody who shows this one, and stands at the same host.
    fn judged_at_host(&self, at: SocketAddr, fingerprint: &[u8; 32]) -> Option<(SocketAddr, bool)> {
        let (first, last) = (SocketAddr::new(at.ip(), 0), SocketAddr::new(at.ip(), u16::MAX));
        let mut standing = self.places.range(first..=last).filter_map(|(_, place)| place.standing.as_ref());
        let is_same = |it: &&Association| it.proof.as_ref().is_some_and(|it| it.fingerprint == *fingerprint);
        standing.find(is_same)?.judged
    }

    /// A handshake is over: its association stands now. Gives what has waited for that, or `None` when it is of no use.
    pub(super) fn up(&mut self, now: Duration, at: SocketAddr) -> Option<VecDeque<Bytes>> {
        let place = self.places.get_mut(&at)?;
        let own = place.coming.take()?;
        self.handshakes -= 1;
        let Some(proof) = own.proof.clone() else {
            self.refuse(at, "no certificate");
            if own.awaited {
                self.events.push_back(Event::Gone { at, why: "no certificate".to_owned(), was: None });
            }
            return None;
        };
        let before = place.standing.as_ref().and_then(|it| it.proof.as_ref());
        if before.is_some_and(|before| before.fingerprint != proof.fingerprint) {
            self.end(at, Slot::Standing, Some("somebody else is there now".to_owned()));
        } else {
            self.end(at, Slot::Standing, None);
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
}
