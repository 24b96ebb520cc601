//! What many idle clients cost the broker: the bound that keeps a careless buffer out.

use std::net::SocketAddr;

use bytes::Bytes;
use mtp::ReturnPath;
use mtp::mqtt::Version::V5;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::world::{CONTROLLER, bound, connect, publish_with, record_of, subscribe, topic};
use crate::memory::{memory, raise_descriptor_limit};
use crate::mqtt::embedded::Embedded;
use crate::mqtt::machine::text;

const CLIENTS: usize = 2_000;
/// The broker's side and the bare socket of the test together: a task, the registrations of two sockets, a session
/// with its rights and one subscription; no buffers. 4.6 KiB when measured without optimisation.
const BOUND_PER_CLIENT: u64 = 6 * 1024;

/// One packet with at most two bytes of length.
async fn packet(socket: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = socket.read_u8().await.expect("a packet");
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = socket.read_u8().await.expect("a length");
        length |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.expect("a body");
    (first, body)
}

/// A socket with an address and a port that the system gives to nobody, so that other tests don't run out of them.
fn socket_at(port: u16) -> Option<TcpSocket> {
    let socket = TcpSocket::new_v4().expect("another socket");
    socket.set_zero_linger().expect("its port is free at once");
    socket.bind(SocketAddr::from(([127, 0, 1, 1], port))).is_ok().then_some(socket)
}

#[tokio::test]
async fn two_thousand_idle_clients_stay_small() {
    raise_descriptor_limit();
    let broker = Embedded::start(|facts, _| {
        let eid = facts.endpoint_id.as_ref().expect("each says who it is");
        Ok(bound(eid.as_str(), &format!("usp/agents/{eid}")))
    })
    .await;
    let mut controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let before = memory();
    let mut ports = 10_000..20_000;
    let mut clients = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        let eid = format!("os::00256D-{number:08}");
        let own = format!("usp/agents/{eid}");
        let from = ports.find_map(socket_at).expect("a free port");
        let mut socket = from.connect(broker.addr).await.expect("the broker is there");
        socket.write_all(&connect(V5, 2, 60, &[], &[&text(&eid)])).await.unwrap();
        assert_eq!(packet(&mut socket).await.0, 0x20);
        socket.write_all(&subscribe(V5, &format!("{own}/#"), 1)).await.unwrap();
        assert_eq!(packet(&mut socket).await, (0x90, vec![0, 1, 0, 1]));
        // A life before the idleness: one large message each way, which must not leave its buffers behind.
        let answer = [&[0x08][..], &text(&own)].concat();
        let said = publish_with(V5, 0x32, CONTROLLER, Some(1), &answer, &record_of(&eid, vec![0; 15_000]));
        socket.write_all(&said).await.unwrap();
        let arrived = controller.next().await.expect("attached");
        assert_eq!(packet(&mut socket).await, (0x40, vec![0, 1]));
        let path = ReturnPath::Mqtt { link: controller.link(), topic: arrived.reply_to.shared() };
        controller.sender().send_to(&path, Bytes::from(vec![0; 15_000])).unwrap();
        assert_eq!(packet(&mut socket).await.0, 0x32);
        socket.write_all(&[0x40, 2, 0, 1]).await.unwrap();
        clients.push(socket);
    }
    let per_client = memory().saturating_sub(before) / CLIENTS as u64;
    assert!(per_client <= BOUND_PER_CLIENT, "{per_client} bytes per client");
    assert_eq!(broker.broker.connections(), CLIENTS);
    // They all still work.
    for number in [0, CLIENTS - 1] {
        let socket = &mut clients[number];
        socket.write_all(&[0xC0, 0]).await.unwrap();
        assert_eq!(packet(socket).await.0, 0xD0);
    }
}
