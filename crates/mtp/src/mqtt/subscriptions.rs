//! What an Endpoint subscribes to after CONNACK (R-MQTT.15), and which topic others answer to (R-MQTT.21).

use super::reply_to;
use super::topic::{Filter, Topic};
use super::{Version, limits::MAX_FILTERS};

/// What is known when the broker has accepted the connection.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The version that is spoken.
    pub version: Version,
    /// Filters from the configuration (`MQTT.Client.{i}.Subscription.{i}.Topic`).
    pub configured: &'a [Filter],
    /// Values of the `subscribe-topic` user properties of CONNACK, in their order.
    pub offered: &'a [String],
    /// Response Information of CONNACK.
    pub response_information: Option<&'a str>,
    /// `ResponseTopicConfigured`.
    pub response_topic: Option<&'a Topic>,
}

/// What follows from it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// What to subscribe to, without repetition; at most
    /// [`MAX_FILTERS`](super::limits::MAX_FILTERS).
    pub filters: Vec<Filter>,
    /// Our "reply to" topic, if there is one.
    pub reply_to: Option<Topic>,
}

/// R-MQTT.15: configured filters, those that the broker offers, and our reply-to topic unless they cover it
/// already. Offers that are no filters, and those beyond the limit, are left out; what is configured comes
/// first.
pub fn plan(known: &Known<'_>) -> Plan {
    let mut filters: Vec<Filter> = Vec::new();
    let offered = known.offered.iter().filter_map(|text| text.parse().ok());
    for filter in known.configured.iter().cloned().chain(offered) {
        // One place stays free for the reply-to topic.
        if filters.len() + 1 < MAX_FILTERS && !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    let informed = known.response_information.and_then(|text| text.parse().ok());
    let stated: Option<Topic> = informed.or_else(|| known.response_topic.cloned());
    if let Some(topic) = &stated
        && !filters.iter().any(|filter| covers(filter, topic, known.version))
    {
        filters.push(match known.version {
            Version::V5 => Filter::from(topic),
            Version::V3_1_1 => Filter::below(topic),
        });
    }
    let reply_to = stated.or_else(|| derived(&filters, known.version));
    Plan { filters, reply_to: reply_to.filter(|topic| fits(topic, known.version)) }
}

/// Whether what is sent to `topic` arrives through `filter`. In 3.1.1 the sender's own reply-to topic is
/// appended as one more level.
pub fn covers(filter: &Filter, topic: &Topic, version: Version) -> bool {
    match version {
        Version::V5 => filter.matches(topic.as_str()),
        Version::V3_1_1 => filter.matches(&format!("{topic}/reply-to=")),
    }
}

/// Nobody said what our topic is: the first subscription that stands for exactly one.
fn derived(filters: &[Filter], version: Version) -> Option<Topic> {
    filters.iter().find_map(|filter| match version {
        Version::V5 => filter.exact(),
        Version::V3_1_1 => filter.base(),
    })
}

fn fits(topic: &Topic, version: Version) -> bool {
    version == Version::V5 || reply_to::is_expressible(topic)
}
