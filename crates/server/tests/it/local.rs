//! Agents of this host, over the UNIX domain socket.

use mtp::{Role, uds};
use requirement::requirement;
use serde_json::json;
use server::config::PolicyName;

use crate::agent::Agent;
use crate::world::{AGENT, World, id};

fn world(policy: PolicyName) -> (World, uds::Dialer) {
    let mut world = World::new(policy);
    let path = world.folder.path().join("usp.sock");
    world.config.usp.uds.listen = Some(path.clone());
    (world, uds::Dialer::new(path, id(AGENT), Role::Agent))
}

#[tokio::test]
#[requirement("R-UDS.2", "R-UDS.3", "R-UDS.22")]
async fn an_agent_of_this_host_is_approved_and_read() {
    let (world, dialer) = world(PolicyName::Approve);
    let server = world.serve().await;
    let agent = Agent::local(&dialer).await;
    let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
    let row = &pending["items"][0];
    let shown = json!([row["transport"], row["peer"], row["proven"]]);
    assert_eq!(shown, json!(["uds", "this host", false]));
    let device = server.approve(AGENT).await;
    agent.keep_answering();
    server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    let get = json!({ "paths": ["Device.Time.CurrentLocalTime"] });
    let job = server.api.post(&format!("/devices/{device}/get?wait=20s"), Some(get)).await;
    assert_eq!(job.body["state"], "done", "{job:?}");
    server.stop().await;
    assert!(!dialer.path.exists(), "the socket's file goes with the server");
}

#[tokio::test]
async fn users_that_are_not_named_are_refused_and_listed() {
    let (mut world, dialer) = world(PolicyName::Open);
    let own = rustix::process::geteuid().as_raw();
    world.config.usp.uds.uids = vec![own + 1];
    let server = world.serve().await;
    assert!(dialer.connect().await.is_err());
    server.refusal(&format!("usp.uds.uids does not name user {own}")).await;
    let refused = server.api.get("/refused").await;
    assert_eq!(refused.items()[0]["peer"], format!("user {own}"));
    assert_eq!(server.api.get("/devices").await.items().len(), 0);
}

#[tokio::test]
async fn the_enrolment_policy_holds_for_agents_of_this_host() {
    let (world, dialer) = world(PolicyName::Closed);
    let server = world.serve().await;
    assert!(dialer.connect().await.is_err());
    server.refusal("enrolment is closed").await;
}

#[tokio::test]
async fn the_rights_of_the_socket_are_as_configured() {
    use std::os::unix::fs::PermissionsExt;
    for (mode, expected) in [(None, 0o600), (Some("0660"), 0o660)] {
        let (mut world, dialer) = world(PolicyName::Open);
        world.config.usp.uds.mode = mode.map(str::to_owned);
        let _server = world.serve().await;
        let found = std::fs::metadata(&dialer.path).expect("the socket's file").permissions().mode();
        assert_eq!(found & 0o777, expected);
    }
}
