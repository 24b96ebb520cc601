//! `Device.ScheduleTimer()`.

use std::time::Duration;

use dm::Operation;
use dm::operation::Operate;
use requirement::requirement;
use usp_endpoint::limits::MAX_TIMERS;

use super::host::{Host, ONE, TWO};

const REQUESTS: &str = "Device.LocalAgent.Request.";
const TIMERS: &str = "Device.LocalAgent.X_CUSP_Timer.";

fn timer(key: &str, seconds: &str) -> Operation {
    Operation::Operate(Operate {
        command: "Device.ScheduleTimer()".to_owned(),
        command_key: key.to_owned(),
        send_resp: true,
        args: vec![("DelaySeconds".to_owned(), seconds.to_owned())],
    })
}

fn started(row: u32) -> String {
    format!("Device.ScheduleTimer() => Device.LocalAgent.Request.{row}.")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Connected, with OperationComplete and Boot! subscribed to.
fn host() -> Host {
    let mut host = Host::new();
    host.subscribe(1, 1, "OperationComplete", "Device.ScheduleTimer()", &[]);
    host.subscribe(2, 2, "Event", "Device.Boot!", &[]);
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host.news();
    host
}

#[test]
#[requirement("R-OPR.0", "R-OPR.3")]
fn a_timer_ends_when_its_delay_has_passed() {
    let mut host = host();
    assert_eq!(host.ask(timer("k", "60")), started(1));
    let row = "Device.LocalAgent.Request.1.";
    let values = ["Originator", "Command", "CommandKey", "Status"].map(|name| host.value(row, name));
    assert_eq!(values, [ONE, "Device.ScheduleTimer()", "k", "Active"]);
    assert_eq!(host.value("Device.LocalAgent.X_CUSP_Timer.1.", "Due"), "2026-01-31T12:01:00Z");
    assert!(host.runs.is_empty(), "the host has nothing to run");
    // What makes no sense, and what runs already.
    for (key, seconds, code) in [("x", "0", "7027"), ("x", "soon", "7027"), ("k", "5", "7005")] {
        assert_eq!(
            host.ask(timer(key, seconds)),
            format!("Device.ScheduleTimer() => {code}"),
            "{key} {seconds}"
        );
    }
    host.news();
    host.pass(secs(59));
    assert_eq!(host.news(), [""; 0]);
    host.pass(secs(1));
    assert_eq!(host.news(), ["1 s1 Device.ScheduleTimer() k []"]);
    assert_eq!((host.rows(REQUESTS), host.rows(TIMERS)), (Vec::new(), Vec::new()));
    // One after the other under one key is as good as under two.
    assert_eq!(host.ask(timer("k", "5")), started(2));
}

#[test]
fn a_timer_can_be_cancelled() {
    let mut host = host();
    host.ask(timer("a", "60"));
    host.ask(timer("b", "90"));
    host.news();
    let command = "Device.LocalAgent.Request.1.Cancel()".to_owned();
    let cancel = Operate { command, command_key: String::new(), send_resp: true, args: Vec::new() };
    assert_eq!(host.ask(Operation::Operate(cancel)), "Device.LocalAgent.Request.1.Cancel() => []");
    assert_eq!(host.news()[1], "1 s1 Device.ScheduleTimer() a 7023");
    assert_eq!((host.rows(REQUESTS), host.rows(TIMERS)), (vec![2], vec![2]));
    host.pass(secs(90));
    assert_eq!(host.news(), ["1 s1 Device.ScheduleTimer() b []"]);
}

/// What is left of a delay after a restart, by what the clocks say before and after it.
#[test]
fn a_timer_outlives_a_restart() {
    for (clock_before, clock_after, away, left) in [
        (true, true, 40, 20),
        (true, true, 100, 0),
        (true, false, 40, 60),
        (false, true, 40, 60),
        (false, false, 40, 60),
    ] {
        let what = format!("{clock_before} {clock_after} {away}");
        let mut host = host();
        let utc = host.now.utc;
        host.now.utc = utc.filter(|_| clock_before);
        host.ask(timer("k", "60"));
        host.ask(timer("late", "1000"));
        // A command that runs is gone with the process, and its row with it.
        let scan = Operate { command: "Device.Info.Scan()".to_owned(), ..Operate::default() };
        host.ask(Operation::Operate(scan));
        let mut next = Host::with(host.tree.clone(), [8; 32]);
        next.now.utc = utc.filter(|_| clock_after).map(|utc| utc + secs(away));
        next.start();
        assert_eq!(next.rows(REQUESTS), [1, 2], "{what}");
        assert_eq!(next.value("Device.LocalAgent.Request.1.", "CommandKey"), "k", "{what}");
        next.link(1, ONE);
        next.news();
        if left > 0 {
            next.pass(secs(left - 1));
            assert_eq!(next.news(), [""; 0], "{what}");
        }
        next.pass(secs(1));
        assert_eq!(next.news(), ["1 s1 Device.ScheduleTimer() k []"], "{what}");
        assert_eq!(next.rows(REQUESTS), [2], "{what}");
    }
}

/// A clock that ran ahead when the timer was set, and was corrected before the restart.
#[test]
fn a_clock_that_goes_back_does_not_make_a_timer_late() {
    let mut host = host();
    let utc = host.now.utc;
    host.now.utc = utc.map(|utc| utc + secs(30_000_000));
    host.ask(timer("k", "60"));
    let mut next = Host::with(host.tree.clone(), [8; 32]);
    next.now.utc = utc;
    next.start();
    next.link(1, ONE);
    next.news();
    next.pass(secs(59));
    assert_eq!(next.news(), [""; 0]);
    next.pass(secs(1));
    assert_eq!(next.news(), ["1 s1 Device.ScheduleTimer() k []"]);
}

#[test]
#[requirement("R-OPR.3")]
fn timers_are_bounded() {
    let mut host = host();
    for n in 0..MAX_TIMERS {
        assert!(!host.ask(timer(&n.to_string(), "60")).ends_with(" => 7005"), "{n}");
    }
    assert_eq!(host.ask(timer("more", "60")), "Device.ScheduleTimer() => 7005");
}
