//! Checks of MQTT's own rules, each against the agent that keeps them and the agent that breaks one.

mod agent;
mod habits;

use check::Check;
use check::mqtt::Version;
use check::target::Need;

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
