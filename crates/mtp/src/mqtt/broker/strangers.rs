//! How many connections of one address are not admitted yet: an address that opens many and says nothing must not
//! keep others out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use super::limits::MAX_STRANGERS_PER_ADDRESS;

/// The strangers of a listener, by address.
#[derive(Default)]
pub(super) struct Strangers(Mutex<BTreeMap<IpAddr, usize>>);

/// A place among them, given back when dropped.
pub(super) struct Place {
    strangers: Arc<Strangers>,
    address: IpAddr,
}

impl Strangers {
    /// None when the address has too many.
    pub(super) fn enter(self: &Arc<Strangers>, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= MAX_STRANGERS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place { strangers: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.strangers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Whoever has an IPv6 address has a /64 of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::{MAX_STRANGERS_PER_ADDRESS, Strangers};

    #[test]
    fn places_are_by_address_and_come_back() {
        let strangers = Arc::new(Strangers::default());
        let enter = |address: &str| strangers.enter(address.parse::<IpAddr>().unwrap());
        let mut places: Vec<_> =
            (0..MAX_STRANGERS_PER_ADDRESS).map(|_| enter("192.0.2.1").unwrap()).collect();
        for (address, free) in [("192.0.2.1", false), ("::ffff:192.0.2.1", false), ("192.0.2.2", true)] {
            assert_eq!(enter(address).is_some(), free, "{address}");
        }
        places.pop();
        assert!(enter("192.0.2.1").is_some());
        drop(places);
        let _sixth: Vec<_> =
            (0..MAX_STRANGERS_PER_ADDRESS).map(|n| enter(&format!("2001:db8:1:2::{n:x}")).unwrap()).collect();
        for (address, free) in [("2001:db8:1:2:ffff::1", false), ("2001:db8:1:3::1", true)] {
            assert_eq!(enter(address).is_some(), free, "{address}");
        }
    }
}
