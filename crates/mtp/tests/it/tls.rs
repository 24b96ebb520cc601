//! TLS with certificates on both sides, over real sockets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mtp::ws::Dialer;
use mtp::{
    Admission, AdmitAll, Candidate, Cause, EndpointId, EnrolRequest, Error, PeerAuth, PeerCertificate,
    Refusal,
};
use pki::{
    Ca, CertificateRequest, ClientTls, ControllerVerifier, DeviceVerifier, Identity, PendingIdentity,
    ServerNames, ServerTls, Trust, Validity,
};
use requirement::requirement;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{AGENT, CONTROLLER, Server, config, dial, id};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), DAY)
}

fn expired() -> Validity {
    Validity::lasting(SystemTime::now() - 3 * DAY, DAY)
}

fn ca() -> Ca {
    Ca::create("Test CA", valid()).unwrap()
}

fn server_identity(ca: &Ca, validity: Validity) -> Identity {
    let ips = vec![IpAddr::from([127, 0, 0, 1])];
    let names = ServerNames { ips, endpoint: Some(id(CONTROLLER)), ..Default::default() };
    ca.issue_server(&names, validity).unwrap()
}

fn server_tls(ca: &Ca) -> ServerTls {
    let verifier = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).unwrap();
    ServerTls::new(&server_identity(ca, valid()), verifier).unwrap()
}

fn roots(ca: &Ca) -> Trust {
    Trust { roots: vec![ca.certificate().clone()], ..Trust::default() }
}

fn client_tls(trust: &Trust, identity: Option<&Identity>, expected: &str) -> ClientTls {
    let verifier = ControllerVerifier::new(trust, Some(id(expected)), true, pki::provider()).unwrap();
    ClientTls::new(identity, verifier).unwrap()
}

fn dialer(server: &Server, tls: ClientTls, expected: &str) -> Dialer {
    let mut dialer = server.dialer(true);
    dialer.tls = Some(tls);
    dialer.expected = Some(id(expected));
    dialer
}

fn certificate(peer: &PeerAuth) -> &PeerCertificate {
    match peer {
        PeerAuth::Certificate(certificate) => certificate,
        PeerAuth::Unproven
        | PeerAuth::Near
        | PeerAuth::Login(_)
        | PeerAuth::Local { .. }
        | PeerAuth::Broker(_) => {
            panic!("the peer proved nothing")
        }
    }
}

