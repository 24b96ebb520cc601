//! Nothing unfinished stays in the tree: no reminders, no stand-ins, no ignored tests, no code in comments.

use super::Finding;
use crate::mask::{line_of, mask, words};
use crate::tree::{File, Tree};
use anyhow::Result;

/// Reminders, in comments and in TypeScript anywhere.
const REMINDERS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// What Rust code may not hold.
const STAND_INS: &[(&str, &str)] = &[
    ("todo!", "finish it"),
    ("unimplemented!", "finish it"),
    ("dbg!", "remove it"),
    ("#[ignore", "a test runs or it goes"),
];

/// What TypeScript may not hold.
const SKIPPED: &[&str] =
    &[concat!(".sk", "ip("), concat!(".on", "ly("), concat!("test.to", "do("), concat!("debug", "ger;")];

/// How a commented-out item or statement begins.
const STATEMENTS: &[&str] =
    &["let ", "use ", "pub ", "fn ", "return ", "impl ", "mod ", "struct ", "enum ", "#[", "const "];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.is_generated()) {
        if file.is_rust() {
            rust(file, &mut findings);
        } else if file.is_typescript() || file.path.ends_with(".sh") {
            script(file, &mut findings);
        }
    }
    Ok(findings)
}

fn rust(file: &File, findings: &mut Vec<Finding>) {
    let masked = mask(&file.text);
    let mut found = |text: &str, at: usize, message: String| {
        findings.push(Finding::at(&file.path, line_of(text, at), message));
    };
    for word in REMINDERS {
        for at in words(&masked.comments, word) {
            found(&masked.comments, at, format!("{word}: finish it, or write it down where it is decided"));
        }
    }
    for (word, advice) in STAND_INS {
        // An attribute begins with no identifier, so any character may stand before it.
        for at in words(&masked.code, word) {
            found(&masked.code, at, format!("`{word}`: {advice}"));
        }
    }
    for (number, line) in masked.comments.lines().enumerate() {
        if line.trim_start().strip_prefix("//").is_some_and(is_code) {
            findings.push(Finding::at(&file.path, number + 1, "code in a comment: delete it"));
        }
    }
}

/// Whether a plain line comment (its slashes cut) reads as a statement and not as a sentence.
fn is_code(comment: &str) -> bool {
    if comment.starts_with(['/', '!']) {
        return false;
    }
    let text = comment.trim();
    if matches!(text, "}" | "};" | "});" | "})" | "{") {
        return true;
    }
    let ends_as_code =
        text.ends_with(';') || text.ends_with('{') || text.ends_with(")]") || text.ends_with("},");
    if !ends_as_code {
        return false;
    }
    let head = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_.:&*!".contains(c));
    let call_or_assignment = head.len() < text.len()
        && (head.starts_with('(')
            || head.starts_with(" = ")
            || head.starts_with(" += ")
            || head.starts_with("[("));
    STATEMENTS.iter().any(|begin| text.starts_with(begin)) || call_or_assignment
}

fn script(file: &File, findings: &mut Vec<Finding>) {
    for (number, line) in file.text.lines().enumerate() {
        for word in REMINDERS.iter().filter(|word| words(line, word).next().is_some()) {
            findings.push(Finding::at(&file.path, number + 1, format!("{word}: finish it")));
        }
        for skipped in SKIPPED.iter().filter(|skipped| file.is_typescript() && line.contains(**skipped)) {
            findings.push(Finding::at(
                &file.path,
                number + 1,
                format!("`{skipped}`: a test runs or it goes"),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(path: &str, text: &str, expected: &[usize]) {
        let lines: Vec<usize> = check(&Tree::of(&[(path, text)]))
            .expect("reads")
            .into_iter()
            .map(|finding| finding.line)
            .collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn unfinished_rust() {
        check_lines("a.rs", "// TODO: x\n/* FIXME */\nfn a() {}\n", &[1, 2]);
        check_lines(
            "a.rs",
            "fn a() { todo!() }\nfn b() { dbg!(1); }\nfn c() { unimplemented!() }\n",
            &[1, 3, 2],
        );
        check_lines("a.rs", "#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n", &[1, 3]);
        check_lines("a.rs", "const A: &str = \"TODO todo!\"; // the TODOs of a page\n", &[]);
    }

    #[test]
    fn code_in_comments() {
        for code in [
            "// let a = 1;",
            "// foo(bar);",
            "    // }",
            "// a.b = c;",
            "// pub fn x() {",
            "// #[derive(Debug)]",
        ] {
            check_lines("a.rs", &format!("{code}\n"), &[1]);
        }
        for prose in [
            "// The path (see above);",
            "// a row may go;",
            "/// let a = 1;",
            "//! foo(bar);",
            "// R-SET.2a: no row is left half done",
            "// use the table below",
        ] {
            check_lines("a.rs", &format!("{prose}\n"), &[]);
        }
    }

    #[test]
    fn scripts() {
        check_lines("a.test.ts", "test.skip('x');\nit.only('y');\n// FIXME\nlist.skipped();\n", &[1, 2, 3]);
        check_lines("a.sh", "# TODO\n", &[1]);
        check_lines("a.md", "TODO\n", &[]);
    }
}
