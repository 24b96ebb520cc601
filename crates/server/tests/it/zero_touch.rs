//! Devices that are expected are let in at first contact, without a person; and nobody else is.

use std::time::{Duration, SystemTime};

use pki::{Ca, Identity, Validity};
use serde_json::json;

use crate::agent::Agent;
use crate::tls::{own_identity, secure_with};
use crate::world::{AGENT, id};

const BY_SERIAL: &str = "ops::00256D-Router-S77";
const STRANGER: &str = "os::00256D-0002";
const TOKEN: &str = "factory-token-0123456789abcdef";

#[tokio::test]
async fn a_listed_device_with_a_makers_certificate_or_its_token_is_let_in() {
    let forever = || Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 3600));
    let maker = Ca::create("Maker", forever()).expect("a CA");
    let made = |eid: &str| maker.issue_device_with_key(&id(eid), forever()).expect("a certificate");
    let secure = secure_with(|config, folder| {
        let ca = folder.join("maker.pem");
        std::fs::write(&ca, maker.certificate_pem()).expect("written");
        config.usp.websocket.tls.as_mut().expect("as init writes it").client_ca = Some(ca);
    })
    .await;
    let api = &secure.server.api;
    for wrong in [
        json!({ "devices": [] }),
        json!({ "devices": [{ "name": "nobody" }] }),
        json!({ "devices": [{ "endpoint": AGENT, "serial": "1" }] }),
        json!({ "devices": [{ "serial": "1", "token": TOKEN }] }),
        json!({ "devices": [{ "endpoint": AGENT, "token": "short" }] }),
        json!({ "devices": [{ "endpoint": AGENT }], "ttl": "31d" }),
    ] {
        assert_eq!(api.post("/expected", Some(wrong.clone())).await.status, 400, "{wrong}");
    }
    let listed = json!({ "devices": [
        { "endpoint": AGENT, "name": "attic", "group": "pilot" },
        { "serial": "S77" },
        { "endpoint": "os::00256D-0003", "group": "van", "token": TOKEN },
    ] });
    let answer = api.post("/expected", Some(listed)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "expected": 3 })));

    // Its own certificate, and none, are no proof of a name that anybody may have read.
    let session = async |eid: &str, identity: &Identity| {
        let mut agent = Agent::over(&secure.dialer(eid, Some(identity))).await;
        agent.request(|_| true).await;
        agent
    };
    let impostor = Agent::over(&secure.dialer(AGENT, Some(&own_identity(AGENT)))).await;
    secure.server.until("/pending", |answer| answer.items().len() == 1).await;
    impostor.leave();
    let _attic = session(AGENT, &made(AGENT)).await;
    let _by_serial = session(BY_SERIAL, &made(BY_SERIAL)).await;
    let enrolled = secure.enrol("os::00256D-0003", TOKEN).await.expect("by its token");
    let _by_token = session("os::00256D-0003", &enrolled).await;
    let devices = api.get("/devices").await;
    let attic = devices.items().iter().find(|one| one["name"] == "attic").expect("called as listed");
    assert_eq!((&attic["tags"], &attic["proven"]), (&json!(["pilot"]), &json!(true)));
    assert_eq!(devices.items().len(), 3);
    assert_eq!(api.get("/expected").await.items().len(), 0);

    // The token is used up, and a certificate alone lets nobody in who is not listed.
    secure.enrol("os::00256D-0003", TOKEN).await.expect_err("used up");
    let _stranger = Agent::over(&secure.dialer(STRANGER, Some(&made(STRANGER)))).await;
    secure
        .server
        .until("/pending", |answer| answer.items().iter().any(|one| one["endpoint"] == STRANGER))
        .await;
    assert_eq!(api.get("/devices").await.items().len(), 3);
    let audit = api.get("/audit?limit=100").await;
    let rule = "it was expected, and a CA vouches for it";
    assert_eq!(audit.items().iter().filter(|row| row["detail"] == rule).count(), 2, "{audit:?}");
}

/// Devices of one maker that share a certificate stay different devices, and each is held to having shown it.
#[tokio::test]
async fn devices_that_share_a_certificate_with_wildcards_are_told_apart() {
    let forever = || Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 3600));
    let maker = Ca::create("Maker", forever()).expect("a CA");
    let shared = maker.issue_device_with_key(&id("os::00256D-*"), forever()).expect("a certificate");
    let secure = secure_with(|config, folder| {
        let ca = folder.join("maker.pem");
        std::fs::write(&ca, maker.certificate_pem()).expect("written");
        config.usp.websocket.tls.as_mut().expect("as init writes it").client_ca = Some(ca);
        config.enrolment.policy = server::config::PolicyName::Open;
    })
    .await;
    let api = &secure.server.api;
    let (one, two) = ("os::00256D-0001", "os::00256D-0002");
    for eid in [one, two] {
        let mut agent = Agent::over(&secure.dialer(eid, Some(&shared))).await;
        agent.request(|_| true).await;
        agent.leave();
    }
    let devices = api.get("/devices").await;
    let mut names: Vec<_> = devices.items().iter().map(|one| one["endpoints"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, [json!([one]), json!([two])]);
    assert!(devices.items().iter().all(|device| device["proven"] == json!(true)), "{devices:?}");
    let impostor = secure.dialer(one, Some(&own_identity(one))).connect().await;
    assert!(matches!(impostor, Err(mtp::Error::Refused { status: 403, .. })), "{impostor:?}");
    assert_eq!(api.get("/devices").await.items().len(), 2);
    // To revoke it for one of them ends that one's connection, and leaves the other's.
    let mut agents = Vec::new();
    for eid in [one, two] {
        let mut agent = Agent::over(&secure.dialer(eid, Some(&shared))).await;
        agent.request(|_| true).await;
        agents.push(agent);
    }
    let device = secure.server.device(one).await;
    let listed = api.get(&format!("/certificates?device={device}")).await;
    let print = listed.items()[0]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    assert_eq!(api.post(&format!("/certificates/{print}/revoke"), None).await.status, 204);
    agents[0].down().await;
    let told = agents[1].value_change("Device.DeviceInfo.SerialNumber", "7");
    agents[1].answer_to(&told).await;
}
