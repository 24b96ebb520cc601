//! Name lookups: messages byte by byte, and a server of the test's own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use agent::providers::diagnostics::lookup::{Answer, answer, ask, query};
use simple_dns::TYPE;
use tokio::net::UdpSocket;

/// Header of an answer with one question: flags, and the number of answers.
fn header(id: u16, flags: [u8; 2], answers: u8) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    vec![high, low, flags[0], flags[1], 0, 1, 0, answers, 0, 0, 0, 0]
}

const QUESTION: &[u8] = b"\x04host\x07example\x00\x00\x01\x00\x01";

#[test]
fn queries_ask_for_recursion() {
    let mut expected = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    expected.extend(QUESTION);
    assert_eq!(query(7, "host.example", TYPE::A).as_deref(), Some(&expected[..]));
    assert_eq!(query(7, "host.example.", TYPE::A).as_deref(), Some(&expected[..]));
    assert_eq!(query(7, &"x".repeat(64), TYPE::A), None);
}

#[test]
fn answers_are_read() {
    let mut bytes = header(7, [0x85, 0x80], 1);
    bytes.extend(QUESTION);
    bytes.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x09");
    let expected =
        Answer { authoritative: true, name: "host.example".into(), addresses: vec![[192, 0, 2, 9].into()] };
    assert_eq!(answer(&bytes, 7), Some(Ok(expected)));
    assert_eq!(answer(&bytes, 8), None);
    let mut refused = header(7, [0x81, 0x83], 0);
    refused.extend(QUESTION);
    assert_eq!(answer(&refused, 7), Some(Err(simple_dns::RCODE::NameError)));
    assert_eq!(answer(b"nonsense", 7), None);
    // Records that it counts and does not have.
    for count in [4, 6, 8, 10] {
        let mut lying = bytes.clone();
        lying[count..count + 2].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(answer(&lying, 7), None);
        lying[count..count + 2].copy_from_slice(&[0, 20]);
        assert_eq!(answer(&lying, 7), None);
    }
}

/// Answers A with one address and AAAA with none, each behind an answer to somebody else.
async fn server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let addr = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let id = u16::from_be_bytes([bytes[0], bytes[1]]);
            let is_a = bytes[length - 3] == 1;
            let mut reply = header(id, [0x81, 0x80], u8::from(is_a));
            reply.extend(&bytes[12..length]);
            if is_a {
                reply.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x09");
            }
            let stranger = header(id.wrapping_add(1), [0x81, 0x83], 0);
            let _ = socket.send_to(&stranger, from).await;
            let _ = socket.send_to(&reply, from).await;
        }
    });
    addr
}

#[tokio::test]
async fn a_server_is_asked() {
    let found = ask(server().await, "host.example", Duration::from_secs(10)).await;
    assert_eq!(found.status, "Success");
    assert_eq!(found.name, "host.example");
    assert_eq!(found.addresses, [IpAddr::from([192, 0, 2, 9])]);
    assert!(!found.authoritative);
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_silence() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let addr = silent.local_addr().expect("an address");
    assert_eq!(ask(addr, "host.example", Duration::from_millis(20)).await.status, "Error_Timeout");
    drop(silent);
    assert_eq!(
        ask(addr, "host.example", Duration::from_secs(10)).await.status,
        "Error_DNSServerNotAvailable"
    );
}
