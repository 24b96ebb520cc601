//! `GatewayInfo.`: what leases say, what is told of it, and whether the gateway is found to be an agent.

use agent::config::Config;
use agent::discovery::gateway::Gateway;
use agent::discovery::keep::Search;
use agent::discovery::lease::{Lease, forget, hex};
use agent::system::SystemRoot;
use engine::provider::{Provider, Push, Sink};
use mtp::EndpointId;
use mtp::discovery::dhcp::Identity;
use requirement::requirement;
use tokio::sync::{mpsc, watch};

use crate::support::{refreshed, report_lines};

fn identity(oui: &str, serial: &str, product_class: &str) -> Option<Identity> {
    Some(Identity { oui: oui.into(), serial: serial.into(), product_class: product_class.into() })
}

/// OUI, product class, serial number, protocol, endpoint id.
fn rows(values: [&str; 5]) -> Vec<String> {
    let names = ["ManufacturerOUI", "ProductClass", "SerialNumber", "ManagementProtocol", "EndpointID"];
    names.iter().zip(values).map(|(name, value)| format!("GatewayInfo.[] {name} = {value}")).collect()
}

const NOTHING: [&str; 5] = [""; 5];

#[requirement("R-DIS.2c")]
#[tokio::test]
async fn what_a_lease_says_is_shown_and_empty_is_what_it_does_not_say() {
    let gateway = Gateway::default();
    assert_eq!(refreshed(&gateway).await, rows(NOTHING));
    let long = "x".repeat(70);
    for (leased, expected) in [
        (identity("0050C2", "GW01", "R"), ["0050C2", "R", "GW01", "CWMP", ""]),
        (identity("", "GW01", ""), ["", "", "GW01", "CWMP", ""]),
        (identity("0050c2", "", "R"), ["0050C2", "R", "", "CWMP", ""]),
        (identity("no OUI", &long, "R"), ["", "R", &long[..64], "CWMP", ""]),
        (None, NOTHING),
    ] {
        gateway.leased(leased.clone());
        assert_eq!(refreshed(&gateway).await, rows(expected), "{leased:?}");
    }
}

#[requirement("R-DIS.2d")]
#[tokio::test]
async fn a_gateway_that_is_an_agent_is_one_until_its_lease_is_over() {
    let gateway = Gateway::default();
    let endpoint = EndpointId::receive("os::0050C2-GW01").expect("an id");
    gateway.found(endpoint.clone());
    assert_eq!(refreshed(&gateway).await, rows(NOTHING), "nobody has a lease of it");
    assert!(gateway.leased(identity("0050C2", "GW01", "R")), "it may be an agent");
    gateway.found(endpoint);
    let shown = rows(["0050C2", "R", "GW01", "USP", "os::0050C2-GW01"]);
    assert_eq!(refreshed(&gateway).await, shown);
    assert!(!gateway.leased(identity("0050C2", "GW01", "R")), "a renewed lease");
    assert_eq!(refreshed(&gateway).await, shown);
    assert!(gateway.leased(identity("0050C2", "GW02", "R")), "another gateway");
    assert_eq!(refreshed(&gateway).await, rows(["0050C2", "R", "GW02", "CWMP", ""]));
    gateway.leased(None);
    assert_eq!(refreshed(&gateway).await, rows(NOTHING));
}

