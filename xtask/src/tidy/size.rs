//! Source files stay small: a warning from 500 lines, a failure from 800. Generated files are exempt.

use super::Finding;
use crate::tree::Tree;
use anyhow::Result;

const WARN_LINES: usize = 500;
const FAIL_LINES: usize = 800;

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in
        tree.files.iter().filter(|file| (file.is_rust() || file.is_typescript()) && !file.is_generated())
    {
        let lines = file.text.lines().count();
        if lines > FAIL_LINES {
            findings.push(Finding::file(
                &file.path,
                format!("{lines} lines; {FAIL_LINES} is the limit: cut it by content"),
            ));
        } else if lines > WARN_LINES {
            findings.push(Finding::warning(&file.path, format!("{lines} lines; aim at 100 to 300")));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let (fits, warned, long) = ("x\n".repeat(500), "x\n".repeat(501), "x\n".repeat(801));
        let generated = format!("// @generated\n{long}");
        let tree = Tree::of(&[
            ("fits.rs", &fits),
            ("warned.tsx", &warned),
            ("long.rs", &long),
            ("generated.rs", &generated),
            ("table.txt", &long),
        ]);
        let found: Vec<(String, bool)> =
            check(&tree).expect("reads").into_iter().map(|finding| (finding.path, finding.warning)).collect();
        assert_eq!(found, [("warned.tsx".to_owned(), true), ("long.rs".to_owned(), false)]);
    }
}
