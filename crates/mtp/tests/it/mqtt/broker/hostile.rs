//! Strangers and clients who mean no good, on sockets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mtp::mqtt::broker::{ListenConfig, Offence};
use mtp::{Cause, Places};
use requirement::requirement;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::world::free;
use crate::mqtt::embedded::Embedded;
use crate::mqtt::machine::text;
use crate::support::PATIENCE;

const HELLO: &[u8] = b"\x10\x0E\0\x04MQTT\x05\x02\0\x3C\0\0\x01c";

async fn anybody(config: ListenConfig) -> Embedded {
    Embedded::with(None, config, |facts, _| Ok(free(&facts.client_id))).await
}

/// Everything until the broker closes.
async fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // A reset tells the same.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("in time");
    rest
}

/// A client that is admitted, and has read CONNACK.
async fn admitted(addr: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    socket.write_all(HELLO).await.unwrap();
    let mut head = [0; 2];
    timeout(PATIENCE, socket.read_exact(&mut head)).await.expect("in time").expect("CONNACK");
    let mut body = vec![0; usize::from(head[1])];
    timeout(PATIENCE, socket.read_exact(&mut body)).await.expect("in time").expect("CONNACK");
    assert_eq!((head[0], body[1]), (0x20, 0));
    socket
}

/// Who says nothing, or says it slowly, is let go when the time for CONNECT is over; who is admitted stays.
#[tokio::test]
async fn slow_strangers_are_let_go() {
    let config = ListenConfig { connect_timeout: Duration::from_secs(2), ..ListenConfig::default() };
    let mut broker = anybody(config).await;
    let mut client = admitted(broker.addr).await;
    let mut strangers = Vec::new();
    for said in [&[][..], &HELLO[..1], &HELLO[..HELLO.len() - 1]] {
        let mut socket = TcpStream::connect(broker.addr).await.unwrap();
        socket.write_all(said).await.unwrap();
        strangers.push(socket);
    }
    for mut socket in strangers {
        assert!(rest(&mut socket).await.is_empty());
        assert_eq!(broker.turned_away().await, Cause::TimeOut);
    }
    client.write_all(&[0xC0, 0]).await.unwrap();
    let mut pong = [0; 2];
    timeout(PATIENCE, client.read_exact(&mut pong)).await.expect("in time").expect("PINGRESP");
    assert_eq!(pong, [0xD0, 0]);
}

/// One address with many silent connections does not keep others out.
#[tokio::test]
async fn strangers_of_one_address_are_bounded() {
    let mut broker = anybody(ListenConfig::default()).await;
    let from = |last| {
        let addr = broker.addr;
        async move {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, last]), 0)).unwrap();
            socket.connect(addr).await.unwrap()
        }
    };
    let mut silent = Vec::new();
    for _ in 0..128 {
        silent.push(from(9).await);
    }
    let mut turned_away = from(9).await;
    let _ = turned_away.write_all(HELLO).await;
    assert!(rest(&mut turned_away).await.is_empty());
    let mut other = from(10).await;
    other.write_all(HELLO).await.unwrap();
    assert_eq!(timeout(PATIENCE, other.read_u8()).await.expect("in time").expect("CONNACK"), 0x20);
    assert_eq!(broker.turned_away().await, Cause::Rate);
}

#[tokio::test]
async fn connections_of_a_listener_are_bounded() {
    let mut broker = anybody(ListenConfig { places: Places::new(1), ..ListenConfig::default() }).await;
    let first = admitted(broker.addr).await;
    let mut second = TcpStream::connect(broker.addr).await.unwrap();
    let _ = second.write_all(HELLO).await;
    assert!(rest(&mut second).await.is_empty());
    assert_eq!(broker.turned_away().await, Cause::Capacity);
    drop(first);
}

/// Strangers have half of all places, of however many listeners.
#[tokio::test]
async fn strangers_leave_half_of_the_places() {
    let mut broker = anybody(ListenConfig { places: Places::new(4), ..ListenConfig::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(broker.addr).await.unwrap());
    }
    let mut third = TcpStream::connect(broker.addr).await.unwrap();
    let _ = third.write_all(HELLO).await;
    assert!(rest(&mut third).await.is_empty());
    assert_eq!(broker.turned_away().await, Cause::Capacity);
    // Who is let in is none of them any more.
    silent[0].write_all(HELLO).await.unwrap();
    assert_eq!(timeout(PATIENCE, silent[0].read_u8()).await.expect("in time").expect("CONNACK"), 0x20);
    let fourth = admitted(broker.addr).await;
    drop((silent, fourth));
}

/// What one listener does not need another may have; and what ends is free again.
#[tokio::test]
async fn listeners_share_their_places() {
    let places = Places::new(3);
    let config = || ListenConfig { places: places.clone(), ..ListenConfig::default() };
    let (mut one, mut two) = (anybody(config()).await, anybody(config()).await);
    let clients = [admitted(one.addr).await, admitted(one.addr).await, admitted(two.addr).await];
    for broker in [&mut one, &mut two] {
        let mut more = TcpStream::connect(broker.addr).await.unwrap();
        let _ = more.write_all(HELLO).await;
        assert!(rest(&mut more).await.is_empty());
        assert_eq!(broker.turned_away().await, Cause::Capacity);
    }
    let [first, second, _third] = clients;
    drop((first, second));
    one.stop().await;
    admitted(two.addr).await;
}

