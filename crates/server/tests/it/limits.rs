//! What peers that nobody has let in may cost.

use mtp::Error;
use serde_json::json;
use server::config::PolicyName;

use crate::agent::{Agent, dialer};
use crate::world::{AGENT, World};

async fn status(dialer: &mtp::ws::Dialer) -> u16 {
    match dialer.connect().await {
        Err(Error::Refused { status, .. }) => status,
        Ok(_) => panic!("let in"),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_address_that_is_refused_too_often_has_to_wait_and_others_need_not() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    // A device that is known comes from elsewhere.
    let mut known = dialer(&server, "os::00256D-0002");
    known.bind = Some("127.0.0.2".parse().expect("an address"));
    let mut agent = Agent::over(&known).await;
    server.approve("os::00256D-0002").await;
    agent.request(|_| true).await;
    agent.leave();
    agent.down().await;

    let waits = Agent::dial(&server, AGENT).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    let answer = server.api.post(&format!("/pending/{AGENT}/reject"), None).await;
    assert_eq!(answer.status, 204);
    drop(waits);
    let mut refused = 0;
    let stranger = dialer(&server, AGENT);
    while status(&stranger).await == 403 {
        refused += 1;
        assert!(refused < 10_000, "nobody stops it");
    }
    assert!(refused >= 10, "a few attempts are nothing unusual");
    assert_eq!(status(&stranger).await, 429);
    // The list of refusals is not filled by those that were stopped.
    let listed = server.api.get("/refused?limit=500").await;
    let stopped = listed.items().iter().filter(|item| item["reason"] == json!("too many attempts")).count();
    assert!(stopped <= 2, "{stopped}");
    let mut agent = Agent::over(&known).await;
    agent.request(|_| true).await;
}
