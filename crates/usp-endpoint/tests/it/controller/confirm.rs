//! An agent that was onboarded: whether it still is, and what follows if it is not.

use usp_endpoint::controller::io::{Input, OnboardingPlan, Ticket};
use usp_proto::Msg;
use usp_proto::Request;
use usp_proto::notify::{Event, Notification, Notify};

use super::bench::{Bench, ms};
use super::onboarding::{World, plan};
use super::peer::Quirks;

const NOTHING: [&str; 0] = [];

fn ask(bench: &mut Bench) -> Vec<String> {
    let at = ms(bench.now.0 / 1000 + 2000);
    bench.input(Input::Confirm { at, id_prefix: "cusp-".to_owned() })
}

fn event(subscription: &str) -> Msg {
    let event = Event { obj_path: "Device.".to_owned(), event_name: "Boot!".to_owned(), ..Event::default() };
    Msg::request("n1", Request::Notify(Notify::new(subscription, false, Notification::Event(event))))
}

#[test]
fn a_look_is_due_in_time_and_once() {
    let mut bench = Bench::connected();
    assert_eq!(ask(&mut bench), NOTHING);
    assert_eq!(bench.wait_until(ms(1999)), NOTHING);
    assert_eq!(bench.wait_until(ms(2000)), ["confirm"]);
    assert_eq!(bench.wait_until(ms(60_000)), NOTHING);
    assert!(bench.machine.is_idle());
}

#[test]
fn a_notification_of_ours_answers_it_before_it_is_asked() {
    // (its subscription, what is due then)
    for (subscription, due) in [("cusp-boot", vec![]), ("cusp-values~2", vec![]), ("mine", vec!["confirm"])] {
        let mut bench = Bench::connected();
        ask(&mut bench);
        bench.hear(&event(subscription));
        assert_eq!(bench.wait_until(ms(60_000)), due, "{subscription}");
    }
}

#[test]
fn it_waits_until_the_agent_is_there() {
    let mut bench = Bench::new();
    bench.link_up();
    ask(&mut bench);
    bench.hear_record(usp_proto::RecordType::Disconnect { reason: String::new(), reason_code: 0 });
    assert_eq!(bench.wait_until(ms(60_000)), NOTHING);
    bench.hear_record(usp_proto::RecordType::WebSocketConnect);
    assert_eq!(bench.wait_until(ms(60_000)), ["confirm"]);
}

const LOOK: &str = "Get Device.LocalAgent.Controller.[EndpointID==\"proto::controller\"].EndpointID \
                    Device.LocalAgent.Subscription.";

#[test]
fn one_question_where_all_stands() {
    let mut world = World::new(Quirks::default());
    world.onboard(plan());
    world.drive(Input::Reconcile(plan()));
    assert_eq!(world.log, [format!("send #12 {LOOK}"), "reconciled".to_owned()]);
    assert!(world.bench.machine.is_idle());
}

#[test]
fn an_agent_without_searches_is_asked_for_its_tables() {
    let mut world = World::new(Quirks { no_search: true, ..Quirks::default() });
    world.onboard(plan());
    world.drive(Input::Reconcile(plan()));
    let table = "Get Device.LocalAgent.Controller. Device.LocalAgent.Subscription.";
    assert!(world.log.iter().any(|line| line.ends_with(table)), "{:#?}", world.log);
    assert!(world.bench.machine.is_idle());
}

#[test]
fn an_agent_that_lost_its_state_is_onboarded_again() {
    let mut world = World::new(Quirks::default());
    world.onboard(plan());
    let before = world.subscriptions();
    // A factory reset: all that was written is gone.
    world.peer = super::peer::Peer::new(Quirks::default());
    assert!(world.subscriptions().is_empty());
    world.drive(Input::Reconcile(plan()));
    assert_eq!(world.log[0], format!("send #12 {LOOK}"));
    assert_eq!(world.log.last().map(String::as_str), Some("onboarded"), "{:#?}", world.log);
    assert_eq!(world.subscriptions(), before);
    let boot = world.peer.rows("Device.LocalAgent.Controller.2.BootParameter.", &["Enable"]);
    assert_eq!(boot, ["1 true"]);
}

#[test]
fn what_is_missing_is_made_and_what_is_refused_is_no_news() {
    let mut world = World::new(Quirks::default());
    world.onboard(plan());
    let mut wanted = plan();
    let more = wanted.subscriptions[0].clone();
    wanted
        .subscriptions
        .push(usp_endpoint::controller::io::Subscription { id: "cusp-more".to_owned(), ..more });
    world.drive(Input::Reconcile(wanted.clone()));
    assert_eq!(world.subscriptions().len(), 3, "{:#?}", world.log);
    let (last, sent) = world.log.split_last().expect("some");
    assert!(last == "reconciled" && sent.iter().all(|line| line.starts_with("send ")), "{:#?}", world.log);
    // A type that this agent does not know.
    wanted.subscriptions[2].id = "cusp-odd".to_owned();
    wanted.subscriptions[2].notif_type = "OperationComplete".to_owned();
    world.drive(Input::Reconcile(wanted));
    assert!(world.log.iter().all(|line| !line.contains("onboarded") && !line.contains("refused")));
    assert!(world.bench.machine.is_idle());
}

#[test]
fn an_onboarding_under_way_is_answer_enough() {
    let mut bench = Bench::connected();
    ask(&mut bench);
    bench.input(Input::Onboard(plan()));
    let lines = bench.wait_until(ms(2000));
    assert!(!lines.contains(&"confirm".to_owned()), "{lines:?}");
    assert_eq!(bench.input(Input::Reconcile(plan())), NOTHING);
}

#[test]
fn each_end_is_that_of_its_own_plan() {
    let named = |ticket| OnboardingPlan { ticket: Ticket(ticket), ..plan() };
    let mut world = World::new(Quirks::default());
    world.onboard(named(7));
    assert_eq!(world.ended, [Ticket(7)]);
    world.drive(Input::Reconcile(named(8)));
    assert_eq!(world.ended, [Ticket(7), Ticket(8)]);
    // One that is replaced does not end.
    world.bench.input(Input::Onboard(named(9)));
    world.onboard(named(10));
    assert_eq!(world.ended, [Ticket(7), Ticket(8), Ticket(10)]);
    // A look that finds nothing of ours ends as the onboarding that it has become.
    world.peer = super::peer::Peer::new(Quirks::default());
    world.drive(Input::Reconcile(named(11)));
    assert_eq!(world.log.last().map(String::as_str), Some("onboarded"));
    assert_eq!(world.ended.last(), Some(&Ticket(11)));
}
