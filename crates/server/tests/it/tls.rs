//! TLS from the configuration that `init` writes; enrolment by token; certificates and take-over.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mtp::Error;
use mtp::ws::{Dialer, WsUrl};
use pki::{ClientTls, ControllerVerifier, Identity, PendingIdentity, Trust, Validity};
use requirement::requirement;
use serde_json::json;
use server::Config;
use server::control::Command;
use usp_proto::EndpointId;

use crate::agent::Agent;
use crate::world::{AGENT, Running, World, id};

/// A server as `init` configures it, on free ports of loopback.
pub(crate) struct Secure {
    pub(crate) world: World,
    pub(crate) server: Running,
    pub(crate) trust: Trust,
    pub(crate) controller: EndpointId,
}

pub(crate) async fn secure() -> Secure {
    secure_with(|_, _| {}).await
}

/// With changes to what `init` has written.
pub(crate) async fn secure_with(change: impl FnOnce(&mut Config, &Path)) -> Secure {
    let folder = tempfile::tempdir().expect("a folder");
    // Words of the template in the path must not matter.
    let place = folder.path().join("HOST KEY CERT DATA");
    std::fs::create_dir(&place).expect("a folder");
    server::init(&place, None).expect("made");
    assert!(server::init(&place, None).is_err(), "never overwritten");
    let mut config =
        Config::load_with(Some(&place.join("cusp.toml")), None, |_| None).expect("init writes good ones");
    assert!(config.http.tls.is_some() && config.usp.websocket.tls.is_some());
    assert!(config.http_listen().ip().is_unspecified() && config.websocket_listen().ip().is_unspecified());
    let pem = std::fs::read(place.join("cusp-data/ca.pem")).expect("the CA");
    let roots = pki::pem::certificates(&pem).expect("certificates");
    change(&mut config, folder.path());
    let world = World::with(folder, config);
    let mut server = world.serve().await;
    server.api.tls = Some(https(&roots));
    let controller = std::fs::read_to_string(world.data().join("endpoint")).expect("an endpoint id");
    Secure { world, server, trust: Trust { roots, ..Trust::default() }, controller: id(controller.trim()) }
}

fn https(roots: &[rustls::pki_types::CertificateDer<'static>]) -> Arc<rustls::ClientConfig> {
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).expect("a root");
    }
    let builder = rustls::ClientConfig::builder_with_provider(pki::provider());
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_root_certificates(store).with_no_client_auth())
}

impl Secure {
    pub(crate) fn dialer(&self, eid: &str, identity: Option<&Identity>) -> Dialer {
        let url: WsUrl = format!("wss://{}/usp", self.server.listeners.usp_websocket).parse().expect("a URL");
        let verifier =
            ControllerVerifier::new(&self.trust, Some(self.controller.clone()), true, pki::provider());
        let mut dialer = Dialer::new(url, id(eid), mtp::Role::Agent);
        dialer.tls = Some(ClientTls::new(identity, verifier.expect("a verifier")).expect("TLS"));
        dialer.expected = Some(self.controller.clone());
        dialer
    }

    pub(crate) async fn token(&self, uses: u32) -> String {
        self.token_for(uses, None, None).await
    }

    async fn token_for(&self, uses: u32, group: Option<&str>, endpoint: Option<&str>) -> String {
        let (group, endpoint) = (group.map(str::to_owned), endpoint.map(str::to_owned));
        let command = Command::EnrolToken { ttl_seconds: 3600, uses, group, endpoint, tenant: None };
        let made = self.server.control(command).await.expect("a token");
        made["token"].as_str().expect("a text").to_owned()
    }

    pub(crate) async fn enrol(&self, eid: &str, token: &str) -> Result<Identity, Error> {
        let pending = PendingIdentity::generate(&id(eid)).expect("a key");
        let chain = self.dialer(eid, None).enrol(token, pending.request_pem()).await?;
        Ok(pending.complete(&chain).expect("a chain for this key"))
    }
}

fn status(result: Result<Identity, Error>) -> u16 {
    match result {
        Err(Error::Refused { status, .. }) => status,
        Ok(_) => panic!("let in"),
        Err(other) => panic!("{other}"),
    }
}

pub(crate) fn own_identity(eid: &str) -> Identity {
    let validity = Validity::lasting(SystemTime::now(), Duration::from_secs(3600));
    Identity::self_signed(&id(eid), validity).expect("a certificate")
}

