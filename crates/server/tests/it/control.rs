//! The control socket.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use server::config::PolicyName;
use server::control::{Command, request};

use crate::http::Client;
use crate::world::World;

#[tokio::test]
async fn what_the_local_command_line_asks_is_done_by_the_running_server() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let mode = std::fs::metadata(world.data().join("control.sock")).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let made = server
        .control(Command::TokenCreate { name: "reader".to_owned(), role: "viewer".to_owned(), tenant: None })
        .await
        .expect("a token");
    let mut reader = Client::new(server.listeners.http);
    reader.token = made["token"].as_str().map(str::to_owned);
    assert_eq!(reader.get("/devices").await.status, 200);
    assert_eq!(reader.post("/enrolments", Some(json!({ "ttl": "1h" }))).await.status, 403);

    let user = server
        .control(Command::UserAdd { name: "alice".to_owned(), role: "operator".to_owned() })
        .await
        .expect("a user");
    let again = server.control(Command::UserLink { name: "alice".to_owned() }).await.expect("a link");
    assert_ne!(user["link"], again["link"]);
    let visitor = Client::new(server.listeners.http);
    let me = visitor.post("/auth/login", Some(json!({ "link": again["link"] }))).await;
    assert_eq!(me.status, 200, "{me:?}");
    assert_eq!(me.body["user"], "alice");
    assert_eq!(me.body["password_needed"], true);
    // A link works once.
    assert_eq!(visitor.post("/auth/login", Some(json!({ "link": again["link"] }))).await.status, 401);

    let audit = server.control(Command::AuditVerify).await.expect("an audit log");
    assert_eq!(audit["ok"], true);
    for (command, word) in [
        (Command::TokenCreate { name: "x".to_owned(), role: "king".to_owned(), tenant: None }, "role"),
        (Command::UserLink { name: "nobody".to_owned() }, "user"),
        (Command::UserAdd { name: "alice".to_owned(), role: "viewer".to_owned() }, "user"),
        (Command::Backup { file: "/nonexistent/folder/copy.db".into() }, ""),
    ] {
        let error = server.control(command).await.expect_err("refused").to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_a_server() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let made = server.api.post("/tokens", Some(json!({ "name": "kept", "role": "viewer" }))).await;
    assert!(made.status < 300, "{made:?}");
    let copy = world.folder.path().join("copy.db");
    server.control(Command::Backup { file: copy.clone() }).await.expect("a copy");
    assert!(server.control(Command::Backup { file: copy.clone() }).await.is_err(), "never overwritten");
    server.stop().await;

    let other = World::new(PolicyName::Approve);
    std::fs::create_dir_all(other.data()).expect("a folder");
    server::restore(&copy, &other.data()).expect("restored");
    let server = other.serve().await;
    let tokens = server.api.get("/tokens").await;
    assert!(tokens.items().iter().any(|token| token["name"] == "kept"), "{tokens:?}");
}

#[test]
fn without_a_server_the_store_is_opened_for_the_command() {
    let world = World::new(PolicyName::Approve);
    let command = Command::UserAdd { name: "bob".to_owned(), role: "owner".to_owned() };
    let answer = request(&world.data(), &command).expect("done");
    assert!(answer["link"].is_string());
}

#[tokio::test]
async fn the_first_start_gives_a_sign_in_link_and_a_running_server_keeps_its_folder() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let link = server.sign_in.clone().expect("nobody has a password yet");
    let (base, secret) = link.split_once("/sign-in?link=").expect("a URL");
    assert_eq!(base, format!("http://{}", server.listeners.http));
    let me = server.api.post("/auth/login", Some(json!({ "link": secret }))).await;
    assert_eq!(me.body["roles"], json!(["owner"]), "{me:?}");

    let text = std::fs::read_to_string(world.data().join("listeners.json")).expect("written");
    let listeners: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(listeners["http"], server.listeners.http.to_string());
    assert_eq!(listeners["usp.websocket"], server.listeners.usp_websocket.to_string());
    assert!(server::Server::start(&world.config).await.is_err(), "the folder is in use");
}
