//! The broker as a Trusted Broker: TLS, and nobody without a certificate of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mtp::mqtt::broker::{ConnectFacts, Denied, ListenConfig, Offence, Rights};
use mtp::mqtt::machine::End;
use mtp::mqtt::{Client, Version};
use mtp::{Cause, Error, PeerAuth, PeerCertificate, Role};
use pki::{
    Ca, ClientTls, ControllerVerifier, DeviceVerifier, Identity, ServerNames, ServerTls, Trust, Validity,
};
use requirement::requirement;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::world::{AGENT, CONTROLLER, OTHER, OWN, record, topic};
use crate::mqtt::brokers::{client_at, run, to};
use crate::mqtt::embedded::Embedded;
use crate::support::{PATIENCE, id};

fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(86_400))
}

/// Admits an Endpoint that its certificate names, signed by the CA, and nobody else.
async fn trusted(ca: &Ca) -> Embedded {
    trusted_with(ca, ListenConfig::default()).await
}

async fn trusted_with(ca: &Ca, config: ListenConfig) -> Embedded {
    let ips = vec![IpAddr::from([127, 0, 0, 1])];
    let identity = ca.issue_server(&ServerNames { ips, ..ServerNames::default() }, valid()).unwrap();
    let verifier = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).unwrap();
    let tls = ServerTls::new(&identity, verifier).unwrap();
    Embedded::with(Some(tls), config, |facts, certificate| {
        assert!(facts.secure);
        let (endpoint, proof) = facts.certified(certificate)?;
        let own = topic(&format!("usp/agents/{endpoint}"));
        Ok(Rights::of_endpoint(endpoint, proof, &own, &[topic(CONTROLLER)]))
    })
    .await
}

fn client(broker: &Embedded, version: Version, ca: &Ca, identity: Option<&Identity>) -> Client {
    let mut client = client_at(broker.addr.port(), version, Role::Agent);
    client.broker.secure = true;
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
    client.tls = Some(ClientTls::new(identity, verifier).unwrap());
    client
}

#[tokio::test]
#[requirement("R-SEC.4b", "R-SEC.4c", "R-MQTT.43", "R-MQTT.48")]
async fn a_trusted_broker_vouches_for_each_record() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let mut broker = trusted(&ca).await;
    let mut controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let mine = ca.issue_device_with_key(&id(AGENT), valid()).unwrap();
    for version in [Version::V5, Version::V3_1_1] {
        let (_events, up) = run(&client(&broker, version, &ca, Some(&mine))).await;
        assert_eq!(up.return_path, to(&up, OWN));
        up.sender.send_to(&to(&up, CONTROLLER), record(AGENT).into()).unwrap();
        let arrived = timeout(PATIENCE, controller.next()).await.expect("in time").expect("attached");
        assert_eq!(arrived.endpoint, Some(id(AGENT)));
        let PeerAuth::Certificate(proof) = arrived.proof else { panic!("a certificate") };
        assert!(proof.trusted && proof.endpoint_ids == [id(AGENT)]);
        up.sender.send_to(&to(&up, CONTROLLER), record(OTHER).into()).unwrap();
        assert_eq!(broker.told().await.what, Offence::ForgedSender { claimed: Some(id(OTHER)) });
    }
}

#[tokio::test]
async fn who_says_nothing_is_refused_nothing() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let mut broker = trusted(&ca).await;
    for _ in 0..3 {
        drop(TcpStream::connect(broker.addr).await.unwrap());
    }
    let mut other = TcpStream::connect(broker.addr).await.unwrap();
    other.write_all(b"no TLS").await.unwrap();
    drop(other.shutdown().await);
    let told = broker.told().await;
    assert!(matches!(&told.what, Offence::TurnedAway(refusal) if refusal.cause == Cause::Tls), "{told:?}");
    assert_eq!(told.peer_addr, other.local_addr().ok());
}

/// Another's certificate, and none.
#[tokio::test]
#[requirement("R-SEC.4b")]
async fn a_trusted_broker_admits_by_certificate_only() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let mut broker = trusted(&ca).await;
    let others = ca.issue_device_with_key(&id(OTHER), valid()).unwrap();
    for identity in [Some(&others), None] {
        for (version, code) in [(Version::V5, 0x87), (Version::V3_1_1, 5)] {
            match client(&broker, version, &ca, identity).connect().await {
                Err(Error::Mqtt(End::Refused { code: found, .. })) => assert_eq!(found, code),
                other => panic!("expected a refusal, got {other:?}"),
            }
            assert_eq!(broker.told().await.what, Offence::Refused(0x87));
        }
    }
}

/// A certificate that names the Endpoint itself, signed by a known CA.
#[test]
#[requirement("R-SEC.4b")]
fn who_a_certificate_names() {
    let shared = "os::00256D-*";
    type Case<'a> = (Option<&'a str>, &'a [&'a str], bool, Option<&'a str>);
    let cases: [Case<'_>; 8] = [
        (Some(AGENT), &[AGENT], true, Some(AGENT)),
        (Some(AGENT), &[OTHER, AGENT], true, Some(AGENT)),
        (Some(AGENT), &[OTHER], true, None),
        (Some(AGENT), &[AGENT], false, None),
        (Some(AGENT), &[shared], true, None),
        (None, &[AGENT], true, Some(AGENT)),
        (None, &[AGENT, OTHER], true, None),
        (None, &[shared], true, None),
    ];
    for (claimed, names, trusted, expected) in cases {
        let facts = ConnectFacts {
            peer_addr: "192.0.2.1:1883".parse().unwrap(),
            secure: true,
            version: Version::V5,
            client_id: String::new(),
            user_name: None,
            password: None,
            endpoint_id: claimed.map(id),
        };
        let endpoint_ids = names.iter().map(|name| id(name)).collect();
        let certificate = Arc::new(PeerCertificate { endpoint_ids, trusted, ..PeerCertificate::default() });
        let proof = PeerAuth::Certificate(certificate.clone());
        let expected = expected.map(|name| (id(name), proof)).ok_or(Denied::NotAuthorized);
        assert_eq!(facts.certified(Some(certificate)), expected, "{claimed:?} {names:?}");
        assert_eq!(facts.certified(None), Err(Denied::NotAuthorized));
    }
}

/// Who stops in the middle of the handshake, and who is through and says nothing.
#[tokio::test]
async fn slow_strangers_are_let_go_before_and_behind_the_handshake() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let config = ListenConfig { connect_timeout: Duration::from_secs(1), ..ListenConfig::default() };
    let mut broker = trusted_with(&ca, config).await;
    // The head of a TLS record with a ClientHello, and nothing of it.
    for said in [&[][..], &[0x16, 3, 1, 2, 0, 1]] {
        let mut socket = TcpStream::connect(broker.addr).await.unwrap();
        socket.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("in time");
        assert!(ended.is_ok() && rest.is_empty(), "{ended:?} {rest:?}");
        assert_eq!(broker.turned_away().await, Cause::TimeOut);
    }
    let mine = ca.issue_device_with_key(&id(AGENT), valid()).unwrap();
    run(&client(&broker, Version::V5, &ca, Some(&mine))).await;
}
