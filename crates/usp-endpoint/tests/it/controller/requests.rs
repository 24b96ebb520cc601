//! Requests: matched by message id, bounded in time, repeated only where that is safe.

use std::collections::BTreeMap;

use dm::operation::{Add, Delete, Get, ObjectSettings, Operate, ParamSetting, Set};
use dm::{Mono, Operation};
use requirement::requirement;
use usp_endpoint::controller::io::{Input, Ticket};
use usp_proto::Response;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::{DeleteResp, DeletedObjectResult};
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::operate::{OperateResp, OperationResult};

use super::bench::{Bench, ms};

fn get(path: &str) -> Operation {
    Operation::Get(Get { paths: vec![path.to_owned()], max_depth: 0 })
}

fn settings(path: &str) -> Vec<ObjectSettings> {
    let setting = ParamSetting { param: "Name".to_owned(), value: "x".to_owned(), required: true };
    vec![ObjectSettings { path: path.to_owned(), params: vec![setting] }]
}

fn set() -> Operation {
    Operation::Set(Set { allow_partial: false, objects: settings("Device.A.") })
}

fn add() -> Operation {
    Operation::Add(Add { allow_partial: false, objects: settings("Device.T.") })
}

fn delete() -> Operation {
    Operation::Delete(Delete { allow_partial: false, paths: vec!["Device.T.1.".to_owned()] })
}

fn operate(send_resp: bool) -> Operation {
    let command = "Device.Reboot()".to_owned();
    Operation::Operate(Operate { command, command_key: "k".to_owned(), send_resp, args: Vec::new() })
}

fn get_resp(path: &str, name: &str) -> Response {
    let params = BTreeMap::from([(name.to_owned(), "1".to_owned())]);
    let object = ResolvedPathResult::new("Device.", params);
    Response::GetResp(GetResp { req_path_results: vec![RequestedPathResult::success(path, vec![object])] })
}

fn delete_resp() -> Response {
    let result = DeletedObjectResult::success("Device.T.1.", vec!["Device.T.1.".to_owned()], Vec::new());
    Response::DeleteResp(DeleteResp { deleted_obj_results: vec![result] })
}

const NOTHING: [&str; 0] = [];

#[requirement("R-MSG.9")]
#[test]
fn answers_find_their_requests_in_any_order() {
    let mut bench = Bench::connected();
    assert_eq!(bench.submit(1, get("Device.A")), ["send #1 Get Device.A", "sent 1"]);
    assert_eq!(bench.submit(2, get("Device.B")), ["send #2 Get Device.B", "sent 2"]);
    assert_eq!(bench.respond(2, get_resp("Device.B", "B")), ["answered 2: Get Device.B=1"]);
    assert_eq!(bench.respond(1, get_resp("Device.A", "A")), ["answered 1: Get Device.A=1"]);
    // The same answer again is nobody's.
    let again = bench.respond(1, get_resp("Device.A", "A"));
    assert_eq!(again.len(), 1);
    assert!(again[0].starts_with("noticed: an answer to "), "{again:?}");
    assert!(bench.machine.is_idle());
}

#[test]
fn errors_and_wrong_kinds_of_answer_end_a_request() {
    let mut bench = Bench::connected();
    bench.submit(1, get("Device.A"));
    bench.submit(2, get("Device.B"));
    assert_eq!(bench.refuse(1, 7005), ["answered 1: error 7005"]);
    assert_eq!(bench.respond(2, delete_resp()), ["failed 2: bad answer: Get answered by DeleteResp"]);
}

#[requirement("R-MTP.8")]
#[test]
fn nothing_is_sent_before_the_connect_record() {
    let mut bench = Bench::new();
    assert_eq!(bench.link_up(), NOTHING);
    assert_eq!(bench.submit(1, get("Device.A")), NOTHING);
    let opened = bench.hear_record(usp_proto::RecordType::WebSocketConnect);
    assert_eq!(opened, ["connected", "send #1 Get Device.A", "sent 1"]);
}

#[test]
fn agents_without_connect_records_are_reached_after_two_seconds() {
    let mut bench = Bench::new();
    bench.link_up();
    bench.submit(1, get("Device.A"));
    assert_eq!(bench.wait_until(ms(1999)), NOTHING);
    assert_eq!(bench.wait_until(ms(2000)), ["send #1 Get Device.A", "sent 1"]);
}

