//! Slow handlers, slow servers, and heart-beats meanwhile. Where time matters the clock is virtual: it runs to the next
//! deadline whenever nothing else is left to do.

use std::time::Duration;

use bytes::Bytes;
use mtp::stomp::Client;
use mtp::{DownReason, ReturnPath, SendError};
use requirement::requirement;

use super::script::{CONNECTED, DISCONNECT, Script, Up, message, send};
use crate::support::Event;

/// The server beats every two seconds and wants to hear us every second.
const BEATING: &str = "CONNECTED\nversion:1.2\nheart-beat:2000,1000\n\n\0";

fn beating(script: &Script) -> Client {
    let mut client = script.client();
    client.config.heart_beat = Some((1000, 2000));
    client
}

#[tokio::test]
#[requirement("R-STOMP.11")]
async fn we_beat_and_a_server_that_does_not_is_dead() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, .. } = script.up(beating(&script), BEATING).await;
    events.up().await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    assert_eq!(events.down().await, DownReason::Dead);
    // Three beats of the server's, less what had passed before the clock was stopped.
    assert!(began.elapsed().as_secs() <= 6, "{:?}", began.elapsed());
    // One of ours each 750 ms of the 6 seconds, and nothing else.
    let beats = peer.rest().await;
    assert!((7..=8).contains(&beats.len()) && beats.trim().is_empty(), "{beats:?}");
}

#[tokio::test]
async fn a_ping_is_answered_by_the_beats_of_the_server() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, .. } = script.up(beating(&script), BEATING).await;
    let up = events.up().await;
    let asking = tokio::spawn(async move { up.sender.answers_ping(Duration::from_secs(60)).await });
    peer.hears("\n").await;
    assert!(!asking.is_finished());
    peer.say("\n").await;
    assert!(asking.await.unwrap());

    // Without beats nothing can be known but that the connection stands.
    let Up { peer: _peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    assert!(events.up().await.sender.answers_ping(Duration::from_secs(60)).await);
}

#[tokio::test]
#[requirement("R-STOMP.11")]
async fn while_the_handler_is_slow_we_beat_and_send_and_do_not_read() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, gate, .. } = script.up(beating(&script), BEATING).await;
    let up = events.up().await;
    let them = ReturnPath::Stomp { link: up.link, destination: "/queue/them".into() };
    peer.say(&message("hold")).await;
    peer.say(&message("next")).await;
    assert_eq!(events.record().await, b"hold");
    up.sender.send_to(&them, Bytes::from_static(b"meanwhile")).unwrap();
    peer.hears(&send("meanwhile")).await;

    // A server that is not read can write only so much.
    let filler = message(&"x".repeat(60_000));
    let (mut written, mut full_in_a_row) = (0, 0);
    while full_in_a_row < 100 {
        match peer.0.try_write(filler.as_bytes()) {
            Ok(count) => (written, full_in_a_row) = (written + count, 0),
            Err(_) => full_in_a_row += 1,
        }
        assert!(written < 100_000_000, "somebody reads");
        tokio::task::yield_now().await;
    }

    // Far longer than the server may be silent.
    tokio::time::pause();
    for _ in 0..20 {
        peer.hears("\n").await;
    }
    tokio::time::resume();
    gate.add_permits(1);
    assert!(matches!(events.next().await, Event::Held));
    assert_eq!(events.record().await, b"next");
    // What it wrote is read, and from then on its silence counts again.
    tokio::time::pause();
    let reason = loop {
        match events.next().await {
            Event::Down(reason) => break reason,
            Event::Record(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason, DownReason::Dead);
}

#[tokio::test]
async fn a_handler_is_never_dropped_half_way() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, gate, .. } = script.up(script.client(), CONNECTED).await;
    let up = events.up().await;
    peer.say(&message("hold")).await;
    assert_eq!(events.record().await, b"hold");
    up.sender.close(1000, "");
    tokio::task::yield_now().await;
    assert!(events.nothing_yet());
    gate.add_permits(1);
    assert!(matches!(events.next().await, Event::Held));
    peer.hears(DISCONNECT).await;
}

#[tokio::test]
async fn a_server_that_never_confirms_is_left_all_the_same() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    events.up().await.sender.close(1001, "");
    peer.hears(DISCONNECT).await;
    assert!(events.nothing_yet());
    tokio::time::pause();
    assert_eq!(events.down().await, DownReason::ClosedByUs { code: 1001, reason: "".into() });
}

#[tokio::test]
async fn a_server_that_does_not_read_fills_the_queue_and_is_left_all_the_same() {
    let script = Script::listen().await;
    let Up { peer: _peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    let up = events.up().await;
    let them = ReturnPath::Stomp { link: up.link, destination: "/queue/them".into() };
    let record = Bytes::from(vec![0; 256 * 1024]);
    let mut full_in_a_row = 0;
    while full_in_a_row < 100 {
        match up.sender.send_to(&them, record.clone()) {
            Ok(()) => full_in_a_row = 0,
            Err(SendError::Full) => full_in_a_row += 1,
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    up.sender.close(1000, "");
    assert!(matches!(events.down().await, DownReason::ClosedByUs { code: 1000, .. }));
    // The time that a closing link is given, no more.
    assert_eq!(began.elapsed().as_secs(), 5);
}

/// The server never stops talking, so that there is always something to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[requirement("R-STOMP.11")]
async fn a_server_that_never_stops_talking_hears_us_beat() {
    let script = Script::listen().await;
    let mut client = beating(&script);
    client.config.heart_beat = Some((100, 0));
    let Up { peer, mut events, .. } =
        script.up(client, "CONNECTED\nversion:1.2\nheart-beat:0,100\n\n\0").await;
    events.up().await;
    let (mut read, mut write) = peer.0.into_split();
    let talking = tokio::spawn(async move {
        let nothing = "MESSAGE\n\n\0".repeat(1000);
        while tokio::io::AsyncWriteExt::write_all(&mut write, nothing.as_bytes()).await.is_ok() {}
    });
    let mut beats = [0; 3];
    let hearing = tokio::io::AsyncReadExt::read_exact(&mut read, &mut beats);
    tokio::time::timeout(crate::support::PATIENCE, hearing).await.expect("in time").unwrap();
    assert_eq!(beats, *b"\n\n\n");
    talking.abort();
}
