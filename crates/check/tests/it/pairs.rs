//! Every check passes on the right agent, and fails on the agent that breaks its rule.

use std::collections::BTreeSet;
use std::time::Duration;

use check::target::Need;
use check::{Check, Level, Verdict, run, select};

use crate::agent::{bench, protected_bench};
use crate::faults::{self, Fault};
use crate::transports;

async fn verdict(check: &'static Check, fault: Option<&'static Fault>) -> Verdict {
    let needs = |need: Need| check.needs.contains(&need);
    let mut bench = if needs(Need::Proof) { protected_bench(fault).await } else { bench(fault).await };
    let mut ran = run(&mut bench, &[check], Duration::from_secs(10), |_| {}).await.unwrap();
    ran.remove(0).verdict
}

#[test]
fn every_check_has_one_fault() {
    let checks: BTreeSet<&str> = select(&[]).iter().map(|check| check.id).collect();
    let faults: Vec<&str> = faults::all().map(|fault| fault.check).chain(transports::faulted()).collect();
    let once: BTreeSet<&str> = faults.iter().copied().collect();
    assert_eq!(faults.len(), once.len(), "a check has two faults");
    assert_eq!(checks, once);
}

#[test]
fn the_guide_says_how_many_there_are() {
    let (guide, checks) = (include_str!("../../../../docs/guide/check.md"), select(&[]).len());
    assert!(guide.contains(&format!("There are {checks} checks")), "{checks}");
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes_each_check_alone() {
    let mut wrong = Vec::new();
    for check in select(&[]).into_iter().filter(|check| !transports::is_about(check)) {
        let verdict = verdict(check, None).await;
        if verdict != Verdict::Pass {
            wrong.push(format!("{}: {verdict:?}", check.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_right_agent_passes_all_checks_in_a_row() {
    let mut checks = select(&[]);
    checks.retain(|check| !transports::is_about(check));
    let mut bench = bench(None).await;
    let ran = run(&mut bench, &checks, Duration::from_secs(10), |_| {}).await.unwrap();
    let wrong: Vec<String> = ran
        .iter()
        .filter(|one| one.verdict != Verdict::Pass)
        .map(|one| format!("{}: {:?}", one.check.id, one.verdict))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        ran.iter()
            .all(|one| ["R-MTP.6", "R-SEC.1a"].contains(&one.check.requirement())
                || !one.transcript.is_empty())
    );
}

#[tokio::test(start_paused = true)]
async fn the_wrong_agent_fails_the_check_of_the_rule_that_it_breaks() {
    let mut unseen = Vec::new();
    for fault in faults::all() {
        let checks = select(&[fault.check.to_owned()]);
        let verdict = verdict(checks[0], Some(fault)).await;
        let is_seen = match checks[0].level {
            Level::Must => matches!(verdict, Verdict::Fail(_)),
            Level::Should => matches!(verdict, Verdict::Warn(_)),
        };
        if !is_seen {
            unseen.push(format!("{}: {verdict:?}", fault.check));
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}

#[test]
fn filters_choose_whole_ids_and_their_beginnings() {
    for (filter, first, count) in [
        ("R-GET.1a-search-without-hits", "R-GET.1a-search-without-hits", 1),
        ("R-OPR.0-request-row", "R-OPR.0-request-row", 1),
        ("R-GET.1a", "R-GET.1a-search-without-hits", 2),
        ("R-GET.2", "R-GET.2-parent-is-the-resolved-path", 1),
        ("R-KEY", "R-KEY.1-key-stays", 2),
    ] {
        let chosen = select(&[filter.to_owned()]);
        assert_eq!((chosen[0].id, chosen.len()), (first, count), "{filter}");
    }
    assert!(select(&["R-GE".to_owned()]).is_empty());
}
