//! A panic in one session ends that session, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use server::config::PolicyName;
use usp_endpoint::controller::io::Input;

use crate::agent::Agent;
use crate::world::{AGENT, Running, World};

const OTHER: &str = "os::00256D-0002";
const SERIAL: &str = "Device.DeviceInfo.SerialNumber";

async fn works(server: &Running, device: &str) {
    let path = format!("/devices/{device}/get?wait=20s");
    let job = server.api.post(&path, Some(json!({ "paths": ["Device.Time.CurrentLocalTime"] }))).await;
    assert_eq!((job.status, &job.body["state"]), (200, &json!("done")), "{job:?}");
}

#[tokio::test]
async fn a_panic_ends_its_own_session_and_is_counted() {
    let armed = Arc::new(AtomicBool::new(false));
    let mut world = World::new(PolicyName::Open);
    let trigger = Arc::clone(&armed);
    world.inspect = Some(Arc::new(move |endpoint, input| {
        if endpoint.as_str() == AGENT
            && matches!(input, Input::Record(_))
            && trigger.swap(false, Ordering::SeqCst)
        {
            panic!("injected");
        }
    }));
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    Agent::dial(&server, OTHER).await.keep_answering();
    let other = server.device(OTHER).await;
    let told = agent.value_change(SERIAL, "1");
    agent.answer_to(&told).await;

    armed.store(true, Ordering::SeqCst);
    agent.value_change(SERIAL, "2");
    assert_eq!(agent.closed().await, 1002);
    server.until(&format!("/devices/{device}"), |one| one.body["online"] == false).await;
    works(&server, &other).await;
    let metrics = server.api.text("GET", "/metrics").await;
    assert!(metrics.contains("\ncusp_session_panics_total 1\n"), "{metrics}");

    // The device comes back, and what was not acknowledged is told again.
    let mut agent = Agent::dial(&server, AGENT).await;
    let told = agent.value_change(SERIAL, "2");
    agent.answer_to(&told).await;
    agent.keep_answering();
    works(&server, &device).await;
}
