//! Notifications: stored, then acknowledged.

use std::collections::BTreeMap;

use requirement::requirement;
use usp_endpoint::controller::io::{Input, Ticket};
use usp_proto::notify::{
    CommandFailure, Event, Notification, Notify, ObjectCreation, ObjectDeletion, OnBoardRequest,
    OperationComplete, OperationResp, OutputArgs, ValueChange,
};
use usp_proto::{Msg, Request};

use super::bench::Bench;

/// The machine's own tickets begin here.
const OWN: u64 = 1 << 32;
const NOTHING: [&str; 0] = [];

fn notify(msg_id: &str, subscription: &str, send_resp: bool, what: Notification) -> Msg {
    Msg::request(msg_id, Request::Notify(Notify::new(subscription, send_resp, what)))
}

fn value_change() -> Notification {
    Notification::ValueChange(ValueChange { param_path: "Device.A".to_owned(), param_value: "1".to_owned() })
}

fn args() -> BTreeMap<String, String> {
    BTreeMap::from([("K".to_owned(), "v".to_owned())])
}

#[requirement("R-MSG.0", "R-NOT.10")]
#[test]
fn all_kinds_are_stored_and_then_acknowledged_under_their_subscription() {
    let complete = |operation_resp| {
        Notification::OperComplete(OperationComplete {
            obj_path: "Device.".to_owned(),
            command_name: "Ping()".to_owned(),
            command_key: "k".to_owned(),
            operation_resp: Some(operation_resp),
        })
    };
    let failure = CommandFailure { err_code: 7022, err_msg: "no".to_owned() };
    let path = || "Device.T.1.".to_owned();
    let cases = [
        ("s1", value_change(), "ValueChange Device.A=1"),
        (
            "s2",
            Notification::Event(Event {
                obj_path: "Device.".to_owned(),
                event_name: "Boot!".to_owned(),
                params: args(),
            }),
            "Event Device.Boot! 1",
        ),
        (
            "s3",
            Notification::ObjCreation(ObjectCreation { obj_path: path(), unique_keys: args() }),
            "ObjectCreation Device.T.1. [(\"K\", \"v\")]",
        ),
        ("s4", Notification::ObjDeletion(ObjectDeletion { obj_path: path() }), "ObjectDeletion Device.T.1."),
        (
            "s5",
            complete(OperationResp::ReqOutputArgs(OutputArgs { output_args: args() })),
            "OperationComplete Device.Ping() k [(\"K\", \"v\")]",
        ),
        ("s6", complete(OperationResp::CmdFailure(failure)), "OperationComplete Device.Ping() k 7022"),
        (
            "",
            Notification::OnBoardReq(OnBoardRequest {
                oui: "00256D".to_owned(),
                product_class: "P".to_owned(),
                serial_number: "1".to_owned(),
                agent_supported_protocol_versions: "1.4".to_owned(),
            }),
            "OnBoardRequest 00256D P 1 1.4",
        ),
    ];
    let mut bench = Bench::connected();
    for (at, (subscription, what, shown)) in (0..).zip(cases) {
        let stored = bench.hear(&notify("m", subscription, true, what));
        assert_eq!(
            stored,
            [format!("store {at}: m [{subscription}] {shown}")],
            "nothing is acknowledged yet"
        );
        let acknowledged = bench.input(Input::Stored(Ticket(OWN + at)));
        assert_eq!(acknowledged, [format!("send NotifyResp m [{subscription}]")]);
    }
    assert!(bench.machine.is_idle());
}

#[requirement("R-NOT.8")]
#[test]
fn nothing_answers_a_notification_that_wants_no_answer() {
    let mut bench = Bench::connected();
    let stored = bench.hear(&notify("m", "s", false, value_change()));
    assert_eq!(stored, ["store 0: m [s] quiet ValueChange Device.A=1"]);
    assert_eq!(bench.input(Input::Stored(Ticket(OWN))), NOTHING);
}

#[test]
fn what_was_not_stored_is_not_acknowledged() {
    let mut bench = Bench::connected();
    bench.hear(&notify("m", "s", true, value_change()));
    assert_eq!(bench.input(Input::NotStored(Ticket(OWN))), NOTHING);
    // The agent sends it again, and it is stored like the first time.
    let again = bench.hear(&notify("m", "s", true, value_change()));
    assert_eq!(again, ["store 1: m [s] ValueChange Device.A=1"]);
}

#[requirement("R-MSG.4")]
#[test]
fn a_notification_that_comes_again_while_it_is_stored_is_ignored() {
    let mut bench = Bench::connected();
    bench.hear(&notify("m", "s", true, value_change()));
    assert_eq!(bench.hear(&notify("m", "s", true, value_change())), NOTHING);
    // On another connection, that one gets the answer: the bench checks where it goes.
    bench.reconnect();
    assert_eq!(bench.hear(&notify("m", "s", true, value_change())), NOTHING);
    assert_eq!(bench.input(Input::Stored(Ticket(OWN))), ["send NotifyResp m [s]"]);
}

#[test]
fn a_notification_that_comes_again_later_is_stored_and_acknowledged_again() {
    let mut bench = Bench::connected();
    for at in 0..2 {
        let stored = bench.hear(&notify("m", "s", true, value_change()));
        assert_eq!(stored, [format!("store {at}: m [s] ValueChange Device.A=1")]);
        assert_eq!(bench.input(Input::Stored(Ticket(OWN + at))), ["send NotifyResp m [s]"]);
    }
}

#[test]
fn notifications_that_wait_to_be_stored_are_bounded() {
    let mut bench = Bench::connected();
    for n in 0..256 {
        assert_eq!(bench.hear(&notify(&n.to_string(), "s", true, value_change())).len(), 1);
    }
    let one_more = bench.hear(&notify("256", "s", true, value_change()));
    assert_eq!(one_more, ["noticed: more notifications at once than may wait to be stored"]);
}
