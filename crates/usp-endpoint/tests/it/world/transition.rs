//! What may happen in a world, beside what follows from it.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::RngCore;

/// One event from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transition {
    /// The connection breaks. What is under way to the agent is lost; what is under way to the controller
    /// is lost too, or arrives late, possibly after the next connection stands.
    Cut { late: bool },
    /// The agent stops, and starts again.
    RestartAgent,
    /// The controller stops, and starts again.
    RestartController,
    /// A Record of the agent arrives a second time.
    Replay,
    /// A value changes on the device.
    ChangeValue,
    /// Jobs of all kinds.
    Job(JobKind),
}

/// What a job asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum JobKind {
    Read,
    SetLevel,
    AddRow,
    /// A row that an earlier job added.
    DeleteRow,
    Ping,
}

/// The table from which transitions are drawn, with their weights.
const TABLE: [(u32, Transition); 11] = [
    (12, Transition::Cut { late: false }),
    (8, Transition::Cut { late: true }),
    (4, Transition::RestartAgent),
    (5, Transition::RestartController),
    (8, Transition::Replay),
    (20, Transition::ChangeValue),
    (8, Transition::Job(JobKind::Read)),
    (12, Transition::Job(JobKind::SetLevel)),
    (12, Transition::Job(JobKind::AddRow)),
    (6, Transition::Job(JobKind::DeleteRow)),
    (10, Transition::Job(JobKind::Ping)),
];

impl Transition {
    /// One of the table.
    pub(super) fn draw(random: &mut ChaCha12Rng) -> Transition {
        let total: u32 = TABLE.iter().map(|(weight, _)| weight).sum();
        let mut at = random.next_u32() % total;
        for (weight, transition) in TABLE {
            if at < weight {
                return transition;
            }
            at -= weight;
        }
        unreachable!("the weights add up to the total")
    }
}
