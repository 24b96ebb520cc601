//! Devices of several tenants on one server: each comes to the tenant of what let it in, is worked with there, and may
//! go to another.

use std::time::{Duration, SystemTime};

use pki::{Ca, Validity};
use serde_json::json;
use server::control::Command;

use crate::agent::Agent;
use crate::http::Client;
use crate::tls::{Secure, secure_with};
use crate::world::{AGENT, id};

const MADE: &str = "os::00256D-0002";
const STRANGER: &str = "os::00256D-0003";

/// A tenant, an owner's token of it, and an enrolment token.
async fn tenant(secure: &Secure, name: &str) -> (Client, String) {
    let server = &secure.server;
    server.control(Command::TenantCreate { name: name.to_owned() }).await.expect("it is new");
    let (tenant, text) = (Some(name.to_owned()), "token");
    let token = Command::TokenCreate { name: "own".into(), role: "owner".into(), tenant: tenant.clone() };
    let token = server.control(token).await.expect("a token");
    let mut client = Client::new(server.listeners.http);
    client.tls = server.api.tls.clone();
    client.token = token[text].as_str().map(str::to_owned);
    let (group, endpoint) = (None, None);
    let enrol = Command::EnrolToken { ttl_seconds: 3600, uses: 5, group, endpoint, tenant };
    let enrol = server.control(enrol).await.expect("a token");
    (client, enrol[text].as_str().expect("a text").to_owned())
}

async fn names(client: &Client) -> Vec<String> {
    let devices = client.get("/devices?sort=name").await;
    devices.items().iter().map(|one| one["name"].as_str().expect("a text").to_owned()).collect()
}

/// Whether a list of a tenant has a row that holds a text.
async fn has(client: &Client, path: &str, text: &str) -> bool {
    client.get(path).await.items().iter().any(|row| row.to_string().contains(text))
}

#[tokio::test]
async fn devices_come_to_the_tenant_of_what_let_them_in() {
    let forever = || Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 3600));
    let maker = Ca::create("Maker", forever()).expect("a CA");
    let made = maker.issue_device_with_key(&id(MADE), forever()).expect("a certificate");
    let secure = secure_with(|config, folder| {
        let ca = folder.join("maker.pem");
        std::fs::write(&ca, maker.certificate_pem()).expect("written");
        config.usp.websocket.tls.as_mut().expect("as init writes it").client_ca = Some(ca);
    })
    .await;
    let server = &secure.server;
    let ((acme, for_acme), (beta, for_beta)) = (tenant(&secure, "acme").await, tenant(&secure, "beta").await);

    // By a token.
    let identity = secure.enrol(AGENT, &for_acme).await.expect("enrolled");
    let agent = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    agent.keep_answering();
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    let shown = server.until(&path, |one| one.body["onboarded"] == true).await;
    assert_eq!((&shown["tenant"], &shown["online"]), (&json!("acme"), &json!(true)));
    assert_eq!((names(&acme).await, names(&beta).await), (vec![AGENT.to_owned()], Vec::new()));
    // Worked with, over its session.
    let get = json!({ "paths": ["Device.DeviceInfo."] });
    let job = acme.post(&format!("{path}/get?wait=20s"), Some(get.clone())).await;
    assert_eq!((job.status, &job.body["state"]), (200, &json!("done")), "{job:?}");
    assert_eq!(beta.post(&format!("{path}/get"), Some(get)).await.status, 404);
    assert!(has(&acme, "/events", "onboarded").await && !has(&beta, "/events", "onboarded").await);

    // By a list and its maker's certificate.
    let listed = acme.post("/expected", Some(json!({ "devices": [{ "endpoint": MADE }] }))).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let mut other = Agent::over(&secure.dialer(MADE, Some(&made))).await;
    other.request(|_| true).await;
    assert_eq!(names(&acme).await, [AGENT, MADE]);

    // Nobody has what another tenant has: neither by a token, nor by a list.
    for endpoint in [AGENT, MADE] {
        let refused = secure.enrol(endpoint, &for_beta).await;
        assert!(matches!(refused, Err(mtp::Error::Refused { status: 409, .. })), "{endpoint}");
        let listed = beta.post("/expected", Some(json!({ "devices": [{ "endpoint": endpoint }] }))).await;
        assert_eq!(listed.status, 409, "{listed:?}");
    }
    let told = |row: &serde_json::Value| {
        row["action"] == "tenant.refused" && row["actor"] == "system" && row["target"] == AGENT
    };
    server.until("/audit?tenant=beta", |log| log.items().iter().any(told)).await;
    server.until("/audit", |log| log.items().iter().any(|row| told(row) && row["tenant"].is_null())).await;
    assert!(!has(&acme, "/audit", "tenant.refused").await);
    assert_eq!(names(&beta).await, Vec::<String>::new());

    // Who is refused under a known name stands on its tenant's list.
    let plain = secure.dialer(AGENT, None).connect().await;
    assert!(matches!(plain, Err(mtp::Error::Refused { status: 403, .. })), "{plain:?}");
    server.refusal("known by its certificate").await;
    assert!(has(&acme, "/refused", AGENT).await && !has(&beta, "/refused", AGENT).await);

    // Strangers are the platform's, which gives them to whom it likes.
    let _stranger = Agent::over(&secure.dialer(STRANGER, None)).await;
    let waits = |answer: &crate::http::Answer| answer.items().iter().any(|one| one["endpoint"] == STRANGER);
    server.until("/pending", waits).await;
    assert!(acme.get("/pending").await.items().is_empty() && beta.get("/pending").await.items().is_empty());
    let approve = format!("/pending/{STRANGER}/approve");
    assert_eq!(beta.post(&approve, None).await.status, 404);
    let approved = server.api.post(&approve, Some(json!({ "tenant": "beta" }))).await;
    assert_eq!((approved.status, &approved.body["tenant"]), (200, &json!("beta")), "{approved:?}");
    assert_eq!(names(&beta).await, [STRANGER]);
}

