//! Answers to challenges are kept concealed, and what went wrong is remembered across restarts.

use std::sync::Arc;
use std::time::Duration;

use requirement::requirement;

use super::super::super::commands::operate;
use super::super::super::host::{Host, ONE, TWO};
use super::super::super::writes::{add, set};
use super::super::{ALL, TRUST_OBJECT, list};
use super::*;

const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.";
const REQUEST: &str = "Device.LocalAgent.ControllerTrust.RequestChallenge()";
const RESPONSE: &str = "Device.LocalAgent.ControllerTrust.ChallengeResponse()";
const RIGHT: &str = "b3BlbiBzZXNhbWU=";
const WRONG: &str = "b3BlbiBzZXNhbWE=";
const HIDDEN: &str = "HIDDB3BLBIBZZXNHBWU=";

/// Three tries, then a minute of none. Both controllers may do everything.
fn device() -> Host {
    let mut host = trusting(&[&[(0, "Device.", ALL)], &[]], &[1]);
    host.fill_more(TRUST_OBJECT, "SecuredRoles", &list(&[9]));
    let values = [
        ("Alias", "one"),
        ("Enable", "true"),
        ("Role", &list(&[2])),
        ("Value", RIGHT),
        ("Retries", "3"),
        ("LockoutPeriod", "60"),
    ];
    host.fill(&format!("{CHALLENGE}1."), &values);
    start(&mut host);
    host
}

fn start(host: &mut Host) {
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host.news();
}

/// Asks for the challenge and answers it: what comes of the answer, or of the request if it was refused.
fn answer(host: &mut Host, row: u32, value: &str) -> String {
    let args = [("ChallengeRef", &*format!("{CHALLENGE}{row}"))];
    let asked = host.ask(operate(REQUEST, "", true, &args));
    let Some((_, rest)) = asked.split_once("ChallengeID=") else { return last(&asked) };
    let id: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    let args = [("ChallengeID", &*id), ("Value", value)];
    last(&host.ask(operate(RESPONSE, "", true, &args)))
}

fn last(answer: &str) -> String {
    answer.rsplit(' ').next().unwrap_or_default().to_owned()
}

/// The machine of another start, that much later.
fn restarted(host: Host, later: Duration, clock: bool) -> Host {
    let utc = host.now.utc.map(|utc| utc + later).filter(|_| clock);
    let mut host = Host::with(host.tree, [9; 32]);
    host.now.utc = utc;
    host.machine = host.machine.with_trust(Arc::new(Played));
    start(&mut host);
    host
}

#[test]
fn an_answer_is_kept_concealed() {
    let mut host = device();
    let value = |host: &Host, row: u32| host.value(&format!("{CHALLENGE}{row}."), "Value");
    assert_eq!(value(&host, 1), HIDDEN, "that of the factory");
    assert_eq!(host.wrote.len(), 1, "and the host keeps it so");
    let new: &[&str] = &["!Alias=two", "!Enable=true", "!Value=b3BlbiBzZXNhbWU=", "!Retries=3"];
    host.ask_as(2, TWO, add(false, &[(CHALLENGE, new)]));
    assert_eq!(value(&host, 2), HIDDEN);
    let row = format!("{CHALLENGE}2.");
    host.ask_as(2, TWO, set(false, &[(&row, &["!Value=b3Blbg=="])]));
    assert_eq!(value(&host, 2), "HIDDB3BLBG==");
    for (row, text, expected) in
        [(1, WRONG, "7022"), (1, RIGHT, "[]"), (2, "b3Blbg==", "[]"), (1, HIDDEN, "7022")]
    {
        assert_eq!(answer(&mut host, row, text), expected, "{row} {text}");
    }
    // What is concealed is not concealed again.
    let host = restarted(host, Duration::ZERO, true);
    assert_eq!((value(&host, 1).as_str(), host.wrote.len()), (HIDDEN, 0));
}

#[test]
#[requirement("R-SEC.16", "R-SEC.17")]
fn wrong_answers_count_across_restarts() {
    let mut host = device();
    for _ in 0..2 {
        assert_eq!(answer(&mut host, 1, WRONG), "7022");
        host = restarted(host, Duration::from_secs(1), true);
    }
    assert_eq!(answer(&mut host, 1, WRONG), "7022");
    assert_eq!(answer(&mut host, 1, RIGHT), "7002");
    // A success makes an end of it.
    host.pass(Duration::from_secs(60));
    assert_eq!(answer(&mut host, 1, WRONG), "7022");
    assert_eq!(answer(&mut host, 1, RIGHT), "[]");
    host = restarted(host, Duration::ZERO, true);
    for _ in 0..2 {
        assert_eq!(answer(&mut host, 1, WRONG), "7022");
    }
    assert_eq!(answer(&mut host, 1, RIGHT), "[]");
}

/// How long it still lasts, after how long without power; without a clock it begins anew, and is never longer than
/// it was.
#[test]
#[requirement("R-SEC.17")]
fn a_lockout_survives_a_restart() {
    for (away, clock, left) in [(20, true, 40), (60, true, 0), (20, false, 60), (600, false, 60)] {
        let mut host = device();
        for _ in 0..3 {
            assert_eq!(answer(&mut host, 1, WRONG), "7022");
        }
        let mut host = restarted(host, Duration::from_secs(away), clock);
        if left > 0 {
            host.pass(Duration::from_secs(left - 1));
            assert_eq!(answer(&mut host, 1, RIGHT), "7002", "{away} {clock}");
            host.pass(Duration::from_secs(1));
        }
        assert_eq!(answer(&mut host, 1, RIGHT), "[]", "{away} {clock}");
    }
}
