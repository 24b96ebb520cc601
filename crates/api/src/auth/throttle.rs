//! How often one address and one user may try to sign in: a bucket of attempts each, refilled slowly, in
//! a table that does not grow.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use dm::UtcTime;

use crate::app::Peer;
use crate::{duration, limits};

/// Whose attempts are counted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Key {
    /// An IPv4 address, the /64 of an IPv6 address, or all requests of which the address is not known.
    Address(Option<IpAddr>),
    /// The user that was named, whether there is one or not.
    User(String),
}

impl Key {
    /// The address of a request. One host has a whole /64 of IPv6 addresses.
    pub(crate) fn of(peer: Option<Peer>) -> Self {
        Key::Address(peer.map(|Peer(address)| match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
            }
            four => four,
        }))
    }
}

/// The table.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<BTreeMap<Key, Bucket>>);

#[derive(Clone, Copy)]
struct Bucket {
    left: u32,
    at: UtcTime,
}

impl Throttle {
    /// Takes one attempt of each key.
    ///
    /// # Errors
    /// Seconds after which to try again, if any key has none left; then none is taken.
    pub(crate) fn take(&self, keys: &[Key], now: UtcTime) -> Result<(), u64> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = 0;
        for key in keys {
            let bucket = table.get(key).map_or(Bucket::full(now), |bucket| bucket.refilled(now));
            if bucket.left == 0 {
                let passed = duration::between(bucket.at, now);
                wait = wait.max(limits::SIGN_IN_REFILL.saturating_sub(passed).as_secs().max(1));
            }
        }
        if wait > 0 {
            return Err(wait);
        }
        for key in keys {
            let mut bucket = table.get(key).map_or(Bucket::full(now), |bucket| bucket.refilled(now));
            bucket.left -= 1;
            if !table.contains_key(key) {
                make_room(&mut table, now);
            }
            table.insert(key.clone(), bucket);
        }
        Ok(())
    }

    /// Forgets what was counted: the attempt was a good one.
    pub(crate) fn forgive(&self, keys: &[Key]) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            table.remove(key);
        }
    }
}

impl Bucket {
    fn full(now: UtcTime) -> Self {
        Bucket { left: limits::SIGN_IN_BURST, at: now }
    }

    fn refilled(self, now: UtcTime) -> Self {
        let passed = duration::between(self.at, now);
        let refill = limits::SIGN_IN_REFILL.as_micros();
        let attempts = u32::try_from(passed.as_micros() / refill).unwrap_or(u32::MAX);
        if attempts == 0 {
            return self;
        }
        let left = self.left.saturating_add(attempts).min(limits::SIGN_IN_BURST);
        Bucket { left, at: self.at + limits::SIGN_IN_REFILL.saturating_mul(attempts) }
    }
}

/// Buckets that are full again say nothing; after them, the oldest goes.
fn make_room(table: &mut BTreeMap<Key, Bucket>, now: UtcTime) {
    if table.len() < limits::SIGN_IN_KEYS {
        return;
    }
    table.retain(|_, bucket| bucket.refilled(now).left < limits::SIGN_IN_BURST);
    while table.len() >= limits::SIGN_IN_KEYS {
        let Some(oldest) = table.iter().min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| key.clone())
        else {
            return;
        };
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Throttle};
    use crate::app::Peer;
    use crate::limits;
    use dm::UtcTime;
    use std::time::Duration;

    const START: UtcTime = UtcTime(1_700_000_000_000_000);

    fn user(name: &str) -> Key {
        Key::User(name.to_owned())
    }

    #[test]
    fn ten_attempts_then_one_every_thirty_seconds() {
        let throttle = Throttle::default();
        let keys = [user("alice")];
        for attempt in 0..10 {
            assert_eq!(throttle.take(&keys, START), Ok(()), "attempt {attempt}");
        }
        assert_eq!(throttle.take(&keys, START), Err(30));
        assert_eq!(throttle.take(&keys, START + Duration::from_secs(20)), Err(10));
        assert_eq!(throttle.take(&[user("bob")], START), Ok(()));
        assert_eq!(throttle.take(&keys, START + Duration::from_secs(30)), Ok(()));
        assert_eq!(throttle.take(&keys, START + Duration::from_secs(31)), Err(29));
        throttle.forgive(&keys);
        assert_eq!(throttle.take(&keys, START + Duration::from_secs(31)), Ok(()));
    }

    #[test]
    fn one_empty_bucket_leaves_the_others_as_they_are() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            throttle.take(&[user("alice")], START).expect("there are ten");
        }
        for _ in 0..20 {
            throttle.take(&[user("bob"), user("alice")], START).expect_err("alice has none");
        }
        assert_eq!(throttle.take(&[user("bob")], START), Ok(()));
    }

    #[test]
    fn the_table_does_not_grow() {
        let throttle = Throttle::default();
        for number in 0..limits::SIGN_IN_KEYS + 100 {
            throttle.take(&[user(&number.to_string())], START).expect("each has ten");
        }
        assert_eq!(throttle.0.lock().expect("not poisoned").len(), limits::SIGN_IN_KEYS);
    }

    #[test]
    fn addresses_of_one_host_count_together() {
        let key = |text: &str| Key::of(Some(Peer(text.parse().expect("an address"))));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