#[tokio::test]
#[requirement("R-WS.22", "R-SEC.9", "R-SEC.10")]
async fn both_sides_prove_who_they_are() {
    let ca = ca();
    let mut server = Server::start(Some(server_tls(&ca))).await;
    let issued = ca.issue_device_with_key(&id(AGENT), valid()).unwrap();
    let own = Identity::self_signed(&id(AGENT), valid()).unwrap();
    for (identity, trusted) in [(&issued, true), (&own, false)] {
        let dialer = dialer(&server, client_tls(&roots(&ca), Some(identity), CONTROLLER), CONTROLLER);
        let (mut events, agent) = dial(&dialer).await;
        let controller = server.events.up().await;
        let proven = certificate(&controller.peer);
        assert_eq!(proven.endpoint_ids, [id(AGENT)]);
        assert_eq!(proven.fingerprint, identity.fingerprint());
        assert_eq!(proven.trusted, trusted);
        assert!(!proven.vouched, "nobody dialled it");
        let proven = certificate(&agent.peer);
        assert_eq!(proven.endpoint_ids, [id(CONTROLLER)]);
        assert!(proven.trusted && proven.vouched);

        agent.sender.send(Bytes::from(vec![1; 60_000])).unwrap();
        assert_eq!(server.events.record().await, [1; 60_000]);
        controller.sender.send(Bytes::from(vec![2; 300_000])).unwrap();
        controller.sender.close(1000, "");
        // An agent that has not authorised its controller takes 64 KiB, no more.
        assert!(matches!(events.down().await, mtp::DownReason::TooLong { .. }));
        server.events.down().await;
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_unproven() {
    let ca = ca();
    let mut server = Server::start(Some(server_tls(&ca))).await;
    let dialer = dialer(&server, client_tls(&roots(&ca), None, CONTROLLER), CONTROLLER);
    dial(&dialer).await;
    assert_eq!(server.events.up().await.peer, PeerAuth::Unproven);
}

#[tokio::test]
#[requirement("R-MTP.4", "R-MTP.3")]
async fn a_dialler_refuses_the_wrong_server() {
    let (ca, other) = (ca(), self::ca());
    let server = Server::start(Some(server_tls(&ca))).await;
    let pin =
        |ca: &Ca| Trust { pinned: vec![server_identity(ca, valid()).fingerprint()], ..Trust::default() };
    for (what, trust) in
        [("another CA", roots(&other)), ("another pin", pin(&ca)), ("nothing", Trust::default())]
    {
        let dialer = dialer(&server, client_tls(&trust, None, CONTROLLER), CONTROLLER);
        assert!(matches!(dialer.connect().await, Err(Error::Tls(_))), "{what}");
    }

    let verifier = DeviceVerifier::new(&[], false, pki::provider()).unwrap();
    let late = ServerTls::new(&server_identity(&ca, expired()), verifier).unwrap();
    let server = Server::start(Some(late)).await;
    let dialer = dialer(&server, client_tls(&roots(&ca), None, CONTROLLER), CONTROLLER);
    assert!(matches!(dialer.connect().await, Err(Error::Tls(_))), "expired");
}

#[tokio::test]
#[requirement("R-SEC.0a", "R-SEC.3")]
async fn the_certificate_must_name_the_endpoint_that_was_dialled() {
    let ca = ca();
    let server = Server::start(Some(server_tls(&ca))).await;
    // The address in the certificate fits, the endpoint does not.
    let dialer = dialer(&server, client_tls(&roots(&ca), None, "self::other"), "self::other");
    match dialer.connect().await {
        Err(Error::WrongEndpoint { expected, found }) => {
            assert_eq!((expected, found), (id("self::other"), id(CONTROLLER)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[requirement("R-SEC.8")]
async fn a_pinned_server_needs_no_ca() {
    let ca = ca();
    let own = Identity::self_signed(&id(CONTROLLER), valid()).unwrap();
    let verifier = DeviceVerifier::new(&[ca.certificate().clone()], true, pki::provider()).unwrap();
    let server = Server::start(Some(ServerTls::new(&own, verifier).unwrap())).await;
    let pinned = Trust { pinned: vec![own.fingerprint()], ..Trust::default() };
    let first_use = Trust { first_use: true, ..Trust::default() };
    let device = ca.issue_device_with_key(&id(AGENT), valid()).unwrap();
    for trust in [pinned, first_use] {
        let dialer = dialer(&server, client_tls(&trust, Some(&device), CONTROLLER), CONTROLLER);
        let (_events, up) = dial(&dialer).await;
        assert!(!certificate(&up.peer).trusted);
        assert_eq!(certificate(&up.peer).fingerprint, own.fingerprint());
    }
}

#[tokio::test]
#[requirement("R-MTP.1")]
async fn a_listener_refuses_wrong_clients_in_the_handshake() {
    let (ca, other) = (ca(), self::ca());
    let strict = DeviceVerifier::new(&[ca.certificate().clone()], true, pki::provider()).unwrap();
    let tls = ServerTls::new(&server_identity(&ca, valid()), strict).unwrap();
    let mut server = Server::start(Some(tls)).await;
    let foreign = other.issue_device_with_key(&id(AGENT), valid()).unwrap();
    let late = ca.issue_device_with_key(&id(AGENT), expired()).unwrap();
    for (what, identity) in [("none", None), ("another CA's", Some(&foreign)), ("expired", Some(&late))] {
        let dialer = dialer(&server, client_tls(&roots(&ca), identity, CONTROLLER), CONTROLLER);
        // With TLS 1.3 a client learns of it with its first read.
        assert!(matches!(dialer.connect().await, Err(Error::Tls(_) | Error::Io(_))), "{what}");
    }
    let good = ca.issue_device_with_key(&id(AGENT), valid()).unwrap();
    dial(&dialer(&server, client_tls(&roots(&ca), Some(&good), CONTROLLER), CONTROLLER)).await;
    assert_eq!(certificate(&server.events.up().await.peer).endpoint_ids, [id(AGENT)]);
}

/// Keeps why somebody was refused.
struct Told(mpsc::UnboundedSender<(SocketAddr, Cause)>);

impl Admission for Told {
    async fn admit(&self, _: &Candidate) -> Result<(), Refusal> {
        Ok(())
    }

    fn refused(&self, peer_addr: SocketAddr, _: Option<&EndpointId>, refusal: &Refusal) {
        self.0.send((peer_addr, refusal.cause)).unwrap();
    }
}

/// A probe that looks whether somebody listens is no device.
#[tokio::test]
async fn who_says_nothing_is_refused_nothing() {
    let (told, mut refused) = mpsc::unbounded_channel();
    let server = Server::with(Some(server_tls(&ca())), config(), Arc::new(Told(told))).await;
    for _ in 0..3 {
        drop(TcpStream::connect(server.addr).await.unwrap());
    }
    let mut other = TcpStream::connect(server.addr).await.unwrap();
    other.write_all(b"no TLS").await.unwrap();
    drop(other.shutdown().await);
    assert_eq!(refused.recv().await, Some((other.local_addr().unwrap(), Cause::Tls)));
}

#[tokio::test]
async fn plain_and_secure_do_not_mix() {
    let ca = ca();
    let secure = Server::start(Some(server_tls(&ca))).await;
    assert!(secure.dialer(false).connect().await.is_err());
    let plain = Server::start(None).await;
    let dialer = dialer(&plain, client_tls(&roots(&ca), None, CONTROLLER), CONTROLLER);
    assert!(matches!(dialer.connect().await, Err(Error::Tls(_))));
    assert!(matches!(secure.dialer(true).connect().await, Err(Error::NoTls)));
}

#[tokio::test]
async fn a_renewed_credential_is_shown_without_a_restart() {
    let ca = ca();
    let tls = server_tls(&ca);
    let server = Server::start(Some(tls.clone())).await;
    let dialer = dialer(&server, client_tls(&roots(&ca), None, CONTROLLER), CONTROLLER);
    let (mut first_events, before) = dial(&dialer).await;
    let renewed = server_identity(&ca, valid());
    tls.replace(&renewed).unwrap();
    let (_events, after) = dial(&dialer).await;
    assert_ne!(certificate(&before.peer).fingerprint, renewed.fingerprint());
    assert_eq!(certificate(&after.peer).fingerprint, renewed.fingerprint());
    assert!(first_events.nothing_yet());

    // A key that does not fit changes nothing.
    let other = server_identity(&ca, valid());
    let mixed = Identity::from_pem(renewed.chain_pem().as_bytes(), other.key_pem().as_bytes()).unwrap();
    assert!(matches!(tls.replace(&mixed), Err(pki::Error::Tls(_))));
    let (_events, still) = dial(&dialer).await;
    assert_eq!(certificate(&still.peer).fingerprint, renewed.fingerprint());
}

/// Issues what is asked for with the right token.
struct Office(Ca);

impl Admission for Office {
    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        AdmitAll.admit(candidate).await
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<String, Refusal> {
        if request.token != "cet_right" {
            return Err(Refusal::new(401, "wrong token"));
        }
        let request =
            CertificateRequest::parse(&request.request_pem).map_err(|e| Refusal::new(400, e.to_string()))?;
        let [endpoint] = &request.endpoint_ids[..] else { return Err(Refusal::new(400, "one endpoint")) };
        let chain = self.0.issue_device(&request, endpoint, valid());
        Ok(pki::pem::encode_chain(&chain.map_err(|e| Refusal::new(400, e.to_string()))?))
    }
}

#[tokio::test]
async fn a_device_with_only_the_ca_pinned_enrols_and_comes_back_proven() {
    let ca = ca();
    let (tls, trust) = (server_tls(&ca), roots(&ca));
    let mut server = Server::with(Some(tls), config(), Arc::new(Office(ca))).await;
    let pending = PendingIdentity::generate(&id(AGENT)).unwrap();
    let newcomer = dialer(&server, client_tls(&trust, None, CONTROLLER), CONTROLLER);
    assert!(matches!(
        newcomer.enrol("cet_wrong", pending.request_pem()).await,
        Err(Error::Refused { status: 401, .. })
    ));
    let chain = newcomer.enrol("cet_right", pending.request_pem()).await.unwrap();
    let identity = pending.complete(&chain).unwrap();
    dial(&dialer(&server, client_tls(&trust, Some(&identity), CONTROLLER), CONTROLLER)).await;
    let up = server.events.up().await;
    assert!(certificate(&up.peer).trusted);
    assert_eq!(certificate(&up.peer).endpoint_ids, [id(AGENT)]);
}
