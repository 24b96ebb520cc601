//! An agent that answers nonsense ends its own onboarding at most: nothing panics, nothing grows, and
//! nothing goes on for ever.

use bytes::Bytes;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use usp_endpoint::controller::io::{Input, Output};
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::get_instances::GetInstancesResp;
use usp_proto::get_supported_dm::{GetSupportedDmResp, RequestedObjectResult, SupportedObjectResult};
use usp_proto::{Body, ErrorBody, Msg, Record, RecordType, Request, Response};

use super::bench::{Bench, CONTROLLER};
use super::onboarding::plan;

/// One way to answer whatever is asked.
#[derive(Clone, Debug)]
enum Answer {
    Silence,
    Error,
    Nothing,
    /// Objects and values at these paths, tables among them.
    Objects(Vec<String>),
    /// A response of another kind.
    Wrong,
    /// Bytes for a Message.
    Garbage(Vec<u8>),
    Cut,
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Device.".to_owned()),
        Just("Device.LocalAgent.Controller.1.".to_owned()),
        Just("Device.LocalAgent.Subscription.7.".to_owned()),
        Just("Device.LocalAgent.Subscription.99999999999.".to_owned()),
        Just("Device.T.{i}.".to_owned()),
        Just("Device.T.{i}.{i}.".to_owned()),
        "[.{}i0-9A-Z]{0,12}",
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        1 => Just(Answer::Silence),
        2 => Just(Answer::Error),
        2 => Just(Answer::Nothing),
        8 => prop::collection::vec(path(), 0..8).prop_map(Answer::Objects),
        1 => Just(Answer::Wrong),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Answer::Garbage),
        1 => Just(Answer::Cut),
    ]
}

fn respond(request: &Request, paths: &[String]) -> Response {
    let values = || {
        let ids = [
            ("EndpointID", CONTROLLER),
            ("ID", "cusp-boot~3"),
            ("Recipient", "Device.LocalAgent.Controller.1"),
        ];
        let own = ids.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.chain(paths.iter().map(|path| (format!("{path}x"), path.clone()))).collect()
    };
    match request {
        Request::Get(get) => {
            let objects: Vec<ResolvedPathResult> =
                paths.iter().map(|path| ResolvedPathResult::new(path.clone(), values())).collect();
            let requested = get.param_paths.first().cloned().unwrap_or_default();
            Response::GetResp(GetResp {
                req_path_results: vec![RequestedPathResult::success(requested, objects)],
            })
        }
        Request::GetSupportedDm(get) => {
            let object = |path: &String| SupportedObjectResult {
                supported_obj_path: path.clone(),
                is_multi_instance: true,
                divergent_paths: paths.to_vec(),
                ..SupportedObjectResult::default()
            };
            let objects = paths.iter().map(object).collect();
            let requested = get.obj_paths.first().cloned().unwrap_or_default();
            let result = RequestedObjectResult::success(requested, "urn:example", objects);
            Response::GetSupportedDmResp(GetSupportedDmResp { req_obj_results: vec![result] })
        }
        Request::Set(_) => Response::SetResp(usp_proto::set::SetResp::default()),
        Request::Add(_) => Response::AddResp(usp_proto::add::AddResp::default()),
        Request::Delete(_) => Response::DeleteResp(usp_proto::delete::DeleteResp::default()),
        Request::GetInstances(_) => Response::GetInstancesResp(GetInstancesResp::default()),
        _ => Response::GetSupportedProtocolResp(
            usp_proto::get_supported_protocol::GetSupportedProtocolResp::default(),
        ),
    }
}

/// Onboards with an agent that answers by turns in these ways; how many requests that took.
fn onboard(answers: &[Answer]) -> usize {
    let mut bench = Bench::connected();
    let mut requests = 0;
    let mut outputs = bench.outputs(Input::Onboard(plan()));
    loop {
        let mut replies = Vec::new();
        for output in std::mem::take(&mut outputs) {
            match output {
                Output::Onboarded { .. } => return requests,
                Output::Send(outbound) => {
                    let record = Record::decode(outbound.record).expect("the machine's own Record");
                    let RecordType::NoSession { payload } = record.record_type else { continue };
                    let msg = Msg::decode(&payload).expect("the machine's own Msg");
                    let Body::Request(request) = msg.body else { continue };
                    // After a while, even this agent behaves.
                    let way =
                        if requests < 200 { &answers[requests % answers.len()] } else { &Answer::Error };
                    replies.push((way.clone(), msg.msg_id, request));
                    requests += 1;
                }
                _ => {}
            }
        }
        assert!(requests < 2000, "onboarding goes on for ever");
        match replies.pop() {
            None | Some((Answer::Silence, ..)) => {
                bench.now = bench.machine.poll_timeout().expect("onboarding waits for something");
                outputs.extend(bench.outputs(Input::Timeout));
            }
            Some((Answer::Cut, ..)) => {
                bench.link_down();
                bench.link_up();
                let connect = bench.inbound(RecordType::WebSocketConnect);
                outputs.extend(bench.outputs(connect));
            }
            Some((Answer::Garbage(bytes), ..)) => {
                let payload = Bytes::from(if bytes.is_empty() { vec![0] } else { bytes });
                let garbage = bench.inbound(RecordType::NoSession { payload });
                outputs.extend(bench.outputs(garbage));
            }
            Some((way, msg_id, request)) => {
                let msg = match way {
                    Answer::Nothing => Msg::response(msg_id, respond(&request, &[])),
                    Answer::Objects(paths) => Msg::response(msg_id, respond(&request, &paths)),
                    Answer::Wrong => {
                        Msg::response(msg_id, Response::NotifyResp(usp_proto::notify::NotifyResp::default()))
                    }
                    _ => Msg::error(msg_id, ErrorBody::new(7003, "no")),
                };
                let input = bench.inbound(RecordType::NoSession { payload: msg.encode() });
                outputs.extend(bench.outputs(input));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
    #[test]
    fn onboarding_ends_whatever_is_answered(answers in prop::collection::vec(answer(), 1..12)) {
        onboard(&answers);
    }

    #[test]
    fn any_bytes_for_a_record(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8)) {
        let mut bench = Bench::connected();
        for record in records {
            let input = bench.inbound_bytes(Bytes::from(record));
            bench.outputs(input);
        }
    }
}
