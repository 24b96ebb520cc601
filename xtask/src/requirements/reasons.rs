//! Why live requirements are not proved: `docs/requirements-open.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::list::Requirement;
use super::scan::{Claim, Kind};

/// Areas of parts that are not built yet, whose ids need no reason.
const LATER: [&str; 2] = ["R-BULK.", "R-SMM."];

/// The file.
#[derive(Default, Debug)]
pub(super) struct Reasons {
    /// How many may be without a reason. It is only ever lowered.
    unexplained: usize,
    by_id: BTreeMap<String, String>,
}

/// Reads the file: `unexplained = 3`, and a table `[reasons]` with a text for each id.
pub(super) fn parse(text: &str) -> Result<Reasons> {
    let table: toml::Table = text.parse().context("TOML")?;
    let mut reasons = Reasons::default();
    for (key, value) in table {
        match (key.as_str(), value) {
            ("unexplained", toml::Value::Integer(number)) => {
                reasons.unexplained = usize::try_from(number).context("unexplained")?;
            }
            ("reasons", toml::Value::Table(texts)) => {
                for (id, text) in texts {
                    let text = text.as_str().filter(|text| !text.is_empty() && !text.contains(['|', '\n']));
                    let text = text.with_context(|| format!("{id}: a reason in one line, without |"))?;
                    reasons.by_id.insert(id, text.to_owned());
                }
            }
            (other, _) => bail!("{other} is neither a number of the unexplained nor the table of reasons"),
        }
    }
    Ok(reasons)
}

impl Reasons {
    /// The reason of an id.
    pub(super) fn of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// Each reason must be needed, and no more may be without one than the file says.
    pub(super) fn check(&self, requirements: &[Requirement], claims: &[Claim]) -> Result<()> {
        let is_proved = |id: &str| claims.iter().any(|claim| claim.kind == Kind::Proof && claim.id == id);
        let mut wrong = String::new();
        for id in self.by_id.keys() {
            match requirements.iter().find(|known| known.id == *id) {
                None => writeln!(wrong, "{id} has a reason, and does not exist")?,
                Some(known) if !known.live => writeln!(wrong, "{id} has a reason, and is withdrawn")?,
                Some(_) if is_proved(id) => writeln!(wrong, "{id} has a reason, and is proved")?,
                Some(_) => {}
            }
        }
        if !wrong.is_empty() {
            bail!("{}", wrong.trim_end());
        }
        let is_unexplained = |one: &&Requirement| {
            one.live
                && !LATER.iter().any(|area| one.id.starts_with(area))
                && !is_proved(&one.id)
                && self.of(&one.id).is_none()
        };
        let unexplained: Vec<&str> =
            requirements.iter().filter(is_unexplained).map(|one| one.id.as_str()).collect();
        if unexplained.len() > self.unexplained {
            bail!(
                "{} ids are neither proved nor explained, where {} may be: {}",
                unexplained.len(),
                self.unexplained,
                unexplained.join(", ")
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements() -> Vec<Requirement> {
        let one = |id: &str, live| Requirement {
            id: id.into(),
            section: "Messages".into(),
            binds: "agent".into(),
            live,
        };
        ["R-GET.0", "R-GET.1", "R-GET.2", "R-BULK.0"]
            .map(|id| one(id, true))
            .into_iter()
            .chain([one("R-ADD.2", false)])
            .collect()
    }

    fn check(text: &str, expected: Result<(), &str>) {
        let claim = |id: &str, kind| Claim { id: id.into(), kind, path: "a.rs".into(), line: 1 };
        let claims = [claim("R-GET.0", Kind::Proof), claim("R-GET.1", Kind::Code)];
        let checked = parse(text).and_then(|reasons| reasons.check(&requirements(), &claims));
        assert_eq!(checked.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn what_is_not_proved_has_a_reason() {
        check("unexplained = 0\n[reasons]\n\"R-GET.1\" = \"a\"\n\"R-GET.2\" = \"b\"\n", Ok(()));
        check("unexplained = 2\n", Ok(()));
        check("unexplained = 3\n", Ok(()));
        check(
            "unexplained = 1",
            Err("2 ids are neither proved nor explained, where 1 may be: R-GET.1, R-GET.2"),
        );
        check(
            "[reasons]\n\"R-GET.1\" = \"a\"",
            Err("1 ids are neither proved nor explained, where 0 may be: R-GET.2"),
        );
    }

    #[test]
    fn a_reason_that_nobody_needs_is_refused() {
        check("unexplained = 9\n[reasons]\n\"R-GET.0\" = \"a\"", Err("R-GET.0 has a reason, and is proved"));
        check(
            "unexplained = 9\n[reasons]\n\"R-ADD.2\" = \"a\"",
            Err("R-ADD.2 has a reason, and is withdrawn"),
        );
        check(
            "unexplained = 9\n[reasons]\n\"R-GET.9\" = \"a\"",
            Err("R-GET.9 has a reason, and does not exist"),
        );
        check("[reasons]\n\"R-GET.1\" = \"a | b\"", Err("R-GET.1: a reason in one line, without |"));
        check("[reason]", Err("reason is neither a number of the unexplained nor the table of reasons"));
    }
}
