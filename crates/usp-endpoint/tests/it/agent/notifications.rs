//! How notifications are delivered: queues, retries, expiration, and OnBoardRequest.

use std::time::Duration;

use dm::Operation;
use dm::operation::Operate;
use requirement::requirement;
use usp_endpoint::agent::io::Input;
use usp_endpoint::limits::MAX_QUEUED_NOTIFICATIONS;
use usp_proto::link::LinkId;
use usp_proto::notify::NotifyResp;
use usp_proto::{Msg, Response};

use super::host::{Host, ONE, TWO};
use super::writes::{delete, set};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A host with one ValueChange subscription that asks for retries.
fn insisting(more: &[(&str, &str)]) -> Host {
    let mut host = Host::new();
    let retry = [&[("NotifRetry", "true")][..], more].concat();
    host.subscribe(1, 1, "ValueChange", "Device.Info.", &retry);
    host.start();
    host.link(1, ONE);
    host.news();
    host
}

/// Answers a notification of a controller.
fn acknowledge(host: &mut Host, at: usize, from: &str, subscription: &str) {
    let (link, msg_id, _) = host.notifies[at].clone();
    let resp = NotifyResp { subscription_id: subscription.to_owned() };
    host.send(link, from, &Msg::response(msg_id, Response::NotifyResp(resp)));
}

