//! Two sessions against each other in virtual time, over a way that loses, repeats, delays, reorders and
//! corrupts Records, while either side restarts: plain, signed, and under TLS.
//!
//! What must hold: each Message arrives once and in order, or its sender is told that it is given up; what
//! is confirmed has arrived; and once nothing bad happens any more, Messages flow again.
//!
//! A world is made of one number: `SESSION_SEED=… cargo nextest run -p usp-endpoint the_session_of_a_seed`
//! runs that of a failure again. Under TLS its random bytes are the system's, and all else is the same.

mod run;

use proptest::prelude::{ProptestConfig, any, proptest};
use requirement::requirement;

use run::{Payload, World};

/// Ways to be wrong, each of which must be noticed.
#[derive(Clone, Copy, Default)]
struct Flaws {
    /// The session never tells what it expects next.
    expects_the_first: bool,
    /// It confirms one Record more than it has.
    confirms_too_much: bool,
    /// It takes segments for Messages.
    ignores_segments: bool,
    /// Its host sends again what is in doubt.
    repeats_what_is_in_doubt: bool,
}

fn run(seed: u64, payload: Payload, flaws: Flaws) -> (Vec<String>, Result<(), String>) {
    let mut world = World::new(seed, payload, flaws);
    let verdict = world.run();
    (world.log, verdict)
}

fn check(seed: u64, payload: Payload) {
    let (log, verdict) = run(seed, payload, Flaws::default());
    if let Err(violation) = verdict {
        let tail = log.len().saturating_sub(80);
        panic!("SESSION_SEED={seed} {payload:?}: {violation}\n{}", log[tail..].join("\n"));
    }
}

#[requirement("R-E2E.16", "R-E2E.20", "R-E2E.25")]
#[test]
fn plain_sessions() {
    (0..150).for_each(|seed| check(seed, Payload::Plain));
}

#[requirement("R-E2E.23")]
#[test]
fn signed_sessions() {
    (0..150).for_each(|seed| check(seed, Payload::Signed));
}

#[requirement("R-E2E.33")]
#[test]
fn sessions_under_tls() {
    (0..40).for_each(|seed| check(seed, Payload::Tls));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]
    #[test]
    fn other_sessions(seed in any::<u64>()) {
        check(seed, Payload::Plain);
        check(seed, Payload::Signed);
    }
}

#[test]
fn the_session_of_a_seed() {
    #[expect(clippy::disallowed_methods, reason = "a developer replays a failing world")]
    let seed = std::env::var("SESSION_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
    [Payload::Plain, Payload::Signed, Payload::Tls].into_iter().for_each(|payload| check(seed, payload));
}

#[test]
fn a_session_is_made_of_its_seed_alone() {
    let log = || run(42, Payload::Signed, Flaws::default()).0;
    assert_eq!(log(), log());
}

/// The first violation that any of some worlds shows.
fn caught(flaws: Flaws) -> String {
    (0..100).find_map(|seed| run(seed, Payload::Plain, flaws).1.err()).expect("the flaw is noticed")
}

#[test]
fn a_session_that_expects_the_first_for_ever_is_noticed() {
    let violation = caught(Flaws { expects_the_first: true, ..Flaws::default() });
    assert!(violation.contains("was never confirmed"), "{violation}");
}

#[test]
fn a_session_that_confirms_too_much_is_noticed() {
    let violation = caught(Flaws { confirms_too_much: true, ..Flaws::default() });
    assert!(violation.contains("confirmed and has not arrived"), "{violation}");
}

#[test]
fn a_session_that_ignores_segments_is_noticed() {
    let violation = caught(Flaws { ignores_segments: true, ..Flaws::default() });
    assert!(violation.contains("is not what was sent"), "{violation}");
}

#[test]
fn a_message_that_is_sent_again_in_doubt_is_noticed() {
    let violation = caught(Flaws { repeats_what_is_in_doubt: true, ..Flaws::default() });
    assert!(violation.contains("arrived twice"), "{violation}");
}
