//! Certificates that count no more, and files that are read again while the server runs.

use std::path::Path;
use std::time::{Duration, SystemTime};

use mtp::Error;
use pki::{Ca, DeviceVerifier, Edition, Identity, Reason, Revoked, Validity};
use requirement::requirement;
use rustls::pki_types::{CertificateRevocationListDer, UnixTime};
use serde_json::json;
use server::control::Command;
use usp_proto::link::PeerAuth;

use crate::agent::Agent;
use crate::tls::{Secure, secure, secure_with};
use crate::world::{AGENT, id};

pub(crate) const OTHER: &str = "os::00256D-0002";
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn forever() -> Validity {
    Validity::lasting(SystemTime::now(), DAY * 365)
}

/// An agent that is let in.
async fn session(secure: &Secure, eid: &str, identity: &Identity) -> Agent {
    let mut agent = Agent::over(&secure.dialer(eid, Some(identity))).await;
    agent.request(|_| true).await;
    agent
}

async fn enrolled(secure: &Secure, eid: &str) -> Identity {
    let token = secure.token(1).await;
    secure.enrol(eid, &token).await.expect("enrolled")
}

#[tokio::test]
async fn a_revoked_certificate_ends_its_connection_and_lets_nobody_in() {
    let secure = secure().await;
    let (stolen, kept) = (enrolled(&secure, AGENT).await, enrolled(&secure, OTHER).await);
    let mut victim = session(&secure, AGENT, &stolen).await;
    let _other = session(&secure, OTHER, &kept).await;
    let api = &secure.server.api;
    let listed = api.get("/certificates").await;
    assert_eq!(listed.items().len(), 2, "{listed:?}");
    assert!(listed.items().iter().all(|one| one["revoked"] == false && one["origin"] == "issued"));

    let fingerprint = pki::fingerprint_text(&stolen.fingerprint());
    let path = format!("/certificates/{fingerprint}/revoke");
    assert_eq!(api.post(&path, Some(json!({ "reason": "because" }))).await.status, 400);
    assert_eq!(api.post("/certificates/nonsense/revoke", None).await.status, 400);
    assert_eq!(api.post(&format!("/certificates/{}/revoke", "ab".repeat(32)), None).await.status, 404);
    assert_eq!(api.get("/certificates?revoked=true").await.items().len(), 0);
    let revoked = api.post(&path, Some(json!({ "reason": "key-compromise" }))).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    assert_eq!(victim.closed().await, 1008);
    let again = secure.dialer(AGENT, Some(&stolen)).connect().await;
    assert!(matches!(again, Err(Error::Refused { status: 403, .. })), "{again:?}");
    secure.server.refusal("its certificate or login is revoked").await;

    // The list is signed by the CA, names this one alone, and is anybody's to read.
    let list = secure.server.api.bytes("/pki/ca.crl").await;
    let verifier = DeviceVerifier::with_crls(
        &secure.trust.roots,
        &[CertificateRevocationListDer::from(list)],
        false,
        pki::provider(),
    );
    let verifier = verifier.expect("a list");
    let is_revoked = |identity: &Identity| verifier.revoked(identity.chain(), UnixTime::now());
    assert_eq!((is_revoked(&stolen), is_revoked(&kept)), (true, false));

    let gone = api.get("/certificates?revoked=true").await;
    assert_eq!(gone.items().len(), 1, "{gone:?}");
    assert_eq!(
        (&gone.items()[0]["reason"], &gone.items()[0]["name"]),
        (&json!("key-compromise"), &json!(AGENT))
    );
    for action in ["credential.revoke", "credential.misused"] {
        let told = |row: &serde_json::Value| row["action"] == action;
        secure.server.until("/audit", |answer| answer.items().iter().any(told)).await;
    }
    let device = secure.server.device(OTHER).await;
    assert_eq!(api.get(&format!("/devices/{device}")).await.body["online"], true);
    // Removed and let in anew, the device is still not whoever holds that key.
    let device = secure.server.device(AGENT).await;
    assert_eq!(api.delete(&format!("/devices/{device}")).await.status, 204);
    let again = secure.dialer(AGENT, Some(&stolen)).connect().await;
    assert!(matches!(again, Err(Error::Refused { status: 403, .. })), "{again:?}");
}

