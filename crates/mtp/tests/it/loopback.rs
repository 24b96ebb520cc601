//! Both sides of this crate against each other over plain loopback sockets.

use bytes::Bytes;
use mtp::ws::{ListenConfig, close_code};
use mtp::{AdmitAll, DownReason, PeerAuth, Role, SendError, Side};
use requirement::requirement;

use crate::support::{AGENT, CONTROLLER, Recorder, Server, Strict, config, dial, id};

#[tokio::test]
#[requirement("R-WS.5", "R-WS.7", "R-WS.9", "R-WS.10b", "R-WS.14", "R-WS.15")]
async fn records_go_both_ways() {
    let mut server = Server::start(None).await;
    let (mut agent_events, agent) = dial(&server.dialer(false)).await;
    let controller = server.events.up().await;

    assert_eq!(controller.eid, Some(id(AGENT)));
    assert_eq!(controller.peer, PeerAuth::Unproven);
    assert_eq!((controller.side, controller.role), (Side::Accepted, Role::Controller));
    assert_eq!((agent.side, agent.role), (Side::Dialled, Role::Agent));
    assert_ne!(controller.link, agent.link);

    agent.sender.send(Bytes::from_static(b"up")).unwrap();
    assert_eq!(server.events.record().await, b"up");
    controller.sender.send(Bytes::from_static(b"down")).unwrap();
    assert_eq!(agent_events.record().await, b"down");
}

#[tokio::test]
#[requirement("R-WS.6")]
async fn a_controller_dials_an_agent_that_listens() {
    let listening = ListenConfig::new("/agent", id(AGENT), Role::Agent);
    let mut agent = Server::with(None, listening, std::sync::Arc::new(AdmitAll)).await;
    let mut dialer = agent.dialer(false);
    dialer.url.path = "/agent".into();
    (dialer.eid, dialer.role, dialer.expected) = (id(CONTROLLER), Role::Controller, Some(id(AGENT)));
    let (mut events, controller) = dial(&dialer).await;
    let accepted = agent.events.up().await;
    assert_eq!((accepted.role, accepted.eid), (Role::Agent, Some(id(CONTROLLER))));
    assert_eq!((controller.role, controller.eid), (Role::Controller, Some(id(AGENT))));
    accepted.sender.send(Bytes::from_static(b"hello")).unwrap();
    assert_eq!(events.record().await, b"hello");
}

#[tokio::test]
#[requirement("R-WS.11a")]
async fn an_offered_extension_tells_the_servers_id() {
    let server = Server::start(None).await;
    let mut dialer = server.dialer(false);
    let (_, silent) = dial(&dialer).await;
    assert_eq!(silent.eid, None);
    dialer.offer_extension = true;
    let (_, told) = dial(&dialer).await;
    assert_eq!(told.eid, Some(id(CONTROLLER)));
    dialer.expected = Some(id("self::somebody-else"));
    assert!(matches!(dialer.connect().await, Err(mtp::Error::WrongEndpoint { .. })));
}

#[tokio::test]
#[requirement("R-WS.8")]
async fn either_side_closes_with_code_and_reason() {
    let mut server = Server::start(None).await;
    for by_server in [true, false] {
        let (mut agent_events, agent) = dial(&server.dialer(false)).await;
        let controller = server.events.up().await;
        let sender = if by_server { &controller.sender } else { &agent.sender };
        sender.send(Bytes::from_static(b"last words")).unwrap();
        sender.close(close_code::POLICY, "enough");
        assert_eq!(sender.send(Bytes::new()), Err(SendError::Closed));
        let ours = DownReason::ClosedByUs { code: 1008, reason: "enough".into() };
        let theirs = DownReason::ClosedByPeer { code: 1008, reason: "enough".into() };
        let (closing, closed) = if by_server {
            (&mut server.events, &mut agent_events)
        } else {
            (&mut agent_events, &mut server.events)
        };
        assert_eq!(closed.record().await, b"last words");
        assert_eq!(closed.down().await, theirs);
        assert_eq!(closing.down().await, ours);
    }
}

#[tokio::test]
async fn a_stopped_listener_closes_its_links() {
    let mut server = Server::start(None).await;
    let (mut events, _) = dial(&server.dialer(false)).await;
    server.events.up().await;
    server.stop().await;
    let reason = DownReason::ClosedByPeer { code: 1001, reason: "the server stops".into() };
    assert_eq!(events.down().await, reason);
}

#[tokio::test]
#[requirement("R-WS.16")]
async fn an_undecodable_record_closes_with_1003() {
    let mut server = Server::start(None).await;
    let (mut events, agent) = dial(&server.dialer(false)).await;
    server.events.up().await;
    agent.sender.send(Bytes::from_static(b"garbage")).unwrap();
    assert_eq!(server.events.record().await, b"garbage");
    assert!(matches!(server.events.down().await, DownReason::ClosedByUs { code: 1003, .. }));
    assert!(matches!(events.down().await, DownReason::ClosedByPeer { code: 1003, .. }));
}

