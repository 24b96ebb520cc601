//! Peers that break the rules: each ends its own link, and is told why.

use bytes::Bytes;
use mtp::{DownReason, SendError};
use requirement::requirement;

use super::support::{ANSWER, HANDSHAKE, Host, Raw};

#[tokio::test]
#[requirement("R-UDS.21", "R-UDS.24")]
async fn nonsense_instead_of_a_handshake() {
    let cases: [(&[u8], &str); 3] = [
        (b"GET / HTTP/1.1\r\n\r\n", "the frame does not begin with _USP"),
        (b"_USP\0\0\0\x06\x01\0\0\0\x01x", "not an endpoint id"),
        (b"_USP\x7f\xff\xff\xff", "the frame is longer than 66560 bytes"),
    ];
    let mut host = Host::start();
    for (sent, why) in cases {
        let mut raw = Raw::connect(&host.path()).await;
        raw.send(sent).await;
        raw.expect_error(why).await;
    }
    assert!(host.events.nothing_yet(), "there was no link");
}

#[tokio::test]
#[requirement("R-UDS.24")]
async fn nonsense_after_the_handshake() {
    let mut host = Host::start();
    let mut raw = Raw::connect(&host.path()).await;
    raw.send(HANDSHAKE).await;
    raw.expect(ANSWER).await;
    host.events.up().await;
    raw.send(b"_USP\0\0\0\x08\x03\0\0\0\x03abcnonsense").await;
    assert_eq!(host.events.record().await, b"abc");
    assert_eq!(
        host.events.down().await,
        DownReason::Protocol("the frame does not begin with _USP".to_owned())
    );
    raw.expect_error("the frame does not begin with _USP").await;
}

#[tokio::test]
async fn a_stranger_gets_64_kib() {
    let mut host = Host::start();
    let mut raw = Raw::connect(&host.path()).await;
    raw.send(HANDSHAKE).await;
    raw.expect(ANSWER).await;
    host.events.up().await;
    raw.send(b"_USP\x00\x01\x04\x01").await;
    assert_eq!(host.events.down().await, DownReason::TooLong { limit: 66_560 });
}

#[tokio::test]
async fn an_error_frame_ends_the_link() {
    let mut host = Host::start();
    let mut raw = Raw::connect(&host.path()).await;
    raw.send(HANDSHAKE).await;
    raw.expect(ANSWER).await;
    host.events.up().await;
    raw.send(b"_USP\0\0\0\x09\x02\0\0\0\x04oops").await;
    let reason = DownReason::ClosedByPeer { code: 1005, reason: "oops".to_owned() };
    assert_eq!(host.events.down().await, reason);
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_dropped_after_thirty_seconds() {
    let mut host = Host::start();
    let mut raw = Raw::connect(&host.path()).await;
    // Bytes that never make a frame win no time.
    raw.send(b"_USP\0\0").await;
    let began = tokio::time::Instant::now();
    raw.expect_error("no handshake in time").await;
    assert_eq!(began.elapsed().as_secs(), 30);
    assert!(host.events.nothing_yet());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_fills_its_queue_and_is_closed_all_the_same() {
    let mut host = Host::start();
    let mut raw = Raw::connect(&host.path()).await;
    raw.send(HANDSHAKE).await;
    let up = host.events.up().await;
    let record = Bytes::from(vec![0; 256 * 1024]);
    let mut full_in_a_row = 0;
    while full_in_a_row < 100 {
        match up.sender.send(record.clone()) {
            Ok(()) => full_in_a_row = 0,
            Err(SendError::Full) => full_in_a_row += 1,
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
    let began = tokio::time::Instant::now();
    up.sender.close(1000, "");
    assert!(matches!(host.events.down().await, DownReason::ClosedByUs { code: 1000, .. }));
    // The time that a closing link is given, no more.
    assert_eq!(began.elapsed().as_secs(), 5);
}
