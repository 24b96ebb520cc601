//! Signing in and out, links, passwords, and how often one may try.

use std::time::Duration;

use api::auth::{create_link, ensure_owner};
use fleet::TenantId;
use fleet::access::Role;
use fleet::port::Store;
use serde_json::json;

use crate::world::{PASSWORD, START, World};

const LOGIN: &str = "/api/v1/auth/login";

#[tokio::test]
async fn a_password_gives_a_cookie_and_a_session() {
    let world = World::new().await;
    world.person("alice", Role::Operator).await;
    let body = format!(r#"{{"user":"alice","password":"{PASSWORD}"}}"#);
    let reply = world.post(LOGIN).json(&body).await;
    let me = json!({"user": "alice", "roles": ["operator"], "password_needed": false, "tenant": null});
    assert_eq!((reply.status, reply.json()), (200, me.clone()));
    let cookie = reply.header("set-cookie").expect("a cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"), "{cookie}");
    let cookie = reply.cookie();
    assert_eq!(world.get("/api/v1/me").header("cookie", &cookie).send().await.json(), me);

    let reply = world.post("/api/v1/auth/logout").page(&cookie).send().await;
    assert_eq!(reply.status, 204);
    assert_eq!(
        reply.header("set-cookie"),
        Some("cusp_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    );
    world.get("/api/v1/me").header("cookie", &cookie).send().await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let world = World::with(|settings| settings.tls = true).await;
    world.person("alice", Role::Viewer).await;
    let body = format!(r#"{{"user":"alice","password":"{PASSWORD}"}}"#);
    let reply = world.post(LOGIN).json(&body).await;
    assert!(reply.header("set-cookie").expect("a cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn a_session_ends_after_seven_days() {
    let world = World::new().await;
    world.person("alice", Role::Viewer).await;
    let cookie = world.cookie("alice").await;
    world.pass(Duration::from_secs(7 * 24 * 3600 - 1));
    assert_eq!(world.get("/api/v1/me").header("cookie", &cookie).send().await.status, 200);
    world.pass(Duration::from_secs(1));
    world.get("/api/v1/me").header("cookie", &cookie).send().await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn wrong_names_and_passwords_are_told_alike() {
    let world = World::new().await;
    world.person("alice", Role::Viewer).await;
    let long = "x".repeat(2000);
    let mut answers = Vec::new();
    for (user, password) in
        [("alice", "wrong password"), ("nobody", PASSWORD), ("alice", ""), ("alice", &long)]
    {
        let body = json!({"user": user, "password": password}).to_string();
        let reply = world.post(LOGIN).json(&body).await;
        reply.is_problem(401, "unauthorised");
        assert_eq!(reply.header("set-cookie"), None);
        answers.push(reply.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn a_sign_in_is_a_name_and_a_password_or_a_link() {
    let world = World::new().await;
    for body in ["{}", r#"{"user":"a"}"#, r#"{"password":"a"}"#, r#"{"user":"a","password":"b","link":"c"}"#]
    {
        world.post(LOGIN).json(body).await.is_problem(400, "invalid");
    }
    world.post(LOGIN).json(r#"{"user":"a","password":"b","admin":true}"#).await.is_problem(400, "bad-json");
}

#[tokio::test]
async fn a_user_may_try_ten_times_then_waits() {
    let world = World::new().await;
    world.person("alice", Role::Viewer).await;
    let attempt = async |peer: [u8; 4], password: &str| {
        let body = json!({"user": "alice", "password": password}).to_string();
        world.post(LOGIN).from(Some(peer)).json(&body).await
    };
    for number in 0..10 {
        attempt([192, 0, 2, number], "wrong password").await.is_problem(401, "unauthorised");
    }
    let reply = attempt([192, 0, 2, 99], PASSWORD).await;
    reply.is_problem(429, "too-many-attempts");
    assert_eq!(reply.header("retry-after"), Some("30"));
    world.pass(Duration::from_secs(30));
    assert_eq!(attempt([192, 0, 2, 99], PASSWORD).await.status, 200);
    attempt([192, 0, 2, 99], "wrong password").await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn an_address_may_try_ten_times_whomever_it_names() {
    let world = World::new().await;
    for peer in [Some([192, 0, 2, 5]), None] {
        for number in 0..10 {
            let body = format!(r#"{{"user":"user{number}","password":"wrong password"}}"#);
            world.post(LOGIN).from(peer).json(&body).await.is_problem(401, "unauthorised");
        }
        let body = r#"{"user":"another","password":"wrong password"}"#;
        world.post(LOGIN).from(peer).json(body).await.is_problem(429, "too-many-attempts");
        let body = r#"{"link":"guess"}"#;
        world.post(LOGIN).from(peer).json(body).await.is_problem(429, "too-many-attempts");
    }
}

#[tokio::test]
async fn the_first_person_comes_in_by_a_link_and_chooses_a_password() {
    let world = World::new().await;
    let link = ensure_owner(&world.store, START).await.expect("stored").expect("nobody was there");
    let body = json!({"link": link.secret.expose()}).to_string();
    let reply = world.post(LOGIN).json(&body).await;
    assert_eq!(reply.json()["password_needed"], true);
    assert_eq!(reply.json()["roles"], json!(["owner"]));
    let cookie = reply.cookie();
    world.post(LOGIN).json(&body).await.is_problem(401, "unauthorised");

    let set = async |body: &str| world.post("/api/v1/auth/password").page(&cookie).json(body).await;
    set(r#"{"password":"too short"}"#).await.is_problem(400, "weak-password");
    assert_eq!(set(&json!({"password": PASSWORD}).to_string()).await.status, 204);
    assert_eq!(
        world.get("/api/v1/me").header("cookie", &cookie).send().await.json()["password_needed"],
        false
    );

    let body = json!({"user": "owner", "password": PASSWORD}).to_string();
    assert_eq!(world.post(LOGIN).json(&body).await.status, 200);
    assert!(ensure_owner(&world.store, START).await.expect("stored").is_none());
}

#[tokio::test]
async fn until_then_each_start_gives_another_link() {
    let world = World::new().await;
    let first = ensure_owner(&world.store, START).await.expect("stored").expect("a link");
    let second = ensure_owner(&world.store, START).await.expect("stored").expect("a link");
    assert_ne!(first.secret, second.secret);
    assert_eq!(world.store.users(TenantId::PLATFORM).await.expect("users").len(), 1);
}

#[tokio::test]
async fn a_link_expires() {
    let world = World::new().await;
    world.person("alice", Role::Viewer).await;
    let link = create_link(&world.store, &World::system(), START, "alice").await.expect("a link");
    world.pass(Duration::from_secs(24 * 3600));
    let body = json!({"link": link.secret.expose()}).to_string();
    world.post(LOGIN).json(&body).await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let world = World::new().await;
    world.person("alice", Role::Viewer).await;
    let (here, elsewhere) = (world.cookie("alice").await, world.cookie("alice").await);
    let set = async |current: &str| {
        let body = json!({"password": "another long password", "current": current}).to_string();
        world.post("/api/v1/auth/password").page(&here).json(&body).await
    };
    set("wrong password").await.is_problem(403, "wrong-password");
    set("").await.is_problem(403, "wrong-password");
    assert_eq!(set(PASSWORD).await.status, 204);
    assert_eq!(world.get("/api/v1/me").header("cookie", &here).send().await.status, 200);
    world.get("/api/v1/me").header("cookie", &elsewhere).send().await.is_problem(401, "unauthorised");
    let body = json!({"user": "alice", "password": PASSWORD}).to_string();
    world.post(LOGIN).json(&body).await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn tokens_have_no_password_and_do_not_sign_out() {
    let world = World::new().await;
    let token = world.token(Role::Owner).await;
    let body = json!({"password": PASSWORD}).to_string();
    world.post("/api/v1/auth/password").token(&token).json(&body).await.is_problem(403, "forbidden");
    world.post("/api/v1/auth/logout").token(&token).send().await.is_problem(403, "forbidden");
    let me = world.get("/api/v1/me").token(&token).send().await.json();
    assert_eq!(me["user"], "token:owner");
}