#[tokio::test]
async fn a_panic_ends_its_own_link_and_no_other() {
    let mut server = Server::start(None).await;
    let (_first_events, first) = dial(&server.dialer(false)).await;
    let doomed = server.events.up().await;
    let (_second_events, second) = dial(&server.dialer(false)).await;
    server.events.up().await;
    first.sender.send(Bytes::from_static(b"panic")).unwrap();
    assert_eq!(server.events.down().await, DownReason::Panicked);
    assert!(doomed.sender.is_closed());
    second.sender.send(Bytes::from_static(b"still here")).unwrap();
    assert_eq!(server.events.record().await, b"still here");
}

#[tokio::test]
async fn a_message_may_be_long_once_its_peer_is_authorised() {
    let (mut handler, events) = Recorder::new();
    std::sync::Arc::get_mut(&mut handler).unwrap().authorise = true;
    let mut server =
        Server::with_handler(None, config(), std::sync::Arc::new(AdmitAll), handler, events).await;
    let (_events, agent) = dial(&server.dialer(false)).await;
    server.events.up().await;
    agent.sender.send(Bytes::from(vec![7; 8 * 1024 * 1024])).unwrap();
    assert_eq!(server.events.record().await.len(), 8 * 1024 * 1024);
    agent.sender.send(Bytes::from_static(b"small again")).unwrap();
    assert_eq!(server.events.record().await, b"small again");
    assert_eq!(agent.sender.send(Bytes::from(vec![7; 8 * 1024 * 1024 + 1])), Err(SendError::TooLong));
}

#[tokio::test]
async fn a_message_of_a_stranger_may_not_be_long() {
    let mut server = Server::start(None).await;
    let (mut events, agent) = dial(&server.dialer(false)).await;
    server.events.up().await;
    agent.sender.send(Bytes::from(vec![7; 64 * 1024])).unwrap();
    assert_eq!(server.events.record().await.len(), 64 * 1024);
    agent.sender.send(Bytes::from(vec![7; 64 * 1024 + 1])).unwrap();
    assert_eq!(server.events.down().await, DownReason::TooLong { limit: 65536 });
    assert!(matches!(events.down().await, DownReason::ClosedByPeer { code: 1009, .. }));
}

#[tokio::test]
async fn a_full_queue_takes_no_more() {
    let mut server = Server::start(None).await;
    // Connected but not run: nothing leaves the queue.
    let link = server.dialer(false).connect().await.unwrap();
    server.events.up().await;
    let sender = link.sender();
    for _ in 0..256 {
        sender.send(Bytes::from_static(b"x")).unwrap();
    }
    assert_eq!(sender.send(Bytes::from_static(b"x")), Err(SendError::Full));

    let link = server.dialer(false).connect().await.unwrap();
    let sender = link.sender();
    sender.send(Bytes::from(vec![0; 1024 * 1024])).unwrap();
    assert_eq!(sender.send(Bytes::from_static(b"x")), Err(SendError::Full));
}

#[tokio::test]
async fn admission_comes_before_the_upgrade() {
    let mut server = Server::with(None, config(), std::sync::Arc::new(Strict)).await;
    let mut dialer = server.dialer(false);
    dialer.eid = id("os::00256D-0002");
    match dialer.connect().await {
        Err(mtp::Error::Refused { status: 403, .. }) => {}
        other => panic!("{other:?}"),
    }
    dialer.eid = id(AGENT);
    dial(&dialer).await;
    assert_eq!(server.events.up().await.eid, Some(id(AGENT)));
}

#[tokio::test]
async fn a_probe_finds_who_is_alive() {
    let mut server = Server::start(None).await;
    let (_events, agent) = dial(&server.dialer(false)).await;
    let up = server.events.up().await;
    assert!(up.sender.answers_ping(crate::support::PATIENCE).await);
    agent.sender.close(1000, "");
    server.events.down().await;
    assert!(!up.sender.answers_ping(crate::support::PATIENCE).await);
}

#[tokio::test]
async fn the_limit_on_connections_holds() {
    let mut limited = config();
    limited.places = mtp::Places::new(1);
    let mut server = Server::with(None, limited, std::sync::Arc::new(AdmitAll)).await;
    let (_events, first) = dial(&server.dialer(false)).await;
    server.events.up().await;
    match server.dialer(false).connect().await {
        // The refusal races with our request: either it is read, or the socket is gone first.
        Err(mtp::Error::Refused { status: 503, .. } | mtp::Error::Io(_)) => {}
        other => panic!("{other:?}"),
    }
    first.sender.close(1000, "");
    server.events.down().await;
}
