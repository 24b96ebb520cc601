//! CoAP over DTLS at a server: certificates that are read again, and what anybody may have sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mtp::coap::dtls::{Event, Layer, Trust};
use mtp::coap::{Caller, Gate, Settings, Socket};
use mtp::{
    DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, PeerAuth, ReturnPath, Role, Verdict,
};
use pki::{Ca, ClientTls, ControllerVerifier, Identity};
use requirement::requirement;
use rustls::pki_types::{CertificateDer, ServerName};
use server::control::Command;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::{EndpointId, Msg, Record, Request, Version};

use crate::revocation::{OTHER, forever, write_list};
use crate::tls::{Secure, secure_with};
use crate::world::{AGENT, PATIENCE, id};

/// A server that speaks DTLS, and believes devices of another CA beside those of its own.
async fn secure(theirs: &Ca) -> Secure {
    secure_with(|config, folder| {
        let (ca, crl) = (folder.join("theirs.pem"), folder.join("theirs.crl"));
        std::fs::write(&ca, theirs.certificate_pem()).expect("written");
        write_list(theirs, &crl, 1, &[]);
        let mut tls = config.usp.websocket.tls.clone().expect("as init writes it");
        (tls.client_ca, tls.client_crl) = (Some(ca), Some(crl));
        config.usp.coap.tls = Some(tls);
        config.usp.coap.secure_listen = Some((Ipv4Addr::LOCALHOST, 0).into());
        config.enrolment.policy = server::config::PolicyName::Open;
    })
    .await
}

fn place(secure: &Secure) -> SocketAddr {
    secure.server.listeners.usp_coap_secure.expect("it listens")
}

/// A device calls the server alone.
struct Rules {
    tls: ClientTls,
    own: Identity,
}

impl Rules {
    fn of(secure: &Secure, own: &Identity) -> Arc<Rules> {
        let verifier =
            ControllerVerifier::new(&secure.trust, Some(secure.controller.clone()), true, pki::provider());
        let tls = ClientTls::new(Some(own), verifier.expect("a verifier")).expect("TLS");
        Arc::new(Rules { tls, own: own.clone() })
    }
}

impl Trust for Rules {
    fn own(&self) -> Identity {
        self.own.clone()
    }

    fn judge(&self, _: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        let host = ServerName::try_from("127.0.0.1").expect("an address");
        let judged = self.tls.judge(&host, std::slice::from_ref(leaf)).map_err(|error| error.to_string());
        if by_us { judged } else { Err("it was not called".to_owned()) }
    }
}

/// What becomes of a device's calls: the word for who answers, or why nobody does.
struct Ear(mpsc::UnboundedSender<Result<String, String>>);

impl LinkHandler for Ear {
    fn up(&self, _: LinkUp) {}

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

impl Gate for Ear {
    fn up(&self, _: SocketAddr, _: &PeerAuth, word: &str) {
        let _ = self.0.send(Ok(word.to_owned()));
    }

    fn gone(&self, _: SocketAddr, why: &str) {
        let _ = self.0.send(Err(why.to_owned()));
    }
}

/// A device with a socket for CoAP over DTLS.
struct Device {
    eid: EndpointId,
    controller: EndpointId,
    server: SocketAddr,
    link: LinkId,
    sender: LinkSender,
    caller: Caller,
    told: mpsc::UnboundedReceiver<Result<String, String>>,
    word: String,
}

impl Device {
    /// One that has called the server, and was let in.
    async fn call(secure: &Secure, eid: &str, own: &Identity) -> Device {
        let settings = Settings { role: Role::Agent, path: vec!["usp".to_owned()], public: None };
        let socket =
            Socket::bind((Ipv4Addr::LOCALHOST, 0).into(), settings, [7; 32]).await.expect("a socket");
        let socket = socket.secured(Rules::of(secure, own), &[8; 32]).expect("a credential");
        let (tell, told) = mpsc::unbounded_channel();
        let (link, sender, caller) = (socket.link(), socket.sender(), socket.caller());
        tokio::spawn(async move {
            let ear = Ear(tell);
            socket.run(&ear, &ear).await
        });
        let (controller, server) = (secure.controller.clone(), place(secure));
        let mut device =
            Device { eid: id(eid), controller, server, link, sender, caller, told, word: String::new() };
        device.word = device.calls().await.expect("it is let in");
        device
    }

