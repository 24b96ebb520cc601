//! Notifications: on stable storage before they are acknowledged.

use requirement::requirement;
use rusqlite::Connection;
use serde_json::Value;
use server::config::PolicyName;
use usp_proto::notify::{Event, Notification, Notify, ValueChange};
use usp_proto::{Body, Msg, Request, Response};

use crate::agent::Agent;
use crate::world::{AGENT, Running, World};

const SERIAL: &str = "Device.DeviceInfo.SerialNumber";

async fn connected(world: &World) -> (Running, Agent, String) {
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    (server, agent, device)
}

fn changes(events: &Value) -> Vec<&str> {
    let items = events["items"].as_array().map_or(&[][..], Vec::as_slice);
    let of_kind = items.iter().filter(|event| event["kind"] == "value_change");
    of_kind.filter_map(|event| event["params"]["value"].as_str()).collect()
}

#[requirement("R-NOT.10")]
#[tokio::test]
async fn what_was_acknowledged_survives_the_death_of_the_server() {
    let world = World::new(PolicyName::Open);
    let (server, mut agent, device) = connected(&world).await;
    let msg_id = agent.value_change(SERIAL, "42");
    let answer = agent.answer_to(&msg_id).await;
    let Body::Response(Response::NotifyResp(resp)) = answer.body else { panic!("{answer:?}") };
    assert_eq!(resp.subscription_id, "cusp-test");
    server.kill().await;
    let server = world.serve().await;
    let events = server.api.get(&format!("/devices/{device}/events")).await;
    assert_eq!(changes(&events.body), ["42"]);
    let params = server.api.get(&format!("/devices/{device}/params?path={SERIAL}")).await;
    assert_eq!(params.items()[0]["value"], "42", "{params:?}");
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_store_cannot_write() {
    let world = World::new(PolicyName::Open);
    let (server, mut agent, device) = connected(&world).await;
    let settled = agent.value_change(SERIAL, "0");
    agent.answer_to(&settled).await;

    let other = Connection::open(world.data().join("cusp.db")).expect("the store's file");
    // The writer may hold it for a moment.
    while other.execute_batch("BEGIN IMMEDIATE").is_err() {}
    let ids = ["1", "2", "3"].map(|value| agent.value_change(SERIAL, value));
    let path = format!("/devices/{device}/events");
    for _ in 0..20 {
        assert_eq!(changes(&server.api.get(&path).await.body), ["0"]);
        assert!(!agent.heard_answer(), "acknowledged before it was stored");
    }
    other.execute_batch("ROLLBACK").expect("ends");
    for id in &ids {
        agent.answer_to(id).await;
    }
    assert_eq!(changes(&server.api.get(&path).await.body), ["3", "2", "1", "0"]);
}

/// Its bytes say whether it is the same one; after a boot, they are perhaps news.
#[tokio::test]
async fn a_repeated_notification_is_acknowledged_again_and_marked_after_a_boot() {
    let world = World::new(PolicyName::Open);
    let (server, mut agent, device) = connected(&world).await;
    let what = ValueChange { param_path: SERIAL.to_owned(), param_value: "7".to_owned() };
    let notify = Notify::new("cusp-test", true, Notification::ValueChange(what));
    let msg = Msg::request("again", Request::Notify(notify));
    let path = format!("/devices/{device}/events");
    let marks = |events: &Value| {
        let items = events["items"].as_array().map_or(&[][..], Vec::as_slice);
        let of_kind = items.iter().filter(|event| event["kind"] == "value_change");
        of_kind.map(|event| event["duplicate"].clone()).collect::<Vec<_>>()
    };
    agent.send(&msg);
    agent.answer_to("again").await;
    agent.leave();
    agent.down().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.send(&msg);
    agent.answer_to("again").await;
    assert_eq!(marks(&server.api.get(&path).await.body), [false]);
    let boot = Event {
        obj_path: "Device.".to_owned(),
        event_name: "Boot!".to_owned(),
        params: [("FirmwareUpdated".to_owned(), "false".to_owned())].into(),
    };
    let boot = agent.notify(Notification::Event(boot));
    agent.answer_to(&boot).await;
    agent.send(&msg);
    agent.answer_to("again").await;
    // The latest first.
    assert_eq!(marks(&server.api.get(&path).await.body), [true, false]);
}
