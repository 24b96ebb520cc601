//! A message from its publisher to its subscribers: what a client may publish (R-MQTT.42, R-SEC.4c), and who gets it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use usp_proto::link::PeerAuth;
use usp_proto::{EndpointId, Record};

use super::{Arrived, AttachedId, ConnId, Effect, Machine, delivered};
use crate::mqtt::broker::limits::{RECEIVE_MAXIMUM, TOTAL_QUEUE_BYTES};
use crate::mqtt::broker::queue::{Entry, Held};
use crate::mqtt::broker::rights::{Incident, Offence, Rights};
use crate::mqtt::broker::tree::{Subscription, Who};
use crate::mqtt::broker::wire::{self, Fault, Message, Properties, Publish, Qos, code};
use crate::mqtt::{CONTENT_TYPES, Filter, Topic, Version, reply_to};

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
/// The first reason code that is one.
const FAILURE: u8 = 0x80;

/// Where a message comes from.
struct Origin {
    who: Who,
    version: Version,
    endpoint: Option<EndpointId>,
    proof: PeerAuth,
    peer_addr: Option<SocketAddr>,
}

impl Machine {
    /// PUBLISH of a client.
    pub(super) fn published(&mut self, now: Duration, id: ConnId, publish: Publish) {
        let Some(number) = self.conns.get(&id).map(|conn| conn.session) else { return };
        let Some(session) = self.session_of(id) else { return };
        let (version, rights) = (session.version, session.rights.clone());
        let Publish { id: packet, mut message } = publish;
        if message.qos == Qos::ExactlyOnce
            && let Some(packet) = packet
        {
            if session.unreleased.contains(&packet) {
                return self.control(id, wire::acknowledgement(version, PUBREC, packet, code::SUCCESS));
            }
            if session.unreleased.len() >= usize::from(RECEIVE_MAXIMUM) {
                return self.fault(
                    now,
                    id,
                    Fault::new(code::RECEIVE_MAXIMUM, "too many messages with QoS 2"),
                );
            }
        }
        if message.retain && !rights.retain {
            if version == Version::V5 {
                return self.fault(now, id, Fault::new(code::RETAIN, "a retained message"));
            }
            message.retain = false;
        }
        if let Err(offence) = judge(&message, version, &rights) {
            return self.refuse_publish(now, id, version, message.qos, packet, offence);
        }
        let qos = message.qos;
        let origin = Origin {
            who: Who::Session(number),
            version,
            endpoint: rights.endpoint.clone(),
            proof: rights.proof.clone(),
            peer_addr: self.conns.get(&id).and_then(|conn| conn.peer_addr),
        };
        let reason = self.route(now, message, None, &origin);
        if let Some(packet) = packet {
            // What failed is done with: PUBREL will not come.
            if qos == Qos::ExactlyOnce
                && reason < FAILURE
                && let Some(session) = self.session_of(id)
            {
                session.unreleased.insert(packet);
            }
            let first = if qos == Qos::AtLeastOnce { PUBACK } else { PUBREC };
            self.control(id, wire::acknowledgement(version, first, packet, reason));
        }
    }

    /// 5.0 has a reason code in the acknowledgement; without one, and in 3.1.1, the connection ends.
    fn refuse_publish(
        &mut self,
        now: Duration,
        id: ConnId,
        version: Version,
        qos: Qos,
        packet: Option<u16>,
        offence: Offence,
    ) {
        let Some(packet) = packet.filter(|_| version == Version::V5) else {
            self.tell(id, offence);
            return self.hang_up(now, id, code::NOT_AUTHORIZED);
        };
        if self.refuse(now, id, offence) {
            let first = if qos == Qos::AtLeastOnce { PUBACK } else { PUBREC };
            self.control(id, wire::acknowledgement(version, first, packet, code::NOT_AUTHORIZED));
        }
    }