#[test]
fn an_answer_in_time_or_none() {
    // (operation, what its deadline brings once it was sent)
    for (operation, end) in [
        (get("Device.A"), "failed 1: timed out"),
        (set(), "failed 1: in doubt"),
        (delete(), "failed 1: in doubt"),
        (add(), "failed 1: in doubt"),
        (operate(true), "failed 1: in doubt"),
    ] {
        let mut bench = Bench::connected();
        bench.submit(1, operation.clone());
        let lines = bench.wait_until(ms(10_000));
        assert_eq!(lines.last().map(String::as_str), Some(end), "{operation:?}");
        assert!(lines[..lines.len() - 1].iter().all(|line| line == "nudge"), "{operation:?}");
        assert!(bench.machine.is_idle());

        let mut bench = Bench::new();
        bench.link_up();
        bench.submit(1, operation.clone());
        bench.hear_record(usp_proto::RecordType::Disconnect { reason: String::new(), reason_code: 0 });
        assert_eq!(bench.machine.outstanding(), 0, "never sent: {operation:?}");
    }
}

#[test]
fn what_cannot_be_sent_comes_back() {
    let mut bench = Bench::new();
    assert_eq!(bench.submit(1, set()), ["failed 1: not sent"], "no connection");
    bench.reconnect();
    for ticket in 2..66 {
        bench.submit(ticket, get("Device.A"));
    }
    assert_eq!(bench.submit(66, get("Device.A")), ["failed 66: not sent"], "64 are under way");
    let late = Input::Submit { ticket: Ticket(67), operation: get("Device.A"), deadline: Mono(0) };
    assert_eq!(bench.input(late), ["failed 67: not sent"], "too late already");
}

#[test]
fn a_lost_connection() {
    // (operation, when the connection is lost, on the next one)
    for (operation, lost, next) in [
        (get("Device.A"), vec![], vec!["connected", "send #1 Get Device.A"]),
        (set(), vec![], vec!["connected", "send #1 Set Device.A.{Name=x}"]),
        (delete(), vec![], vec!["connected", "send #1 Delete Device.T.1."]),
        (add(), vec!["failed 1: in doubt"], vec!["connected"]),
        (operate(true), vec!["failed 1: in doubt"], vec!["connected"]),
    ] {
        let mut bench = Bench::connected();
        bench.submit(1, operation.clone());
        assert_eq!(bench.link_down(), lost, "{operation:?}");
        assert_eq!(bench.reconnect(), next, "{operation:?}");
        // Once is enough: a second loss ends it.
        let end = if lost.is_empty() { 1 } else { 0 };
        assert_eq!(bench.link_down().len(), end, "{operation:?}");
        assert_eq!(bench.machine.outstanding(), 0);
    }
}

#[test]
fn a_new_connection_replaces_the_old_one() {
    let mut bench = Bench::connected();
    bench.submit(1, add());
    bench.submit(2, get("Device.A"));
    assert_eq!(bench.link_up(), ["failed 1: in doubt"]);
    // The end of the old one is no news.
    assert_eq!(bench.input(Input::LinkDown(usp_proto::link::LinkId(1))), NOTHING);
    let opened = bench.hear_record(usp_proto::RecordType::WebSocketConnect);
    assert_eq!(opened, ["connected", "send #2 Get Device.A"]);
}

#[test]
fn a_repeated_delete_that_finds_nothing_is_in_doubt() {
    let mut bench = Bench::connected();
    bench.submit(1, delete());
    bench.link_down();
    bench.reconnect();
    assert_eq!(bench.refuse(1, 7016), ["failed 1: in doubt"]);
    // The first time, it is the plain answer.
    bench.submit(2, delete());
    assert_eq!(bench.refuse(2, 7016), ["answered 2: error 7016"]);
}

#[requirement("R-MTP.8")]
#[test]
fn an_agent_that_leaves_is_sent_nothing_until_it_is_back() {
    let mut bench = Bench::connected();
    bench.submit(1, operate(true));
    let bye = usp_proto::RecordType::Disconnect { reason: "bye".to_owned(), reason_code: 7105 };
    assert_eq!(bench.hear_record(bye), ["disconnected: bye", "failed 1: in doubt"]);
    assert_eq!(bench.submit(2, get("Device.A")), NOTHING);
    assert_eq!(bench.wait_until(ms(5000)), NOTHING, "no grace for an agent that knows these Records");
    let back = bench.hear_record(usp_proto::RecordType::WebSocketConnect);
    assert_eq!(back, ["connected", "send #1 Get Device.A", "sent 2"].map(|line| line.replace("#1", "#2")));
}

