//! The shared keep-alive on virtual time.

use std::sync::Arc;
use std::time::Duration;

use mtp::ws::KeepAlive;
use mtp::{AdmitAll, DownReason};
use requirement::requirement;
use tokio::time::Instant;

use crate::raw::{Raw, frame};
use crate::support::{Server, config, dial};

#[tokio::test(start_paused = true)]
#[requirement("R-WS.13", "R-WS.18")]
async fn a_peer_that_does_not_answer_two_pings_is_dead() {
    let mut listening = config();
    listening.keep_alive = Duration::from_secs(30);
    let mut server = Server::with(None, listening, Arc::new(AdmitAll)).await;
    let mut raw = Raw::upgraded(server.addr).await;
    server.events.up().await;
    let began = Instant::now();
    assert_eq!(server.events.down_within(Duration::from_secs(300)).await, DownReason::Dead);
    // Two pings, and the third turn that gives up: between two and three intervals after the start.
    let lasted = began.elapsed().as_secs();
    assert!((59..=91).contains(&lasted), "{lasted}");
    assert_eq!(raw.rest().await, b"\x89\x00\x89\x00");
}

#[tokio::test(start_paused = true)]
#[requirement("R-WS.13")]
async fn any_sign_of_life_counts() {
    let mut listening = config();
    listening.keep_alive = Duration::from_secs(30);
    let mut server = Server::with(None, listening, Arc::new(AdmitAll)).await;
    let mut raw = Raw::upgraded(server.addr).await;
    let up = server.events.up().await;
    for round in 0..10 {
        assert_eq!(&raw.take_within::<2>(Duration::from_secs(60)).await, b"\x89\x00", "{round}");
        // A pong every other time, and a Record in between.
        if round % 2 == 0 {
            raw.send(&frame(0x8a, b"")).await;
        } else {
            raw.send(&frame(0x82, b"alive")).await;
            assert_eq!(server.events.record().await, b"alive");
        }
    }
    assert!(!up.sender.is_closed());
}

#[tokio::test(start_paused = true)]
#[requirement("R-WS.17", "R-WS.18")]
async fn a_dialler_pings_too() {
    let mut server = Server::start(None).await;
    let mut dialer = server.dialer(false);
    dialer.keep_alive = Some(KeepAlive::start(Duration::from_secs(20)));
    let (mut events, _agent) = dial(&dialer).await;
    server.events.up().await;
    // Twenty intervals: both ends answer each other, so that nobody is given up.
    assert!(events.quiet_for(Duration::from_secs(400)).await);
}
