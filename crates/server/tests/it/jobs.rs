//! Jobs: stored, told, pulled; what becomes of them when links and servers end.

use std::sync::Arc;

use serde_json::{Value, json};
use server::config::PolicyName;
use usp_endpoint::controller::io::Input;
use usp_proto::notify::{Notification, OperationComplete, OperationResp, OutputArgs};
use usp_proto::operate::{OperateResp, OperationResult};
use usp_proto::{Body, Record, RecordType, Request, Response, Version};

use crate::agent::{Agent, reply};
use crate::world::{AGENT, CONTROLLER, Running, World, id};

const TIME: &str = "Device.Time.CurrentLocalTime";

/// A server and a device that was onboarded; it is not connected any more.
async fn known() -> (World, Running, String) {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    agent.request(|_| true).await;
    agent.leave();
    server.until(&path, |one| one.body["online"] == false).await;
    (world, server, device)
}

async fn submit(server: &Running, device: &str, kind: &str, body: Value) -> String {
    // Whether the scripted device has been asked for its model by now must not matter.
    let answer = server.api.post(&format!("/devices/{device}/{kind}?force=true"), Some(body)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body["id"].as_str().expect("an id").to_owned()
}

async fn get_time(server: &Running, device: &str) -> String {
    submit(server, device, "get", json!({ "paths": [TIME] })).await
}

async fn set_name(server: &Running, device: &str) -> String {
    let params = json!([{ "param": "FriendlyName", "value": "x" }]);
    submit(server, device, "set", json!({ "objects": [{ "path": "Device.DeviceInfo.", "params": params }] }))
        .await
}

async fn operate(server: &Running, device: &str) -> String {
    submit(server, device, "operate", json!({ "command": "Device.SelfTestDiagnostics()" })).await
}

async fn becomes(server: &Running, job: &str, state: &str) -> Value {
    server.until(&format!("/jobs/{job}"), |one| one.body["state"] == state).await
}

fn is_set(request: &Request) -> bool {
    matches!(request, Request::Set(set) if set.update_objs[0].obj_path == "Device.DeviceInfo.")
}

fn is_operate(request: &Request) -> bool {
    matches!(request, Request::Operate(_))
}

fn complete(agent: &mut Agent, command_key: &str) -> String {
    agent.notify(Notification::OperComplete(OperationComplete {
        obj_path: "Device.".to_owned(),
        command_name: "SelfTestDiagnostics()".to_owned(),
        command_key: command_key.to_owned(),
        operation_resp: Some(OperationResp::ReqOutputArgs(OutputArgs {
            output_args: [("Status".to_owned(), "Complete".to_owned())].into(),
        })),
    }))
}

#[tokio::test]
async fn what_waits_for_an_absent_device_survives_a_restart_and_is_sent_when_it_comes() {
    let (world, server, device) = known().await;
    let read = get_time(&server, &device).await;
    let write = set_name(&server, &device).await;
    server.stop().await;

    let server = world.serve().await;
    for job in [&read, &write] {
        assert_eq!(becomes(&server, job, "queued").await["device"], device);
    }
    Agent::dial(&server, AGENT).await.keep_answering();
    becomes(&server, &read, "done").await;
    becomes(&server, &write, "done").await;
}

#[tokio::test]
async fn a_command_under_way_when_the_server_dies_is_in_doubt_and_not_sent_again() {
    let (world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let command = operate(&server, &device).await;
    let (_, request) = agent.request(is_operate).await;
    let Request::Operate(sent) = request else { unreachable!("asked for above") };
    server.kill().await;

    let server = world.serve().await;
    becomes(&server, &command, "in_doubt").await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let read = get_time(&server, &device).await;
    // It would have come before this one.
    let next = agent
        .request(|request| {
            is_operate(request) || matches!(request, Request::Get(get) if get.param_paths == [TIME])
        })
        .await;
    assert!(matches!(next.1, Request::Get(_)), "{next:?}");
    agent.respond(&next.0, reply(&next.1));
    becomes(&server, &read, "done").await;
    // Its completion resolves the doubt.
    let msg_id = complete(&mut agent, &sent.command_key);
    agent.answer_to(&msg_id).await;
    becomes(&server, &command, "done").await;
}

#[tokio::test]
async fn a_set_under_way_when_the_link_breaks_is_sent_again_on_the_next_one() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let job = set_name(&server, &device).await;
    agent.request(is_set).await;
    agent.leave();
    agent.down().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let (msg_id, request) = agent.request(is_set).await;
    agent.respond(&msg_id, reply(&request));
    agent.keep_answering();
    becomes(&server, &job, "done").await;
}

#[tokio::test]
async fn a_command_under_way_when_the_link_breaks_is_in_doubt() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let job = operate(&server, &device).await;
    agent.request(is_operate).await;
    agent.leave();
    becomes(&server, &job, "in_doubt").await;
}

