//! `kill -9` of the real program, again and again: what it acknowledged is there after the restart, and what
//! it did not is there whole or not at all.
//!
//! `CUSP_KILL_ROUNDS` says how often; `CUSP_KILL_SEED` repeats a run.

use std::collections::BTreeMap;

use dm::operation::{Add, Delete, Get, ObjectSettings, ParamSetting, Set};
use dm::{Operation, Outcome};

use crate::peer::{Controller, Heard, Program};

const TABLE: &str = "Device.LocalAgent.Controller.";
const ROUNDS: u32 = 20;
/// Writes on their way when the kill comes.
const BURST: u64 = 4;
/// Rows beyond this are deleted again.
const ROWS: usize = 8;

/// Rows by endpoint id, with the value that both of their codes have.
type Rows = BTreeMap<String, String>;

#[derive(Clone, Debug)]
enum Write {
    Add(String, String),
    Set(String, String),
    Delete(String),
}

impl Write {
    fn operation(&self) -> Operation {
        let row = |endpoint: &str| format!("{TABLE}[EndpointID==\"{endpoint}\"].");
        let param = |(param, value): (&str, &str)| ParamSetting {
            param: param.to_owned(),
            value: value.to_owned(),
            required: true,
        };
        // Two parameters: half a write would show.
        let codes = |code: &str| [("ControllerCode", code), ("ProvisioningCode", code)].map(param).to_vec();
        match self {
            Write::Add(endpoint, code) => {
                let mut params = codes(code);
                params.push(param(("EndpointID", endpoint)));
                let objects = vec![ObjectSettings { path: TABLE.to_owned(), params }];
                Operation::Add(Add { allow_partial: false, objects })
            }
            Write::Set(endpoint, code) => {
                let objects = vec![ObjectSettings { path: row(endpoint), params: codes(code) }];
                Operation::Set(Set { allow_partial: false, objects })
            }
            Write::Delete(endpoint) => {
                Operation::Delete(Delete { allow_partial: false, paths: vec![row(endpoint)] })
            }
        }
    }

    fn apply(&self, rows: &mut Rows) {
        match self {
            Write::Add(endpoint, code) | Write::Set(endpoint, code) => {
                rows.insert(endpoint.clone(), code.clone());
            }
            Write::Delete(endpoint) => {
                rows.remove(endpoint);
            }
        }
    }
}

/// Chance that can be repeated (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A write that fits these rows.
    fn write(&mut self, rows: &Rows, serial: u64) -> Write {
        let code = format!("code-{serial}");
        let known =
            |at: u64| rows.keys().nth(usize::try_from(at).expect("few")).expect("it is below").clone();
        if rows.is_empty() || (rows.len() < ROWS && self.below(2) == 0) {
            return Write::Add(format!("proto::row{serial}"), code);
        }
        let row = known(self.below(rows.len() as u64));
        if self.below(3) == 0 { Write::Delete(row) } else { Write::Set(row, code) }
    }
}

/// What the agent has, beside the first row, which is the test's own.
async fn read(controller: &mut Controller) -> Rows {
    let get = Get { paths: vec![TABLE.to_owned()], max_depth: 0 };
    let outcome = controller.ask(Operation::Get(get)).await;
    let Outcome::Get(mut results) = outcome else { panic!("{outcome:?}") };
    let objects = results.remove(0).result.expect("the table");
    let mut rows = Rows::new();
    for object in objects.iter().filter(|object| object.params.iter().any(|(name, _)| name == "EndpointID")) {
        let value =
            |name: &str| object.params.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        let endpoint = value("EndpointID").expect("it was asked for");
        if endpoint == "proto::controller" {
            continue;
        }
        let (one, other) = (value("ControllerCode"), value("ProvisioningCode"));
        assert_eq!(one, other, "{}: half a write", object.path);
        rows.insert(endpoint, one.expect("it is in the model"));
    }
    rows
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn what_was_acknowledged_survives_kills_and_nothing_is_half_there() {
    let seed = number("CUSP_KILL_SEED")
        .unwrap_or_else(|| u64::from_le_bytes(agent::state::random().expect("the system has chance")));
    let _ = crate::peer::note(&format!("CUSP_KILL_SEED={seed}"));
    let rounds = number("CUSP_KILL_ROUNDS").unwrap_or(ROUNDS.into());
    let mut chance = Chance(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::listen().await;
    let (mut rows, mut serial) = (Rows::new(), 0);
    let mut doubtful: Vec<Write> = Vec::new();
    for round in 0..=rounds {
        let program = Program::start(folder.path(), controller.port);
        controller.connected().await;
        let found = read(&mut controller).await;
        // Writes are made in the order they were sent, so what is there is some number of the doubtful ones.
        let mut possible = vec![rows.clone()];
        for write in doubtful.drain(..) {
            write.apply(&mut rows);
            possible.push(rows.clone());
        }
        assert!(
            possible.contains(&found),
            "seed {seed}, round {round}: found {found:?}, one of {possible:?} was to be"
        );
        rows = found;
        if round == rounds {
            break;
        }
        let mut planned = rows.clone();
        let mut sent = Vec::new();
        for _ in 0..BURST {
            serial += 1;
            let write = chance.write(&planned, serial);
            write.apply(&mut planned);
            controller.send(write.operation());
            sent.push(write);
        }
        let mut acknowledged = 0;
        let wanted = chance.below(BURST + 1);
        while acknowledged < wanted {
            acknowledged += u64::from(is_acknowledged(controller.hear().await, seed, round));
        }
        // At once, or somewhere between this answer and the next ones.
        if chance.below(2) == 0 {
            for _ in 0..chance.below(3000) {
                tokio::task::yield_now().await;
            }
        }
        program.kill();
        loop {
            match controller.hear().await {
                Heard::Down => break,
                heard => acknowledged += u64::from(is_acknowledged(heard, seed, round)),
            }
        }
        for (at, write) in (0..).zip(sent) {
            if at < acknowledged {
                write.apply(&mut rows);
            } else {
                doubtful.push(write);
            }
        }
    }
}

/// Whether it is the answer to a write. None of them may be refused.
fn is_acknowledged(heard: Heard, seed: u64, round: u64) -> bool {
    match heard {
        Heard::Answer(_, Outcome::Failed(failure)) => panic!("seed {seed}, round {round}: {failure:?}"),
        Heard::Answer(..) => true,
        other => panic!("seed {seed}, round {round}: {other:?}"),
    }
}
