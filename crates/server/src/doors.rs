//! What peers that have not authenticated may cost (invariant 4): how often each source address may connect,
//! and how often it may fail, in bounded memory. Every listener asks its own before it reads a byte.
//!
//! A connection is paid for when it is accepted, and the payment is given back once its peer has proven who it
//! is: a site of many devices behind one address does not lock itself out, however fast they come back. What
//! fails is charged beside that, and an address that has failed too often is turned away before anything is
//! read from the store for it.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use dm::Mono;

use crate::buckets::Buckets;
use crate::config::Limits;
use crate::limits::{ADDRESSES, ATTEMPT_EVERY, LOGIN_REMEMBERED, LOGINS, MISUSE_ROWS, TOLD_EVERY};

/// What the listeners of one role ask.
pub(crate) struct Doors {
    /// Connections that nobody has proven anything on.
    connections: Buckets<IpAddr>,
    /// Attempts that failed.
    failures: Buckets<IpAddr>,
    /// Addresses that were told of on the list of refusals.
    told: Buckets<IpAddr>,
    /// Rows of the audit log that an address has caused.
    audited: Buckets<IpAddr>,
    /// Logins that were right, by what is stored of them.
    logins: Buckets<[u8; 32]>,
}

impl Doors {
    /// With the configured rates.
    pub(crate) fn new(limits: &Limits) -> Doors {
        let pause = Duration::from_secs(1) / limits.connections_per_second();
        Doors {
            connections: Buckets::new(ADDRESSES, limits.connections_per_address(), pause),
            failures: Buckets::new(ADDRESSES, limits.failures_per_address(), ATTEMPT_EVERY),
            told: Buckets::new(ADDRESSES, 1, TOLD_EVERY),
            audited: Buckets::new(ADDRESSES, MISUSE_ROWS, TOLD_EVERY),
            logins: Buckets::new(LOGINS, 1, LOGIN_REMEMBERED),
        }
    }

    /// A connection comes in: false when its address has too many already that proved nothing.
    pub(crate) fn knock(&self, peer: IpAddr, now: Mono) -> bool {
        self.connections.take(site(peer), now)
    }

    /// The peer of a connection has proven who it is.
    pub(crate) fn welcome(&self, peer: IpAddr, now: Mono) {
        self.connections.give_back(site(peer), now);
    }

    /// Whether this address may try: it has not failed too often.
    pub(crate) fn allows(&self, peer: IpAddr, now: Mono) -> bool {
        self.failures.allows(&site(peer), now)
    }

    /// Whether this login was right not long ago: who knows it does not guess, wherever they are.
    pub(crate) fn knows(&self, login: &[u8; 32], now: Mono) -> bool {
        !self.logins.allows(login, now)
    }

    /// This login is right, or is not.
    pub(crate) fn learn(&self, login: [u8; 32], is_right: bool, now: Mono) {
        self.logins.give_back(login, now);
        if is_right {
            self.logins.take(login, now);
        }
    }

    /// An attempt of this address failed.
    pub(crate) fn charge(&self, peer: IpAddr, now: Mono) {
        self.failures.take(site(peer), now);
    }

    /// Whether the list of refusals is to name this address, which is held off: now and then, so that it does
    /// not push everybody else off the list.
    pub(crate) fn tells(&self, peer: IpAddr, now: Mono) -> bool {
        self.told.take(site(peer), now)
    }

    /// Whether what this address does wrong may be written to the audit log, which is kept for ever.
    pub(crate) fn audits(&self, peer: IpAddr, now: Mono) -> bool {
        self.audited.take(site(peer), now)
    }
}

/// Who counts as one: an IPv4 address, or the network of 64 bits that an IPv6 site has at least.
pub(crate) fn site(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn sixty_at_once_then_one_a_second_each_site_for_itself() {
        let doors = Doors::new(&Limits::default());
        let (one, two) = (ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        let start = Mono(1_000_000);
        for _ in 0..60 {
            assert!(doors.allows(one, start));
            doors.charge(one, start);
        }
        assert!(!doors.allows(ip("2001:db8::2"), start), "the same network");
        assert!(doors.allows(two, start));
        assert!(!doors.allows(one, Mono(1_999_999)));
        assert!(doors.allows(one, Mono(2_000_000)));
        doors.charge(one, Mono(2_000_000));
        assert!(!doors.allows(one, Mono(2_000_000)));
        // What is refused meanwhile makes it no longer than a minute.
        (0..1000).for_each(|_| doors.charge(one, Mono(2_000_000)));
        assert!(doors.allows(one, Mono(3_000_000)));
    }

    #[test]
    fn connections_that_prove_nothing_run_out_and_others_do_not() {
        let limits =
            Limits { connections_per_address: Some(2), connections_per_second: Some(4), ..Limits::default() };
        let (stranger, device, now) = (ip("192.0.2.1"), ip("::ffff:192.0.2.2"), Mono(5_000_000));
        let doors = Doors::new(&limits);
        // (who, when, whether it may)
        for (peer, at, expected) in [
            (stranger, now, true),
            (stranger, now, true),
            (stranger, now, false),
            (stranger, Mono(5_249_999), false),
            (stranger, Mono(5_250_000), true),
            (stranger, Mono(5_250_000), false),
            (ip("192.0.2.2"), Mono(5_250_000), true),
        ] {
            assert_eq!(doors.knock(peer, at), expected, "{peer} at {at:?}");
        }
        let later = Mono(20_000_000);
        for _ in 0..100 {
            assert!(doors.knock(device, later));
            doors.welcome(device, later);
        }
        // What is given back twice is no credit.
        assert!(doors.knock(stranger, later));
        (0..100).for_each(|_| doors.welcome(stranger, later));
        assert_eq!([0, 1, 2].map(|_| doors.knock(stranger, later)), [true, true, false]);
    }

    #[test]
    fn who_is_held_off_is_told_of_once_a_minute() {
        let doors = Doors::new(&Limits::default());
        let (one, two) = (ip("192.0.2.1"), ip("192.0.2.2"));
        assert!(
            doors.tells(one, Mono(0)) && !doors.tells(one, Mono(59_999_999)) && doors.tells(two, Mono(0))
        );
        assert!(doors.tells(one, Mono(60_000_000)));
    }

    #[test]
    fn a_login_that_was_right_is_known_for_a_week_until_it_is_wrong() {
        let doors = Doors::new(&Limits::default());
        let (one, other, day) = ([1; 32], [2; 32], 86_400_000_000);
        // (on which day, what is learnt, whether it is known then)
        for (at, learnt, known) in [
            (0, None, false),
            (1, Some(true), true),
            (7, Some(true), true),
            (13, None, true),
            (14, None, false),
            (15, Some(true), true),
            (16, Some(false), false),
            (17, None, false),
        ] {
            let now = Mono(at * day);
            if let Some(is_right) = learnt {
                doors.learn(one, is_right, now);
            }
            assert_eq!((doors.knows(&one, now), doors.knows(&other, now)), (known, false), "day {at}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let doors = Doors::new(&Limits::default());
        for n in 0..100_000u32 {
            doors.knock(IpAddr::from(n.to_be_bytes()), Mono(0));
        }
        assert!(doors.connections.len() <= 16 * 1024);
    }
}
