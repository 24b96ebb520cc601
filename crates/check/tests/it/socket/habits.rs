//! What the agent on a WebSocket does, rule by rule, and the habit that breaks the rule of each check.

use std::time::Duration;

use super::trust::Trust;

/// What it keeps to. The default is right.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// What it believes, over TLS; `None` without.
    pub(crate) trust: Option<Trust>,
    // Handshakes, as a client and as a server.
    pub(crate) subprotocol: bool,
    pub(crate) names_itself: bool,
    /// Its id in the URI has its colons percent-encoded, which is as right.
    pub(crate) encodes_colons: bool,
    /// It refuses by hanging up, which is as right as an answer.
    pub(crate) hangs_up: bool,
    pub(crate) version: &'static str,
    pub(crate) whole_key: bool,
    pub(crate) fresh_key: bool,
    pub(crate) minds_subprotocol: bool,
    pub(crate) minds_proof: bool,
    pub(crate) needs_extension: bool,
    pub(crate) minds_no_subprotocol: bool,
    pub(crate) minds_other_subprotocol: bool,
    pub(crate) minds_key: bool,
    pub(crate) minds_version: bool,
    pub(crate) minds_upgrade: bool,
    pub(crate) minds_path: bool,
    pub(crate) proves: bool,
    pub(crate) answers_extension: bool,
    // Connections.
    pub(crate) dials_twice: bool,
    pub(crate) keeps_both: bool,
    pub(crate) first_retry: Duration,
    pub(crate) backoff: u32,
    pub(crate) keeps_count: bool,
    pub(crate) connects_each_time: bool,
    // Frames that it sends.
    pub(crate) binary: bool,
    pub(crate) whole: bool,
    pub(crate) masks: bool,
    pub(crate) fresh_masks: bool,
    pub(crate) pings: bool,
    pub(crate) ponging: bool,
    /// Its answers wait until it is pinged.
    pub(crate) dawdles: bool,
    pub(crate) pongs_payload: bool,
    pub(crate) answers_close: bool,
    pub(crate) code_of_text: u16,
    pub(crate) code_of_garbage: u16,
    // Frames that come.
    pub(crate) reassembles: bool,
    pub(crate) control_between: bool,
    pub(crate) minds_pongs: bool,
    pub(crate) minds_masks: bool,
    pub(crate) minds_reserved: bool,
    pub(crate) minds_opcode: bool,
    pub(crate) minds_long_control: bool,
    pub(crate) minds_parts_of_control: bool,
    pub(crate) minds_stray: bool,
    pub(crate) minds_interruption: bool,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            trust: None,
            subprotocol: true,
            names_itself: true,
            encodes_colons: false,
            hangs_up: false,
            version: "13",
            whole_key: true,
            fresh_key: true,
            minds_subprotocol: true,
            minds_proof: true,
            needs_extension: false,
            minds_no_subprotocol: true,
            minds_other_subprotocol: true,
            minds_key: true,
            minds_version: true,
            minds_upgrade: true,
            minds_path: true,
            proves: true,
            answers_extension: true,
            dials_twice: false,
            keeps_both: false,
            first_retry: Duration::from_secs(7),
            backoff: 2,
            keeps_count: false,
            connects_each_time: true,
            binary: true,
            whole: true,
            masks: true,
            fresh_masks: true,
            pings: true,
            ponging: true,
            dawdles: false,
            pongs_payload: true,
            answers_close: true,
            code_of_text: 1003,
            code_of_garbage: 1003,
            reassembles: true,
            control_between: true,
            minds_pongs: false,
            minds_masks: true,
            minds_reserved: true,
            minds_opcode: true,
            minds_long_control: true,
            minds_parts_of_control: true,
            minds_stray: true,
            minds_interruption: true,
        }
    }
}

