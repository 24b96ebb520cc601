//! Whether the server says that it is ready.

use rusqlite::Connection;
use server::config::PolicyName;
use server::control::Command;

use crate::world::{Running, World};

async fn status(server: &Running) -> String {
    let answer = server.api.raw("GET", "/readyz", "").await;
    answer.split(' ').nth(1).expect("a status").to_owned()
}

#[tokio::test]
async fn a_store_that_can_t_commit_is_not_ready_until_it_can_again() {
    let world = World::new(PolicyName::Closed);
    let server = world.serve().await;
    assert_eq!(status(&server).await, "200");
    let database = Connection::open(world.data().join(store::FILE)).expect("the store's file");
    let fails = "CREATE TRIGGER fails BEFORE INSERT ON audit BEGIN SELECT RAISE(ROLLBACK, 'injected'); END";
    database.execute_batch(fails).expect("a trigger");
    // A commit of something else may come between the two.
    loop {
        let tenant = Command::TenantCreate { name: "t".to_owned() };
        assert!(server.control(tenant).await.is_err());
        if status(&server).await == "503" {
            break;
        }
    }
    database.execute_batch("DROP TRIGGER fails").expect("no trigger");
    server.control(Command::TenantCreate { name: "t".to_owned() }).await.expect("a tenant");
    assert_eq!(status(&server).await, "200");
}