#[requirement("R-WS.22")]
#[tokio::test]
async fn a_token_gets_a_certificate_and_the_certificate_a_session() {
    let secure = secure().await;
    let token = secure.token(1).await;
    let identity = secure.enrol(AGENT, &token).await.expect("enrolled");
    let agent = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    agent.keep_answering();
    let device = secure.server.device(AGENT).await;
    let path = format!("/devices/{device}");
    let shown = secure.server.until(&path, |one| one.body["onboarded"] == true).await;
    assert_eq!((&shown["proven"], &shown["online"]), (&json!(true), &json!(true)));
    // Used up, and unknown.
    assert_eq!(status(secure.enrol("os::00256D-0002", &token).await), 403);
    assert_eq!(status(secure.enrol("os::00256D-0002", "cet_nonsense").await), 403);
    secure.server.refusal("enrolment token").await;
    // Without its certificate, nobody is this device.
    let plain = secure.dialer(AGENT, None).connect().await;
    assert!(matches!(plain, Err(Error::Refused { status: 403, .. })), "{plain:?}");
    let other = secure.dialer(AGENT, Some(&own_identity(AGENT))).connect().await;
    assert!(matches!(other, Err(Error::Refused { status: 403, .. })), "{other:?}");
    assert_eq!(secure.server.api.get(&path).await.body["online"], true);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let secure = secure().await;
    let made = secure.server.api.post("/enrolments", Some(json!({ "ttl": "1s" }))).await;
    assert!(made.status < 300, "{made:?}");
    // The list shows those that still work.
    secure.server.until("/enrolments", |answer| answer.items().is_empty()).await;
    let token = made.body["token"].as_str().expect("a token");
    assert_eq!(status(secure.enrol(AGENT, token).await), 403);
    secure.server.refusal("enrolment token").await;
    assert_eq!(secure.server.api.get("/devices").await.items().len(), 0);
}

#[tokio::test]
async fn a_token_does_not_make_its_holder_another_device() {
    let secure = secure().await;
    let token = secure.token(2).await;
    let identity = secure.enrol(AGENT, &token).await.expect("enrolled");
    assert_eq!(status(secure.enrol(AGENT, &token).await), 409);
    // The first certificate is still the one that counts.
    let mut agent = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    agent.request(|_| true).await;
}

/// A factory-reset device has the same endpoint id and a new key.
#[tokio::test]
async fn a_token_made_for_a_device_enrols_it_again() {
    let secure = secure().await;
    let token = secure.token_for(3, Some("pilot"), None).await;
    let first = secure.enrol(AGENT, &token).await.expect("enrolled");
    let mut old = Agent::over(&secure.dialer(AGENT, Some(&first))).await;
    old.request(|_| true).await;
    let device = secure.server.device(AGENT).await;
    let path = format!("/devices/{device}");
    assert_eq!(secure.server.api.get(&path).await.body["tags"], json!(["pilot"]));
    // Any token will not do, and is not used up by trying; nor does one for it let in another.
    assert_eq!(status(secure.enrol(AGENT, &token).await), 409);
    let listed = secure.server.api.get("/enrolments").await;
    assert_eq!((&listed.items()[0]["uses"], &listed.items()[0]["group"]), (&json!(2), &json!("pilot")));
    let own = secure.token_for(1, None, Some(AGENT)).await;
    assert_eq!(status(secure.enrol("os::00256D-0002", &own).await), 403);
    // A request that can't be signed uses nothing up either.
    let torn = secure.dialer(AGENT, None).enrol(&own, "no request").await;
    assert!(matches!(torn, Err(Error::Refused { status: 400, .. })), "{torn:?}");

    let second = secure.enrol(AGENT, &own).await.expect("enrolled again");
    assert_eq!(old.closed().await, 1008, "the link of the old certificate ends");
    assert_eq!(status(secure.enrol(AGENT, &own).await), 403, "used up");
    let mut agent = Agent::over(&secure.dialer(AGENT, Some(&second))).await;
    agent.request(|_| true).await;
    let revoked = secure.dialer(AGENT, Some(&first)).connect().await;
    assert!(matches!(revoked, Err(Error::Refused { status: 403, .. })), "{revoked:?}");
    secure.server.refusal("revoked").await;
    assert_eq!(secure.server.device(AGENT).await, device, "it is the same device");
}

