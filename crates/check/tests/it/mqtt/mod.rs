//! Checks of MQTT's own rules, each against the agent that keeps them and the agent that breaks one.

mod agent;
mod habits;

use std::time::Duration;

use check::mqtt::Version;
use check::target::Need;
use check::{Check, Verdict, run, select};

use crate::socket::Trust;
use crate::transports::Kind;
use habits::{FAULTS, Habits};

static AGENTS: Kind<Habits> = Kind { faults: FAULTS, right, bench: agent::bench };

/// The right agent for a check: of 3.1.1 where it is about that, and with TLS.
fn right(check: &Check) -> Habits {
    let version = if check.needs.first() == Some(&Need::Mqtt3) { Version::V3_1_1 } else { Version::V5 };
    let trust = (check.needs.first() == Some(&Need::BrokerSecurely)).then(Trust::default);
    Habits { version, trust, ..Habits::default() }
}

/// The checks that have a fault here.
pub(crate) fn faulted() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(check, _)| *check)
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes() {
    AGENTS.right_passes().await;
    let habits = Habits { trust: Some(Trust::default()), ..Habits::default() };
    AGENTS.right_passes_in_a_row(habits, &["R-MQTT.24", "R-MQTT.25"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_wrong_agent_fails_the_check_of_the_rule_that_it_breaks() {
    AGENTS.wrong_fails().await;
}

/// An agent that a check left on a connection over which it can't answer is given another one.
#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_is_renewed() {
    let mut bench = agent::bench(Habits { needs_qos_1: true, ..Habits::default() });
    let checks = ["R-MQTT.1-maximum-qos", "R-MSG.0-get-is-answered", "R-MSG.0-get-instances-is-answered"];
    let checks: Vec<_> = checks.iter().flat_map(|id| select(&[(*id).to_owned()])).collect();
    let ran = run(&mut bench, &checks, Duration::from_secs(60), |_| {}).await.unwrap();
    assert!(matches!(ran[0].verdict, Verdict::Fail(_)), "{:?}", ran[0].verdict);
    assert_eq!(ran[1].verdict, Verdict::Pass);
    // The small agent has no GetInstances; that it was asked is enough.
    assert!(!ran[2].transcript.is_empty());
}
