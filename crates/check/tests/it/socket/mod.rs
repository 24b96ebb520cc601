//! Checks of WebSocket's own rules, each against the agent that keeps them and the agent that breaks one.

mod agent;
mod habits;
mod trust;

use std::time::Duration;

use check::target::Need;
use check::websocket::Side;
use check::{Check, Level, Verdict, run, select};

use habits::{FAULTS, Habits};
pub(crate) use trust::Trust;

/// On whose side a check looks.
fn sides(check: &Check) -> &'static [Side] {
    match check.needs.first() {
        Some(Need::WebSocket) => &[Side::AgentDials, Side::AgentListens],
        Some(Need::Dials | Need::DialsSecurely) => &[Side::AgentDials],
        Some(Need::Listens | Need::ListensSecurely) => &[Side::AgentListens],
        _ => &[],
    }
}

/// The right agent for a check: with TLS where it is about that.
fn right(check: &Check) -> Habits {
    let is_secure = matches!(check.needs.first(), Some(Need::DialsSecurely | Need::ListensSecurely));
    Habits { trust: is_secure.then(Trust::default), ..Habits::default() }
}

/// The checks that have a fault here.
pub(crate) fn faulted() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(check, _)| *check)
}

async fn verdict(check: &'static Check, side: Side, habits: Habits) -> Verdict {
    let mut bench = agent::bench(side, habits);
    match run(&mut bench, &[check], Duration::from_secs(60), |_| {}).await {
        Ok(mut ran) => ran.remove(0).verdict,
        Err(stop) => Verdict::Error(stop.to_string()),
    }
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes_each_check_alone() {
    let mut wrong = Vec::new();
    for check in select(&[]).into_iter().filter(|check| !sides(check).is_empty()) {
        for side in sides(check) {
            let verdict = verdict(check, *side, right(check)).await;
            if verdict != Verdict::Pass {
                wrong.push(format!("{} {side:?}: {verdict:?}", check.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn other_good_manners_are_as_right() {
    for (filter, side) in [
        ("R-WS.10b", Side::AgentDials),
        ("R-WS.12a", Side::AgentListens),
        ("R-WS.7-request-without-key", Side::AgentListens),
        ("R-WS.2", Side::AgentListens),
    ] {
        for check in select(&[filter.to_owned()]) {
            let habits = Habits { encodes_colons: true, hangs_up: true, ..right(check) };
            assert_eq!(verdict(check, side, habits).await, Verdict::Pass, "{}", check.id);
        }
    }
}

/// Answers that lie until something else goes over the connection are judged all the same.
#[tokio::test(start_paused = true)]
async fn an_agent_that_dawdles_is_pinged() {
    let check = select(&["R-MSG.0-get-is-answered".to_owned()])[0];
    let habits = Habits { dawdles: true, ..Habits::default() };
    assert_eq!(verdict(check, Side::AgentDials, habits).await, Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes_all_checks_in_a_row() {
    for side in [Side::AgentDials, Side::AgentListens] {
        let checks: Vec<_> = select(&[]).into_iter().filter(|check| sides(check).contains(&side)).collect();
        // All of them over TLS.
        let habits = Habits { trust: Some(Trust::default()), ..Habits::default() };
        let mut bench = agent::bench(side, habits);
        let ran = run(&mut bench, &checks, Duration::from_secs(60), |_| {}).await.unwrap();
        let wrong: Vec<_> = ran
            .iter()
            .filter(|one| one.verdict != Verdict::Pass)
            .map(|one| (one.check.id, &one.verdict))
            .collect();
        assert!(wrong.is_empty(), "{side:?}: {wrong:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wrong_agent_fails_the_check_of_the_rule_that_it_breaks() {
    let mut unseen = Vec::new();
    for (id, fault) in FAULTS {
        let check = select(&[(*id).to_owned()])[0];
        for side in sides(check) {
            let mut habits = right(check);
            fault(&mut habits);
            let verdict = verdict(check, *side, habits).await;
            let is_seen = match check.level {
                Level::Must => matches!(verdict, Verdict::Fail(_)),
                Level::Should => matches!(verdict, Verdict::Warn(_)),
            };
            if !is_seen {
                unseen.push(format!("{id} {side:?}: {verdict:?}"));
            }
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}