#[tokio::test]
async fn the_same_certificate_takes_over_and_another_does_not() {
    let secure = secure().await;
    let token = secure.token(1).await;
    let identity = secure.enrol(AGENT, &token).await.expect("enrolled");
    let mut first = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    first.request(|_| true).await;
    let device = secure.server.device(AGENT).await;
    let mut second = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    assert_eq!(first.closed().await, 1008);
    second.request(|_| true).await;
    second.keep_answering();
    let get = format!("/devices/{device}/get?wait=20s");
    let job = secure.server.api.post(&get, Some(json!({ "paths": ["Device.Time.CurrentLocalTime"] }))).await;
    assert_eq!(job.body["state"], "done", "{job:?}");
    assert_eq!(secure.server.api.get(&format!("/devices/{device}")).await.body["online"], true);
}

#[tokio::test]
#[requirement("R-SEC.0a")]
async fn a_certificate_is_good_for_its_own_endpoint_alone_and_its_misuse_is_audited() {
    let secure = secure().await;
    let token = secure.token(2).await;
    let mine = secure.enrol(AGENT, &token).await.expect("enrolled");
    secure.enrol("os::00256D-0002", &token).await.expect("enrolled");
    for (claimed, written) in [("os::00256D-0002", true), ("os::00256D-0003", true)] {
        let refused = secure.dialer(claimed, Some(&mine)).connect().await;
        assert!(matches!(refused, Err(Error::Refused { status: 403, .. })), "{refused:?}");
        let told =
            |row: &serde_json::Value| row["action"] == "credential.misused" && row["target"] == claimed;
        secure.server.until("/audit", |answer| answer.items().iter().any(told) == written).await;
    }
    secure.server.refusal("its certificate is not for this endpoint id").await;
}

/// Two machines with one key push each other out.
#[tokio::test]
async fn a_copied_certificate_is_noticed() {
    let secure = secure().await;
    let token = secure.token(1).await;
    let identity = secure.enrol(AGENT, &token).await.expect("enrolled");
    let mut dialers = ["127.0.0.2", "127.0.0.3"].map(|address| {
        let mut dialer = secure.dialer(AGENT, Some(&identity));
        dialer.bind = Some(address.parse().expect("an address"));
        dialer
    });
    let mut standing: Option<Agent> = None;
    for _ in 0..4 {
        let mut agent = Agent::over(&dialers[0]).await;
        agent.request(|_| true).await;
        if let Some(mut old) = standing.replace(agent) {
            assert_eq!(old.closed().await, 1008);
        }
        dialers.swap(0, 1);
    }
    let told = |row: &serde_json::Value| {
        row["action"] == "credential.cloned"
            && row["detail"].as_str().is_some_and(|detail| {
                detail.contains("127.0.0.2") && detail.contains("127.0.0.3") && detail.ends_with("in turns")
            })
    };
    secure.server.until("/audit", |answer| answer.items().iter().any(told)).await;
    let metrics = secure.server.api.text("GET", "/metrics").await;
    assert!(metrics.contains("cusp_certificate_clones_total 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_certificate_of_its_own_is_pinned_by_approval() {
    let secure = secure().await;
    let identity = own_identity(AGENT);
    let mut agent = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    let pending = secure.server.until("/pending", |answer| !answer.items().is_empty()).await;
    assert_eq!(pending["items"][0]["proven"], true);
    assert!(pending["items"][0]["fingerprint"].is_string());
    let device = secure.server.approve(AGENT).await;
    agent.request(|_| true).await;
    let shown = secure.server.api.get(&format!("/devices/{device}")).await;
    assert_eq!(shown.body["proven"], true);
    agent.leave();
    let other = secure.dialer(AGENT, Some(&own_identity(AGENT))).connect().await;
    assert!(matches!(other, Err(Error::Refused { status: 403, .. })), "{other:?}");
    let stolen = secure.dialer("os::00256D-0002", Some(&identity)).connect().await;
    assert!(matches!(stolen, Err(Error::Refused { status: 403, .. })), "{stolen:?}");
    let mut again = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    again.request(|_| true).await;
    assert!(secure.world.data().join("ca.pem").exists());
}
