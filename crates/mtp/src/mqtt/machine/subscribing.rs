//! What a connection is subscribed to: after CONNACK, and when that is to change while it stands.

use std::time::Duration;

use mqtt_protocol_core::mqtt::packet::Packet;
use mqtt_protocol_core::mqtt::result_code::MqttError;

use super::{End, Event, Machine, State};
use crate::mqtt::packets::{self, Acceptance};
use crate::mqtt::settings::{Qos, Subscription};
use crate::mqtt::subscriptions::{Known, Plan, covers, plan};
use crate::mqtt::topic::{Filter, Topic};

impl Machine {
    /// R-MQTT.34: from now on these are the filters of the settings. What is new is subscribed to, and what is not
    /// wanted any more is given up, within the connection. Where our "reply to" topic follows from the filters
    /// alone, and is another one now, the connection ends: nobody behind the broker would know.
    pub fn follow(&mut self, now: Duration, filters: Vec<Subscription>) {
        if filters == self.settings.filters {
            return;
        }
        self.settings.filters = filters;
        self.changed = true;
        if self.state == State::Up {
            self.adjust(now);
        }
    }

    /// R-MQTT.15, R-MQTT.16
    pub(super) fn accepted(&mut self, now: Duration, acceptance: Acceptance) {
        self.best_qos = acceptance.best_qos.unwrap_or(Qos::ExactlyOnce);
        self.qos = self.settings.qos.min(self.best_qos);
        self.offered = acceptance.offered;
        self.response_information.clone_from(&acceptance.response_information);
        self.state = State::Subscribing;
        self.events.push_back(Event::Accepted {
            assigned_client_id: acceptance.assigned_client_id,
            response_information: acceptance.response_information,
        });
        let plan = self.plan();
        if plan.filters.is_empty() {
            return self.leave(End::NoTopics);
        }
        if plan.reply_to.is_none() {
            return self.leave(End::NoReplyTo);
        }
        self.reply_to = plan.reply_to;
        self.filters = self.with_qos(plan.filters);
        let filters = self.filters.clone();
        self.subscribe(now, &filters);
    }

    fn plan(&self) -> Plan {
        let configured: Vec<Filter> = self.settings.filters.iter().map(|own| own.filter.clone()).collect();
        plan(&Known {
            version: self.settings.version,
            configured: &configured,
            offered: &self.offered,
            response_information: self.response_information.as_deref(),
            response_topic: self.settings.response_topic.as_ref(),
        })
    }

    fn with_qos(&self, filters: Vec<Filter>) -> Vec<(Filter, Qos)> {
        let said = |filter: &Filter| self.settings.filters.iter().find(|own| own.filter == *filter)?.qos;
        let qos = |filter: &Filter| said(filter).unwrap_or(self.settings.qos).min(self.best_qos);
        filters.into_iter().map(|filter| (filter.clone(), qos(&filter))).collect()
    }

    fn adjust(&mut self, now: Duration) {
        self.changed = false;
        let plan = self.plan();
        if plan.reply_to != self.reply_to {
            return self.leave(End::ClosedByUs);
        }
        let wanted = self.with_qos(plan.filters);
        let before = std::mem::replace(&mut self.filters, wanted);
        let new: Vec<_> = self.filters.iter().filter(|own| !before.contains(own)).cloned().collect();
        let stays = |filter: &Filter| self.filters.iter().any(|(own, _)| own == filter);
        let gone: Vec<Filter> =
            before.into_iter().map(|(filter, _)| filter).filter(|filter| !stays(filter)).collect();
        // In this order: what both cover is missed by neither.
        self.subscribe(now, &new);
        self.unsubscribe(now, &gone);
    }

    fn subscribe(&mut self, now: Duration, filters: &[(Filter, Qos)]) {
        if filters.is_empty() {
            return;
        }
        self.exactly_once |= filters.iter().any(|(_, qos)| *qos == Qos::ExactlyOnce);
        let version = self.settings.version;
        if let Some(id) = self.ask(now, "SUBSCRIBE", |id| packets::subscribe(version, id, filters)) {
            self.counted.subscribes += 1;
            self.asked.insert(id, filters.iter().map(|(filter, _)| filter.clone()).collect());
        }
    }

    fn unsubscribe(&mut self, now: Duration, filters: &[Filter]) {
        if filters.is_empty() {
            return;
        }
        let version = self.settings.version;
        if self.ask(now, "UNSUBSCRIBE", |id| packets::unsubscribe(version, id, filters)).is_some() {
            self.counted.unsubscribes += 1;
        }
    }

    /// Sends what the broker acknowledges by this packet id.
    fn ask(
        &mut self,
        now: Duration,
        name: &str,
        packet: impl Fn(u16) -> Result<Packet, MqttError>,
    ) -> Option<u16> {
        if self.state == State::Ended {
            return None;
        }
        match self.core.acquire_packet_id().and_then(|id| Ok((id, packet(id)?))) {
            Ok((id, packet)) => {
                self.in_flight += 1;
                self.send(now, packet);
                Some(id)
            }
            Err(error) => {
                self.leave(End::Unusable(format!("{name}: {error:?}")));
                None
            }
        }
    }

    /// R-MQTT.17
    pub(super) fn subscribed(&mut self, now: Duration, id: u16, granted: &[bool]) {
        let Some(asked) = self.asked.remove(&id) else {
            return self.surprise("SUBACK without SUBSCRIBE");
        };
        let is_granted = |at: usize| granted.get(at).copied().unwrap_or_default();
        let refused: Vec<Filter> =
            asked.into_iter().enumerate().filter(|(at, _)| !is_granted(*at)).map(|(_, own)| own).collect();
        for filter in &refused {
            tracing::warn!(%filter, "the broker did not grant a subscription");
        }
        self.filters.retain(|(filter, _)| !refused.contains(filter));
        let version = self.settings.version;
        let own = self.reply_to.clone();
        match own.filter(|own| self.filters.iter().any(|(filter, _)| covers(filter, own, version))) {
            Some(reply_to) if self.state == State::Subscribing => {
                self.state = State::Up;
                self.events.push_back(Event::Up { reply_to });
                if self.changed {
                    self.adjust(now);
                }
            }
            Some(_) => {}
            None => {
                let what = self.reply_to.as_ref().map_or_else(String::new, Topic::to_string);
                self.leave(End::NotSubscribed(what));
            }
        }
    }
}