/// Older protocols get the answer that they understand; what is no MQTT gets none.
#[tokio::test]
async fn other_protocols_are_told_so() {
    let cases: [(&[u8], &[u8]); 4] = [
        (b"\x10\x0E\0\x06MQIsdp\x03\x02\0\x3C\0\0", &[0x20, 2, 0, 1]),
        (b"\x10\x0C\0\x04MQTT\x06\x02\0\x3C\0\0", &[0x20, 2, 0, 1]),
        (b"GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", &[]),
        // AUTH is not spoken here: the property Authentication Method.
        (b"\x10\x12\0\x04MQTT\x05\x02\0\x3C\x05\x15\0\x02OK\0\0", &[0x20, 3, 0, 0x8C, 0]),
    ];
    for (said, answer) in cases {
        let broker = anybody(ListenConfig::default()).await;
        let mut socket = TcpStream::connect(broker.addr).await.unwrap();
        socket.write_all(said).await.unwrap();
        assert_eq!(rest(&mut socket).await, answer, "{said:?}");
    }
}

/// A packet over the limit ends the connection when its length is known, before its body is.
#[tokio::test]
async fn oversized_packets_are_refused_unread() {
    let mut broker = anybody(ListenConfig::default()).await;
    let mut stranger = TcpStream::connect(broker.addr).await.unwrap();
    stranger.write_all(&[0x10, 0xFF, 0xFF, 0x7F]).await.unwrap();
    assert!(rest(&mut stranger).await.is_empty());
    assert_eq!(broker.turned_away().await, Cause::Request);
    let mut client = admitted(broker.addr).await;
    client.write_all(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]).await.unwrap();
    assert_eq!(rest(&mut client).await, [0xE0, 1, 0x95]);
    assert_eq!(broker.told().await.what, Offence::Fault(0x95));
}

/// The last words are read although the client went on talking; a reset would have taken them back.
#[tokio::test]
async fn last_words_arrive() {
    let broker = anybody(ListenConfig::default()).await;
    let mut client = admitted(broker.addr).await;
    client.write_all(&[&[0xF0, 0][..], &[0; 1_000_000]].concat()).await.unwrap();
    let mut words = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut words)).await.expect("in time").expect("no reset");
    assert_eq!(words, [0xE0, 1, 0x82]);
}

/// A connection that breaks, or whose peer stops reading, frees what it held.
#[tokio::test]
async fn a_client_that_stops_reading_holds_up_nobody() {
    let broker = anybody(ListenConfig::default()).await;
    let mut deaf = admitted(broker.addr).await;
    let subscribe = [&[0x82, 7, 0, 1, 0][..], &text("t"), &[0]].concat();
    deaf.write_all(&subscribe).await.unwrap();
    let mut suback = [0; 6];
    timeout(PATIENCE, deaf.read_exact(&mut suback)).await.expect("in time").expect("SUBACK");
    assert_eq!(suback, [0x90, 4, 0, 1, 0, 0]);
    let mut publisher = TcpStream::connect(broker.addr).await.unwrap();
    publisher.write_all(b"\x10\x0E\0\x04MQTT\x05\x02\0\x3C\0\0\x01p").await.unwrap();
    // 20 MB go nowhere, beyond what its queue and its socket take.
    let body = [&text("t")[..], &[0], &vec![0; 1_000_000]].concat();
    let length =
        [(body.len() % 128) as u8 | 0x80, (body.len() / 128 % 128) as u8 | 0x80, (body.len() / 16384) as u8];
    let message = [&[0x30][..], &length, &body].concat();
    for _ in 0..20 {
        timeout(PATIENCE, publisher.write_all(&message)).await.expect("in time").expect("it is read");
    }
    publisher.write_all(&[0xC0, 0, 0xE0, 0]).await.unwrap();
    assert!(rest(&mut publisher).await.ends_with(&[0xD0, 0]));
    drop(deaf);
    let mut second = admitted(broker.addr).await;
    second.write_all(&[0xE0, 0]).await.unwrap();
    assert!(rest(&mut second).await.is_empty());
}

/// Hosts that reserve a client id with another identity can't be robbed of their connection.
#[tokio::test]
#[requirement("R-MQTT.42")]
async fn a_client_id_of_another_identity_is_another_client() {
    let broker = Embedded::start(|facts, _| Ok(free(facts.user_name.as_deref().unwrap_or("nobody")))).await;
    let mut first = admitted(broker.addr).await;
    let mut thief = TcpStream::connect(broker.addr).await.unwrap();
    thief.write_all(b"\x10\x15\0\x04MQTT\x05\x82\0\x3C\0\0\x01c\0\x05thief").await.unwrap();
    assert_eq!(timeout(PATIENCE, thief.read_u8()).await.expect("in time").expect("CONNACK"), 0x20);
    first.write_all(&[0xC0, 0]).await.unwrap();
    let mut pong = [0; 2];
    timeout(PATIENCE, first.read_exact(&mut pong)).await.expect("in time").expect("PINGRESP");
    assert_eq!(broker.broker.connections(), 2);
}
