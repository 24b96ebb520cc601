//! Frames of a raw client against the server.

use bytes::Bytes;
use mtp::DownReason;
use requirement::requirement;

use crate::raw::{Raw, frame};
use crate::support::Server;

const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;
const PING: u8 = 0x89;

#[tokio::test]
#[requirement("R-WS.14", "R-WS.16")]
async fn a_text_frame_closes_with_1003() {
    let mut server = Server::start(None).await;
    for text in [&b"hello"[..], &[0xff, 0xfe]] {
        let mut raw = Raw::upgraded(server.addr).await;
        server.events.up().await;
        raw.send(&frame(FINAL_TEXT, text)).await;
        assert_eq!(raw.closed_with().await, 1003);
        assert!(matches!(server.events.down().await, DownReason::ClosedByUs { code: 1003, .. }));
    }
}

#[tokio::test]
#[requirement("R-WS.13", "R-WS.17")]
async fn a_ping_is_answered_with_its_own_payload() {
    let server = Server::start(None).await;
    let mut raw = Raw::upgraded(server.addr).await;
    raw.send(&frame(PING, b"abc")).await;
    assert_eq!(&raw.take::<5>().await, b"\x8a\x03abc");
}

#[tokio::test]
#[requirement("R-WS.14b")]
async fn fragments_become_one_record() {
    let mut server = Server::start(None).await;
    let mut raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    raw.send(&frame(0x02, b"one ")).await;
    raw.send(&frame(0x00, b"")).await;
    // A control frame may come between fragments.
    raw.send(&frame(PING, b"")).await;
    assert_eq!(&raw.take::<2>().await, b"\x8a\x00");
    raw.send(&frame(0x80, b"record")).await;
    assert_eq!(server.events.record().await, b"one record");

    let mut whole = frame(FINAL_BINARY, b"in one read, ");
    whole.extend(frame(FINAL_BINARY, b"two messages"));
    raw.send(&whole).await;
    assert_eq!(server.events.record().await, b"in one read, ");
    assert_eq!(server.events.record().await, b"two messages");
}

#[tokio::test]
#[requirement("R-WS.14", "R-WS.14a")]
async fn a_record_leaves_in_one_binary_frame() {
    let mut server = Server::start(None).await;
    let mut raw = Raw::upgraded(server.addr).await;
    let up = server.events.up().await;
    up.sender.send(Bytes::from(vec![b'x'; 70_000])).unwrap();
    // Final, binary; the length in eight bytes, unmasked.
    assert_eq!(raw.take().await, [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    for _ in 0..70 {
        assert_eq!(raw.take().await, [b'x'; 1000]);
    }
}

#[tokio::test]
async fn too_long_is_known_from_the_header_and_from_the_sum() {
    let mut server = Server::start(None).await;
    let mut raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    // A header alone, that announces 65,537 bytes.
    raw.send(&[FINAL_BINARY, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]).await;
    assert_eq!(raw.closed_with().await, 1009);
    assert_eq!(server.events.down().await, DownReason::TooLong { limit: 65_536 });

    let mut raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    raw.send(&frame(0x02, &[0; 40_000])).await;
    raw.send(&frame(0x00, &[0; 40_000])).await;
    assert_eq!(raw.closed_with().await, 1009);
    assert_eq!(server.events.down().await, DownReason::TooLong { limit: 65_536 });
}

#[tokio::test]
#[requirement("R-WS.15")]
async fn broken_frames_close_with_1002() {
    let mut server = Server::start(None).await;
    let cases: [(&str, &[u8]); 7] = [
        ("not masked", &[FINAL_BINARY, 1, 0]),
        ("a reserved bit", &[0xc2, 0x80, 0, 0, 0, 0]),
        ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
        ("an unknown data opcode", &[0x83, 0x80, 0, 0, 0, 0]),
        ("an unknown control opcode", &[0x8b, 0x80, 0, 0, 0, 0]),
        ("a fragmented ping", &[0x09, 0x80, 0, 0, 0, 0]),
        ("a second start within fragments", &[0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]),
    ];
    for (what, bytes) in cases {
        let mut raw = Raw::upgraded(server.addr).await;
        server.events.up().await;
        raw.send(bytes).await;
        assert_eq!(raw.closed_with().await, 1002, "{what}");
        assert!(matches!(server.events.down().await, DownReason::Protocol(_)), "{what}");
    }
}

#[tokio::test]
#[requirement("R-WS.8")]
async fn how_a_peer_leaves_is_told() {
    let mut server = Server::start(None).await;
    let mut raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    raw.send(&frame(0x88, &[0x03, 0xe9, b'b', b'y', b'e'])).await;
    // The close is echoed, then the server closes the connection first.
    assert_eq!(raw.rest().await, b"\x88\x05\x03\xe9bye");
    assert_eq!(server.events.down().await, DownReason::ClosedByPeer { code: 1001, reason: "bye".into() });

    let mut raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    raw.send(&frame(0x88, b"")).await;
    assert_eq!(raw.rest().await, b"\x88\x00");
    assert_eq!(server.events.down().await, DownReason::ClosedByPeer { code: 1005, reason: String::new() });

    let raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    drop(raw);
    assert!(matches!(server.events.down().await, DownReason::Lost(_)));
}

#[tokio::test]
async fn buffers_given_back_lose_nothing() {
    let mut server = Server::start(None).await;
    let mut raw = Raw::upgraded(server.addr).await;
    let up = server.events.up().await;
    // Each large message makes the link drop its buffers when it falls idle; the next header comes in
    // halves, so that dropping them at the wrong moment would lose the first half.
    for round in 0..20_u8 {
        raw.send(&frame(FINAL_BINARY, &[round; 30_000])).await;
        let next = frame(FINAL_BINARY, &[round; 200]);
        raw.send(&next[..3]).await;
        assert_eq!(server.events.record().await, [round; 30_000]);
        up.sender.ping();
        assert_eq!(&raw.take::<2>().await, b"\x89\x00");
        raw.send(&next[3..]).await;
        assert_eq!(server.events.record().await, [round; 200]);
    }
}
