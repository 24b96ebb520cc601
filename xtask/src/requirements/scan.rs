//! Where the source names requirement ids: in comments of product code, and on tests.

use crate::mask::{Masked, line_of, mask};
use crate::tree::{File, Tree};

/// What a place says about an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A comment beside the code that implements it.
    Code,
    /// `#[requirement("…")]` on a test.
    Proof,
}

/// An id named at a place.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Claim {
    /// The id.
    pub(super) id: String,
    /// What is said.
    pub(super) kind: Kind,
    /// File, from the root.
    pub(super) path: String,
    /// Line, counted from 1.
    pub(super) line: usize,
}

/// The attribute as it stands in masked code, where its arguments are blank.
const ATTRIBUTE: &str = "#[requirement(";

/// Crates whose text is about requirements and not about USP.
const OUTSIDE: &[&str] = &["xtask/", "crates/requirement/"];

/// All claims, in the order of paths and lines.
pub(super) fn scan(tree: &Tree) -> Vec<Claim> {
    let mut claims = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust() && !file.is_generated()) {
        if !OUTSIDE.iter().any(|folder| file.path.starts_with(folder)) {
            let masked = mask(&file.text);
            implemented(file, &masked, &mut claims);
            proved(file, &masked, &mut claims);
        }
    }
    claims
}

fn implemented(file: &File, masked: &Masked, claims: &mut Vec<Claim>) {
    if file.is_test() {
        return;
    }
    let comments = &masked.comments[..masked.tests_from()];
    for (at, id) in ids(comments) {
        claims.push(claim(file, id, Kind::Code, line_of(comments, at)));
    }
}

fn proved(file: &File, masked: &Masked, claims: &mut Vec<Claim>) {
    for (at, _) in masked.code.match_indices(ATTRIBUTE) {
        let arguments = at + ATTRIBUTE.len();
        let end = masked.code[arguments..].find(")]").map_or(file.text.len(), |length| arguments + length);
        for (_, id) in ids(&file.text[arguments..end]) {
            claims.push(claim(file, id, Kind::Proof, line_of(&file.text, at)));
        }
    }
}

fn claim(file: &File, id: &str, kind: Kind, line: usize) -> Claim {
    Claim { id: id.to_owned(), kind, path: file.path.clone(), line }
}

/// The ids in a text, with their offsets.
fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("R-").filter_map(|(at, _)| {
        let inside =
            text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
        let length = if inside { None } else { id_at(&text[at..]) };
        length.map(|length| (at, &text[at..at + length]))
    })
}

/// Length of the id that `text` begins with: `R-`, an area, a dot, and numbers such as `2a` or `32.1`.
pub(super) fn id_at(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("R-")?;
    let area = rest.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    let mut end = 2 + area;
    let mut parts = 0;
    while text.as_bytes().get(end) == Some(&b'.')
        && text.as_bytes().get(end + 1).is_some_and(u8::is_ascii_digit)
    {
        let part = &text.as_bytes()[end + 1..];
        end += 1 + part.iter().take_while(|b| b.is_ascii_digit() || b.is_ascii_lowercase()).count();
        parts += 1;
    }
    (area > 0 && parts > 0).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[(&str, Kind, usize)]) {
        let claims = scan(&Tree::of(&[(path, text)]));
        let found: Vec<_> = claims.iter().map(|claim| (claim.id.as_str(), claim.kind, claim.line)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn comments_say_implemented() {
        let text = "//! Get.\n\n/// R-GET.0, see R-E2E.32.1.\nfn get() {} // (R-SET.2a)\n";
        let expected =
            [("R-GET.0", Kind::Code, 3), ("R-E2E.32.1", Kind::Code, 3), ("R-SET.2a", Kind::Code, 4)];
        check("crates/a/src/get.rs", text, &expected);
        check("crates/a/src/get.rs", "const A: &str = \"R-GET.0\"; // R-GET, OR-GET.1, R-.1\n", &[]);
        check("crates/a/tests/it/get.rs", "// R-GET.0\n", &[]);
        check("crates/a/src/get.rs", "#[cfg(test)]\nmod tests {\n // R-GET.0\n}\n", &[]);
        check("xtask/src/main.rs", "// R-GET.0\n", &[]);
    }

    #[test]
    fn attributes_say_proved() {
        let text = "#[requirement(\"R-GET.0\", \"R-GET.1\")]\n#[test]\nfn t() {}\n";
        let expected = [("R-GET.0", Kind::Proof, 1), ("R-GET.1", Kind::Proof, 1)];
        check("crates/a/tests/it/get.rs", text, &expected);
        check(
            "crates/a/tests/it/get.rs",
            "#[requirement(\n    \"R-GET.0\",\n)]\nfn t() {}\n",
            &[("R-GET.0", Kind::Proof, 1)],
        );
        check("crates/a/tests/it/get.rs", "// #[requirement(\"R-GET.0\")]\n", &[]);
    }
}
