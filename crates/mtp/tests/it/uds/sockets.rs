//! Both sides against each other over real sockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mtp::uds::Reconnect;
use mtp::uds::machine::End;
use mtp::{DownReason, Error, PeerAuth, ReturnPath, Role, SendError, Side};
use requirement::requirement;
use tokio::net::UnixListener;

use super::support::{Host, Raw, WithPassword, config, dial};
use crate::support::{AGENT, CONTROLLER, Event, Recorder, id};

#[tokio::test]
#[requirement("R-UDS.2", "R-UDS.3", "R-UDS.4", "R-UDS.22")]
async fn both_sides_name_themselves_and_exchange_records() {
    let mut host = Host::start();
    let (mut events, agent) = dial(&host.dialer()).await;
    let controller = host.events.up().await;
    assert_eq!(agent.eid, Some(id(CONTROLLER)));
    assert_eq!(controller.eid, Some(id(AGENT)));
    let uid = rustix::process::getuid().as_raw();
    for (up, side, role) in
        [(&agent, Side::Dialled, Role::Agent), (&controller, Side::Accepted, Role::Controller)]
    {
        assert_eq!((up.side, up.role), (side, role));
        assert_eq!(up.peer, PeerAuth::Local { uid });
        assert_eq!(up.return_path, ReturnPath::Uds(up.link));
        assert_eq!((up.peer_addr, up.peer_name()), (None, "this host".to_owned()));
    }

    agent.sender.send(Bytes::from_static(b"request")).unwrap();
    let Event::Record(inbound) = host.events.next().await else { panic!("expected a Record") };
    assert_eq!((inbound.link, &inbound.record[..]), (controller.link, &b"request"[..]));
    assert_eq!(inbound.peer, PeerAuth::Local { uid });
    controller.sender.send_to(&inbound.return_path, Bytes::from_static(b"answer")).unwrap();
    assert_eq!(events.record().await, b"answer");
    let elsewhere = controller.sender.send_to(&agent.return_path, Bytes::from_static(b"lost"));
    assert_eq!(elsewhere, Err(SendError::NoWay));

    // In order, and as long as may be once the peer is known.
    controller.sender.authorise();
    for length in [0, 1, 65_536, 8 * 1024 * 1024] {
        agent.sender.send(Bytes::from(vec![7; length])).unwrap();
        assert_eq!(host.events.record().await.len(), length);
    }
}

#[tokio::test]
async fn each_side_may_close() {
    let mut host = Host::start();
    let (mut events, agent) = dial(&host.dialer()).await;
    let controller = host.events.up().await;
    agent.sender.send(Bytes::from_static(b"last words")).unwrap();
    agent.sender.close(1000, "done");
    assert_eq!(agent.sender.send(Bytes::new()), Err(SendError::Closed));
    assert_eq!(host.events.record().await, b"last words");
    assert_eq!(host.events.down().await, DownReason::ClosedByPeer { code: 1005, reason: String::new() });
    assert_eq!(events.down().await, DownReason::ClosedByUs { code: 1000, reason: "done".into() });
    assert!(controller.sender.is_closed());

    // A reason that is an error is told.
    let (mut events, _agent) = dial(&host.dialer()).await;
    host.events.up().await.sender.close(1008, "you again");
    assert_eq!(events.down().await, DownReason::ClosedByPeer { code: 1005, reason: "you again".to_owned() });
}

#[tokio::test]
#[requirement("R-UDS.23", "R-UDS.25")]
async fn a_record_that_cannot_be_decoded_ends_the_link_with_an_error() {
    let mut host = Host::start();
    let (mut events, agent) = dial(&host.dialer()).await;
    host.events.up().await;
    agent.sender.send(Bytes::from_static(b"garbage")).unwrap();
    assert_eq!(host.events.record().await, b"garbage");
    let reason = "the Record can't be decoded";
    assert_eq!(host.events.down().await, DownReason::ClosedByUs { code: 1003, reason: reason.into() });
    assert_eq!(events.down().await, DownReason::ClosedByPeer { code: 1005, reason: reason.to_owned() });
}

#[tokio::test]
async fn a_password_may_be_asked_for() {
    let mut host = Host::with(config(), WithPassword(b"open sesame"));
    let mut dialer = host.dialer();
    for (password, answer) in [(None, "a password is needed"), (Some(&b"please"[..]), "wrong password")] {
        dialer.password = password.map(Bytes::from_static);
        match dialer.connect().await {
            Err(Error::Uds(End::PeerError(told))) => assert_eq!(told, answer),
            other => panic!("{other:?}"),
        }
    }
    dialer.password = Some(Bytes::from(vec![b'x'; 257]));
    assert!(matches!(dialer.connect().await, Err(Error::Handshake(_))));
    dialer.password = Some(Bytes::from_static(b"open sesame"));
    assert!(!format!("{dialer:?}").contains("sesame"));
    dial(&dialer).await;
    assert_eq!(host.events.up().await.eid, Some(id(AGENT)));
}

