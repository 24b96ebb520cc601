//! Tests wait for what happens, never for time to pass: no sleeps in test code.

use super::Finding;
use crate::mask::{line_of, mask, words};
use crate::tree::{File, Tree};
use anyhow::Result;

/// Calls that let time pass.
const SLEEPS: &[&str] = &["sleep(", "sleep_ms(", "sleep_until("];

/// The same in browser tests.
const BROWSER_SLEEPS: &[&str] = &["waitForTimeout("];

/// Files that may sleep in a test, and why. A row that is not needed any more is a finding too.
const ALLOWED: &[(&str, &str)] = &[
    (
        "crates/check/tests/it/clock.rs",
        "agents that tests play wait before they dial again, on a virtual clock",
    ),
    ("crates/mtp/src/peers/tests/doubt.rs", "how long a peer is doubted, on a virtual clock"),
    ("crates/cusp/benches/server.rs", "what is measured are devices that have been idle for a minute"),
    ("crates/cusp/benches/support/scale.rs", "what is measured are devices that have been idle for a while"),
    ("crates/cusp/benches/support/process.rs", "a process that is measured can only be looked at again"),
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    Ok(check_against(tree, ALLOWED))
}

fn check_against(tree: &Tree, allowed: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let found = if file.is_rust() { rust(file) } else { browser(file) };
        let excused = allowed.iter().any(|(path, _)| *path == file.path);
        if excused && found.is_empty() {
            findings
                .push(Finding::file(&file.path, "it does not sleep: take it off the list of tidy's sleeps"));
        } else if !excused {
            findings.extend(found);
        }
    }
    findings
}

fn rust(file: &File) -> Vec<Finding> {
    let masked = mask(&file.text);
    let from = if file.is_test() { 0 } else { masked.tests_from() };
    let tests = &masked.code[from..];
    SLEEPS
        .iter()
        .flat_map(|call| words(tests, call))
        .filter(|at| !tests[..*at].ends_with("fn "))
        .map(|at| {
            let line = line_of(&masked.code, from + at);
            Finding::at(&file.path, line, "a test sleeps: wait for the event, or drive the clock")
        })
        .collect()
}

fn browser(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate().filter(|_| file.is_typescript() && file.is_test());
    lines
        .filter(|(_, line)| BROWSER_SLEEPS.iter().any(|call| line.contains(call)))
        .map(|(number, _)| Finding::at(&file.path, number + 1, "a test sleeps: wait for what the page shows"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_in_tests_and_only_unexcused() {
        let product = "async fn f() { tokio::time::sleep(d).await }\n";
        let inside =
            format!("{product}#[cfg(test)]\nmod tests {{\n fn t() {{ std::thread::sleep(d) }}\n}}\n");
        let tree = Tree::of(&[
            ("crates/a/src/product.rs", product),
            ("crates/a/src/inside.rs", &inside),
            ("crates/a/tests/it/main.rs", product),
            ("crates/a/tests/it/excused.rs", product),
            ("crates/a/tests/it/awake.rs", "fn no_sleep() { let s = \"sleep(\"; }\n"),
            ("web/e2e/real.test.ts", "await page.waitForTimeout(500);\n"),
        ]);
        let allowed = [("crates/a/tests/it/excused.rs", "why"), ("crates/a/tests/it/awake.rs", "stale")];
        let found: Vec<(String, usize)> =
            check_against(&tree, &allowed).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let expected = [
            ("crates/a/src/inside.rs", 4),
            ("crates/a/tests/it/main.rs", 1),
            ("crates/a/tests/it/awake.rs", 0),
            ("web/e2e/real.test.ts", 1),
        ];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
