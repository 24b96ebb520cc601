//! SUBSCRIBE and UNSUBSCRIBE: what a client may hear (R-MQTT.42), and what was kept for it.

use std::time::Duration;

use super::{ConnId, Machine, delivered};
use crate::mqtt::Filter;
use crate::mqtt::broker::limits::{MAX_SUBSCRIPTIONS, MAX_TOPIC, MAX_TOPIC_LEVELS};
use crate::mqtt::broker::queue::Entry;
use crate::mqtt::broker::rights::Offence;
use crate::mqtt::broker::tree::{Subscription, Who};
use crate::mqtt::broker::wire::{self, Want, code};

impl Machine {
    /// R-MQTT.17 is what clients make of the answer.
    pub(super) fn subscribe(&mut self, now: Duration, id: ConnId, packet: u16, wants: &[Want]) {
        let Some(version) = self.version_of(id) else { return };
        let (mut codes, mut granted) = (Vec::with_capacity(wants.len()), Vec::new());
        for want in wants {
            match self.grant(id, want) {
                Ok((filter, new)) => {
                    codes.push(want.qos as u8);
                    granted.push((filter, want, new));
                }
                Err(reason) => {
                    codes.push(reason);
                    let offence = Offence::ForbiddenFilter(want.filter.chars().take(MAX_TOPIC).collect());
                    if reason == code::NOT_AUTHORIZED && !self.refuse(now, id, offence) {
                        return;
                    }
                }
            }
        }
        self.control(id, wire::suback(version, packet, &codes));
        for (filter, want, new) in granted {
            if want.retain_handling == 0 || want.retain_handling == 1 && new {
                self.give_retained(now, id, &filter, want);
            }
        }
    }

    fn grant(&mut self, id: ConnId, want: &Want) -> Result<(Filter, bool), u8> {
        if want.filter.starts_with("$share/") {
            return Err(code::SHARED);
        }
        let filter = parse(&want.filter).ok_or(code::FILTER)?;
        let number = self.conns.get(&id).map(|conn| conn.session).ok_or(code::UNAVAILABLE)?;
        let session = self.session_of(id).ok_or(code::UNAVAILABLE)?;
        if !session.rights.may_subscribe(&filter) {
            return Err(code::NOT_AUTHORIZED);
        }
        let new = !session.filters.contains(&filter);
        if new {
            if session.filters.len() >= MAX_SUBSCRIPTIONS {
                return Err(code::QUOTA);
            }
            session.filters.reserve_exact(1);
            session.filters.push(filter.clone());
        }
        let subscription = Subscription {
            who: Who::Session(number),
            qos: want.qos,
            no_local: want.no_local,
            retain_as_published: want.retain_as_published,
        };
        self.tree.insert(&filter, subscription);
        Ok((filter, new))
    }

    fn give_retained(&mut self, now: Duration, id: ConnId, filter: &Filter, want: &Want) {
        let Some(number) = self.conns.get(&id).map(|conn| conn.session) else { return };
        let kept: Vec<_> = self.retained.of(filter).filter(|held| !held.is_expired(now)).cloned().collect();
        for held in kept {
            let qos = delivered(held.message.qos, want.qos);
            self.give(number, Entry { held, qos, retain: true });
        }
    }

    pub(super) fn unsubscribe(&mut self, id: ConnId, packet: u16, filters: &[String]) {
        let Some(version) = self.version_of(id) else { return };
        let codes: Vec<u8> = filters.iter().map(|filter| self.withdraw(id, filter)).collect();
        self.control(id, wire::unsuback(version, packet, &codes));
    }

    fn withdraw(&mut self, id: ConnId, text: &str) -> u8 {
        let Some(filter) = parse(text) else { return code::FILTER };
        let Some(number) = self.conns.get(&id).map(|conn| conn.session) else { return code::UNAVAILABLE };
        if let Some(session) = self.session_of(id) {
            session.filters.retain(|known| *known != filter);
        }
        if self.tree.remove(&filter, Who::Session(number)) { code::SUCCESS } else { code::NO_SUBSCRIPTION }
    }
}

fn parse(text: &str) -> Option<Filter> {
    let bounded = text.len() <= MAX_TOPIC && text.split('/').count() <= MAX_TOPIC_LEVELS;
    if bounded { text.parse().ok() } else { None }
}