/// Silence is all that a command without a response brings, unless it fails.
#[requirement("R-OPR.4")]
#[test]
fn commands_without_a_response_are_waited_for_as_long_as_they_may_fail() {
    let submitted = ["send #1 Operate Device.Reboot()", "sent 1"];
    let quiet = || {
        let mut bench = Bench::connected();
        assert_eq!(bench.submit(1, operate(false)), submitted);
        bench
    };
    let mut silent = quiet();
    assert_eq!(silent.wait_until(ms(1999)), NOTHING, "and nobody is nudged for an answer");
    assert_eq!(silent.wait_until(ms(2000)), ["answered 1: Operate"]);
    assert!(silent.machine.is_idle());

    let mut failing = quiet();
    let result = OperationResult::failed("Device.Reboot()", 7022, "not now");
    let resp = Response::OperateResp(OperateResp { operation_results: vec![result] });
    assert_eq!(failing.respond(1, resp), ["answered 1: Operate Device.Reboot()!7022"]);
    assert!(failing.machine.is_idle());
    assert_eq!(quiet().refuse(1, 7006), ["answered 1: error 7006"]);

    // It has left, and more was not wanted.
    assert_eq!(quiet().link_down(), ["answered 1: Operate"]);
    let mut early = Bench::new();
    early.link_up();
    early.submit(1, operate(false));
    assert_eq!(early.link_down(), ["failed 1: not sent"]);
}

#[test]
fn asynchronous_commands_end_with_their_row() {
    let mut bench = Bench::connected();
    bench.submit(1, operate(true));
    let result = OperationResult::running("Device.Reboot()", "Device.LocalAgent.Request.4.");
    let resp = Response::OperateResp(OperateResp { operation_results: vec![result] });
    assert_eq!(bench.respond(1, resp), ["answered 1: Operate Device.Reboot()=1"]);
}

#[test]
fn every_level_of_an_answer_arrives() {
    let mut bench = Bench::connected();
    bench.submit(1, add());
    let failure = CreatedObjectResult::failure("Device.T.", 7021, "Name");
    let resp = Response::AddResp(AddResp { created_obj_results: vec![failure] });
    assert_eq!(bench.respond(1, resp), ["answered 1: Add Device.T.!7021"]);
}

/// When a machine nudges until then, in milliseconds.
fn nudges(bench: &mut Bench, until: u64) -> Vec<u64> {
    let mut times = Vec::new();
    while let Some(at) = bench.machine.poll_timeout().filter(|at| *at <= ms(until)) {
        let lines = bench.wait_until(at);
        times.extend(lines.iter().filter(|line| *line == "nudge").map(|_| at.0 / 1000));
    }
    bench.wait_until(ms(until));
    times
}

#[test]
fn an_agent_that_owes_an_answer_is_nudged_ever_less_often() {
    let mut bench = Bench::connected();
    bench.submit(1, get("Device.A"));
    assert_eq!(nudges(&mut bench, 9_999), [250, 750, 1750, 3750, 7750]);
}

#[test]
fn what_a_nudge_released_is_followed_by_the_next_nudge() {
    let mut bench = Bench::connected();
    (1..=6).for_each(|n| drop(bench.submit(n, get("Device.A"))));
    assert_eq!(nudges(&mut bench, 251), [250]);
    for n in [1, 2] {
        bench.respond(n, get_resp("Device.A", "A"));
    }
    // 5 ms after the one before; those that release nothing are followed ever later.
    assert_eq!(nudges(&mut bench, 290), [255, 260, 265, 273, 289]);
    for n in [3, 4] {
        bench.respond(n, get_resp("Device.A", "A"));
    }
    assert_eq!(nudges(&mut bench, 294), [294]);
    for n in [5, 6] {
        bench.respond(n, get_resp("Device.A", "A"));
    }
    assert_eq!(bench.machine.poll_timeout(), None, "an idle machine wants no timer");
    // The next request finds an agent that is known to need it.
    bench.submit(7, get("Device.A"));
    assert_eq!(nudges(&mut bench, 320), [314]);
    // It needs it no more: what came, came long after a nudge.
    assert_eq!(nudges(&mut bench, 5_000), [354, 434, 594, 914, 1554, 2834]);
    bench.respond(7, get_resp("Device.A", "A"));
    bench.submit(8, get("Device.A"));
    assert_eq!(nudges(&mut bench, 5_250), [5_250]);
}

#[test]
fn one_nudge_follows_the_answer_to_a_write() {
    // (operation, nudges after its answer)
    for (operation, response, expected) in [
        (delete(), delete_resp(), vec![20]),
        (operate(true), Response::OperateResp(OperateResp { operation_results: Vec::new() }), vec![20]),
        (add(), Response::AddResp(AddResp { created_obj_results: Vec::new() }), vec![20]),
        (set(), Response::SetResp(usp_proto::set::SetResp::default()), vec![20]),
        (get("Device.A"), get_resp("Device.A", "A"), vec![]),
    ] {
        let mut bench = Bench::connected();
        bench.submit(1, operation.clone());
        bench.respond(1, response);
        assert_eq!(nudges(&mut bench, 10_000), expected, "{operation:?}");
        assert_eq!(bench.machine.poll_timeout(), None, "{operation:?}");
    }
}

#[test]
fn an_idle_machine_is_small() {
    assert!(size_of::<usp_endpoint::controller::ControllerMachine>() <= 288);
}
