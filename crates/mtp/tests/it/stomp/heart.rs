//! Heart-beats: what was agreed, and what a pause in reading means for them.

use mtp::stomp::Config;
use mtp::stomp::machine::{End, Event, Machine};
use requirement::requirement;

use super::machine::{NOW, config, events, ms, out, send, stands, subscribed};

/// Our wishes and the server's; when we beat, and when the server counts as dead, after the last of either.
fn check_heart(ours: Option<(u32, u32)>, theirs: &str, beat: Option<u64>, dead: Option<u64>) {
    let answer = format!("CONNECTED\nversion:1.2\n{theirs}\n\0");
    let (mut machine, ..) = subscribed(Config { heart_beat: ours, ..config() }, &answer);
    let first = [beat, dead].into_iter().flatten().min();
    assert_eq!(machine.timeout(), first.map(ms), "{ours:?} {theirs}");
    if let Some(beat) = beat {
        machine.receive(ms(beat - 1), b"\n");
        machine.expired(ms(beat - 1));
        assert_eq!(out(&mut machine), "");
        machine.expired(ms(beat));
        assert_eq!(out(&mut machine), "\n");
        send(&mut machine, ms(beat + 100), "/queue/c", b"");
        out(&mut machine);
        machine.receive(ms(beat + 100), b"\n");
        let next = [Some(beat), dead].into_iter().flatten().min();
        assert_eq!(machine.timeout(), next.map(|after| ms(beat + 100 + after)));
    }
    if let Some(dead) = dead {
        let (mut machine, ..) = subscribed(Config { heart_beat: ours, ..config() }, &answer);
        assert_eq!(events(&mut machine, ms(500), "\r\n"), []);
        machine.expired(ms(dead + 499));
        assert_eq!(machine.poll(ms(dead + 499)), None);
        machine.expired(ms(dead + 500));
        assert_eq!(machine.poll(ms(dead + 500)), Some(Event::End(End::Dead)));
    }
}

#[test]
#[requirement("R-STOMP.9", "R-STOMP.11")]
fn heart_beats_follow_both_wishes() {
    check_heart(None, "", None, None);
    check_heart(None, "heart-beat:1000,1000\n", None, None);
    check_heart(Some((1000, 2000)), "", None, None);
    check_heart(Some((1000, 2000)), "heart-beat:0,0\n", None, None);
    check_heart(Some((1000, 2000)), "heart-beat:nonsense\n", None, None);
    // The slower of two counts: we beat a quarter early, and bear with two beats of the server's missing.
    check_heart(Some((1000, 2000)), "heart-beat:500,4000\n", Some(3000), Some(6000));
    check_heart(Some((4000, 500)), "heart-beat:8000,1000\n", Some(3000), Some(24_000));
    check_heart(Some((1000, 0)), "heart-beat:500,500\n", Some(750), None);
    check_heart(Some((0, 1000)), "heart-beat:500,500\n", None, Some(3000));
}

/// A connection with beats of ours each second and of the server's each two seconds.
fn beating() -> Machine {
    let config = Config { heart_beat: Some((1000, 2000)), ..config() };
    subscribed(config, "CONNECTED\nversion:1.2\nheart-beat:2000,1000\n\n\0").0
}

#[test]
#[requirement("R-STOMP.11")]
fn while_nothing_is_read_we_beat_and_blame_nobody() {
    let mut machine = beating();
    machine.pause();
    for at in [750, 1500, 60_000] {
        assert_eq!(machine.timeout(), Some(ms(at.min(2250))));
        machine.expired(ms(at));
        assert_eq!((out(&mut machine), machine.poll(ms(at))), ("\n".to_owned(), None));
    }
    machine.resume(ms(60_500));
    assert_eq!(machine.timeout(), Some(ms(60_750)));
    machine.expired(ms(66_499));
    assert_eq!(machine.poll(ms(66_499)), None);
    machine.expired(ms(66_500));
    assert_eq!(machine.poll(ms(66_500)), Some(Event::End(End::Dead)));
}

#[test]
fn beats_do_not_pile_up() {
    let mut machine = beating();
    for at in [750, 1500, 2250] {
        machine.beat(ms(at));
    }
    assert_eq!(out(&mut machine), "\n");
    machine.beat(ms(2999));
    assert_eq!(out(&mut machine), "");
    // A server that beats will show that it lives; one that does not, can't.
    assert!(machine.ping(ms(2999)));
    assert_eq!(out(&mut machine), "\n");
    assert!(!stands().ping(NOW));
}
