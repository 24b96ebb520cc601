//! One command for many devices.

use std::collections::BTreeSet;

use fleet::access::Role;
use fleet::port::{JobQuery, PageRequest, Store};
use http::Method;

use crate::world::{TENANT, World};

const REBOOT: &str = r#"{"command":"Device.Reboot()"}"#;

fn uri(filter: &str, more: &str) -> String {
    let encoded: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("/api/v1/operations/operate?filter={encoded}{more}")
}

#[tokio::test]
async fn each_device_that_matches_gets_a_job_a_piece_at_a_time() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let mut devices = BTreeSet::new();
    for name in ["os::00256D-A1", "os::00256D-A2", "os::00256D-A3"] {
        devices.insert(world.device(name).await.to_string());
    }
    let (mut jobs, mut seen, mut cursor) = (BTreeSet::new(), BTreeSet::new(), String::new());
    let mut sizes = Vec::new();
    loop {
        let more = format!("&limit=2{cursor}");
        let ask = world.post(&uri("!online", &more)).token(&token).header("idempotency-key", "k1");
        let reply = ask.json(REBOOT).await;
        assert_eq!(reply.status, 202);
        let piece = reply.json();
        assert_eq!(piece["refused"].as_array().map(Vec::len), Some(0), "{piece}");
        let made = piece["jobs"].as_array().expect("a list");
        sizes.push(made.len());
        for row in made {
            jobs.insert(row["job"].as_str().expect("an id").to_owned());
            seen.insert(row["device"].as_str().expect("an id").to_owned());
        }
        let Some(next) = piece["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((sizes, &seen), (vec![2, 1], &devices));
    let told: BTreeSet<String> =
        world.server.told.lock().expect("not poisoned").iter().map(ToString::to_string).collect();
    assert_eq!(told, jobs);
    let query = JobQuery { page: PageRequest::first(10), ..JobQuery::default() };
    let list = world.store.jobs(TENANT, query).await.expect("a list").items;
    assert_eq!(list.len(), 3);
    for job in list {
        assert_eq!((job.priority, job.actor.as_str()), (fleet::job::Priority::Campaign, "token:operator"));
    }

    // The same piece again makes no second job.
    let ask = world.post(&uri("!online", "&limit=2")).token(&token).header("idempotency-key", "k1");
    assert_eq!(ask.json(REBOOT).await.json()["jobs"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.server.told.lock().expect("not poisoned").len(), 3);
}

#[tokio::test]
async fn what_is_wrong_with_it_is_said_before_anything_is_done() {
    let world = World::new().await;
    let operator = world.token(Role::Operator).await;
    let viewer = world.token(Role::Viewer).await;
    world.device("os::00256D-A1").await;
    let all = uri("!online", "");
    world.post(&all).token(&viewer).json(REBOOT).await.is_problem(403, "forbidden");
    world.post(&all).token(&operator).json(r#"{"command":"Device."}"#).await.is_problem(400, "bad-path");
    world.post(&uri("", "")).token(&operator).json(REBOOT).await.is_problem(400, "invalid");
    world.post(&uri("model ==", "")).token(&operator).json(REBOOT).await.is_problem(400, "bad-filter");
    world.post("/api/v1/operations/operate").token(&operator).json(REBOOT).await.is_problem(400, "bad-query");
    assert_eq!(world.call(Method::GET, &all).token(&operator).send().await.status, 405);
    assert!(world.server.told.lock().expect("not poisoned").is_empty());
}