/// A check, and the habit that breaks its rule.
pub(crate) type Fault = (&'static str, fn(&mut Habits));

pub(crate) static FAULTS: &[Fault] = &[
    ("R-WS.14-binary-frames", |habits| habits.binary = false),
    ("R-WS.14a-whole-frames", |habits| habits.whole = false),
    ("R-WS.14b-fragments", |habits| habits.reassembles = false),
    ("R-WS.14b-ping-between-fragments", |habits| habits.control_between = false),
    ("R-WS.17-ping-is-answered", |habits| habits.pongs_payload = false),
    ("R-WS.13-pong-is-ignored", |habits| habits.minds_pongs = true),
    ("R-WS.17-pings", |habits| habits.pings = false),
    ("R-WS.8-close-is-answered", |habits| habits.answers_close = false),
    ("R-WS.16-text-frame", |habits| habits.code_of_text = 1002),
    ("R-WS.16-no-record", |habits| habits.code_of_garbage = 1000),
    ("R-WS.15-masks-where-it-belongs", |habits| habits.masks = false),
    ("R-WS.15-wrong-mask", |habits| habits.minds_masks = false),
    ("R-WS.15-reserved-bits", |habits| habits.minds_reserved = false),
    ("R-WS.15-reserved-opcode", |habits| habits.minds_opcode = false),
    ("R-WS.15-long-ping", |habits| habits.minds_long_control = false),
    ("R-WS.15-fragmented-ping", |habits| habits.minds_parts_of_control = false),
    ("R-WS.15-stray-continuation", |habits| habits.minds_stray = false),
    ("R-WS.15-interrupted-message", |habits| habits.minds_interruption = false),
    ("R-MTP.8-connect-each-time", |habits| habits.connects_each_time = false),
    ("R-WS.10-offers-the-subprotocol", |habits| habits.subprotocol = false),
    ("R-WS.10b-names-itself", |habits| habits.names_itself = false),
    ("R-WS.7-asks-for-an-upgrade", |habits| habits.version = "8"),
    ("R-WS.7-key", |habits| habits.whole_key = false),
    ("R-WS.7-fresh-key", |habits| habits.fresh_key = false),
    ("R-WS.15-fresh-masks", |habits| habits.fresh_masks = false),
    ("R-WS.12-answer-without-subprotocol", |habits| habits.minds_subprotocol = false),
    ("R-WS.12-answer-with-another-subprotocol", |habits| habits.minds_subprotocol = false),
    ("R-WS.7-answer-without-proof", |habits| habits.minds_proof = false),
    ("R-WS.11b-answer-without-extension", |habits| habits.needs_extension = true),
    ("R-WS.19-first-retry", |habits| habits.first_retry = Duration::from_secs(1)),
    ("R-WS.19-second-retry", |habits| habits.backoff = 1),
    ("R-WS.20-count-starts-again", |habits| habits.keeps_count = true),
    ("R-WS.4-one-connection", |habits| habits.dials_twice = true),
    ("R-WS.11-answers-the-subprotocol", |habits| habits.subprotocol = false),
    ("R-WS.7-proves-that-it-read", |habits| habits.proves = false),
    ("R-WS.12a-request-without-subprotocol", |habits| habits.minds_no_subprotocol = false),
    ("R-WS.12a-request-with-another-subprotocol", |habits| habits.minds_other_subprotocol = false),
    ("R-WS.7-request-without-key", |habits| habits.minds_key = false),
    ("R-WS.7-request-of-another-version", |habits| habits.minds_version = false),
    ("R-WS.7-request-without-upgrade", |habits| {
        (habits.minds_upgrade, habits.minds_no_subprotocol) = (false, false);
    }),
    ("R-WS.2-another-path", |habits| habits.minds_path = false),
    ("R-WS.11c-request-without-extension", |habits| habits.needs_extension = true),
    ("R-WS.11a-answers-the-extension", |habits| habits.answers_extension = false),
    ("R-WS.4-one-of-two", |habits| habits.keeps_both = true),
    ("R-MTP.4-server-of-another-ca", |habits| trust(habits).minds_ca = false),
    ("R-MTP.3-server-has-expired", |habits| trust(habits).minds_dates = false),
    ("R-MTP.3-server-is-not-valid-yet", |habits| trust(habits).minds_dates = false),
    ("R-MTP.4-another-host", |habits| {
        trust(habits).minds_host = false;
        trust(habits).minds_endpoint = false;
    }),
    ("R-MTP.4-endpoint-id-is-enough", |habits| trust(habits).needs_host = true),
    ("R-SEC.0a-server-of-another-endpoint", |habits| trust(habits).minds_endpoint = false),
    ("R-SEC.10-dialler-names-itself", |habits| trust(habits).names_itself = false),
    ("R-MTP.1-client-without-certificate", |habits| trust(habits).wants_certificate = false),
    ("R-MTP.4-client-of-another-ca", |habits| trust(habits).minds_ca = false),
    ("R-MTP.3-client-has-expired", |habits| trust(habits).minds_dates = false),
    ("R-MTP.3-client-is-not-valid-yet", |habits| trust(habits).minds_dates = false),
    ("R-SEC.0a-client-of-another-endpoint", |habits| trust(habits).minds_endpoint = false),
    ("R-SEC.3-client-without-endpoint", |habits| trust(habits).needs_endpoint = false),
    ("R-SEC.10-listener-names-itself", |habits| trust(habits).names_itself = false),
];

fn trust(habits: &mut Habits) -> &mut Trust {
    habits.trust.get_or_insert_default()
}