pub(crate) fn write_list(ca: &Ca, file: &Path, number: u64, revoked: &[&Identity]) {
    let now = SystemTime::now();
    let revoked: Vec<_> = revoked
        .iter()
        .map(|identity| Revoked {
            serial_number: pki::cert::name(&identity.chain()[0]).expect("readable").serial_number,
            at: now,
            reason: Reason::Unspecified,
        })
        .collect();
    let list = ca.crl(&revoked, Edition { number, this_update: now, next_update: now + DAY });
    let pem = pki::pem::encode("X509 CRL", &list.expect("a list"));
    std::fs::write(file, pem).expect("written");
}

#[tokio::test]
#[requirement("R-SEC.9")]
async fn a_list_of_another_ca_is_heeded_when_it_is_read_again() {
    let theirs = Ca::create("Manufacturer", forever()).expect("a CA");
    let [stolen, kept] =
        [AGENT, OTHER].map(|eid| theirs.issue_device_with_key(&id(eid), forever()).expect("a certificate"));
    let secure = secure_with(|config, folder| {
        let (ca, crl) = (folder.join("theirs.pem"), folder.join("theirs.crl"));
        std::fs::write(&ca, theirs.certificate_pem()).expect("written");
        write_list(&theirs, &crl, 1, &[]);
        let tls = config.usp.websocket.tls.as_mut().expect("as init writes it");
        (tls.client_ca, tls.client_crl) = (Some(ca), Some(crl));
        config.enrolment.policy = server::config::PolicyName::Open;
    })
    .await;
    let mut victim = session(&secure, AGENT, &stolen).await;
    let _other = session(&secure, OTHER, &kept).await;
    let crl = secure.world.folder.path().join("theirs.crl");
    // A file that is none changes nothing.
    std::fs::write(&crl, "nonsense").expect("written");
    let error = secure.server.control(Command::Reload).await.expect_err("no list").to_string();
    assert!(error.contains("usp.websocket.tls") || error.contains("theirs.crl"), "{error}");
    Agent::over(&secure.dialer(OTHER, Some(&kept))).await.leave();

    write_list(&theirs, &crl, 2, &[&stolen]);
    secure.server.control(Command::Reload).await.expect("read");
    assert_eq!(victim.closed().await, 1008);
    secure.dialer(AGENT, Some(&stolen)).connect().await.expect_err("at the handshake");
    secure.server.refusal("TLS: ").await;
    session(&secure, OTHER, &kept).await;
}

async fn shown(secure: &Secure, identity: &Identity) -> [u8; 32] {
    let link = secure.dialer(AGENT, Some(identity)).connect().await.expect("a link");
    match link.peer() {
        PeerAuth::Certificate(certificate) => certificate.fingerprint,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_servers_certificate_and_cas_are_read_again_and_links_stay() {
    let secure = secure().await;
    let identity = enrolled(&secure, AGENT).await;
    let kept = enrolled(&secure, OTHER).await;
    let mut agent = session(&secure, OTHER, &kept).await;
    let files = secure.world.config.usp.websocket.tls.clone().expect("as init writes it");
    let before = Identity::load(&files.cert, &files.key).expect("readable").fingerprint();
    assert_eq!(shown(&secure, &identity).await, before);

    // The CA of the data folder is the one that agents trust.
    let seal = pki::SealKey::load(&secure.world.data().join("seal.key")).expect("a key");
    let ca = Ca::load(&secure.world.data().join("ca"), &seal).expect("the CA");
    let names = pki::cert::server_names(&secure_leaf(&files.cert)).expect("readable");
    let next = ca.issue_server(&names, forever()).expect("issued");
    // A chain without its key.
    std::fs::write(&files.cert, next.chain_pem()).expect("written");
    secure.server.control(Command::Reload).await.expect_err("the key is another's");
    assert_eq!(shown(&secure, &identity).await, before);
    next.save(&files.cert, &files.key).expect("written");
    secure.server.control(Command::Reload).await.expect("read");
    assert_eq!(shown(&secure, &identity).await, next.fingerprint());
    let told = agent.value_change("Device.DeviceInfo.SerialNumber", "1");
    agent.answer_to(&told).await;
}

fn secure_leaf(cert: &Path) -> Vec<u8> {
    let pem = std::fs::read(cert).expect("readable");
    pki::pem::certificates(&pem).expect("a chain").swap_remove(0).to_vec()
}
