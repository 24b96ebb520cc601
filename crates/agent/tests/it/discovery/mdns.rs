//! mDNS between the real program and others on one host, in a network namespace of the test's own.

use std::future::Future;
use std::process::Command;

use dm::operation::Get;
use dm::{Operation, Outcome};
use mtp::EndpointId;
use mtp::discovery::ask::Asker;
use mtp::discovery::found::{Found, Wanted};
use mtp::discovery::service::Mtp;
use mtp::discovery::{Advert, Advertiser, Attributes, Party, Service};
use requirement::requirement;

use crate::namespace::in_namespace;
use crate::peer::{Controller, Program};

const HERE: &str = "interfaces = [\"lo\"]\n";

/// No test asks so often unless something is broken.
const ROUNDS: u32 = 20;

pub(super) fn on_loopback<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    in_namespace(|| {
        let done =
            Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("iproute2 is installed");
        assert!(done.success());
        test()
    });
}

pub(super) async fn browse(party: Party) -> Found {
    let asker = Asker { interfaces: vec!["lo".to_owned()], servers: Vec::new() };
    let wanted = Wanted::new(party, "local", None).expect("a domain");
    for _ in 0..ROUNDS {
        if let Some(found) = asker.browse(&wanted).await.into_iter().next() {
            return found;
        }
    }
    panic!("nobody answers {wanted:?}");
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").expect("proc").trim().to_owned()
}

/// What is told of an agent that listens like this.
fn advertised(listen: &'static str, agent: &'static str, name: String, encrypt: bool) {
    on_loopback(move || async move {
        let folder = tempfile::tempdir().expect("a folder");
        let more = format!("{agent}[discovery]\nmdns = true\nsubtypes = [\"gateway\"]\n{HERE}{listen}");
        let _program = Program::start_with(&[], folder.path(), &more);
        let found = browse(Party::Agent).await;
        assert_eq!((found.endpoint.as_str(), found.port), ("proto:lab:agent", 8184));
        let attributes = Attributes { path: Some("/usp".to_owned()), name: Some(name), encrypt };
        assert_eq!(found.attributes, attributes);
        // R-DIS.4: somebody is there.
        tokio::net::TcpStream::connect(("127.0.0.1", 8184)).await.expect("it listens");
    });
}

#[requirement("R-DIS.3", "R-DIS.4", "R-DIS.8", "R-DIS.9", "R-DIS.11a", "R-WS.3")]
#[test]
fn an_agent_that_listens_is_found() {
    advertised("[[listen]]\naddress = \"127.0.0.1:8184\"\n", "", host_name(), true);
}

#[requirement("R-DIS.10", "R-DIS.11a")]
#[test]
fn a_friendly_name_is_told_and_that_no_encryption_is_needed() {
    let listen = "[[listen]]\naddress = \"127.0.0.1:8184\"\ntls = false\n";
    advertised(listen, "friendly_name = \"kitchen light\"\n", "kitchen light".to_owned(), false);
}

/// Advertises somebody who listens on this port.
pub(super) fn advertise(party: Party, endpoint: &str, port: u16) {
    let advert = Advert {
        service: Service { party, mtp: Mtp::WebSocket },
        port,
        attributes: Attributes { path: Some("/usp".to_owned()), name: None, encrypt: false },
        subtypes: Vec::new(),
        listed: true,
    };
    let endpoint = EndpointId::receive(endpoint).expect("an id");
    let advertiser = Advertiser { endpoint, adverts: vec![advert], interfaces: vec!["lo".to_owned()] };
    tokio::spawn(advertiser.run(std::future::pending()));
}

/// An agent that finds its controller so.
fn finds(discovery: &'static str, alias: &'static str) {
    on_loopback(move || async move {
        let folder = tempfile::tempdir().expect("a folder");
        let mut controller = Controller::listen().await;
        advertise(Party::Controller, "proto::controller", controller.port);
        // It has its names from now on; the agent need not look twice.
        assert_eq!(browse(Party::Controller).await.endpoint.as_str(), "proto::controller");
        let more = format!(
            "[discovery]\nmdns = true\nallow_plaintext = true\nrole = \"Full Access\"\n{HERE}{discovery}"
        );
        let _program = Program::start_with(&[], folder.path(), &more);
        controller.connected().await;
        let path = format!("Device.LocalAgent.Controller.[Alias==\"{alias}\"].MTP.1.WebSocket.Host");
        let outcome = controller.ask(Operation::Get(Get { paths: vec![path], max_depth: 0 })).await;
        let Outcome::Get(mut results) = outcome else { panic!("{outcome:?}") };
        let objects = results.remove(0).result.expect("it is readable");
        assert_eq!(objects[0].params, [("Host".to_owned(), "proto::controller.local".to_owned())]);
    });
}

#[requirement("R-DIS.5", "R-DIS.7")]
#[test]
fn a_controller_is_found_by_a_list() {
    finds("browse = true\n", "cpe-mdns");
}

#[requirement("R-DIS.5", "R-DIS.7")]
#[test]
fn a_controller_is_found_by_its_name() {
    finds("fqdn = \"proto::controller.local\"\n", "cpe-dns-sd");
}
