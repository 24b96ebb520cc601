//! What the agent behind the broker does, rule by rule, and the habit that breaks the rule of each check.

use std::time::Duration;

use check::mqtt::Version;

use crate::socket::Trust;
use crate::transports;

/// What it keeps to. The default is right.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    pub(crate) version: Version,
    /// What it believes, over TLS; `None` without.
    pub(crate) trust: Option<Trust>,
    // CONNECT.
    pub(crate) names_itself: bool,
    pub(crate) client_id: Option<&'static str>,
    pub(crate) user_name: Option<&'static str>,
    pub(crate) keep_alive_s: u16,
    pub(crate) keeps_chosen: bool,
    pub(crate) counts_in_id: bool,
    pub(crate) asks_for_information: bool,
    pub(crate) first_retry: Duration,
    pub(crate) backoff: u32,
    // Subscriptions.
    pub(crate) takes_offers: bool,
    pub(crate) takes_information: bool,
    pub(crate) subscribes_to_information: bool,
    pub(crate) subscribes_to_own: bool,
    pub(crate) waits_for_suback: bool,
    pub(crate) minds_refusal: bool,
    pub(crate) says_good_bye: bool,
    // Packets of the broker.
    pub(crate) obeys_keep_alive: bool,
    pub(crate) minds_connack: bool,
    pub(crate) minds_reserved: bool,
    pub(crate) acknowledges: bool,
    pub(crate) knows_long_type: bool,
    // Messages.
    pub(crate) content_type: &'static str,
    pub(crate) says_reply_to: bool,
    pub(crate) connect_says_reply_to: bool,
    pub(crate) tells_topic: bool,
    pub(crate) escapes: bool,
    pub(crate) minds_reply_to: bool,
    pub(crate) minds_last: bool,
    pub(crate) obeys_maximum_qos: bool,
    /// Where it may not publish with QoS 1, it publishes nothing.
    pub(crate) needs_qos_1: bool,
    pub(crate) retains: bool,
    pub(crate) obeys_receive_maximum: bool,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            version: Version::V5,
            trust: None,
            names_itself: true,
            client_id: None,
            user_name: Some("box"),
            keep_alive_s: 60,
            keeps_chosen: true,
            counts_in_id: false,
            asks_for_information: true,
            first_retry: Duration::from_secs(7),
            backoff: 2,
            takes_offers: true,
            takes_information: true,
            subscribes_to_information: true,
            subscribes_to_own: true,
            waits_for_suback: true,
            minds_refusal: true,
            says_good_bye: true,
            obeys_keep_alive: true,
            minds_connack: true,
            minds_reserved: true,
            acknowledges: true,
            knows_long_type: true,
            content_type: "usp.msg",
            says_reply_to: true,
            connect_says_reply_to: true,
            tells_topic: true,
            escapes: true,
            minds_reply_to: true,
            minds_last: true,
            obeys_maximum_qos: true,
            needs_qos_1: false,
            retains: false,
            obeys_receive_maximum: true,
        }
    }
}

pub(crate) static FAULTS: &[transports::Fault<Habits>] = &[
    ("R-MQTT.13-names-itself", |habits| habits.names_itself = false),
    ("R-MQTT.8-client-id", |habits| habits.client_id = Some("not what is configured")),
    ("R-MQTT.9-keeps-the-chosen-id", |habits| habits.keeps_chosen = false),
    ("R-MQTT.11-same-id-each-time", |habits| habits.counts_in_id = true),
    ("R-MQTT.7-user-name", |habits| habits.user_name = None),
    ("R-MQTT.14-keep-alive", |habits| habits.keep_alive_s = 61),
    ("R-MQTT.12-asks-for-response-information", |habits| habits.asks_for_information = false),
    ("R-MQTT.15-subscribes-to-offers", |habits| habits.takes_offers = false),
    ("R-MQTT.15-subscribes-to-response-information", |habits| habits.subscribes_to_information = false),
    ("R-MQTT.17-waits-for-suback", |habits| habits.waits_for_suback = false),
    ("R-MQTT.17-refused-subscriptions-end-it", |habits| habits.minds_refusal = false),
    ("R-MQTT.35-says-good-bye", |habits| habits.says_good_bye = false),
    ("R-MQTT.10-first-retry", |habits| habits.first_retry = Duration::from_secs(1)),
    ("R-MQTT.10-second-retry", |habits| habits.backoff = 1),
    ("R-MQTT.33-retries-after-disconnect", |habits| habits.first_retry = Duration::from_secs(1)),
    ("R-MQTT.1-server-keep-alive", |habits| habits.obeys_keep_alive = false),
    ("R-MQTT.1-second-connack", |habits| habits.minds_connack = false),
    ("R-MQTT.1-reserved-packet", |habits| habits.minds_reserved = false),
    ("R-MQTT.27-content-type", |habits| habits.content_type = "application/octet-stream"),
    ("R-MQTT.27a-long-content-type", |habits| habits.knows_long_type = false),
    ("R-MQTT.23-response-topic", |habits| habits.says_reply_to = false),
    ("R-MQTT.22-connect-says-where-to-answer", |habits| habits.connect_says_reply_to = false),
    ("R-MQTT.15-subscribed-to-its-reply-to", |habits| habits.subscribes_to_own = false),
    ("R-MTP.6-connect-tells-the-topic", |habits| habits.tells_topic = false),
    ("R-MQTT.21-response-information-is-the-reply-to", |habits| habits.takes_information = false),
    ("R-MQTT.26-answers-where-it-is-told", |habits| habits.minds_reply_to = false),
    ("R-MQTT.24-reply-to-in-the-topic", |habits| habits.escapes = false),
    ("R-MQTT.25-last-reply-to-counts", |habits| habits.minds_last = false),
    ("R-MQTT.20-qos-1-is-acknowledged", |habits| habits.acknowledges = false),
    ("R-MQTT.1-maximum-qos", |habits| habits.obeys_maximum_qos = false),
    ("R-MQTT.1-no-retain", |habits| habits.retains = true),
    ("R-MTP.4-broker-of-another-ca", |habits| trust(habits).minds_ca = false),
    ("R-MTP.3-broker-has-expired", |habits| trust(habits).minds_dates = false),
    ("R-MTP.3-broker-is-not-valid-yet", |habits| trust(habits).minds_dates = false),
    ("R-MTP.4-broker-of-another-host", |habits| trust(habits).minds_host = false),
    ("R-SEC.10-names-itself-to-a-broker", |habits| trust(habits).names_itself = false),
    ("R-MQTT.1-receive-maximum", |habits| habits.obeys_receive_maximum = false),
];

fn trust(habits: &mut Habits) -> &mut Trust {
    habits.trust.get_or_insert_default()
}
