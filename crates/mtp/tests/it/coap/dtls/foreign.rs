//! Foreign peers: `coap-client` of Debian's libcoap3-bin, with OpenSSL and with GnuTLS.

use std::path::Path;
use std::process::{Command, Stdio};

use mtp::{PeerAuth, Role};
use pki::Identity;
use requirement::requirement;
use tempfile::TempDir;

use super::sockets::End;
use super::trust::{Served, ca, device_identity, expired, valid};
use crate::coap::world::record;
use crate::ports::free_port;
use crate::support::{AGENT, id};

const LIBRARIES: [&str; 2] = ["openssl", "gnutls"];

/// A client with a certificate, and what it sends.
struct Client {
    folder: TempDir,
    library: &'static str,
}

impl Client {
    fn new(library: &'static str, ca: &pki::Ca, own: Option<&Identity>) -> Client {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("ca.pem", &pki::pem::encode("CERTIFICATE", ca.certificate()));
        if let Some(own) = own {
            write("cert.pem", &own.chain_pem());
            write("key.pem", &own.key_pem());
        }
        Client { folder, library }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a plain name").to_owned()
    }

    /// Posts a Record from a port, and says what it has heard.
    async fn post(&self, length: usize, port: u16, to: &str) -> String {
        std::fs::write(self.path("record"), record(length)).expect("written");
        let mut command = Command::new(format!("coap-client-{}", self.library));
        command.args(["-B", "8", "-v", "6", "-m", "post", "-t", "42", "-b", "1024", "-p", &port.to_string()]);
        command.args(["-f", &self.path("record"), "-C", &self.path("ca.pem"), "-n"]);
        if Path::new(&self.path("cert.pem")).exists() {
            command.args(["-c", &self.path("cert.pem"), "-j", &self.path("key.pem")]);
        }
        command.arg(to).stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
        let ran = ran.unwrap_or_else(|error| panic!("libcoap3-bin is needed: {error}"));
        String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
    }
}

#[requirement("R-COAP.14", "R-COAP.16", "R-COAP.5")]
#[tokio::test]
async fn records_come_from_libcoap_with_a_certificate() {
    let ca = ca();
    for library in LIBRARIES {
        let mut server = End::open(Role::Controller, Served::by(&ca)).await;
        let client = Client::new(library, &ca, Some(&device_identity(&ca, valid())));
        let port = free_port();
        let reply_to = format!("coaps://127.0.0.1:{port}/usp");
        for length in [100, 20_000] {
            let said = client.post(length, port, &format!("{}?reply-to={reply_to}", server.uri())).await;
            assert!(said.contains("2.04"), "{library}: {said}");
            let (peer, uri, got) = server.record().await;
            assert_eq!((uri.split('#').next(), got), (Some(&*reply_to), record(length)), "{library}");
            let PeerAuth::Certificate(peer) = peer else { panic!("{peer:?}") };
            assert_eq!((peer.trusted, &peer.endpoint_ids[..]), (true, &[id(AGENT)][..]), "{library}");
        }
    }
}

#[requirement("R-COAP.16", "R-SEC.9")]
#[tokio::test]
async fn libcoap_is_refused_without_a_certificate_and_with_a_wrong_one() {
    let (ca, foreign) = (ca(), ca());
    for library in LIBRARIES {
        for (own, why) in [
            (Some(device_identity(&foreign, valid())), "UnknownIssuer"),
            (Some(device_identity(&ca, expired())), "certificate expired"),
            (None, "certificate"),
        ] {
            let mut server = End::open(Role::Controller, Served::by(&ca)).await;
            let client = Client::new(library, &ca, own.as_ref());
            let port = free_port();
            let to = format!("{}?reply-to=coaps://127.0.0.1:{port}/usp", server.uri());
            let said = client.post(100, port, &to).await;
            assert!(!said.contains("2.04"), "{library}: {said}");
            let refused = server.refused().await;
            assert!(refused.contains(why), "{library}: {why}: {refused}");
        }
    }
}