#[tokio::test]
async fn a_client_wants_the_one_it_knows() {
    let host = Host::start();
    let mut dialer = host.dialer();
    dialer.expected = Some(id("self::other"));
    match dialer.connect().await {
        Err(Error::WrongEndpoint { expected, found }) => {
            assert_eq!((expected, found), (id("self::other"), id(CONTROLLER)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
#[requirement("R-UDS.18")]
async fn a_client_gives_up_after_thirty_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usp");
    let listener = UnixListener::bind(&path).unwrap();
    let dialer = mtp::uds::Dialer::new(&path, id(AGENT), Role::Agent);
    let began = tokio::time::Instant::now();
    let dialling = tokio::spawn(async move { dialer.connect().await.map(drop) });
    let mut raw = Raw(listener.accept().await.unwrap().0);
    raw.expect(super::support::HANDSHAKE).await;
    assert!(matches!(dialling.await.unwrap(), Err(Error::Uds(End::TimedOut))));
    assert_eq!(began.elapsed().as_secs(), 30);
    raw.expect_error("no handshake in time").await;
}

#[tokio::test]
async fn nobody_there() {
    let mut host = Host::start();
    let dialer = host.dialer();
    host.stop().await;
    assert!(matches!(dialer.connect().await, Err(Error::Io(_))));
}

#[tokio::test]
async fn a_slow_handler_holds_its_peer_back_and_not_what_leaves() {
    let (handler, events) = Recorder::new();
    let gate = handler.gate.clone();
    let mut host = Host::with_handler(config(), mtp::uds::AdmitLocal, handler, events);
    let (mut agent_events, agent) = dial(&host.dialer()).await;
    let controller = host.events.up().await;
    agent.sender.send(Bytes::from_static(b"hold")).unwrap();
    agent.sender.send(Bytes::from_static(b"next")).unwrap();
    assert_eq!(host.events.record().await, b"hold");
    controller.sender.send(Bytes::from_static(b"meanwhile")).unwrap();
    assert_eq!(agent_events.record().await, b"meanwhile");
    assert!(host.events.nothing_yet());
    // Nor is it dropped half-way by a close.
    controller.sender.close(1000, "");
    tokio::task::yield_now().await;
    assert!(host.events.nothing_yet());
    gate.add_permits(1);
    assert!(matches!(host.events.next().await, Event::Held));
    assert!(matches!(host.events.down().await, DownReason::ClosedByUs { code: 1000, .. }));
}

#[tokio::test]
async fn a_panic_ends_one_link() {
    let mut host = Host::start();
    let (mut first, agent) = dial(&host.dialer()).await;
    host.events.up().await;
    agent.sender.send(Bytes::from_static(b"panic")).unwrap();
    assert_eq!(host.events.down().await, DownReason::Panicked);
    assert!(matches!(first.down().await, DownReason::ClosedByPeer { .. } | DownReason::Lost(_)));
    dial(&host.dialer()).await;
    host.events.up().await;
}

#[tokio::test]
async fn an_open_link_is_alive() {
    let mut host = Host::start();
    let (mut events, agent) = dial(&host.dialer()).await;
    host.events.up().await;
    assert!(agent.sender.answers_ping(Duration::from_secs(10)).await);
    host.stop().await;
    events.down().await;
    assert!(!agent.sender.answers_ping(Duration::from_secs(10)).await);
}

#[test]
fn a_client_comes_back_within_one_to_five_seconds() {
    let mut seen = [false; 4];
    for client in 0..50_u8 {
        let mut waits = Reconnect::new([client; 32]);
        for _ in 0..20 {
            let wait = waits.next_wait().as_secs_f64();
            assert!((1.0..5.0).contains(&wait), "{wait}");
            seen[wait as usize - 1] = true;
        }
    }
    assert_eq!(seen, [true; 4]);
    let first = |seed| Reconnect::new([seed; 32]).next_wait();
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

#[tokio::test]
async fn aborting_a_link_is_told() {
    let mut host = Host::start();
    let (handler, mut events) = Recorder::new();
    let link = host.dialer().connect().await.unwrap();
    let handler: Arc<Recorder> = handler;
    let task = tokio::spawn(async move { link.run(&*handler).await });
    events.up().await;
    host.events.up().await;
    task.abort();
    assert_eq!(events.down().await, DownReason::Aborted);
    assert!(matches!(host.events.down().await, DownReason::ClosedByPeer { .. }));
}