    /// Calls; what becomes of it.
    async fn calls(&mut self) -> Result<String, String> {
        assert!(self.caller.call(self.server).await);
        self.hears().await
    }

    async fn hears(&mut self) -> Result<String, String> {
        let told = timeout(PATIENCE, self.told.recv()).await;
        told.expect("it is told in time").expect("the socket runs")
    }

    /// Notifies that a value has changed.
    fn notifies(&self) {
        let what = ValueChange { param_path: "Device.Time.Enable".to_owned(), param_value: "1".to_owned() };
        let notify = Notify::new("cusp-test", false, Notification::ValueChange(what));
        let msg = Msg::request("n", Request::Notify(notify)).encode();
        let record = Record::message(&self.eid, &self.controller, Version::CURRENT, msg).encode();
        let uri = format!("coaps://{}/usp#{}", self.server, self.word).into();
        self.sender.send_to(&ReturnPath::Coap { link: self.link, uri }, record).expect("it is taken");
    }
}

/// What stands ends, and with it the device's session; nobody comes in by it, and others go on.
#[requirement("R-SEC.9", "R-COAP.16")]
#[tokio::test]
async fn a_list_that_is_read_again_ends_what_stands_over_dtls() {
    let theirs = Ca::create("Manufacturer", forever()).expect("a CA");
    let [stolen, kept] =
        [AGENT, OTHER].map(|eid| theirs.issue_device_with_key(&id(eid), forever()).expect("a certificate"));
    let secure = secure(&theirs).await;
    let mut victim = Device::call(&secure, AGENT, &stolen).await;
    let mut other = Device::call(&secure, OTHER, &kept).await;
    let mut devices = Vec::new();
    for (device, eid) in [(&victim, AGENT), (&other, OTHER)] {
        device.notifies();
        devices.push(secure.server.device(eid).await);
    }
    let online = async |device: &str, expected: bool| {
        let path = format!("/devices/{device}");
        secure.server.until(&path, |one| one.body["online"] == expected).await;
    };
    online(&devices[0], true).await;
    online(&devices[1], true).await;

    write_list(&theirs, &secure.world.folder.path().join("theirs.crl"), 2, &[&stolen]);
    secure.server.control(Command::Reload).await.expect("read");
    assert_eq!(victim.hears().await, Err("the peer has ended it".to_owned()));
    online(&devices[0], false).await;
    victim.calls().await.expect_err("it is revoked");
    secure.server.refusal("Revoked").await;
    assert_eq!(other.calls().await, Ok(other.word.clone()), "it stands");
    online(&devices[1], true).await;
}

/// An address may fail sixty times until it is turned away; what anybody may have sent with it is not counted.
#[tokio::test]
async fn what_comes_before_a_cookie_is_charged_to_nobody() {
    let theirs = Ca::create("Manufacturer", forever()).expect("a CA");
    let secure = secure(&theirs).await;
    let own = theirs.issue_device_with_key(&id(AGENT), forever()).expect("a certificate");
    let mut layer = Layer::new(Rules::of(&secure, &own), Instant::now(), &[9; 32]).expect("a credential");
    assert!(layer.call(Duration::ZERO, place(&secure)));
    let Some(Event::Transmit { datagram: hello, .. }) = layer.poll() else { panic!("a hello was expected") };
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    for _ in 0..80 {
        client.send_to(b"coap, perhaps", place(&secure)).await.expect("it is sent");
    }
    secure.server.refusal("no DTLS").await;
    client.send_to(&hello, place(&secure)).await.expect("it is sent");
    let mut room = [0; 2048];
    let answer = timeout(PATIENCE, client.recv_from(&mut room)).await;
    assert!(answer.expect("it is answered").is_ok());
}
