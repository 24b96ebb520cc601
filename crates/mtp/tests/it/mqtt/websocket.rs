//! MQTT over WebSocket, against mosquitto and the embedded broker.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use mtp::mqtt::broker::ListenConfig;
use mtp::mqtt::{Client, Qos, Version};
use mtp::{Cause, Error, Role};
use pki::{Ca, ClientTls, ControllerVerifier, DeviceVerifier, ServerNames, ServerTls, Trust, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::broker::world::free;
use super::brokers::{VERSIONS, client_at, talk, talk_of};
use super::daemon::Mosquitto;
use super::embedded::Embedded;
use crate::raw::frame;
use crate::support::PATIENCE;

/// A sample key of RFC 6455 section 1.3.
pub(super) const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: mqtt\r\n\r\n";

fn client(port: u16, version: Version, role: Role) -> Client {
    Client { websocket: Some("/mqtt".to_owned()), ..client_at(port, version, role) }
}

/// A listener for WebSockets.
pub(super) fn config() -> ListenConfig {
    ListenConfig { websocket: Some("/mqtt".to_owned()), ..ListenConfig::default() }
}

#[tokio::test]
async fn records_travel_through_a_websocket_of_mosquitto() {
    let (_broker, port) = Mosquitto::with_websockets();
    for version in VERSIONS {
        let mut agent = client(port, version, Role::Agent);
        let mut controller = client(port, version, Role::Controller);
        (agent.settings.qos, controller.settings.qos) = (Qos::AtLeastOnce, Qos::AtLeastOnce);
        // Of a longer packet it writes what the socket takes at once, and no more.
        talk_of(&agent, &controller, &[1, 1000, 60_000]).await;
    }
}

#[tokio::test]
async fn records_travel_through_a_websocket_of_the_embedded_broker() {
    let valid = || Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let ca = Ca::create("Test CA", valid()).unwrap();
    let ips = vec![IpAddr::from([127, 0, 0, 1])];
    let identity = ca.issue_server(&ServerNames { ips, ..ServerNames::default() }, valid()).unwrap();
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    for secure in [false, true] {
        let verifier = DeviceVerifier::new(&[], false, pki::provider()).unwrap();
        let tls = secure.then(|| ServerTls::new(&identity, verifier).unwrap());
        let mut broker = Embedded::with(tls, config(), |facts, _| Ok(free(&facts.client_id))).await;
        for version in VERSIONS {
            let [agent, controller] = [Role::Agent, Role::Controller].map(|role| {
                let mut client = client(broker.addr.port(), version, role);
                let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
                client.broker.secure = secure;
                client.tls = Some(ClientTls::new(None, verifier).unwrap());
                client
            });
            talk(&agent, &controller).await;
        }
        broker.stop().await;
    }
}

/// Says this to the broker, and hears it out.
async fn heard(broker: &Embedded, said: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(broker.addr).await.unwrap();
    socket.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut heard)).await.expect("in time").expect("a clean end");
    heard
}

#[tokio::test]
async fn what_is_no_mqtt_in_a_websocket_is_refused() {
    let mut broker = Embedded::with(None, config(), |_, _| Ok(free("me"))).await;
    for (from, to, status) in [
        ("/mqtt ", "/usp ", 404),
        (": mqtt", ": v1.usp", 400),
        ("GET", "PUT", 405),
        ("Upgrade\r\n", "close\r\n", 426),
    ] {
        let answer = heard(&broker, REQUEST.replacen(from, to, 1).as_bytes()).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(broker.turned_away().await, Cause::Request);
    }
    // MQTT as it is without a WebSocket.
    assert!(heard(&broker, b"\x10\x0D\0\x04MQTT\x04\x02\0\x3C\0\x01c").await.starts_with(b"HTTP/1.1 400 "));
    assert_eq!(broker.turned_away().await, Cause::Request);
    // CONNECT in a text frame, and in two binary frames whose border is in the middle of it.
    let connect = b"\x10\x0D\0\x04MQTT\x04\x02\0\x3C\0\x01c";
    let text = [REQUEST.as_bytes(), &frame(0x81, connect)].concat();
    let answer = heard(&broker, &text).await;
    assert!(answer.starts_with(b"HTTP/1.1 101 ") && answer.ends_with(b"\r\n\r\n"), "{answer:?}");
    let [one, two, bye] = [&connect[..5], &connect[5..], &[0xE0, 0]].map(|part| frame(0x82, part));
    let halves = [REQUEST.as_bytes(), &one, &two, &bye].concat();
    let answer = heard(&broker, &halves).await;
    // CONNACK, and the good-bye of WebSocket.
    let end = [&[0x82, 4, 0x20, 2, 0, 0][..], &[0x88, 2, 0x03, 0xE8]].concat();
    assert!(answer.ends_with(&end), "{answer:?}");
}

#[tokio::test]
async fn who_waits_with_the_handshake_is_let_go() {
    let config = ListenConfig { connect_timeout: Duration::from_secs(1), ..config() };
    let mut broker = Embedded::with(None, config, |_, _| Ok(free("me"))).await;
    let half = &REQUEST.as_bytes()[..REQUEST.len() - 2];
    let upgraded = [REQUEST.as_bytes(), &frame(0x82, b"\x10")].concat();
    let (silent, half, upgraded) =
        tokio::join!(heard(&broker, b""), heard(&broker, half), heard(&broker, &upgraded));
    assert!(silent.is_empty() && half.is_empty() && upgraded.ends_with(b"\r\n\r\n"));
    for _ in 0..3 {
        assert_eq!(broker.turned_away().await, Cause::TimeOut);
    }
}

#[tokio::test]
async fn a_broker_without_websockets_is_no_broker_for_them() {
    let broker = Embedded::start(|_, _| Ok(free("me"))).await;
    let refused = client(broker.addr.port(), Version::V5, Role::Agent).connect().await;
    assert!(matches!(refused, Err(Error::Handshake(_) | Error::Io(_))), "{refused:?}");
}
