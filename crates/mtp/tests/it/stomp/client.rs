//! The client against a server made of literal frames: every rule on a socket.

use std::io::ErrorKind;

use bytes::Bytes;
use mtp::stomp::Config;
use mtp::stomp::machine::End;
use mtp::{DownReason, Error, PeerAuth, ReturnPath, Role, SendError, Side};
use requirement::requirement;

use super::script::{CONNECTED, DISCONNECT, LEFT, STOMP, SUBSCRIBE, SUBSCRIBED, Script, Up, message, send};
use crate::support::{AGENT, CONTROLLER, Event, Recorder, id};

#[tokio::test]
#[requirement(
    "R-STOMP.2",
    "R-STOMP.12",
    "R-STOMP.18",
    "R-STOMP.23",
    "R-STOMP.26",
    "R-STOMP.27",
    "R-STOMP.28"
)]
async fn a_session_frame_by_frame() {
    let script = Script::listen().await;
    let (handler, mut events) = Recorder::new();
    let (mut peer, connecting) = script.connecting(script.client()).await;
    peer.hears(STOMP).await;
    peer.say(CONNECTED).await;
    peer.hears(SUBSCRIBE).await;
    assert!(!connecting.is_finished(), "the subscription is not confirmed");
    // A message may come first; it waits until somebody handles it.
    peer.say(&message("early")).await;
    peer.say(SUBSCRIBED).await;
    let session = connecting.await.unwrap().unwrap();
    assert_eq!((session.own_destination(), session.assigned_destination()), ("/queue/own", None));
    assert_eq!(*session.server(), PeerAuth::Unproven);
    let running = tokio::spawn(async move { session.run(&*handler).await });

    let up = events.up().await;
    let path = |destination: &str| ReturnPath::Stomp { link: up.link, destination: destination.into() };
    assert_eq!((&up.return_path, up.side, up.role), (&path("/queue/own"), Side::Dialled, Role::Agent));
    assert_eq!((up.eid, up.peer), (None, PeerAuth::Unproven));
    let Event::Record(inbound) = events.next().await else { panic!("a Record was sent") };
    assert_eq!((&inbound.record[..], &inbound.peer), (&b"early"[..], &PeerAuth::Unproven));
    assert_eq!(inbound.return_path, path("/queue/them"));
    up.sender.send_to(&inbound.return_path, Bytes::from_static(b"answer")).unwrap();
    peer.hears(&send("answer")).await;

    assert_eq!(up.sender.send(Bytes::from_static(b"to whom?")), Err(SendError::NoWay));
    up.sender.send_to(&path("/queue/a\0b"), Bytes::from_static(b"x")).unwrap();
    for last in ["first", "second"] {
        up.sender.send_to(&inbound.return_path, Bytes::from_static(last.as_bytes())).unwrap();
    }
    up.sender.close(1000, "done");
    peer.hears(&send("first")).await;
    peer.hears(&send("second")).await;
    peer.hears(DISCONNECT).await;
    peer.say(&message("too late")).await;
    peer.say(LEFT).await;
    peer.hears_the_end().await;
    let done = DownReason::ClosedByUs { code: 1000, reason: "done".into() };
    assert_eq!((events.down().await, running.await.unwrap()), (done.clone(), done));
    assert_eq!(up.sender.send_to(&inbound.return_path, Bytes::new()), Err(SendError::Closed));
}

#[tokio::test]
#[requirement("R-STOMP.3", "R-STOMP.4", "R-STOMP.5")]
async fn a_controller_presents_itself() {
    let script = Script::listen().await;
    let mut client = script.client();
    client.role = Role::Controller;
    client.config = Config {
        host: Some("usp".to_owned()),
        login: Some(("me".to_owned(), "secret".to_owned())),
        heart_beat: Some((10_000, 0)),
        ..Config::new(id(CONTROLLER))
    };
    let (mut peer, connecting) = script.connecting(client).await;
    let presents = "STOMP\naccept-version:1.2\nhost:usp\nlogin:me\npasscode:secret\n\
                    endpoint-id:self\\c\\ccontroller-1\nheart-beat:10000,0\n\n\0";
    peer.hears(presents).await;
    peer.say("CONNECTED\nversion:1.2\nsubscribe-dest:/queue/theirs\n\n\0").await;
    peer.hears("SUBSCRIBE\nid:0\ndestination:/queue/theirs\nack:auto\nreceipt:subscribed\n\n\0").await;
    peer.say(SUBSCRIBED).await;
    let session = connecting.await.unwrap().unwrap();
    assert_eq!(
        (session.own_destination(), session.assigned_destination()),
        ("/queue/theirs", Some("/queue/theirs"))
    );
    let (handler, mut events) = Recorder::new();
    tokio::spawn(async move { session.run(&*handler).await });
    assert_eq!(events.up().await.role, Role::Controller);
}

