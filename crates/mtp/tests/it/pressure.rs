//! Slow handlers and slow peers: who waits for whom, and what that may cost.

use std::sync::Arc;

use bytes::Bytes;
use mtp::{AdmitAll, DownReason, SendError};

use crate::raw::Raw;
use crate::support::{Event, Recorder, Server, config, dial};

#[tokio::test]
async fn a_slow_handler_holds_its_peer_back_and_not_what_leaves() {
    let (handler, events) = Recorder::new();
    let gate = handler.gate.clone();
    let mut server = Server::with_handler(None, config(), Arc::new(AdmitAll), handler, events).await;
    let (mut agent_events, agent) = dial(&server.dialer(false)).await;
    let controller = server.events.up().await;
    agent.sender.send(Bytes::from_static(b"hold")).unwrap();
    agent.sender.send(Bytes::from_static(b"next")).unwrap();
    assert_eq!(server.events.record().await, b"hold");

    controller.sender.send(Bytes::from_static(b"meanwhile")).unwrap();
    assert_eq!(agent_events.record().await, b"meanwhile");
    assert!(server.events.nothing_yet());

    gate.add_permits(1);
    assert!(matches!(server.events.next().await, Event::Held));
    assert_eq!(server.events.record().await, b"next");
}

#[tokio::test]
async fn a_handler_is_never_dropped_half_way() {
    let (handler, events) = Recorder::new();
    let gate = handler.gate.clone();
    let mut server = Server::with_handler(None, config(), Arc::new(AdmitAll), handler, events).await;
    let (_agent_events, agent) = dial(&server.dialer(false)).await;
    let controller = server.events.up().await;
    agent.sender.send(Bytes::from_static(b"hold")).unwrap();
    assert_eq!(server.events.record().await, b"hold");
    controller.sender.close(1000, "");
    tokio::task::yield_now().await;
    assert!(server.events.nothing_yet());
    gate.add_permits(1);
    assert!(matches!(server.events.next().await, Event::Held));
    assert!(matches!(server.events.down().await, DownReason::ClosedByUs { code: 1000, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_fills_its_queue_and_is_closed_all_the_same() {
    let mut server = Server::start(None).await;
    let _raw = Raw::upgraded(server.addr).await;
    let up = server.events.up().await;
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
    assert!(matches!(server.events.down().await, DownReason::ClosedByUs { code: 1000, .. }));
    // The time that a closing link is given, no more.
    assert_eq!(began.elapsed().as_secs(), 5);
}
