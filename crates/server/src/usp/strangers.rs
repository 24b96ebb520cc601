//! How much may fail behind brokers before it leaves no trace but a count (invariant 4): those who are let in must not
//! suffer from those who are not, nor those behind one broker from those behind another, nor any from a loud one.

use std::net::{IpAddr, SocketAddr};

use dm::Mono;
use fleet::ids::Fingerprint;
use mtp::{LinkUp, Side};
use usp_endpoint::EndpointId;

use crate::buckets::Buckets;
use crate::doors::site;
use crate::limits::{
    BROKERS, REFUSED_FOR, SENDER_EVERY, SENDER_STRANGERS, SENDERS, STRANGER_EVERY, STRANGERS,
};

/// The buckets that failures are paid from: that of the broker, and that of the sender.
pub(super) struct Strangers {
    brokers: Buckets<Option<SocketAddr>>,
    senders: Buckets<Sender>,
    /// Who was refused just now, with what they showed: a token that is taken is one refusal.
    refused: Buckets<(Sender, Option<Fingerprint>)>,
}

/// Who pays.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sender {
    /// At our own broker: an address, or nobody knows which.
    Address(Option<IpAddr>),
    /// Behind a broker of others, of whose clients nothing is known but what they say: the broker's address, and whose
    /// name it is. Who takes another's name has it listed, so that nobody is hidden by that.
    Named(Option<SocketAddr>, EndpointId),
}

impl Sender {
    /// At our own broker.
    pub(super) fn at(peer: Option<SocketAddr>) -> Sender {
        Sender::Address(peer.map(|peer| site(peer.ip())))
    }

    /// Of a link with an Endpoint behind a broker.
    pub(super) fn of(link: &LinkUp, endpoint: &EndpointId) -> Sender {
        match link.side {
            Side::Accepted => Sender::at(link.peer_addr),
            Side::Dialled => Sender::Named(link.peer_addr, endpoint.clone()),
        }
    }

    fn broker(&self) -> Option<SocketAddr> {
        match self {
            Sender::Address(_) => None,
            Sender::Named(broker, _) => *broker,
        }
    }
}

impl Default for Strangers {
    fn default() -> Strangers {
        Strangers {
            brokers: Buckets::new(BROKERS, STRANGERS, STRANGER_EVERY),
            senders: Buckets::new(SENDERS, SENDER_STRANGERS, SENDER_EVERY),
            refused: Buckets::new(SENDERS, 1, REFUSED_FOR),
        }
    }
}

impl Strangers {
    /// Whether one that is not let in may still be written down.
    pub(super) fn take(&self, sender: Sender, now: Mono) -> bool {
        // Who has had its share takes nothing from the others' broker.
        self.senders.allows(&sender, now)
            && self.brokers.take(sender.broker(), now)
            && self.senders.take(sender, now)
    }

    /// This one was refused, by what the store says: it is not asked again for each Record.
    pub(super) fn refuse(&self, sender: Sender, shown: Option<Fingerprint>, now: Mono) {
        self.refused.take((sender, shown), now);
    }

    /// Whether that was just now.
    pub(super) fn was_refused(&self, sender: Sender, shown: Option<Fingerprint>, now: Mono) -> bool {
        !self.refused.allows(&(sender, shown), now)
    }

    /// Somebody has decided something: whoever was refused may try again.
    pub(super) fn reconsider(&self) {
        self.refused.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn named(broker: &str, number: u32) -> Sender {
        let endpoint = EndpointId::receive(&format!("os::00256D-{number}")).expect("an id");
        Sender::Named(Some(address(broker)), endpoint)
    }

    fn granted(strangers: &Strangers, senders: impl Iterator<Item = Sender>, at: Mono) -> usize {
        senders.filter(|sender| strangers.take(sender.clone(), at)).count()
    }

    #[test]
    fn six_hundred_of_a_broker_at_once_then_twenty_a_second() {
        let strangers = Strangers::default();
        let start = Mono(7_000_000);
        let crowd = |broker: &'static str| (0..1000).map(move |number| named(broker, number));
        assert_eq!(granted(&strangers, crowd("192.0.2.1:1883"), start), 600);
        assert_eq!(granted(&strangers, crowd("192.0.2.1:1883"), Mono(7_049_999)), 0);
        assert_eq!(granted(&strangers, crowd("192.0.2.1:1883"), Mono(7_050_000)), 1);
        assert_eq!(granted(&strangers, crowd("192.0.2.1:1883"), Mono(9_050_000)), 40);
        // Others have their own.
        assert_eq!(granted(&strangers, crowd("192.0.2.1:8883"), start), 600);
        let sites =
            (0..1000).map(|n| Sender::at(Some(address(&format!("198.51.{}.{}:9", n / 250, n % 250)))));
        assert_eq!(granted(&strangers, sites, start), 600);
    }

    #[test]
    fn thirty_of_a_sender_at_once_then_one_in_two_seconds() {
        let at = |text| Sender::at(Some(address(text)));
        for (loud, same, other) in [
            (named("192.0.2.1:1883", 1), named("192.0.2.1:1883", 1), named("192.0.2.1:1883", 2)),
            (at("192.0.2.1:1"), at("192.0.2.1:2"), at("192.0.2.2:1")),
            (at("[2001:db8::1]:1"), at("[2001:db8::2]:1"), at("[2001:db8:0:1::1]:1")),
        ] {
            let strangers = Strangers::default();
            let start = Mono(7_000_000);
            let repeated = || std::iter::repeat_n(loud.clone(), 5000);
            assert_eq!(granted(&strangers, repeated(), start), 30, "{loud:?}");
            assert!(!strangers.take(same, start));
            assert!(strangers.take(other, start), "another than {loud:?}");
            assert_eq!(granted(&strangers, repeated(), Mono(8_999_999)), 0);
            assert_eq!(granted(&strangers, repeated(), Mono(9_000_000)), 1);
        }
    }

    #[test]
    fn who_was_refused_is_remembered_for_ten_seconds_with_what_was_shown() {
        let strangers = Strangers::default();
        let (one, two) = (named("192.0.2.1:1883", 1), named("192.0.2.1:1883", 2));
        let shown = Some(Fingerprint([7; 32]));
        strangers.refuse(one.clone(), None, Mono(0));
        for (who, what, at, expected) in [
            (&one, None, 9_999_999, true),
            (&one, shown, 0, false),
            (&two, None, 0, false),
            (&one, None, 10_000_000, false),
        ] {
            assert_eq!(
                strangers.was_refused(who.clone(), what, Mono(at)),
                expected,
                "{who:?} {what:?} at {at}"
            );
        }
        strangers.reconsider();
        assert!(!strangers.was_refused(one, None, Mono(1)));
    }

    #[test]
    fn memory_is_bounded() {
        let strangers = Strangers::default();
        let start = Mono(0);
        for number in 0..50_000 {
            // Time enough for the broker's bucket.
            let at = start + STRANGER_EVERY * number;
            assert!(strangers.take(named("192.0.2.1:1883", number), at));
        }
        assert!(strangers.senders.len() <= 16 * 1024);
    }
}
