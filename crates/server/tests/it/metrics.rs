//! `/metrics`: the names that dashboards are built on, and that they count.

use serde_json::json;
use server::config::PolicyName;

use crate::agent::Agent;
use crate::world::{AGENT, PATIENCE, Running, World};

async fn value(server: &Running, name: &str) -> u64 {
    let text = server.api.text("GET", "/metrics").await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[tokio::test]
async fn every_metric_is_there_and_counts() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    for name in [
        "cusp_links_opened_total",
        "cusp_links_closed_total",
        "cusp_refused_total",
        "cusp_records_in_total",
        "cusp_records_out_total",
        "cusp_notifications_total",
        "cusp_jobs_finished_total",
        "cusp_noticed_total",
        "cusp_session_panics_total",
        "cusp_sessions",
    ] {
        assert_eq!(value(&server, name).await, 0, "{name}");
    }
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    for number in 0..3 {
        let told = agent.value_change("Device.DeviceInfo.SerialNumber", &number.to_string());
        agent.answer_to(&told).await;
    }
    agent.keep_answering();
    let get = json!({ "paths": ["Device.Time.CurrentLocalTime"] });
    let job = server.api.post(&format!("/devices/{device}/get?wait=20s"), Some(get)).await;
    assert_eq!(job.status, 200, "{job:?}");
    assert_eq!(value(&server, "cusp_links_opened_total").await, 1);
    assert_eq!(value(&server, "cusp_links_closed_total").await, 0);
    assert_eq!(value(&server, "cusp_notifications_total").await, 3);
    // Whoever waits for the job may know of its end first.
    let counted = async { while value(&server, "cusp_jobs_finished_total").await != 1 {} };
    tokio::time::timeout(PATIENCE, counted).await.expect("the job is counted");
    assert_eq!(value(&server, "cusp_sessions").await, 1);
    // Connect, three notifications and the answer to the Get, and what onboarding made of it.
    assert!(value(&server, "cusp_records_in_total").await >= 5);
    assert!(value(&server, "cusp_records_out_total").await >= 4);
    // Never a label per device: only causes have one, and there are few of them.
    let text = server.api.text("GET", "/metrics").await;
    let labels: Vec<_> = text.lines().filter_map(|line| Some(line.split_once('{')?.0)).collect();
    assert_eq!(labels, ["cusp_refused_by_cause_total"; 7], "{text}");
}
