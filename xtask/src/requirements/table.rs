//! `docs/requirements.md`: totals by section, and one row per id with its state, where it stands, and why it is not
//! proved.

use super::list::Requirement;
use super::reasons::Reasons;
use super::scan::{Claim, Kind};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Areas whose parts of the product are not built yet: bulk data, software modules, and USP Services, which register.
const NOT_YET: &[&str] = &["R-BULK.", "R-SMM.", "R-REG.", "R-DEREG."];

/// Places named in a row before the rest is only counted.
const PLACES: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Proved,
    InCode,
    Open,
    NotYet,
    Dead,
}

impl State {
    fn of(requirement: &Requirement, claims: &[&Claim]) -> State {
        if claims.iter().any(|claim| claim.kind == Kind::Proof) {
            State::Proved
        } else if !claims.is_empty() {
            State::InCode
        } else if !requirement.live {
            State::Dead
        } else if NOT_YET.iter().any(|area| requirement.id.starts_with(area)) {
            State::NotYet
        } else {
            State::Open
        }
    }

    fn name(self) -> &'static str {
        match self {
            State::Proved => "proved",
            State::InCode => "in code",
            State::Open => "open",
            State::NotYet => "not yet",
            State::Dead => "withdrawn",
        }
    }
}

#[derive(Default)]
struct Totals {
    rows: usize,
    live: usize,
    by_state: BTreeMap<State, usize>,
}

impl Totals {
    fn add(&mut self, requirement: &Requirement, state: State) {
        self.rows += 1;
        // Only what is in force counts as proved, in code or open.
        if requirement.live {
            self.live += 1;
            *self.by_state.entry(state).or_default() += 1;
        }
    }

    fn count(&self, state: State) -> usize {
        self.by_state.get(&state).copied().unwrap_or_default()
    }

    fn row(&self, name: &str) -> String {
        let [proved, in_code, open, not_yet] =
            [State::Proved, State::InCode, State::Open, State::NotYet].map(|state| self.count(state));
        format!("| {name} | {} | {} | {proved} | {in_code} | {open} | {not_yet} |\n", self.rows, self.live)
    }
}

const INTRODUCTION: &str = "# Requirements of TR-369

Written by `cargo run -p xtask -- requirements`; do not edit. The ids are those of TR-369 1.4.1, in our own words in
[requirements.csv](requirements.csv).

- **proved**: a test that carries the id fails without the feature.
- **in code**: the implementing code names the id, and no test does.
- **open**: named nowhere. **not yet**: belongs to a part that this version does not have.
- What is not proved says why not, in the words of [requirements-open.toml](requirements-open.toml).
- **withdrawn**: deprecated or obsolete in TR-369; not counted as live.

";

/// The page, and its totals in one line.
pub(super) fn render(requirements: &[Requirement], claims: &[Claim], reasons: &Reasons) -> (String, String) {
    let mut sections: Vec<(&str, Totals)> = Vec::new();
    let mut all = Totals::default();
    let mut rows = String::new();
    for requirement in requirements {
        let own: Vec<&Claim> = claims.iter().filter(|claim| claim.id == requirement.id).collect();
        let state = State::of(requirement, &own);
        all.add(requirement, state);
        let section = requirement.section.as_str();
        let known = sections.iter().position(|(name, _)| *name == section);
        let index = known.unwrap_or_else(|| {
            sections.push((section, Totals::default()));
            sections.len() - 1
        });
        sections[index].1.add(requirement, state);
        let words: Vec<String> = [places(&own), reasons.of(&requirement.id).unwrap_or_default().to_owned()]
            .into_iter()
            .filter(|words| !words.is_empty())
            .collect();
        let (words, name) = (words.join(". "), state.name());
        let _ = writeln!(rows, "| {} | {} | {name} | {words} |", requirement.id, requirement.binds);
    }
    let mut page = String::from(INTRODUCTION);
    page.push_str(
        "| section | rows | live | proved | in code | open | not yet |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, totals) in &sections {
        page.push_str(&totals.row(name));
    }
    page.push_str(&all.row("**all**"));
    page.push_str("\n| id | binds | state | where, and why not |\n|---|---|---|---|\n");
    page.push_str(&rows);
    (page, summary(&all))
}

fn summary(all: &Totals) -> String {
    let [proved, in_code, open, not_yet] =
        [State::Proved, State::InCode, State::Open, State::NotYet].map(|state| all.count(state));
    let (rows, live) = (all.rows, all.live);
    format!("{rows} rows, {live} live: {proved} proved, {in_code} in code, {open} open, {not_yet} not yet")
}

/// Files without lines, so that the page changes when claims move between files and not with each edit.
fn places(claims: &[&Claim]) -> String {
    let mut paths: Vec<&str> = Vec::new();
    for kind in [Kind::Proof, Kind::Code] {
        for claim in claims.iter().filter(|claim| claim.kind == kind) {
            if !paths.contains(&claim.path.as_str()) {
                paths.push(&claim.path);
            }
        }
    }
    let rest = paths.len().saturating_sub(PLACES);
    paths.truncate(PLACES);
    let mut text = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    if rest > 0 {
        let _ = write!(text, " and {rest} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(id: &str, live: bool) -> Requirement {
        Requirement { id: id.into(), section: "Messages".into(), binds: "agent".into(), live }
    }

    fn claim(id: &str, kind: Kind, path: &str) -> Claim {
        Claim { id: id.into(), kind, path: path.into(), line: 1 }
    }

    #[test]
    fn states_places_and_totals() {
        let requirements = [
            requirement("R-GET.0", true),
            requirement("R-GET.1", true),
            requirement("R-GET.2", true),
            requirement("R-BULK.0", true),
            requirement("R-ADD.2", false),
        ];
        let claims = [
            claim("R-GET.0", Kind::Code, "src/get.rs"),
            claim("R-GET.0", Kind::Proof, "tests/b.rs"),
            claim("R-GET.0", Kind::Proof, "tests/b.rs"),
            claim("R-GET.0", Kind::Proof, "tests/c.rs"),
            claim("R-GET.0", Kind::Proof, "tests/d.rs"),
            claim("R-GET.1", Kind::Code, "src/get.rs"),
        ];
        let reasons =
            "unexplained = 1\n[reasons]\n\"R-GET.1\" = \"Nobody asks.\"\n\"R-GET.2\" = \"No part has it.\"\n";
        let reasons = super::super::reasons::parse(reasons).expect("parses");
        let (page, totals) = render(&requirements, &claims, &reasons);
        assert_eq!(totals, "5 rows, 4 live: 1 proved, 1 in code, 1 open, 1 not yet");
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| R-")).collect();
        assert_eq!(
            rows,
            [
                "| R-GET.0 | agent | proved | `tests/b.rs`, `tests/c.rs`, `tests/d.rs` and 1 more |",
                "| R-GET.1 | agent | in code | `src/get.rs`. Nobody asks. |",
                "| R-GET.2 | agent | open | No part has it. |",
                "| R-BULK.0 | agent | not yet |  |",
                "| R-ADD.2 | agent | withdrawn |  |",
            ]
        );
        assert!(page.contains("| **all** | 5 | 4 | 1 | 1 | 1 | 1 |\n"));
    }
}
