//! What is answered to what.

use cwmp_endpoint::acs::{Failure, Input, Output, Reply, Ticket};
use cwmp_proto::rpc::{AcsRequest, AcsResponse, Call, CpeResponse, InformResponse};
use cwmp_proto::{Body, FaultCode, Header, Namespace};

use crate::world::{JOB, World, complete, envelope, fault, get, got, inform, reboot, version, written};

fn empty() -> Output {
    Output::Reply(Reply { status: 204, body: Vec::new() })
}

fn answered(result: Result<CpeResponse, Failure>) -> Output {
    Output::Answered { ticket: JOB, result: result.map(Box::new) }
}

fn bad(what: &str) -> Output {
    answered(Err(Failure::BadAnswer(what.to_owned())))
}

#[track_caller]
fn check_broken(outputs: &[Output]) {
    let [.., Output::Reply(Reply { status: 400, .. }), Output::Over { complete: false, .. }] = outputs else {
        panic!("{outputs:?}")
    };
}

/// TR-069 3.7: Inform, what the device tells, its empty message, what we ask, our empty message.
#[test]
fn a_session_from_end_to_end() {
    let mut world = World::new();
    let ticket = world.informs(Header::with_id("27"));
    let answer = envelope(&world.tell(Input::Kept(ticket)));
    // In the namespace of the device, under its id.
    assert_eq!((answer.header, answer.namespace), (Header::with_id("27"), Namespace { minor: 0 }));
    assert_eq!(answer.body, Body::Response(AcsResponse::Inform(InformResponse { max_envelopes: 1 })));

    let told = world.says("28", Body::Request(complete()));
    let [Output::Request { ticket, request }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(**request, complete());
    let answer = envelope(&world.tell(Input::Kept(*ticket)));
    assert_eq!(
        (answer.header.id.as_deref(), answer.body),
        (Some("28"), Body::Response(AcsResponse::TransferComplete))
    );

    assert_eq!(world.post(b"\r\n".to_vec()), [Output::Idle]);
    let first = world.call(get());
    assert_eq!(world.says(&first, Body::Response(got())), [answered(Ok(got())), Output::Idle]);
    let second = world.call(reboot());
    assert_ne!(first, second);
    let response = CpeResponse::Reboot;
    assert_eq!(world.says(&second, Body::Response(response.clone())), [answered(Ok(response)), Output::Idle]);
    assert_eq!(world.tell(Input::Done), [empty()]);
    assert_eq!(world.due(), Some(30));
    assert_eq!(world.passes(30), [Output::Over { complete: true, why: "all is said" }]);
    assert_eq!(world.due(), None);
}

/// "An ACS still tolerates late requests": also behind our empty answer, and while it owes us one.
#[test]
fn a_device_may_call_at_any_time() {
    let mut waiting = World::asked();
    let mut resting = World::ours();
    assert_eq!(resting.tell(Input::Done), [empty()]);
    for world in [&mut waiting, &mut resting] {
        let told = world.says("5", Body::Request(complete()));
        let [Output::Request { ticket, .. }] = &told[..] else { panic!("{told:?}") };
        let answer = envelope(&world.tell(Input::Kept(*ticket)));
        assert_eq!(answer.body, Body::Response(AcsResponse::TransferComplete));
    }
    assert_eq!(waiting.says("1", Body::Response(got())), [answered(Ok(got())), Output::Idle]);
    assert_eq!(resting.post(Vec::new()), [Output::Idle]);
    assert_eq!(resting.tell(Input::Done), [empty()]);
}

#[test]
fn what_could_not_be_kept_is_said_again() {
    let mut world = World::new();
    let ticket = world.informs(Header::with_id("1"));
    let outputs = world.tell(Input::NotKept(ticket));
    let [Output::Reply(Reply { status: 503, .. }), Output::Over { complete: false, .. }] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    // In a session at once: fault 8005.
    let mut world = World::open();
    let told = world.says("2", Body::Request(complete()));
    let [Output::Request { ticket, .. }] = &told[..] else { panic!("{told:?}") };
    let answer = envelope(&world.tell(Input::NotKept(*ticket)));
    let Body::Fault(fault) = answer.body else { panic!("{answer:?}") };
    assert_eq!((fault.code, answer.header.id.as_deref()), (FaultCode(8005), Some("2")));
    assert_eq!(world.due(), Some(60));
    assert!(matches!(world.says("2", Body::Request(complete()))[..], [Output::Request { .. }]));
}

#[test]
fn who_is_refused_has_no_session() {
    let mut world = World::new();
    let ticket = world.informs(Header::with_id("1"));
    let outputs = world.tell(Input::Refused(ticket, fault(8001)));
    let answer = envelope(&outputs);
    assert!(matches!(answer.body, Body::Fault(fault) if fault.code == FaultCode(8001)));
    assert_eq!(outputs[1], Output::Over { complete: false, why: "refused" });
    // A request is refused alone.
    let mut world = World::open();
    let told = world.says("2", Body::Request(complete()));
    let [Output::Request { ticket, .. }] = &told[..] else { panic!("{told:?}") };
    let outputs = world.tell(Input::Refused(*ticket, fault(8003)));
    assert!(matches!(envelope(&outputs).body, Body::Fault(fault) if fault.code == FaultCode(8003)));
    assert_eq!((outputs.len(), world.post(Vec::new())), (1, vec![Output::Idle]));
}

#[test]
fn methods_and_vendors() {
    let mut world = World::open();
    let answer = envelope(&world.says("2", Body::Request(AcsRequest::GetRpcMethods)));
    let Body::Response(AcsResponse::GetRpcMethods(list)) = answer.body else { panic!("{answer:?}") };
    for method in ["Inform", "GetRPCMethods", "TransferComplete", "AutonomousTransferComplete"] {
        assert!(list.methods.iter().any(|one| one == method), "{list:?}");
    }
    let call = Call { name: "X_00D09E_Dance".to_owned(), arguments: Vec::new() };
    let answer = envelope(&world.says("3", Body::Request(AcsRequest::Vendor(call))));
    assert!(matches!(answer.body, Body::Fault(fault) if fault.code == FaultCode(8000)));
    assert_eq!(world.post(Vec::new()), [Output::Idle]);
}

/// The highest that both speak; 8006 where there is none (TR-069 1.4).
#[test]
fn versions_are_agreed_on() {
    let cases = [
        (None, Ok(None)),
        (Some(vec![version(0), version(4)]), Ok(Some(version(4)))),
        (Some(vec![version(2), version(9)]), Ok(Some(version(2)))),
        (Some(vec![version(9)]), Err(FaultCode(8006))),
    ];
    for (supported_versions, expected) in cases {
        let mut world = World::new();
        let header = Header { supported_versions, ..Header::with_id("1") };
        let mut outputs = world.post(written(header, Body::Request(AcsRequest::Inform(inform()))));
        if let [Output::Inform { ticket, .. }] = outputs[..] {
            outputs = world.tell(Input::Kept(ticket));
        }
        let answer = envelope(&outputs);
        let found = match answer.body {
            Body::Fault(fault) => Err(fault.code),
            _ => Ok(answer.header.use_version),
        };
        assert_eq!(found, expected);
    }
}

/// What is no answer ends the call, and the session goes on.
#[test]
fn wrong_answers() {
    let mut world = World::asked();
    let response = Body::Response(CpeResponse::Reboot);
    assert_eq!(world.says("1", response), [bad("RebootResponse to GetParameterValues"), Output::Idle]);
    let mut world = World::asked();
    let outputs = world.says("1", Body::Fault(fault(9005)));
    assert_eq!(outputs, [answered(Err(Failure::Fault(fault(9005)))), Output::Idle]);
    let mut world = World::asked();
    assert_eq!(
        world.post(Vec::new()),
        [bad("an empty message instead of GetParameterValuesResponse"), Output::Idle]
    );
    let mut world = World::asked();
    assert_eq!(world.post(b"<html/>".to_vec())[..], [bad("not what was expected, but <html>"), Output::Idle]);
    // Its method tells more than its id.
    let mut world = World::asked();
    let odd = Output::Odd("GetParameterValuesResponse with another id".to_owned());
    assert_eq!(world.says("99", Body::Response(got())), [odd, answered(Ok(got())), Output::Idle]);
    // What it should have answered before is not taken for what it is asked now.
    let mut world = World::asked();
    world.post(Vec::new());
    assert_eq!(world.call(get()), "2");
    let late = bad("GetParameterValuesResponse to an earlier call");
    assert_eq!(world.says("1", Body::Response(got())), [late, Output::Idle]);
    // What answers nothing gives us the word; but not for ever.
    let mut world = World::open();
    for _ in 0..8 {
        let outputs = world.says("1", Body::Response(got()));
        assert_eq!(
            outputs,
            [Output::Odd("GetParameterValuesResponse answers nothing".to_owned()), Output::Idle]
        );
        assert_eq!(world.tell(Input::Done), [empty()]);
    }
    check_broken(&world.says("1", Body::Fault(fault(9002))));
}

#[test]
fn a_session_begins_with_an_inform_and_has_no_other() {
    let firsts: [Vec<u8>; 5] = [
        Vec::new(),
        b"<a".to_vec(),
        written(Header::with_id("1"), Body::Request(complete())),
        written(Header::with_id("1"), Body::Response(got())),
        written(Header::with_id("1"), Body::Fault(fault(9000))),
    ];
    for first in firsts {
        check_broken(&World::new().post(first));
    }
    let second = Body::Request(AcsRequest::Inform(inform()));
    check_broken(&World::open().says("1", second.clone()));
    let outputs = World::asked().says("1", second);
    assert!(outputs.contains(&answered(Err(Failure::Lost))), "{outputs:?}");
    check_broken(&World::open().post(b"no XML".to_vec()));
}

/// 1 MiB before it is let in, whole trees afterwards.
#[test]
fn strangers_say_little() {
    let padded = |body, bytes| {
        let mut text = written(Header::with_id("1"), body);
        text.resize(bytes, b'\n');
        text
    };
    let inform = || Body::Request(AcsRequest::Inform(inform()));
    check_broken(&World::new().post(padded(inform(), 1_048_577)));
    assert!(matches!(World::new().post(padded(inform(), 1_048_576))[..], [.., Output::Inform { .. }]));
    let outputs = World::asked().post(padded(Body::Response(got()), 1_048_577));
    assert!(outputs.contains(&answered(Ok(got()))), "{outputs:?}");
}

#[test]
fn silence_ends_a_session() {
    // TR-069 3.2.1: no less than 30 seconds; the device may ask for more, within bounds.
    for (asked, granted) in [(None, 60), (Some(5), 60), (Some(120), 120), (Some(86_400), 300)] {
        let mut world = World::new();
        assert_eq!(world.due(), Some(60));
        let ticket = world.informs(Header { session_timeout: asked, ..Header::with_id("1") });
        world.tell(Input::Kept(ticket));
        assert_eq!(world.due(), Some(granted), "{asked:?}");
    }
    let mut world = World::asked();
    assert_eq!(world.passes(59), []);
    let silent = Output::Over { complete: false, why: "the device fell silent" };
    assert_eq!(world.passes(1), [answered(Err(Failure::Lost)), silent]);
    // Who waits is told.
    let mut world = World::ours();
    let outputs = world.passes(60);
    assert!(
        matches!(outputs[..], [Output::Reply(Reply { status: 503, .. }), Output::Over { .. }]),
        "{outputs:?}"
    );
    assert_eq!(world.tell(Input::Call(JOB, get())), [answered(Err(Failure::NotSent))]);
    // Who always says something has an hour.
    let mut world = World::ours();
    for _ in 0..61 {
        world.call(get());
        assert_eq!(world.passes(59), []);
        world.says("1", Body::Response(got()));
    }
    world.call(get());
    let outputs = world.passes(1);
    assert!(
        matches!(outputs[..], [Output::Answered { .. }, Output::Over { complete: false, .. }]),
        "{outputs:?}"
    );
}

fn world_over() -> World {
    let mut world = World::open();
    world.tell(Input::End);
    world
}

#[test]
fn the_host_may_end_it() {
    let outputs = World::ours().tell(Input::End);
    assert!(
        matches!(outputs[..], [Output::Reply(Reply { status: 503, .. }), Output::Over { .. }]),
        "{outputs:?}"
    );
    let outputs = World::asked().tell(Input::End);
    assert!(
        matches!(outputs[..], [Output::Answered { .. }, Output::Over { complete: false, .. }]),
        "{outputs:?}"
    );
    let outputs = world_over().post(Vec::new());
    assert!(matches!(outputs[..], [Output::Reply(Reply { status: 503, .. })]), "{outputs:?}");
    // What is late changes nothing.
    let mut world = World::open();
    assert_eq!(world.tell(Input::Kept(Ticket(99))), []);
    assert_eq!(world.tell(Input::Done), []);
    assert_eq!(world.tell(Input::Call(JOB, get())), [answered(Err(Failure::NotSent))]);
}
