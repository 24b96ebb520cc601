//! How often peers that have not authenticated may try (invariant 4): per address, in bounded memory.
//!
//! Only what fails is charged: a connection that is refused or has to wait, a token that does not work.
//! An address that has used up its attempts is turned away before anything is read for it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;

use dm::Mono;

use super::lock;
use crate::limits::{ATTEMPT_ADDRESSES, ATTEMPT_EVERY, ATTEMPTS};

/// Everybody's attempts.
#[derive(Default)]
pub(super) struct Attempts {
    table: Mutex<Table>,
}

/// Two generations: when the young one has half of the room, the old one is forgotten.
#[derive(Default)]
struct Table {
    young: BTreeMap<IpAddr, Mono>,
    old: BTreeMap<IpAddr, Mono>,
}

impl Attempts {
    /// Whether this address may try.
    pub(super) fn allows(&self, peer: IpAddr, now: Mono) -> bool {
        // An address owes time: each failed attempt adds one interval, and time pays it back.
        let patience = ATTEMPT_EVERY * ATTEMPTS;
        let paid = lock(&self.table).get(site(peer));
        paid.is_none_or(|paid| paid + ATTEMPT_EVERY <= now + patience)
    }

    /// An attempt of this address failed.
    pub(super) fn charge(&self, peer: IpAddr, now: Mono) {
        let site = site(peer);
        let mut table = lock(&self.table);
        let paid = table.get(site).map_or(now, |paid| paid.max(now));
        table.put(site, (paid + ATTEMPT_EVERY).min(now + ATTEMPT_EVERY * ATTEMPTS));
    }
}

impl Table {
    fn get(&self, site: IpAddr) -> Option<Mono> {
        self.young.get(&site).or_else(|| self.old.get(&site)).copied()
    }

    fn put(&mut self, site: IpAddr, paid: Mono) {
        if self.young.len() >= ATTEMPT_ADDRESSES / 2 && !self.young.contains_key(&site) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(site, paid);
    }
}

/// Who counts as one: an IPv4 address, or the network of 64 bits that an IPv6 site has at least.
fn site(peer: IpAddr) -> IpAddr {
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
        let attempts = Attempts::default();
        let (one, two) = (ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        let start = Mono(1_000_000);
        for _ in 0..60 {
            assert!(attempts.allows(one, start));
            attempts.charge(one, start);
        }
        assert!(!attempts.allows(ip("2001:db8::2"), start), "the same network");
        assert!(attempts.allows(two, start));
        assert!(!attempts.allows(one, Mono(1_999_999)));
        assert!(attempts.allows(one, Mono(2_000_000)));
        attempts.charge(one, Mono(2_000_000));
        assert!(!attempts.allows(one, Mono(2_000_000)));
        // What is refused meanwhile makes it no longer than a minute.
        (0..1000).for_each(|_| attempts.charge(one, Mono(2_000_000)));
        assert!(attempts.allows(one, Mono(3_000_000)));
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..100_000u32 {
            attempts.charge(IpAddr::from(n.to_be_bytes()), Mono(0));
        }
        let table = lock(&attempts.table);
        assert!(table.young.len() + table.old.len() <= 16 * 1024);
    }
}