#[tokio::test]
async fn a_device_that_goes_to_another_tenant_takes_no_past_along() {
    let secure = secure_with(|_, _| {}).await;
    let server = &secure.server;
    let ((acme, for_acme), (beta, _)) = (tenant(&secure, "acme").await, tenant(&secure, "beta").await);
    let identity = secure.enrol(AGENT, &for_acme).await.expect("enrolled");
    let agent = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    agent.keep_answering();
    let path = format!("/devices/{}", server.device(AGENT).await);
    server.until(&path, |one| one.body["onboarded"] == true).await;
    let trace = format!("{path}/trace");
    assert_eq!(acme.call("PUT", &trace, r#"{"enabled":true}"#).await.status, 204);
    let get = json!({ "paths": ["Device.DeviceInfo."] });
    assert_eq!(acme.post(&format!("{path}/get?wait=20s"), Some(get.clone())).await.status, 200);
    assert!(!acme.get(&trace).await.items().is_empty());

    let moved = server.api.call("PATCH", &path, r#"{"tenant":"beta"}"#).await;
    assert_eq!((moved.status, &moved.body["tenant"]), (200, &json!("beta")), "{moved:?}");
    assert_eq!(acme.get(&path).await.status, 404);
    assert_eq!(beta.get(&trace).await.body, json!({ "enabled": false, "items": [], "next": null }));
    assert!(beta.get("/jobs").await.items().is_empty());
    assert!(!has(&beta, &format!("{path}/events"), "onboarded").await);
    // Its session is over; by the same certificate it is back, as a device of the other.
    server.until(&path, |one| one.body["online"] == false).await;
    let again = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    again.keep_answering();
    server.until(&path, |one| one.body["online"] == true).await;
    let job = beta.post(&format!("{path}/get?wait=20s"), Some(get.clone())).await;
    assert_eq!((job.status, &job.body["state"]), (200, &json!("done")), "{job:?}");
    assert_eq!(acme.post(&format!("{path}/get"), Some(get)).await.status, 404);
}