fn is_nap(record: &bytes::Bytes) -> bool {
    let record = Record::decode(record.clone());
    record.is_ok_and(|record| matches!(record.record_type, RecordType::Disconnect { .. }))
}

#[tokio::test]
async fn a_command_that_never_left_waits_for_the_next_connection() {
    let mut world = World::new(PolicyName::Open);
    let (heard, mut naps) = tokio::sync::mpsc::unbounded_channel();
    world.inspect = Some(Arc::new(move |_, input| {
        if let Input::Record(inbound) = input
            && is_nap(&inbound.record)
        {
            let _ = heard.send(());
        }
    }));
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    agent.request(|_| true).await;
    // It says that it leaves, and stays connected: nothing may be sent to it.
    agent.raw(Record::disconnect(&id(AGENT), &id(CONTROLLER), Version::CURRENT, 0, "nap").encode());
    let msg_id = agent.value_change("Device.DeviceInfo.SerialNumber", "after the nap");
    agent.answer_to(&msg_id).await;
    agent.raw(Record::disconnect(&id(AGENT), &id(CONTROLLER), Version::CURRENT, 0, "nap").encode());
    assert_eq!((naps.recv().await, naps.recv().await), (Some(()), Some(())));
    // Whether its session has got it when that ends, or it is still being written down as sent, must not matter.
    let job = operate(&server, &device).await;
    agent.leave();
    server.until(&path, |one| one.body["online"] == false).await;
    becomes(&server, &job, "queued").await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let (msg_id, _) = agent.request(is_operate).await;
    let done = OperationResult::done("Device.SelfTestDiagnostics()", Default::default());
    agent.respond(&msg_id, Response::OperateResp(OperateResp { operation_results: vec![done] }));
    agent.keep_answering();
    becomes(&server, &job, "done").await;
}

#[tokio::test]
async fn reads_wait_while_the_agent_is_away_and_go_when_it_announces_itself() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let first = get_time(&server, &device).await;
    let msg_id = agent.get_of(TIME).await;
    agent.respond(&msg_id, reply(&Request::Get(usp_proto::get::Get::new([TIME], 0))));
    becomes(&server, &first, "done").await;
    agent.raw(Record::disconnect(&id(AGENT), &id(CONTROLLER), Version::CURRENT, 0, "nap").encode());
    let second = get_time(&server, &device).await;
    agent.announce();
    agent.get_of(TIME).await;
    // Unanswered when the agent leaves again; asked once more when it is back.
    agent.raw(Record::disconnect(&id(AGENT), &id(CONTROLLER), Version::CURRENT, 0, "nap").encode());
    agent.announce();
    let msg_id = agent.get_of(TIME).await;
    agent.respond(&msg_id, reply(&Request::Get(usp_proto::get::Get::new([TIME], 0))));
    becomes(&server, &second, "done").await;
}

#[tokio::test]
async fn an_asynchronous_command_is_accepted_and_finished_by_its_completion() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let job = operate(&server, &device).await;
    let (msg_id, request) = agent.request(is_operate).await;
    let Request::Operate(sent) = request else { unreachable!("asked for above") };
    let running = OperationResult::running(sent.command, "Device.LocalAgent.Request.1.");
    agent.respond(&msg_id, Response::OperateResp(OperateResp { operation_results: vec![running] }));
    becomes(&server, &job, "accepted").await;
    // Another session is as good: the command runs in the device.
    agent.leave();
    agent.down().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let waiting = server.api.get(&format!("/jobs/{job}")).await;
    assert_eq!(waiting.body["state"], "accepted");
    let msg_id = complete(&mut agent, &sent.command_key);
    agent.answer_to(&msg_id).await;
    let done = becomes(&server, &job, "done").await;
    assert_eq!(done["outcome"]["results"][0]["output"]["Status"], "Complete", "{done}");
}

#[tokio::test]
async fn a_command_on_several_objects_ends_with_the_last_completion() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let job = operate(&server, &device).await;
    let (msg_id, request) = agent.request(is_operate).await;
    let Request::Operate(sent) = request else { unreachable!("asked for above") };
    let running = |n: u32| OperationResult::running("Device.X()", format!("Device.LocalAgent.Request.{n}."));
    let operation_results = vec![running(1), running(2)];
    agent.respond(&msg_id, Response::OperateResp(OperateResp { operation_results }));
    becomes(&server, &job, "accepted").await;
    let first = complete(&mut agent, &sent.command_key);
    agent.answer_to(&first).await;
    assert_eq!(server.api.get(&format!("/jobs/{job}")).await.body["state"], "accepted");
    let last = complete(&mut agent, &sent.command_key);
    agent.answer_to(&last).await;
    becomes(&server, &job, "done").await;
}

