//! Checks of STOMP's own rules, each against the agent that keeps them and the agent that breaks one.

mod agent;

use std::time::Duration;

use crate::transports::{Fault, Kind};

/// What the agent keeps to. The default is right.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    command: &'static str,
    escapes: bool,
    login: bool,
    host: &'static str,
    /// Whether heart-beats are enabled, as its model says.
    has_beats: bool,
    beats: Option<&'static str>,
    beats_on: bool,
    has_id: bool,
    destination: &'static str,
    takes_given: bool,
    ack: &'static str,
    says_length: bool,
    content_type: &'static str,
    reply_to: Option<&'static str>,
    connect_reply_to: bool,
    tells_destination: bool,
    minds_reply_to: bool,
    minds_receipt: bool,
    begins: bool,
    acknowledges: bool,
    gives_up_after_error: bool,
    gives_up_after_refusal: bool,
    retry: Duration,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            command: "STOMP",
            escapes: true,
            login: true,
            host: "usp",
            has_beats: true,
            beats: Some("1000,0"),
            beats_on: true,
            has_id: true,
            destination: "/queue/a1",
            takes_given: true,
            ack: "auto",
            says_length: true,
            content_type: "application/vnd.bbf.usp.msg",
            reply_to: None,
            connect_reply_to: true,
            tells_destination: true,
            minds_reply_to: true,
            minds_receipt: false,
            begins: false,
            acknowledges: false,
            gives_up_after_error: false,
            gives_up_after_refusal: false,
            retry: Duration::from_secs(40),
        }
    }
}

static FAULTS: &[Fault<Habits>] = &[
    ("R-STOMP.2-opens-with-stomp", |habits| habits.command = "CONNECT"),
    ("R-STOMP.4-names-itself", |habits| habits.escapes = false),
    ("R-STOMP.3-login", |habits| habits.login = false),
    ("R-STOMP.5-host", |habits| habits.host = "another"),
    ("R-STOMP.9-no-heart-beats", |habits| habits.beats = Some("1000,0")),
    ("R-STOMP.10-heart-beats", |habits| habits.beats = Some("500,0")),
    ("R-STOMP.11-obeys-heart-beats", |habits| habits.beats_on = false),
    ("R-STOMP.13-subscribes", |habits| habits.has_id = false),
    ("R-STOMP.15-configured-destination", |habits| habits.destination = "/queue/another"),
    ("R-STOMP.14-destination-of-the-server", |habits| habits.takes_given = false),
    ("R-STOMP.17-ack-auto", |habits| habits.ack = "client"),
    ("R-STOMP.19-content-length", |habits| habits.says_length = false),
    ("R-STOMP.20-content-type", |habits| habits.content_type = "application/octet-stream"),
    ("R-STOMP.21-reply-to-dest", |habits| habits.reply_to = Some("/queue/another")),
    ("R-STOMP.21-connect-says-where-to-answer", |habits| habits.connect_reply_to = false),
    ("R-MTP.6-stomp-connect", |habits| habits.tells_destination = false),
    ("R-STOMP.23-answers-where-it-is-told", |habits| habits.minds_reply_to = false),
    ("R-STOMP.30-receipt", |habits| habits.minds_receipt = true),
    ("R-STOMP.26-no-transactions", |habits| habits.begins = true),
    ("R-STOMP.27-no-acknowledgements", |habits| habits.acknowledges = true),
    ("R-STOMP.25-comes-back-after-error", |habits| habits.gives_up_after_error = true),
    ("R-STOMP.7-comes-back-after-refusal", |habits| habits.gives_up_after_refusal = true),
];

static AGENTS: Kind<Habits> = Kind { faults: FAULTS, right, bench: agent::bench };

/// The right agent for a check: without heart-beats where it is about that.
fn right(check: &check::Check) -> Habits {
    if check.id.starts_with("R-STOMP.9-") {
        return Habits { has_beats: false, beats: None, ..Habits::default() };
    }
    Habits::default()
}

/// The checks that have a fault here.
pub(crate) fn faulted() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(check, _)| *check)
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes() {
    AGENTS.right_passes().await;
    AGENTS.right_passes_in_a_row(Habits::default(), &["R-STOMP.9-"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_wrong_agent_fails_the_check_of_the_rule_that_it_breaks() {
    AGENTS.wrong_fails().await;
}
