//! Token buckets, one for each of many who are counted apart, in bounded memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dm::Mono;

/// A token bucket for each key.
pub(crate) struct Buckets<K> {
    /// Time that one may owe.
    patience: Duration,
    /// What each token costs.
    price: Duration,
    /// How many keys are kept; those heard of longest ago make room.
    room: usize,
    table: Mutex<Table<K>>,
}

/// Until when somebody has debts: each token that is taken adds a price, and time pays it back. Two
/// generations: when the young one has half of the room, the old one is forgotten.
struct Table<K> {
    young: BTreeMap<K, Mono>,
    old: BTreeMap<K, Mono>,
}

impl<K: Ord> Buckets<K> {
    /// So many at once, then one in each `price`.
    pub(crate) fn new(room: usize, burst: u32, price: Duration) -> Buckets<K> {
        let table = Mutex::new(Table { young: BTreeMap::new(), old: BTreeMap::new() });
        Buckets { patience: price * burst, price, room, table }
    }

    /// Whether there is a token.
    pub(crate) fn allows(&self, key: &K, now: Mono) -> bool {
        let paid = self.table().get(key);
        paid.is_none_or(|paid| paid + self.price <= now + self.patience)
    }

    /// Takes a token, if there is one; who finds none owes no more for having asked.
    pub(crate) fn take(&self, key: K, now: Mono) -> bool {
        let mut table = self.table();
        let paid = table.get(&key).map_or(now, |paid| paid.max(now)) + self.price;
        let allowed = paid <= now + self.patience;
        if allowed {
            table.put(key, paid, self.room);
        }
        allowed
    }

    /// When there is a token again; `now` if there is one.
    pub(crate) fn when(&self, key: &K, now: Mono) -> Mono {
        let paid = self.table().get(key).map_or(now, |paid| paid.max(now)) + self.price;
        Mono(paid.0.saturating_sub(micros(self.patience)).max(now.0))
    }

    /// Gives a token back.
    pub(crate) fn give_back(&self, key: K, now: Mono) {
        let mut table = self.table();
        if let Some(paid) = table.get(&key).filter(|paid| *paid > now) {
            table.put(key, Mono(paid.0.saturating_sub(micros(self.price)).max(now.0)), self.room);
        }
    }

    /// Forgets all debts.
    pub(crate) fn clear(&self) {
        let mut table = self.table();
        (table.young, table.old) = (BTreeMap::new(), BTreeMap::new());
    }

    /// How many keys are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let table = self.table();
        table.young.len() + table.old.len()
    }

    /// A holder that panicked has left a valid table.
    fn table(&self) -> MutexGuard<'_, Table<K>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord> Table<K> {
    fn get(&self, key: &K) -> Option<Mono> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: K, paid: Mono, room: usize) {
        if self.young.len() >= room / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, paid);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