#[tokio::test]
async fn a_completion_of_an_earlier_command_with_the_key_of_one_that_waits_is_kept() {
    let (_world, server, device) = known().await;
    let body = json!({ "command": "Device.SelfTestDiagnostics()", "command_key": "twice" });
    let mut agent = Agent::dial(&server, AGENT).await;
    let running = submit(&server, &device, "operate", body.clone()).await;
    agent.request(is_operate).await;
    let waiting = submit(&server, &device, "operate", body).await;
    let msg_id = complete(&mut agent, "twice");
    agent.answer_to(&msg_id).await;
    becomes(&server, &running, "done").await;
    assert_ne!(server.api.get(&format!("/jobs/{waiting}")).await.body["state"], "done");
}

#[tokio::test]
async fn whoever_waits_is_woken_by_the_end_of_the_job_whatever_it_is() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let path = format!("/devices/{device}/operate?wait=5m&force=true");
    let body = json!({ "command": "Device.SelfTestDiagnostics()" });
    let link_breaks = async {
        agent.request(is_operate).await;
        agent.leave();
        agent.down().await;
    };
    let (answer, ()) = tokio::join!(server.api.post(&path, Some(body)), link_breaks);
    assert_eq!(answer.body["state"], "in_doubt", "{answer:?}");

    // Withdrawn while it waits for the device.
    let path = format!("/devices/{device}/get?wait=5m");
    let withdraw = async {
        let queued = server
            .until(&format!("/jobs?device={device}&state=queued"), |answer| !answer.items().is_empty())
            .await;
        let job = queued["items"][0]["id"].as_str().expect("an id").to_owned();
        let answer = server.api.delete(&format!("/jobs/{job}")).await;
        assert!(answer.status < 300, "{answer:?}");
    };
    let get = server.api.post(&path, Some(json!({ "paths": [TIME] })));
    let (answer, ()) = tokio::join!(get, withdraw);
    assert_eq!(answer.body["state"], "cancelled", "{answer:?}");
}

#[tokio::test]
async fn whoever_waits_for_a_set_waits_across_a_broken_link() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let path = format!("/devices/{device}/set?wait=5m");
    let params = json!([{ "param": "FriendlyName", "value": "x" }]);
    let body = json!({ "objects": [{ "path": "Device.DeviceInfo.", "params": params }] });
    let twice = async {
        agent.request(is_set).await;
        agent.leave();
        agent.down().await;
        let mut agent = Agent::dial(&server, AGENT).await;
        let (msg_id, request) = agent.request(is_set).await;
        agent.respond(&msg_id, reply(&request));
        agent.keep_answering();
    };
    let (answer, ()) = tokio::join!(server.api.post(&path, Some(body)), twice);
    assert_eq!((answer.status, &answer.body["state"]), (200, &json!("done")), "{answer:?}");
}

#[tokio::test]
async fn more_jobs_than_may_be_under_way_are_all_done() {
    let (_world, server, device) = known().await;
    let mut jobs = Vec::new();
    for _ in 0..150 {
        jobs.push(get_time(&server, &device).await);
    }
    Agent::dial(&server, AGENT).await.keep_answering();
    for job in &jobs {
        becomes(&server, job, "done").await;
    }
}

#[tokio::test]
async fn answers_are_matched_by_message_id_and_errors_are_the_jobs() {
    let (_world, server, device) = known().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let first = get_time(&server, &device).await;
    let other = "Device.Time.LocalTimeZone";
    let second = submit(&server, &device, "get", json!({ "paths": [other] })).await;
    let one = agent.get_of(TIME).await;
    let two = agent.get_of(other).await;
    agent.respond(&two, reply(&Request::Get(usp_proto::get::Get::new([other], 0))));
    becomes(&server, &second, "done").await;
    agent.respond("nobody-asked", reply(&Request::Get(usp_proto::get::Get::new([TIME], 0))));
    agent.send(&usp_proto::Msg {
        msg_id: one,
        body: Body::Error(usp_proto::ErrorBody::new(7006, "permission denied")),
    });
    let failed = becomes(&server, &first, "failed").await;
    assert_eq!(failed["outcome"]["failed"]["code"], 7006, "{failed}");
}
