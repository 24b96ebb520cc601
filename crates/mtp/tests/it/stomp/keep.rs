//! A connection that is kept: what ends it, and how long it is to the next attempt.

use std::time::Duration;

use mtp::DownReason;
use mtp::stomp::{Lost, Retry, Schedule};
use requirement::requirement;
use tokio::sync::{mpsc, oneshot};

use super::script::{CONNECTED, DISCONNECT, LEFT, STOMP, SUBSCRIBE, SUBSCRIBED, Script};
use crate::support::Recorder;

/// With this seed the second and the third wait are longer than the range of the one before allows, and the fourth
/// is only as short as it must be if the count begins anew.
const SEED: [u8; 32] = [10; 32];

#[tokio::test]
#[requirement("R-STOMP.7", "R-STOMP.16", "R-STOMP.25")]
async fn whatever_ends_it_it_is_made_anew_as_the_schedule_says() {
    let script = Script::listen().await;
    let mut client = script.client();
    client.config.destination = None;
    let (handler, mut events) = Recorder::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let keeping = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        let lost = |lost: Lost<'_>, wait: Duration| {
            let why = match lost {
                Lost::NotConnected(error) => error.to_string(),
                Lost::Down(reason) => reason.to_string(),
            };
            tell.send((why, wait.as_secs())).unwrap();
        };
        client.keep(&*handler, Retry::new(Schedule::default(), SEED), stopped, lost).await;
    });

    let refusal = "ERROR\nmessage:not allowed\n\n\0";
    let assigned = "CONNECTED\nversion:1.2\nsubscribe-dest:/queue/own\n\n\0";
    let attempts = [
        (&[refusal][..], "STOMP: the server refuses us: not allowed"),
        (&[CONNECTED], "STOMP: there is no destination to subscribe to"),
        (&[assigned, refusal], "STOMP: the server reports an error: not allowed"),
        (&[assigned, SUBSCRIBED, refusal], "closed by the peer: 1005 not allowed"),
        (&[assigned, SUBSCRIBED], "connection lost: unexpected end of file"),
    ];
    let mut waits = Vec::new();
    for (answers, why) in attempts {
        let mut peer = script.accept_late().await;
        peer.hears(STOMP).await;
        for answer in answers {
            peer.say(answer).await;
            if *answer == assigned {
                peer.hears(SUBSCRIBE).await;
            }
            if *answer == SUBSCRIBED {
                events.up().await;
            }
        }
        drop(peer);
        let (said, wait) = told.recv().await.unwrap();
        assert_eq!(said, why);
        if answers.contains(&SUBSCRIBED) {
            events.down().await;
        }
        waits.push(wait);
    }
    // Up to one minute, two and four; and again up to one, since a connection stood.
    let ranges = [0..=60, 60..=120, 120..=240, 0..=60, 0..=60];
    assert!(waits.iter().zip(ranges).all(|(wait, range)| range.contains(wait)), "{waits:?}");

    let mut peer = script.accept_late().await;
    peer.hears(STOMP).await;
    peer.say(assigned).await;
    peer.hears(SUBSCRIBE).await;
    peer.say(SUBSCRIBED).await;
    events.up().await;
    drop(stop);
    peer.hears(DISCONNECT).await;
    peer.say(LEFT).await;
    let gone = DownReason::ClosedByUs { code: 1001, reason: "not wanted any more".into() };
    assert_eq!(events.down().await, gone);
    keeping.await.unwrap();
}
