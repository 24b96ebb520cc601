//! `xtask requirements`: which requirement ids of TR-369 stand in code, and which are proved.
//!
//! The ids come from the project's own list, `docs/requirements.csv`. An id in a comment of product
//! code says "implemented here"; `#[requirement("…")]` on a test says "proved here". What is not proved has a reason
//! in `docs/requirements-open.toml`. The result is `docs/requirements.md`. Whether a claim is true is for the tests
//! and their reviewer to say.

mod list;
mod reasons;
mod scan;
mod table;

use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::Path;

const LIST: &str = "docs/requirements.csv";
const REASONS: &str = "docs/requirements-open.toml";
const TABLE: &str = "docs/requirements.md";

/// Writes the table, or with `--check` fails where it is stale. Fails where an unknown id is named, and where reasons
/// are missing or not needed.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<String> {
    let check = match args {
        [] => false,
        ["--check"] => true,
        _ => bail!("usage: xtask requirements [--check]"),
    };
    let tree = Tree::load(root)?;
    let requirements = list::parse(tree.text(LIST).with_context(|| format!("{LIST} is missing"))?)?;
    let claims = scan::scan(&tree);
    refuse_unknown(&requirements, &claims)?;
    let reasons = reasons::parse(tree.text(REASONS).with_context(|| format!("{REASONS} is missing"))?);
    let reasons = reasons.with_context(|| REASONS.to_owned())?;
    reasons.check(&requirements, &claims)?;
    let (text, totals) = table::render(&requirements, &claims, &reasons);
    if !check {
        std::fs::write(root.join(TABLE), &text).with_context(|| TABLE.to_owned())?;
    } else if tree.text(TABLE) != Some(&text) {
        bail!("{TABLE} is stale: run `cargo run -p xtask -- requirements`");
    }
    Ok(format!("requirements: {totals}\n"))
}

fn refuse_unknown(requirements: &[list::Requirement], claims: &[scan::Claim]) -> Result<()> {
    let mut unknown = String::new();
    for claim in claims.iter().filter(|claim| !requirements.iter().any(|known| known.id == claim.id)) {
        writeln!(unknown, "{}:{}: {} is not in {LIST}", claim.path, claim.line, claim.id)?;
    }
    if unknown.is_empty() { Ok(()) } else { bail!("{}", unknown.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_with(source: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary folder");
        for (path, text) in [
            (LIST, "id,section,binds,live,paraphrase\nR-GET.0,Messages,agent,yes,Answer.\n"),
            (REASONS, "[reasons]\n\"R-GET.0\" = \"It is proved elsewhere.\"\n"),
            ("crates/a/src/lib.rs", source),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("inside the tree")).expect("folder");
            std::fs::write(path, text).expect("file");
        }
        dir
    }

    #[test]
    fn a_fresh_table_passes_the_check_and_a_stale_one_fails() {
        let dir = tree_with("//! A.\n\n// R-GET.0\nfn get() {}\n");
        let stale = run(dir.path(), &["--check"]).expect_err("no table yet").to_string();
        assert_eq!(stale, "docs/requirements.md is stale: run `cargo run -p xtask -- requirements`");
        let report = run(dir.path(), &[]).expect("writes");
        assert_eq!(report, "requirements: 1 rows, 1 live: 0 proved, 1 in code, 0 open, 0 not yet\n");
        run(dir.path(), &["--check"]).expect("fresh");
    }

    #[test]
    fn an_unknown_id_fails() {
        let dir = tree_with("//! A.\n\n// R-GET.99z\nfn get() {}\n");
        let error = run(dir.path(), &[]).expect_err("unknown").to_string();
        assert_eq!(error, "crates/a/src/lib.rs:3: R-GET.99z is not in docs/requirements.csv");
    }

    #[test]
    fn other_arguments_are_refused() {
        let dir = tree_with("//! A.\n");
        assert!(run(dir.path(), &["--chek"]).is_err());
    }
}