#[test]
#[requirement("R-NOT.1", "R-NOT.3", "R-NOT.9")]
fn a_notification_is_repeated_until_it_is_answered() {
    let mut host = insisting(&[]);
    host.change("Device.Info.", "Name", "x");
    assert_eq!(host.news(), ["1 s1? Device.Info.Name=x"]);
    for (low, high) in [(5, 10), (10, 20), (20, 40)] {
        let before = host.now.mono;
        let next = host.machine.poll_timeout().expect("a retry");
        let wait = next.since(before);
        assert!((secs(low)..=secs(high)).contains(&wait), "{wait:?}");
        host.pass(wait);
        assert_eq!(host.news(), ["1 s1? Device.Info.Name=x"]);
    }
    let ids: Vec<&String> = host.notifies.iter().map(|(_, msg_id, _)| msg_id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the same message each time");
    // The message id counts, whatever the subscription is called.
    acknowledge(&mut host, 0, ONE, "another");
    assert_eq!(host.machine.poll_timeout(), None);
    host.change("Device.Info.", "Name", "y");
    let wait = host.machine.poll_timeout().expect("a retry").since(host.now.mono);
    assert!((secs(5)..=secs(10)).contains(&wait), "the count starts again: {wait:?}");
}

#[test]
#[requirement("R-NOT.1")]
fn the_controller_sets_the_schedule() {
    let mut host = Host::new();
    host.fill_more("Device.LocalAgent.Controller.1.", "OnBoardingComplete", "true");
    host.subscribe(1, 1, "ValueChange", "Device.Info.", &[("NotifRetry", "true")]);
    host.fill_more("Device.LocalAgent.Controller.1.", "USPNotifRetryMinimumWaitInterval", "100");
    host.fill_more("Device.LocalAgent.Controller.1.", "USPNotifRetryIntervalMultiplier", "1000");
    host.start();
    host.link(1, ONE);
    host.change("Device.Info.", "Name", "x");
    for _ in 0..3 {
        let wait = host.machine.poll_timeout().expect("a retry").since(host.now.mono);
        assert_eq!(wait, secs(100));
        host.pass(wait);
    }
}

#[test]
fn without_retry_it_is_sent_once() {
    let mut host = Host::new();
    host.subscribe(1, 1, "ValueChange", "Device.Info.", &[]);
    host.start();
    host.link(1, ONE);
    host.news();
    host.change("Device.Info.", "Name", "x");
    assert_eq!(host.news(), ["1 s1 Device.Info.Name=x"]);
    assert_eq!(host.machine.poll_timeout(), None);
}

#[test]
#[requirement("R-NOT.2")]
fn retries_end_with_the_expiration_after_the_first_attempt() {
    let mut host = insisting(&[("NotifExpiration", "60")]);
    host.input(Input::LinkDown(LinkId(1)));
    host.change("Device.Info.", "Name", "x");
    host.pass(secs(1000));
    host.link(2, ONE);
    assert_eq!(host.news(), ["2 WebSocketConnect", "2 s1? Device.Info.Name=x"], "held, not expired");
    host.pass(secs(59));
    let attempts = host.news().len();
    assert!((2..=4).contains(&attempts), "{attempts}");
    host.pass(secs(10_000));
    assert_eq!(host.news(), [""; 0]);
    assert_eq!(host.machine.poll_timeout(), None);
}

#[test]
fn notifications_wait_for_a_connection_in_order() {
    let mut host = Host::new();
    host.subscribe(1, 1, "ValueChange", "Device.Info.", &[]);
    host.start();
    host.change("Device.Info.", "Name", "a");
    host.change("Device.Info.", "Name", "b");
    host.link(1, ONE);
    assert_eq!(host.news(), ["1 WebSocketConnect", "1 s1 Device.Info.Name=a", "1 s1 Device.Info.Name=b"]);
    host.input(Input::LinkDown(LinkId(1)));
    host.link(2, ONE);
    assert_eq!(host.news(), ["2 WebSocketConnect"]);
}

#[test]
fn an_attempt_that_falls_due_without_a_connection_is_made_on_the_next() {
    let mut host = insisting(&[]);
    host.change("Device.Info.", "Name", "x");
    host.news();
    host.input(Input::LinkDown(LinkId(1)));
    host.pass(secs(10));
    assert_eq!(host.news(), [""; 0]);
    host.link(2, ONE);
    assert_eq!(host.news(), ["2 WebSocketConnect", "2 s1? Device.Info.Name=x"]);
}

#[test]
fn a_queue_is_bounded_and_drops_what_nobody_insists_on() {
    let mut host = Host::new();
    host.subscribe(1, 1, "ValueChange", "Device.Info.Load", &[("NotifRetry", "true")]);
    host.subscribe(2, 1, "ValueChange", "Device.Info.Name", &[]);
    host.start();
    host.change("Device.Info.", "Load", "1");
    for n in 0..MAX_QUEUED_NOTIFICATIONS {
        host.change("Device.Info.", "Name", &n.to_string());
    }
    host.link(1, ONE);
    let news = host.news();
    assert_eq!(news.len(), 1 + MAX_QUEUED_NOTIFICATIONS);
    assert_eq!(news[1..3], ["1 s1? Device.Info.Load=1", "1 s2 Device.Info.Name=1"]);
}

#[test]
fn a_subscription_that_goes_takes_its_retries_along() {
    let mut host = insisting(&[]);
    host.change("Device.Info.", "Name", "x");
    host.ask(delete(false, &["Device.LocalAgent.Subscription.1."]));
    host.news();
    assert_eq!(host.machine.poll_timeout(), None, "nothing is left to wake for");
    host.pass(secs(10_000));
    assert_eq!(host.news(), [""; 0]);
}

#[test]
fn what_a_full_queue_drops_is_not_woken_for() {
    let mut host = insisting(&[("NotifExpiration", "60")]);
    host.fill_more("Device.LocalAgent.Controller.1.", "USPNotifRetryMinimumWaitInterval", "60000");
    host.change("Device.LocalAgent.Controller.1.", "USPNotifRetryIntervalMultiplier", "1001");
    host.change("Device.Info.", "Name", "first");
    host.pass(secs(30));
    for n in 0..MAX_QUEUED_NOTIFICATIONS {
        host.change("Device.Info.", "Name", &n.to_string());
    }
    // The first one would have expired after another 30 seconds; those that are left, after 60.
    let wait = host.machine.poll_timeout().map(|at| at.since(host.now.mono));
    assert_eq!(wait, Some(secs(60)));
}

const ONBOARD: &str = "? OnBoard 012345 Box A1 1.0,1.1,1.2,1.3,1.4";

/// A host whose first controller has not finished onboarding.
fn fresh(restart: &str) -> Host {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.Boot!", &[]);
    host.fill_more("Device.LocalAgent.Controller.1.", "OnBoardingComplete", "false");
    host.fill_more("Device.LocalAgent.Controller.1.", "OnBoardingRestartTime", restart);
    host.start();
    host.link(1, ONE);
    host.link(2, TWO);
    host
}

#[test]
#[requirement("R-NOT.5", "R-NOT.6", "R-NOT.6a", "R-NOT.7")]
fn onboarding_is_asked_for_until_that_is_answered() {
    let mut host = fresh("0");
    let log = host.news();
    assert_eq!(log[..2], ["1 WebSocketConnect".to_owned(), format!("1 {ONBOARD}")]);
    assert!(log[2].starts_with("1 s1 Device.Boot!"), "{log:?}");
    assert_eq!(log[3..], ["2 WebSocketConnect"], "the other one has finished");
    // A day of silence does not end it.
    host.pass(secs(86_400));
    let attempts = host.news();
    assert!((20..40).contains(&attempts.len()), "{}", attempts.len());
    assert!(attempts.iter().all(|line| *line == format!("1 {ONBOARD}")));
    acknowledge(&mut host, 0, ONE, "");
    host.pass(secs(86_400));
    host.change("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "0");
    host.change("Device.LocalAgent.Controller.1.", "Alias", "other");
    assert_eq!(host.news(), [""; 0], "no restart time, no other request");
}

#[test]
#[requirement("R-NOT.6a")]
fn a_full_queue_does_not_drop_the_request_to_be_onboarded() {
    let mut host = Host::new();
    host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[("NotifRetry", "true")]);
    host.fill_more("Device.LocalAgent.Controller.1.", "OnBoardingComplete", "false");
    host.start();
    for n in 0..=MAX_QUEUED_NOTIFICATIONS {
        host.change("Device.Info.", "Name", &n.to_string());
    }
    host.link(1, ONE);
    let news = host.news();
    assert_eq!(news.len(), 1 + MAX_QUEUED_NOTIFICATIONS);
    assert_eq!(news[1], format!("1 {ONBOARD}"));
}

#[test]
#[requirement("R-NOT.5")]
fn onboarding_that_does_not_finish_is_asked_for_again() {
    let mut host = fresh("300");
    host.news();
    acknowledge(&mut host, 0, ONE, "");
    host.pass(secs(299));
    assert_eq!(host.news(), [""; 0]);
    host.pass(secs(1));
    assert_eq!(host.news(), [format!("1 {ONBOARD}")]);
    let at = host.notifies.len() - 1;
    acknowledge(&mut host, at, ONE, "");
    host.ask(set(false, &[("Device.LocalAgent.Controller.1.", &["OnBoardingComplete=true"])]));
    host.news();
    host.pass(secs(86_400));
    assert_eq!(host.news(), [""; 0]);
}

#[test]
#[requirement("R-NOT.5")]
fn onboarding_can_be_asked_for_by_command() {
    let mut host = Host::running();
    let command = "Device.LocalAgent.Controller.1.SendOnBoardRequest()";
    let operate = Operate { command: command.to_owned(), send_resp: true, ..Operate::default() };
    assert_eq!(host.ask(Operation::Operate(operate)), format!("{command} => []"));
    assert_eq!(host.news(), [format!("1 {command} => []"), format!("1 {ONBOARD}")]);
    assert_eq!(host.value("Device.LocalAgent.Controller.1.", "OnBoardingComplete"), "false");
}

#[test]
#[requirement("R-NOT.4")]
fn a_restart_counts_retries_from_the_beginning() {
    let mut host = fresh("0");
    host.pass(secs(86_400));
    let mut next = Host::with(host.tree.clone(), [9; 32]);
    next.now = host.now;
    next.start();
    next.link(1, ONE);
    let wait = next.machine.poll_timeout().expect("a retry").since(next.now.mono);
    assert!((secs(5)..=secs(10)).contains(&wait), "{wait:?}");
}
