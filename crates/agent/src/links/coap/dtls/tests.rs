//! What becomes of calls.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::SystemTime;

use mtp::coap::{Gate, Settings};
use mtp::{DownReason, Inbound, LinkId, LinkUp, Role, Verdict};
use pki::{Ca, DeviceVerifier, ServerNames, ServerTls, Validity};

use super::*;
use crate::config::Config;
use crate::state::StateDir;
use crate::system::SystemRoot;

/// No test waits for this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn controller() -> EndpointId {
    EndpointId::receive("proto::controller").expect("an endpoint id")
}

fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(3600))
}

fn ca() -> Ca {
    Ca::create("Test CA", valid()).expect("a CA")
}

async fn socket(role: Role) -> Socket {
    let settings = Settings { role, path: vec!["usp".to_owned()], public: None };
    Socket::bind((Ipv4Addr::LOCALHOST, 0).into(), settings, [role as u8; 32]).await.expect("a socket")
}

/// From here on, this CA is the one that the system of a device knows.
fn believe(folder: &Path, ca: &Ca) {
    std::fs::create_dir_all(folder.join("etc/ssl")).expect("a folder");
    std::fs::write(folder.join("etc/ssl/cert.pem"), ca.certificate_pem()).expect("written");
}

/// A device's socket with DTLS, and what is beside it.
async fn device(folder: &Path) -> (Socket, Secured) {
    let state = StateDir::open(&folder.join("state")).expect("a folder");
    let config = Config::parse("").expect("nothing is needed");
    let own = EndpointId::receive("os::00256D-1").expect("an endpoint id");
    let credentials = Credentials::load(state, SystemRoot::at(folder), &config, own).expect("a certificate");
    Secured::open(socket(Role::Agent).await, credentials).expect("it can be used")
}

/// Both ends of a socket that nobody is told of, but for its associations.
struct Ear(Option<Arc<Secured>>);

impl LinkHandler for Ear {
    fn up(&self, _: LinkUp) {}

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

impl Gate for Ear {
    fn up(&self, at: SocketAddr, peer: &PeerAuth, word: &str) {
        self.0.iter().for_each(|secured| secured.up(at, peer, word));
    }

    fn gone(&self, at: SocketAddr, why: &str) {
        self.0.iter().for_each(|secured| secured.gone(at, why));
    }
}

fn run(socket: Socket, ear: Ear) {
    tokio::spawn(async move { socket.run(&ear, &ear).await });
}

/// A controller lets everybody in.
struct Everybody(ServerTls);

impl Trust for Everybody {
    fn own(&self) -> Identity {
        self.0.identity()
    }

    fn judge(&self, _: SocketAddr, _: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        self.0.judge(std::slice::from_ref(leaf)).map_err(|error| error.to_string())
    }
}

/// A controller that shows a certificate of this CA: where it is.
async fn serve(ca: &Ca) -> SocketAddr {
    let ips = vec![Ipv4Addr::LOCALHOST.into()];
    let names = ServerNames { ips, endpoint: Some(controller()), ..ServerNames::default() };
    let own = ca.issue_server(&names, valid()).expect("a certificate");
    let devices = DeviceVerifier::new(&[], true, pki::provider()).expect("no CA");
    let tls = ServerTls::new(&own, devices).expect("they fit");
    let socket = socket(Role::Controller).await.secured(Arc::new(Everybody(tls)), &[8; 32]);
    let socket = socket.expect("a credential");
    let at = socket.local_addr();
    run(socket, Ear(None));
    at
}

fn uri(at: SocketAddr) -> CoapUri {
    CoapUri::at(true, at, &["usp".to_owned()])
}

#[tokio::test]
async fn a_call_of_which_nothing_is_heard_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    // It is open, and does nothing.
    let (_socket, mut secured) = device(folder.path()).await;
    let calls = secured.0.as_mut().expect("it speaks DTLS");
    assert_eq!(calls.patience, COAP_CALL);
    calls.patience = Duration::ZERO;
    let at: SocketAddr = "192.0.2.1:5684".parse().expect("an address");
    let error = calls.call(&controller(), &uri(at), at).await.expect_err("nobody is there").to_string();
    assert_eq!(error, "what became of the call is not known in time");
}

/// A name may lead to an IPv4 address in the form of IPv6: the socket tells of it as of an IPv4 address.
#[tokio::test]
async fn an_address_is_the_same_however_it_is_written() {
    let (folder, ca) = (tempfile::tempdir().expect("a folder"), ca());
    believe(folder.path(), &ca);
    let at = serve(&ca).await;
    let (socket, secured) = device(folder.path()).await;
    let secured = Arc::new(secured);
    run(socket, Ear(Some(secured.clone())));
    let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), at.port());
    let peers = Peers::known(Ear(None));
    let (controller, uri) = (controller(), uri(at));
    let reached = secured.reach(&controller, &uri, mapped, &peers);
    let word = timeout(PATIENCE, reached).await.expect("it is told of").expect("it stands");
    assert_eq!((word.len(), word.starts_with('#')), (65, true), "{word}");
}

/// What stands with a controller whose certificate does not count any more is of no use to anybody: it is ended, so that the
/// controller can be reached again once it shows one that counts.
#[tokio::test]
async fn what_does_not_count_any_more_is_ended() {
    let (folder, ca, foreign) = (tempfile::tempdir().expect("a folder"), ca(), ca());
    believe(folder.path(), &ca);
    let at = serve(&ca).await;
    let (socket, secured) = device(folder.path()).await;
    let secured = Arc::new(secured);
    run(socket, Ear(Some(secured.clone())));
    let calls = secured.0.as_ref().expect("it speaks DTLS");
    let call = || async { timeout(PATIENCE, calls.call(&controller(), &uri(at), at)).await.expect("told") };
    call().await.expect("it stands");
    believe(folder.path(), &foreign);
    call().await.expect_err("its CA is not known any more");
    let mut follow = calls.outcomes.subscribe();
    let is_gone = |outcomes: &BTreeMap<_, _>| matches!(outcomes.get(&at), Some(Outcome::Gone(_)));
    let gone = timeout(PATIENCE, follow.wait_for(is_gone)).await;
    assert!(gone.expect("it ends").is_ok());
    call().await.expect_err("nor in a new handshake");
    believe(folder.path(), &ca);
    call().await.expect("a new one stands");
}