/// What a server says to the first frame, or to the second; and what connecting ends with.
async fn check_refusal(to_stomp: &str, to_subscribe: Option<&str>, expected: End) {
    let script = Script::listen().await;
    let (mut peer, connecting) = script.connecting(script.client()).await;
    peer.skip_frame().await;
    peer.say(to_stomp).await;
    if let Some(answer) = to_subscribe {
        peer.skip_frame().await;
        peer.say(answer).await;
    }
    peer.hears_the_end().await;
    match connecting.await.unwrap() {
        Err(Error::Stomp(end)) => assert_eq!(end, expected),
        other => panic!("{to_stomp:?}: {other:?}"),
    }
}

#[tokio::test]
async fn servers_that_refuse_say_why() {
    let refused = || End::Refused("Bad CONNECT: Access refused for user 'me'".to_owned());
    let error = "ERROR\nmessage:Bad CONNECT\n\nAccess refused for user 'me'\n\0";
    check_refusal(error, None, refused()).await;
    let later = End::ServerError("Bad CONNECT: Access refused for user 'me'".to_owned());
    check_refusal(CONNECTED, Some(error), later).await;
    check_refusal("CONNECTED\nversion:1.1\n\n\0", None, End::Version).await;
    check_refusal("RECEIPT\n\n\0", None, End::Unexpected).await;
    let text = Error::Stomp(refused()).to_string();
    assert_eq!(text, "STOMP: the server refuses us: Bad CONNECT: Access refused for user 'me'");
}

#[tokio::test]
async fn without_a_destination_it_says_good_bye() {
    let script = Script::listen().await;
    let mut client = script.client();
    client.config.destination = None;
    let (mut peer, connecting) = script.connecting(client).await;
    peer.hears(STOMP).await;
    peer.say(CONNECTED).await;
    peer.hears("DISCONNECT\n\n\0").await;
    peer.hears_the_end().await;
    assert!(matches!(connecting.await.unwrap(), Err(Error::Stomp(End::NoDestination))));
}

#[tokio::test]
async fn what_can_not_be_sent_is_not_tried() {
    let script = Script::listen().await;
    let mut client = script.client();
    client.config.login = Some(("me\ndestination:x".to_owned(), String::new()));
    assert!(matches!(client.connect().await, Err(Error::Stomp(End::Unsound))));
    client.config = Config::new(id(AGENT));
    client.server.secure = true;
    assert!(matches!(client.connect().await, Err(Error::NoTls)));
}

/// Servers that stop half-way: the clock stands still until they do, and then runs to the next deadline.
#[tokio::test]
async fn a_silent_server_is_given_up() {
    for (answer, expected) in [(None, End::TimedOut), (Some(CONNECTED), End::NotSubscribed)] {
        let script = Script::listen().await;
        let (mut peer, connecting) = script.connecting(script.client()).await;
        peer.hears(STOMP).await;
        if let Some(answer) = answer {
            peer.say(answer).await;
            peer.hears(SUBSCRIBE).await;
        }
        tokio::time::pause();
        let connected = connecting.await.unwrap();
        tokio::time::resume();
        assert!(matches!(&connected, Err(Error::Stomp(end)) if *end == expected), "{connected:?}");
        peer.hears_the_end().await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_noticed() {
    let script = Script::listen().await;
    let (mut peer, connecting) = script.connecting(script.client()).await;
    peer.hears(STOMP).await;
    drop(peer);
    assert!(matches!(connecting.await.unwrap(), Err(Error::Io(e)) if e.kind() == ErrorKind::UnexpectedEof));

    let Up { peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    let up = events.up().await;
    drop(peer);
    assert_eq!(events.down().await, DownReason::Lost(ErrorKind::UnexpectedEof));
    assert!(up.sender.is_closed());
}

#[tokio::test]
async fn an_error_ends_the_link_with_its_words() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    events.up().await;
    peer.say("ERROR\nmessage:not allowed\n\n\0").await;
    let reason = events.down().await;
    assert_eq!(reason, DownReason::ClosedByPeer { code: 1005, reason: "not allowed".to_owned() });
    peer.hears_the_end().await;

    let Up { mut peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    events.up().await;
    peer.say("NONSENSE\n\n\0").await;
    assert_eq!(events.down().await, DownReason::Protocol("an unknown command".to_owned()));
}

#[tokio::test]
#[requirement("R-STOMP.30")]
async fn messages_of_no_use_harm_nobody() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    events.up().await;
    peer.say("MESSAGE\ncontent-type:text/plain\n\nno Record\0RECEIPT\nreceipt-id:9\n\n\0\n\r\n").await;
    let long = "x".repeat(100_000);
    peer.say(&format!("MESSAGE\nlong:{long}\n\n{long}\0")).await;
    peer.say(&message("garbage")).await;
    peer.say(&message("next")).await;
    assert_eq!(events.record().await, b"garbage");
    assert_eq!(events.record().await, b"next");
}

#[tokio::test]
async fn a_panic_in_the_handler_ends_the_link() {
    let script = Script::listen().await;
    let Up { mut peer, mut events, .. } = script.up(script.client(), CONNECTED).await;
    events.up().await;
    peer.say(&message("panic")).await;
    assert_eq!(events.down().await, DownReason::Panicked);
    peer.hears_the_end().await;
}
