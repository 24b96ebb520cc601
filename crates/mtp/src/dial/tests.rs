//! A host with several addresses, of which some are dead; and whose certificate counts for which host.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pki::{Ca, ClientTls, ControllerVerifier, DeviceVerifier, ServerNames, ServerTls, Trust, Validity};
use requirement::requirement;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use usp_proto::link::PeerAuth;

use super::{Target, first_of};
use crate::error::Error;

/// Far less than the system takes to give an address up.
const PATIENCE: Duration = Duration::from_secs(20);

/// An address where nobody answers, not even with a refusal: the queue of its listener is full.
async fn silent() -> (SocketAddr, TcpListener, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    // Linux queues one more than it was told.
    let waiting = TcpStream::connect(addr).await.unwrap();
    (addr, listener, waiting)
}

#[tokio::test]
async fn a_dead_address_does_not_eat_the_time_of_the_others() {
    let (dead, _listener, _waiting) = silent().await;
    // Free a moment ago, so that it refuses.
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive = listener.local_addr().unwrap();
    for addresses in [vec![alive, dead], vec![refusing, alive], vec![dead, refusing, dead, alive]] {
        let connecting = timeout(PATIENCE, first_of(addresses.iter().copied(), None));
        let (_, found) = connecting.await.expect("in time").expect("some").expect("connected");
        assert_eq!(found, alive, "{addresses:?}");
    }
    // Without another one it is waited for, and a refusal is told.
    assert!(timeout(Duration::from_secs(1), first_of([dead].into_iter(), None)).await.is_err());
    let refused = first_of([refusing].into_iter(), None).await.expect("one was tried");
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(first_of(std::iter::empty(), None).await.is_none());
}

fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(86_400))
}

/// TLS of somebody who trusts this CA.
fn trusting(ca: &Ca) -> ClientTls {
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
    ClientTls::new(None, verifier).unwrap()
}

/// The handshake with somebody who listens with this TLS, dialled by this name.
async fn shaken(listens: Arc<ServerConfig>, host: &str, tls: &ClientTls) -> Result<PeerAuth, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    tokio::spawn(async move { drop(TlsAcceptor::from(listens).accept(socket).await) });
    let target = Target { host, port: 0, secure: true, tls: Some(tls), bind: None };
    target.shake(dialled).await.map(|(_, peer)| peer)
}

/// Of every transport that dials: all of them come here.
#[tokio::test]
#[requirement("R-WS.24", "R-MQTT.49", "R-STOMP.37")]
async fn a_certificate_may_name_its_hosts_by_a_wildcard() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let names = ServerNames { dns: vec!["*.example.com".into()], ..ServerNames::default() };
    let verifier = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).unwrap();
    let server = ServerTls::new(&ca.issue_server(&names, valid()).unwrap(), verifier).unwrap();
    let tls = trusting(&ca);
    for (host, fits) in [
        ("broker.example.com", true),
        ("a.broker.example.com", false),
        ("example.com", false),
        ("broker.example.net", false),
    ] {
        match shaken(server.config().clone(), host, &tls).await {
            Ok(PeerAuth::Certificate(peer)) => assert!(fits && peer.trusted, "{host}"),
            Err(Error::Tls(_)) => assert!(!fits, "{host}"),
            other => panic!("{host}: {other:?}"),
        }
    }
}

/// Somebody who speaks nothing but this version.
#[tokio::test]
#[requirement("R-MQTT.48", "R-STOMP.36")]
async fn tls_1_2_will_do() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let names = ServerNames { dns: vec!["broker.example.com".into()], ..ServerNames::default() };
    let identity = ca.issue_server(&names, valid()).unwrap();
    let pem = identity.chain_pem();
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect();
    let tls = trusting(&ca);
    for version in [&TLS12, &TLS13] {
        let server = ServerConfig::builder_with_provider(pki::provider()).with_protocol_versions(&[version]);
        let key = PrivateKeyDer::from_pem_slice(identity.key_pem().as_bytes()).unwrap();
        let server = server.unwrap().with_no_client_auth().with_single_cert(chain.clone(), key).unwrap();
        let peer = shaken(Arc::new(server), "broker.example.com", &tls).await.unwrap();
        assert!(matches!(peer, PeerAuth::Certificate(peer) if peer.trusted), "{version:?}");
    }
}
