//! Agents as they are met: reset, of few words, or configured for somebody else.

use serde_json::{Value, json};
use server::config::PolicyName;
use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::operate::{OperateResp, OperationResult};
use usp_proto::{Record, Request, Response, Version};

use crate::agent::Agent;
use crate::world::{AGENT, PATIENCE, Running, World, id};

const SUBSCRIPTIONS: &str = "Device.LocalAgent.Subscription.";

fn subscribes(request: &Request) -> bool {
    matches!(request, Request::Add(add) if add.create_objs[0].obj_path == SUBSCRIPTIONS)
}

/// Answers until the device is onboarded.
async fn onboard(server: &Running, agent: &mut Agent) -> String {
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    let answering = async {
        while server.api.get(&path).await.body["onboarded"] != true {
            agent.heard_answer();
        }
    };
    tokio::time::timeout(PATIENCE, answering).await.expect("onboarded in time");
    device
}

/// The events of this kind in the device's log.
async fn events(server: &Running, device: &str, kind: &str) -> Vec<Value> {
    let log = server.api.get(&format!("/devices/{device}/events?limit=500")).await;
    assert_eq!(log.status, 200, "{log:?}");
    log.items().iter().filter(|event| event["kind"] == kind).cloned().collect()
}

#[tokio::test]
async fn an_agent_after_a_factory_reset_is_subscribed_to_again() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = onboard(&server, &mut agent).await;
    assert_eq!(
        events(&server, &device, "onboarded").await.len(),
        1,
        "one onboarding, however many questions"
    );
    agent.leave();
    server.until(&format!("/devices/{device}"), |one| one.body["online"] == false).await;
    // It comes back without its rows, and without a Boot!, to which nobody is subscribed.
    let mut agent = Agent::dial(&server, AGENT).await;
    let (_, request) = agent.request(subscribes).await;
    let Request::Add(add) = request else { unreachable!("asked for above") };
    let ids = add.create_objs.iter().flat_map(|one| &one.param_settings).filter(|one| one.param == "ID");
    assert!(ids.into_iter().any(|one| one.value == "cusp-boot"), "{add:?}");
}

#[tokio::test]
async fn what_is_set_up_is_what_the_model_has() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    // This one's model has no OnBoardingComplete: it is done without a Set.
    let all = agent.request(|request| matches!(request, Request::Set(_)));
    let done = async {
        let device = server.device(AGENT).await;
        server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    };
    tokio::select! {
        asked = all => panic!("{asked:?}"),
        () = done => {}
    }
}

#[tokio::test]
async fn refused_subscriptions_are_told_with_the_onboarding() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    // Asked once more for what does not stand; the same again would fail again.
    {
        let (msg_id, request) = agent.request(subscribes).await;
        let Request::Add(add) = request else { unreachable!("asked for above") };
        let refusal = |_: &_| CreatedObjectResult::failure(SUBSCRIPTIONS, 7006, "not for you");
        let created_obj_results = add.create_objs.iter().map(refusal).collect();
        agent.respond(&msg_id, Response::AddResp(AddResp { created_obj_results }));
    }
    let device = onboard(&server, &mut agent).await;
    let events = events(&server, &device, "onboarded").await;
    let params = &events[0]["params"];
    assert_eq!(params["cusp-boot"], "the subscription was refused: 7006 not for you", "{events:?}");
    assert_eq!(params["cusp-operation"], "the subscription was refused: 7006 not for you");
}

#[tokio::test]
async fn an_agent_that_takes_somebody_else_for_us_is_listed() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    agent.raw(Record::websocket_connect(&id(AGENT), &id("self::another"), Version::CURRENT).encode());
    server.refusal("addressed to self::another, and this controller is self::controller").await;
}

#[tokio::test]
async fn an_answer_just_before_the_end_of_the_link_leaves_no_doubt() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = onboard(&server, &mut agent).await;
    for _ in 0..20 {
        let body = json!({ "command": "Device.SelfTestDiagnostics()" });
        let answer = server.api.post(&format!("/devices/{device}/operate?force=true"), Some(body)).await;
        let job = answer.body["id"].as_str().expect("an id").to_owned();
        let (msg_id, _) = agent.request(|request| matches!(request, Request::Operate(_))).await;
        let done = OperationResult::done("Device.SelfTestDiagnostics()", std::collections::BTreeMap::new());
        agent.respond(&msg_id, Response::OperateResp(OperateResp { operation_results: vec![done] }));
        agent.leave();
        server.until(&format!("/devices/{device}"), |one| one.body["online"] == false).await;
        let state = server.api.get(&format!("/jobs/{job}")).await;
        assert_eq!(state.body["state"], "done", "when the session is over, its answers are kept: {state:?}");
        agent = Agent::dial(&server, AGENT).await;
    }
    let jobs = events(&server, &device, "job").await;
    assert!(jobs.len() >= 40, "sent and done: {jobs:?}");
    assert!(jobs.iter().all(|event| event["params"]["state"] != "in_doubt"), "{jobs:?}");
}
