//! `xtask tidy`: the rules of the house that the compiler cannot hold.
//!
//! One module per rule, each a function from the tree to its findings. A rule reads text and
//! manifests; it builds nothing, formats nothing and repairs nothing.

mod edges;
mod leftovers;
mod lints;
mod opening;
mod private;
mod purity;
mod size;
mod sleeps;

use crate::tree::Tree;
use anyhow::{Result, bail};
use std::fmt::{self, Write as _};
use std::path::Path;

/// One rule: a name for messages, and the check.
struct Rule {
    name: &'static str,
    check: fn(&Tree) -> Result<Vec<Finding>>,
}

const RULES: &[Rule] = &[
    Rule { name: "edges", check: edges::check },
    Rule { name: "purity", check: purity::check },
    Rule { name: "lints", check: lints::check },
    Rule { name: "opening", check: opening::check },
    Rule { name: "size", check: size::check },
    Rule { name: "leftovers", check: leftovers::check },
    Rule { name: "sleeps", check: sleeps::check },
    Rule { name: "private", check: private::check },
];

/// What a rule found.
#[derive(PartialEq, Eq, Debug)]
struct Finding {
    /// File, from the root.
    path: String,
    /// Line counted from 1; 0 where the whole file is meant.
    line: usize,
    /// What is wrong, and what would be right.
    message: String,
    /// Shown, but no failure.
    warning: bool,
}

impl Finding {
    fn at(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, message: message.into(), warning: false }
    }

    fn file(path: &str, message: impl Into<String>) -> Finding {
        Finding::at(path, 0, message)
    }

    fn warning(path: &str, message: impl Into<String>) -> Finding {
        Finding { warning: true, ..Finding::file(path, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Runs every rule over the tree at `root`. The report holds warnings; an error holds the findings.
pub(crate) fn run(root: &Path) -> Result<String> {
    let tree = Tree::load(root)?;
    let (mut report, mut failures) = (String::new(), 0);
    for rule in RULES {
        for finding in (rule.check)(&tree)? {
            let level = if finding.warning { "warning" } else { "error" };
            failures += usize::from(!finding.warning);
            writeln!(report, "{level} [{}] {finding}", rule.name)?;
        }
    }
    let (rules, files) = (RULES.len(), tree.files.len());
    if failures > 0 {
        bail!("{report}tidy: {failures} findings ({rules} rules, {files} files)");
    }
    writeln!(report, "tidy: {rules} rules hold in {files} files")?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("inside the tree")).expect("folder");
        std::fs::write(path, text).expect("file");
    }

    /// A small tree in which every rule holds.
    fn sound_tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary folder");
        write(dir.path(), "Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
        write(
            dir.path(),
            "crates/dm/Cargo.toml",
            "[package]\nname = \"dm\"\n[lints]\nworkspace = true\n[dependencies]\nthiserror = \"2\"\n",
        );
        write(dir.path(), "crates/dm/clippy.toml", super::purity::CLIPPY);
        write(
            dir.path(),
            "crates/dm/src/lib.rs",
            "//! The data model.\n\n/// One.\npub const ONE: u8 = 1;\n",
        );
        dir
    }

    #[test]
    fn a_sound_tree_passes() {
        let dir = sound_tree();
        let report = run(dir.path()).expect("no findings");
        assert_eq!(report, "tidy: 8 rules hold in 4 files\n");
    }

    /// Every rule runs in `tidy`, reads from disk, and fails the run by itself.
    #[test]
    fn each_rule_catches_its_wrong_tree() {
        let manifest = "[package]\nname = \"dm\"\n[lints]\nworkspace = true\n";
        let long = format!("//! Long.\n{}", "const X: u8 = 1;\n".repeat(801));
        let leftover = concat!("//! A module.\n// TO", "DO: more\n");
        let sleep = concat!("//! Tests.\nfn t() { std::thread::", "sleep(x); }\n");
        let home = concat!("see /ho", "me/someone/cusp/\n");
        let cases: &[(&str, &str, &str)] = &[
            ("edges", "crates/dm/Cargo.toml", &format!("{manifest}[dependencies]\ndm.path = \".\"\n")),
            ("purity", "crates/dm/Cargo.toml", &format!("{manifest}[dependencies]\ntokio = \"1\"\n")),
            ("lints", "crates/dm/Cargo.toml", "[package]\nname = \"dm\"\n"),
            ("opening", "crates/dm/src/lib.rs", "// Not a module comment.\n"),
            ("size", "crates/dm/src/lib.rs", &long),
            ("leftovers", "crates/dm/src/lib.rs", leftover),
            ("sleeps", "crates/dm/tests/it/main.rs", sleep),
            ("private", "docs/page.md", home),
        ];
        assert_eq!(cases.len(), RULES.len());
        for (rule, path, text) in cases {
            let dir = sound_tree();
            write(dir.path(), path, text);
            let error = run(dir.path()).expect_err(rule).to_string();
            assert!(error.contains(&format!("error [{rule}] {path}")), "{rule}: {error}");
            assert!(error.contains("tidy: 1 findings"), "{rule} alone: {error}");
        }
    }
}
