//! Checks of UNIX domain sockets, each against the agent that keeps the rules and the agent that breaks one.

mod agent;

use check::Check;
use check::target::Need;
use check::websocket::Side;

use crate::transports::{Fault, Kind};

/// What the agent keeps to. The default is right.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    side: Side,
    handshakes_first: bool,
    names_itself: bool,
    kind_of_records: u8,
    connects_each_time: bool,
    skips_unknown: bool,
    ignores_second: bool,
    waits_for_handshake: bool,
    minds_endpoint: bool,
    waits_s: u64,
    minds_sync: bool,
    minds_overrun: bool,
    minds_length: bool,
    minds_records: bool,
    minds_error: bool,
    retry_s: u64,
    backoff: u64,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            side: Side::AgentDials,
            handshakes_first: true,
            names_itself: true,
            kind_of_records: 3,
            connects_each_time: true,
            skips_unknown: true,
            ignores_second: true,
            waits_for_handshake: true,
            minds_endpoint: true,
            waits_s: 30,
            minds_sync: true,
            minds_overrun: true,
            minds_length: true,
            minds_records: true,
            minds_error: true,
            retry_s: 2,
            backoff: 1,
        }
    }
}

static FAULTS: &[Fault<Habits>] = &[
    ("R-UDS.16-handshake-first", |habits| habits.handshakes_first = false),
    ("R-UDS.17-answers-the-handshake", |habits| habits.handshakes_first = false),
    ("R-UDS.12-handshake-names-it", |habits| habits.names_itself = false),
    ("R-UDS.22-records-alone", |habits| habits.kind_of_records = 9),
    ("R-MTP.6-uds-connect", |habits| habits.connects_each_time = false),
    ("R-UDS.15-unknown-value", |habits| habits.skips_unknown = false),
    ("R-UDS.19-second-handshake", |habits| habits.ignores_second = false),
    ("R-UDS.20-record-before-handshake", |habits| habits.waits_for_handshake = false),
    ("R-UDS.21-handshake-without-endpoint", |habits| habits.minds_endpoint = false),
    ("R-UDS.18-no-handshake", |habits| habits.waits_s = 45),
    ("R-UDS.24-wrong-sync", |habits| habits.minds_sync = false),
    ("R-UDS.24-value-too-long", |habits| habits.minds_overrun = false),
    ("R-UDS.24-oversized-frame", |habits| habits.minds_length = false),
    ("R-UDS.23-no-record", |habits| habits.minds_records = false),
    ("R-UDS.25-error-ends-it", |habits| habits.minds_error = false),
    ("R-UDS.5-first-retry", |habits| habits.retry_s = 8),
    ("R-UDS.5-later-retries", |habits| habits.backoff = 3),
];

static AGENTS: Kind<Habits> = Kind { faults: FAULTS, right, bench: agent::bench };

/// The right agent for a check: one that listens where it is about that.
fn right(check: &Check) -> Habits {
    let listens = check.needs.first() == Some(&Need::UnixListens);
    Habits { side: if listens { Side::AgentListens } else { Side::AgentDials }, ..Habits::default() }
}

/// The checks that have a fault here.
pub(crate) fn faulted() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(check, _)| *check)
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes() {
    AGENTS.right_passes().await;
    AGENTS.right_passes_in_a_row(Habits::default(), &["R-UDS.17", "R-UDS.20"]).await;
    let listens = Habits { side: Side::AgentListens, ..Habits::default() };
    AGENTS.right_passes_in_a_row(listens, &["R-UDS.16", "R-UDS.18", "R-UDS.5"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_wrong_agent_fails_the_check_of_the_rule_that_it_breaks() {
    AGENTS.wrong_fails().await;
}