    /// The will of a client that is gone. It was judged when the client connected.
    pub(super) fn publish_will(
        &mut self,
        now: Duration,
        number: u64,
        version: Version,
        rights: &Rights,
        will: Message,
    ) {
        let origin = Origin {
            who: Who::Session(number),
            version,
            endpoint: rights.endpoint.clone(),
            proof: rights.proof.clone(),
            peer_addr: None,
        };
        let retain = will.retain && rights.retain;
        self.route(now, Message { retain, ..will }, None, &origin);
    }

    /// Attaches somebody in this process, who then gets every Record that one of the filters matches.
    pub fn attach(&mut self, filters: Vec<Filter>) -> AttachedId {
        let id = AttachedId(self.next_number());
        let who = Who::Attached(id.0);
        let subscription =
            Subscription { who, qos: Qos::ExactlyOnce, no_local: true, retain_as_published: false };
        for filter in &filters {
            self.tree.insert(filter, subscription);
        }
        self.attached.insert(id, filters);
        id
    }

    /// Ends that.
    pub fn detach(&mut self, id: AttachedId) {
        for filter in self.attached.remove(&id).unwrap_or_default() {
            self.tree.remove(&filter, Who::Attached(id.0));
        }
    }

    /// A Record from somebody in this process, with QoS 1 for those who want it, in the form of their
    /// version (R-MQTT.22 to R-MQTT.24, R-MQTT.27). False when nobody has subscribed, or there is no room.
    pub fn publish(
        &mut self,
        now: Duration,
        from: AttachedId,
        to: &Topic,
        own: &Topic,
        record: Bytes,
    ) -> bool {
        let properties = Properties {
            content_type: Some(CONTENT_TYPES[0].into()),
            response_topic: Some(own.clone()),
            ..Properties::default()
        };
        let message =
            Message { topic: to.clone(), payload: record, qos: Qos::AtLeastOnce, retain: false, properties };
        let origin = Origin {
            who: Who::Attached(from.0),
            version: Version::V5,
            endpoint: None,
            proof: PeerAuth::Unproven,
            peer_addr: None,
        };
        self.route(now, message, reply_to::join(to, own).ok(), &origin) == code::SUCCESS
    }

    /// Gives a message to all who want it; what can't be retained is delivered, and told. `joined` is what subscribers of 3.1.1 see as its topic.
    fn route(&mut self, now: Duration, message: Message, joined: Option<Topic>, origin: &Origin) -> u8 {
        let expires_at = message.properties.expiry_s.map(|seconds| now + Duration::from_secs(seconds.into()));
        let held = Arc::new(Held { message, joined, expires_at });
        let mut reason = code::SUCCESS;
        if held.message.retain && !self.retained.keep(&held) {
            reason = code::QUOTA;
        }
        let found = self.subscribers(&held, origin);
        if found.is_empty() && reason == code::SUCCESS {
            reason = code::NO_SUBSCRIBERS;
        }
        for subscription in found {
            match subscription.who {
                Who::Session(number) => {
                    let qos = delivered(held.message.qos, subscription.qos);
                    let retain = held.message.retain && subscription.retain_as_published;
                    if !self.give(number, Entry { held: held.clone(), qos, retain })
                        && matches!(origin.who, Who::Attached(_))
                    {
                        reason = code::QUOTA;
                    }
                }
                Who::Attached(attached) => self.deliver(AttachedId(attached), &held.message, origin),
            }
        }
        reason
    }

