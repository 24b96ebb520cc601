//! The simulated world: agent machine and controller machine against each other in virtual time.
//!
//! Connections are cut and replaced, Records of the agent are repeated, both sides restart, storage is
//! slow and fails. A reference model says what must hold nevertheless (`expect.rs`). A world is made of
//! one number: a failing one prints it, and `WORLD_SEED=… cargo nextest run -p usp-endpoint world` shows
//! that world's log. `WORLD_RECORD=FILE.jsonl cargo nextest run -p usp-endpoint undisturbed` records how
//! an agent is onboarded, for `tests/exchanges/`.

mod agent;
mod controller;
mod expect;
mod model;
mod run;
mod transition;

use proptest::prelude::{ProptestConfig, any, proptest};
use requirement::requirement;

pub(crate) use controller::plan;
use model::place as agent_row;
use run::World;
use usp_endpoint::Record;
use usp_endpoint::session::io::Mode;

/// Ways to be wrong, each of which the reference model must notice.
#[derive(Clone, Copy, Default)]
struct Flaws {
    /// The controller's host acknowledges a notification before it is stored.
    acknowledges_early: bool,
    /// The controller's host runs an Add or Operate again when it is in doubt.
    repeats_what_is_in_doubt: bool,
    /// The controller's host acknowledges value changes, and stores none.
    forgets: bool,
}

/// Runs the world of a seed to its end; the log, and what was violated.
fn run(seed: u64, flaws: Flaws) -> (Vec<String>, Result<(), String>) {
    let mut world = World::new(seed, flaws);
    let verdict = world.run();
    (world.log, verdict)
}

fn check(seed: u64) {
    let (log, verdict) = run(seed, Flaws::default());
    if let Err(violation) = verdict {
        let tail = log.len().saturating_sub(120);
        panic!("WORLD_SEED={seed}: {violation}\n{}", log[tail..].join("\n"));
    }
}

#[requirement("R-MSG.9", "R-MTP.8", "R-NOT.1", "R-NOT.6a")]
#[test]
fn worlds() {
    (0..200).for_each(check);
}

/// How the agent wants sessions, how the controller does, and whether Messages travel in them.
const SESSIONS: [([Mode; 2], bool); 5] = [
    ([Mode::Require, Mode::Allow], true),
    ([Mode::Require, Mode::Require], true),
    ([Mode::Allow, Mode::Require], true),
    ([Mode::Allow, Mode::Allow], false),
    ([Mode::Forbid, Mode::Allow], false),
];

/// The same worlds, where Messages travel in signed sessions, cut to pieces.
#[requirement("R-E2E.4", "R-E2E.7", "R-E2E.29")]
#[test]
fn worlds_in_sessions() {
    for ((modes, _), tls) in SESSIONS.into_iter().flat_map(|modes| [(modes, false), (modes, true)]) {
        for seed in 0..if tls { 5 } else { 40 } {
            let mut world = World::new(seed, Flaws::default());
            (world.modes, world.tls) = (modes, tls);
            if let Err(violation) = world.run() {
                let tail = world.log.len().saturating_sub(120);
                panic!("WORLD_SEED={seed} {modes:?} {tls}: {violation}\n{}", world.log[tail..].join("\n"));
            }
        }
    }
}

/// What travels in a session does so whole: all but what says who is there and who leaves.
#[requirement("R-E2E.6", "R-E2E.26", "R-MSG.0a")]
#[test]
fn messages_travel_as_the_modes_say() {
    for ((modes, in_sessions), tls) in SESSIONS.into_iter().flat_map(|modes| [(modes, false), (modes, true)])
    {
        let mut world = World::undisturbed(1, Flaws::default());
        (world.modes, world.tls) = (modes, tls);
        assert_eq!(world.run(), Ok(()), "{modes:?}");
        let kinds =
            world.exchange.iter().map(|entry| Record::decode(entry.record.clone()).expect("a Record"));
        let kinds: Vec<&str> = kinds.map(|record| record.record_type.name()).collect();
        assert!(!kinds.is_empty(), "{modes:?}");
        let outside = kinds.iter().filter(|kind| **kind == "NoSession").count();
        let inside = kinds.iter().filter(|kind| **kind == "Session").count();
        // What crosses the first Record of a session is ignored, and asked or told again within it.
        let crossing = if modes == [Mode::Require; 2] { 0 } else { 1 };
        let (few, many) = if in_sessions { (outside, inside) } else { (inside, outside) };
        let limit = if in_sessions { crossing } else { 0 };
        assert!(few <= limit && many > 10, "{modes:?}: {kinds:?}");
        let status = world
            .agent
            .tree
            .text_of(&agent_row(&world.agent.tree, "Device.LocalAgent.Controller.1.E2ESession."), "Status");
        assert_eq!(status, if in_sessions { "Up" } else { "Down" }, "{modes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]
    #[test]
    fn other_worlds(seed in any::<u64>()) {
        check(seed);
    }
}

#[test]
fn the_world_of_a_given_seed() {
    #[expect(clippy::disallowed_methods, reason = "a developer replays a failing world")]
    let seed = std::env::var("WORLD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
    check(seed);
}

#[test]
fn an_undisturbed_world() {
    let mut world = World::undisturbed(1, Flaws::default());
    assert_eq!(world.run(), Ok(()));
    #[expect(clippy::disallowed_methods, reason = "a developer records an exchange")]
    if let Some(file) = std::env::var_os("WORLD_RECORD") {
        std::fs::write(file, usp_proto::exchange::write(&world.exchange)).expect("a file to write to");
    }
}

#[test]
fn a_world_is_made_of_its_seed_alone() {
    assert_eq!(run(42, Flaws::default()).0, run(42, Flaws::default()).0);
}

/// The first violation that any of some worlds shows.
fn caught(flaws: Flaws) -> String {
    (0..150).find_map(|seed| run(seed, flaws).1.err()).expect("the flaw is noticed")
}

#[test]
fn an_early_acknowledgement_is_noticed() {
    let violation = caught(Flaws { acknowledges_early: true, ..Flaws::default() });
    assert!(violation.contains("was acknowledged before it was stored"), "{violation}");
}

#[test]
fn a_repeated_add_or_operate_is_noticed() {
    let violation = caught(Flaws { repeats_what_is_in_doubt: true, ..Flaws::default() });
    assert!(violation.contains("was carried out twice"), "{violation}");
}

#[test]
fn a_lost_notification_is_noticed() {
    let violation = caught(Flaws { forgets: true, ..Flaws::default() });
    assert!(violation.contains("never arrived"), "{violation}");
}
