//! A host with several addresses, of which some are dead; and whose certificate counts for which host.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use pki::{Ca, ClientTls, ControllerVerifier, DeviceVerifier, ServerNames, ServerTls, Trust, Validity};
use requirement::requirement;
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

/// Of every transport that dials: all of them come here.
#[tokio::test]
#[requirement("R-WS.24", "R-MQTT.49", "R-STOMP.37")]
async fn a_certificate_may_name_its_hosts_by_a_wildcard() {
    let valid = Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let ca = Ca::create("Test CA", valid).unwrap();
    let names = ServerNames { dns: vec!["*.example.com".into()], ..ServerNames::default() };
    let verifier = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).unwrap();
    let server = ServerTls::new(&ca.issue_server(&names, valid).unwrap(), verifier).unwrap();
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
    let tls = ClientTls::new(None, verifier).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (host, fits) in [
        ("broker.example.com", true),
        ("a.broker.example.com", false),
        ("example.com", false),
        ("broker.example.net", false),
    ] {
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(server.config().clone());
        tokio::spawn(async move { drop(acceptor.accept(socket).await) });
        let target = Target { host, port: 0, secure: true, tls: Some(&tls), bind: None };
        match target.shake(dialled).await {
            Ok((_, PeerAuth::Certificate(peer))) => assert!(fits && peer.trusted, "{host}"),
            Err(Error::Tls(_)) => assert!(!fits, "{host}"),
            other => panic!("{host}: {:?}", other.map(|(_, peer)| peer)),
        }
    }
}
