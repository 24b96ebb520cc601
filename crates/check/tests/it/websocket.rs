//! The bench's WebSocket, listening and dialling, against the transport of an agent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use check::{EndpointId, websocket};
use mtp::ws::{Dialer, ListenConfig, Listener, WsUrl};
use mtp::{AdmitAll, DownReason, Inbound, LinkHandler, LinkId, LinkUp, Role, Verdict};
use usp_proto::{Record, Version};

use crate::agent::{AGENT, CONTROLLER, stranger};

const PATIENCE: Duration = Duration::from_secs(30);

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).unwrap()
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Says who it is, and no more.
struct Greets;

impl LinkHandler for Greets {
    fn up(&self, link: LinkUp) {
        let record = Record::websocket_connect(&id(AGENT), &id(CONTROLLER), Version::CURRENT);
        link.sender.send(record.encode()).unwrap();
    }

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

fn url(addr: SocketAddr) -> WsUrl {
    format!("ws://{addr}/usp").parse().unwrap()
}

#[tokio::test]
async fn an_agent_that_connects_is_met() {
    let (link, addr) = websocket::listen(anywhere(), "/usp", id(CONTROLLER), None).await.unwrap();
    let dialled = Dialer::new(url(addr), id(AGENT), Role::Agent).connect().await.unwrap();
    tokio::spawn(async move { dialled.run(&Greets).await });
    let mut bench = stranger(link);
    bench.meet(PATIENCE).await.unwrap();
    assert_eq!(bench.agent().unwrap().as_str(), AGENT);
}

#[tokio::test]
async fn an_agent_that_listens_is_met() {
    let config = ListenConfig::new("/usp", id(AGENT), Role::Agent);
    let listener = Listener::bind(anywhere(), None, config).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(listener.run(Arc::new(Greets), Arc::new(AdmitAll), std::future::pending()));
    let mut bench = stranger(websocket::dial(url(addr), id(CONTROLLER), None));
    bench.meet(PATIENCE).await.unwrap();
    assert_eq!(bench.agent().unwrap().as_str(), AGENT);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_come_is_given_up() {
    let (link, _addr) = websocket::listen(anywhere(), "/usp", id(CONTROLLER), None).await.unwrap();
    let stop = stranger(link).meet(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(stop.to_string(), "no agent connects");
}

#[test]
fn addresses_to_listen_at() {
    use websocket::{AddressError, ListenAddress, listen_address};
    for (text, expected) in [
        ("ws://127.0.0.1:0/usp", Ok((false, "127.0.0.1:0", "/usp"))),
        ("ws://[::1]:8183", Ok((false, "[::1]:8183", "/"))),
        ("wss://127.0.0.1:8183/usp", Ok((true, "127.0.0.1:8183", "/usp"))),
        ("ws://localhost:8183/usp", Err(AddressError::Form)),
        ("ws://127.0.0.1/usp", Err(AddressError::Form)),
        ("ws://127.0.0.1:1/usp?a=b", Err(AddressError::Form)),
        ("http://127.0.0.1:8183/usp", Err(AddressError::Form)),
        ("", Err(AddressError::Form)),
    ] {
        let expected = expected.map(|(secure, addr, path)| ListenAddress {
            secure,
            addr: addr.parse().unwrap(),
            path: path.to_owned(),
        });
        assert_eq!(listen_address(text), expected, "{text}");
    }
}