#[tokio::test]
async fn what_changes_is_told() {
    let gateway = Gateway::default();
    let (sink, mut pushes) = mpsc::channel(8);
    assert!(gateway.watch(Sink(sink)));
    let mut told = move || {
        let mut told = Vec::new();
        while let Ok(push) = pushes.try_recv() {
            told.extend(match push {
                Push::Changed { report, .. } => report_lines(&report),
                Push::Event { name, params, .. } => vec![format!("{name} {params:?}")],
                Push::ModelChanged => vec!["model".to_owned()],
            });
        }
        told
    };
    gateway.leased(None);
    assert_eq!(told(), [] as [&str; 0]);
    gateway.leased(identity("0050C2", "GW01", "R"));
    let mut expected = rows(["0050C2", "R", "GW01", "CWMP", ""]);
    let params = r#"[("ManufacturerOUI", "0050C2"), ("ProductClass", "R"), ("SerialNumber", "GW01")]"#;
    expected.push(format!("CWMPGatewayDiscovered! {params}"));
    assert_eq!(told(), expected);
    gateway.leased(identity("0050C2", "GW01", "R"));
    assert_eq!(told(), [] as [&str; 0]);
    gateway.found(EndpointId::receive("os::0050C2-GW01").expect("an id"));
    let mut expected = rows(["0050C2", "R", "GW01", "USP", "os::0050C2-GW01"]);
    expected.push(r#"USPGatewayDiscovered! [("EndpointID", "os::0050C2-GW01")]"#.to_owned());
    assert_eq!(told(), expected);
    gateway.leased(None);
    assert_eq!(told(), rows(NOTHING));
}

/// A lease of this gateway.
fn lease(serial: &str) -> Lease {
    let length = u8::try_from(serial.len()).expect("short");
    let bytes = [&[0, 0, 0x0d, 0xe9, length + 2, 5, length][..], serial.as_bytes()].concat();
    let gateways = vec!["127.0.0.1".parse().expect("an address")];
    Lease { interface: "eth0".to_owned(), version: 4, option: hex(&bytes), gateways }
}

/// The serial number, the protocol and the endpoint id that are told next.
async fn next(pushes: &mut mpsc::Receiver<Push>) -> [String; 3] {
    loop {
        if let Push::Changed { report, .. } = pushes.recv().await.expect("it lives") {
            let lines = report_lines(&report);
            let value = |at: usize| lines[at].rsplit(' ').next().expect("a value").to_owned();
            return [value(2), value(3), value(4)];
        }
    }
}

#[requirement("R-DIS.2c")]
#[tokio::test]
async fn leases_that_come_and_go_reach_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = super::controller::started(folder.path()).await;
    let gateway = std::sync::Arc::new(Gateway::default());
    let (sink, mut pushes) = mpsc::channel(8);
    assert!(gateway.watch(Sink(sink)));
    lease("GW01").keep(folder.path()).expect("it is written");
    let config = Config::parse("[discovery]\ndhcp = true\n").expect("well-formed");
    let search = Search::new(&config, folder.path().to_owned(), SystemRoot::at(folder.path()));
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(search.with_gateway(Some(gateway)).keep(instance, stopped));
    assert_eq!(next(&mut pushes).await, ["GW01", "CWMP", ""]);
    lease("GW02").keep(folder.path()).expect("it is written");
    assert_eq!(next(&mut pushes).await, ["GW02", "CWMP", ""]);
    forget(folder.path(), "eth0", 4).expect("it is gone");
    assert_eq!(next(&mut pushes).await, ["", "", ""]);
}

#[requirement("R-DIS.2d")]
#[test]
fn an_agent_at_the_address_of_the_gateway_is_the_gateway() {
    super::mdns::on_loopback(|| async {
        let folder = tempfile::tempdir().expect("a folder");
        let instance = super::controller::started(folder.path()).await;
        super::mdns::advertise(mtp::discovery::Party::Agent, "os::0050C2-GW01", 8184);
        super::mdns::browse(mtp::discovery::Party::Agent).await;
        let gateway = std::sync::Arc::new(Gateway::default());
        let (sink, mut pushes) = mpsc::channel(8);
        assert!(gateway.watch(Sink(sink)));
        lease("GW01").keep(folder.path()).expect("it is written");
        let config = Config::parse("[discovery]\ndhcp = true\nmdns = true\ninterfaces = [\"lo\"]\n");
        let config = config.expect("well-formed");
        let search = Search::new(&config, folder.path().to_owned(), SystemRoot::at(folder.path()));
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(search.with_gateway(Some(gateway)).keep(instance, stopped));
        assert_eq!(next(&mut pushes).await, ["GW01", "CWMP", ""]);
        assert_eq!(next(&mut pushes).await, ["GW01", "USP", "os::0050C2-GW01"]);
    });
}