    /// Each subscriber once, with the best QoS of its subscriptions.
    fn subscribers(&self, held: &Held, origin: &Origin) -> Vec<Subscription> {
        let mut found: Vec<Subscription> = Vec::new();
        let mut take = |subscription: &Subscription| {
            let own = subscription.who == origin.who;
            if !(own && (subscription.no_local || matches!(origin.who, Who::Attached(_)))) {
                found.push(*subscription);
            }
        };
        let old = |who: Who| match who {
            Who::Session(number) => {
                self.sessions.get(&number).is_some_and(|session| session.version == Version::V3_1_1)
            }
            Who::Attached(_) => false,
        };
        let topic = held.message.topic.as_str();
        match &held.joined {
            None => self.tree.matches(topic, &mut take),
            Some(joined) => {
                self.tree.matches(topic, &mut |subscription| {
                    if !old(subscription.who) {
                        take(subscription);
                    }
                });
                self.tree.matches(joined.as_str(), &mut |subscription| {
                    if old(subscription.who) {
                        take(subscription);
                    }
                });
            }
        }
        // Those in this process need not know how 3.1.1 writes it.
        let base = base(topic, origin.version);
        if base.len() < topic.len() {
            self.tree.matches(base, &mut |subscription| {
                if matches!(subscription.who, Who::Attached(_)) {
                    take(subscription);
                }
            });
        }
        found.sort_unstable_by_key(|subscription| (subscription.who, std::cmp::Reverse(subscription.qos)));
        found.dedup_by_key(|subscription| subscription.who);
        found
    }

    /// Puts a message into a session. False when it is lost for want of room.
    pub(super) fn give(&mut self, number: u64, entry: Entry) -> bool {
        let Some(session) = self.sessions.get_mut(&number) else { return true };
        // MQTT-3.1.2-5: QoS 0 is for those who are there.
        if session.conn.is_none() && entry.qos == Qos::AtMostOnce {
            return true;
        }
        let before = session.queue.bytes();
        let taken = session.queue.push(entry, self.held < TOTAL_QUEUE_BYTES);
        let after = session.queue.bytes();
        self.held = self.held + after - before;
        if !taken {
            let identity = Some(session.rights.identity.clone());
            self.effects.push(Effect::Tell(Incident { peer_addr: None, identity, what: Offence::Overflow }));
        }
        if let Some(conn) = session.conn {
            self.effects.push(Effect::Wake(conn));
        }
        taken
    }

    /// R-MQTT.25 to R-MQTT.27a. What is no Record, and what could not be answered, is dropped.
    fn deliver(&mut self, to: AttachedId, message: &Message, origin: &Origin) {
        let kind = message.properties.content_type.as_deref();
        if kind.is_some_and(|kind| !CONTENT_TYPES.contains(&kind)) {
            tracing::debug!(content_type = kind, "a message that is no Record was dropped");
            return;
        }
        let topic = base(message.topic.as_str(), origin.version).parse();
        let (Ok(topic), Some(reply_to)) = (topic, answer_to(message, origin.version)) else {
            tracing::debug!("a Record without a reply-to topic was dropped");
            return;
        };
        let arrived = Arrived {
            topic,
            reply_to,
            record: message.payload.clone(),
            endpoint: origin.endpoint.clone(),
            proof: origin.proof.clone(),
            peer_addr: origin.peer_addr,
        };
        self.effects.push(Effect::Deliver(to, arrived));
    }
}

/// R-MQTT.42, R-SEC.4c: whether a client may publish this.
pub(super) fn judge(message: &Message, version: Version, rights: &Rights) -> Result<(), Offence> {
    let topic = message.topic.as_str();
    if topic.starts_with('$') || !rights.may_publish(base(topic, version)) {
        return Err(Offence::ForbiddenTopic(message.topic.clone()));
    }
    if let Some(reply_to) = answer_to(message, version)
        && !rights.may_subscribe(&Filter::from(&reply_to))
    {
        return Err(Offence::ForbiddenReplyTo(reply_to));
    }
    if let Some(endpoint) = &rights.endpoint {
        let claimed = Record::sender(&message.payload);
        if claimed.as_ref() != Some(endpoint) {
            return Err(Offence::ForgedSender { claimed });
        }
    }
    Ok(())
}

/// R-MQTT.23, R-MQTT.25
fn answer_to(message: &Message, version: Version) -> Option<Topic> {
    match version {
        Version::V5 => message.properties.response_topic.clone(),
        Version::V3_1_1 => reply_to::split(message.topic.as_str()),
    }
}

/// The topic itself: in 3.1.1 without where to answer.
fn base(topic: &str, version: Version) -> &str {
    match version {
        Version::V5 => topic,
        Version::V3_1_1 => reply_to::base(topic),
    }
}
