//! The purity line: what a pure crate may depend on, and what its code may not name.
//!
//! Under this line nothing performs IO or reads a clock, the environment or the system's randomness.
//! Three fences stand beside each other: the whitelist of third-party crates, the words below, and
//! clippy's disallowed types and methods, whose file every pure crate must carry unchanged.

use super::Finding;
use crate::manifest::Kind;
use crate::mask::{line_of, mask, words};
use crate::tree::Tree;
use anyhow::Result;

/// Pure crate -> third-party crates it may depend on; `?` where only as an optional dependency.
const WHITELIST: &[(&str, &[&str])] = &[
    ("dm", &["roxmltree?", "thiserror"]),
    ("usp-proto", &["bytes", "prost", "thiserror"]),
    (
        "cwmp-proto",
        &["base64", "encoding_rs?", "hmac", "md-5", "quick-xml", "sha1", "sha2", "subtle", "thiserror"],
    ),
    ("usp-endpoint", &["bytes", "rand_chacha", "sha2", "thiserror"]),
    ("cwmp-endpoint", &[]),
    ("fleet", &["serde", "serde_json", "sha2", "thiserror", "uuid", "zeroize"]),
];

/// Features that would bring the system's clock or randomness into a whitelisted crate.
const IMPURE_FEATURES: &[(&str, &[&str])] = &[
    ("rand_chacha", &["default", "std", "os_rng"]),
    ("uuid", &["v1", "v4", "v6", "v7", "rng", "fast-rng", "rng-rand"]),
];

/// Words that no code of a pure crate holds; its tests may.
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "no files"),
    ("std::env", "no environment"),
    ("std::process", "no processes"),
    ("std::thread", "no threads"),
    ("std::os", "no operating system"),
    ("TcpStream", "no sockets"),
    ("TcpListener", "no sockets"),
    ("UdpSocket", "no sockets"),
    ("ToSocketAddrs", "no name resolution"),
    ("Instant", "time comes in as dm::Now"),
    ("SystemTime", "time comes in as dm::Now"),
    ("HashMap", "iteration order is seeded by the system: use BTreeMap"),
    ("HashSet", "iteration order is seeded by the system: use BTreeSet"),
    ("RandomState", "seeded by the system"),
];

/// The `clippy.toml` of every pure crate.
pub(super) const CLIPPY: &str = include_str!("../../../crates/dm/clippy.toml");

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let manifests = tree.manifests()?;
    let mut findings = Vec::new();
    for manifest in &manifests {
        let Some((name, allowed)) = WHITELIST.iter().find(|(name, _)| *name == manifest.name) else {
            continue;
        };
        for dependency in manifest.dependencies.iter().filter(|d| d.kind == Kind::Normal) {
            let package = dependency.package.as_str();
            if manifests.iter().any(|ours| ours.name == package) {
                continue; // The rule of edges speaks about our own.
            }
            let as_optional = format!("{package}?");
            let listed =
                allowed.contains(&package) || dependency.optional && allowed.contains(&as_optional.as_str());
            if !listed {
                let message = format!("{name} is pure: {package} is not on its whitelist");
                findings.push(Finding::file(&manifest.path(), message));
            }
            let impure = IMPURE_FEATURES.iter().filter(|(crate_name, _)| *crate_name == package);
            for feature in impure.flat_map(|(_, features)| *features) {
                if dependency.features.iter().any(|asked| asked == feature) {
                    let message = format!("{name} is pure: {package} must not have feature \"{feature}\"");
                    findings.push(Finding::file(&manifest.path(), message));
                }
            }
        }
        let clippy = format!("{}/clippy.toml", manifest.dir);
        if tree.text(&clippy) != Some(CLIPPY) {
            findings
                .push(Finding::file(&clippy, "every pure crate carries the same clippy.toml as crates/dm"));
        }
        banned_words(tree, &format!("{}/src/", manifest.dir), &mut findings);
    }
    Ok(findings)
}

fn banned_words(tree: &Tree, folder: &str, findings: &mut Vec<Finding>) {
    let sources =
        tree.files.iter().filter(|file| file.path.starts_with(folder) && file.is_rust() && !file.is_test());
    for file in sources {
        let masked = mask(&file.text);
        let code = &masked.code[..masked.tests_from()];
        for (word, why) in BANNED {
            for at in words(code, word) {
                findings.push(Finding::at(
                    &file.path,
                    line_of(code, at),
                    format!("`{word}` in a pure crate: {why}"),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(manifest: &str, source: &str) -> Vec<String> {
        let manifest = format!("[package]\nname = \"usp-endpoint\"\n[dependencies]\n{manifest}");
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\n"),
            ("crates/dm/Cargo.toml", "[package]\nname = \"dm\"\n"),
            ("crates/dm/clippy.toml", CLIPPY),
            ("crates/usp-endpoint/Cargo.toml", &manifest),
            ("crates/usp-endpoint/clippy.toml", CLIPPY),
            ("crates/usp-endpoint/src/lib.rs", source),
        ]);
        check(&tree).expect("reads").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dependencies_and_their_features() {
        let at = "crates/usp-endpoint/Cargo.toml: usp-endpoint is pure: ";
        assert!(
            messages("dm.path = \"\"\nbytes = \"1\"\n[dev-dependencies]\ntokio = \"1\"\n", "").is_empty()
        );
        assert_eq!(messages("tokio = \"1\"\n", ""), [format!("{at}tokio is not on its whitelist")]);
        assert_eq!(
            messages(
                "rand_chacha = { version = \"0.9\", default-features = false, features = [\"os_rng\"] }\n",
                ""
            ),
            [format!("{at}rand_chacha must not have feature \"os_rng\"")]
        );
    }

    #[test]
    fn optional_only() {
        for (optional, findings) in [("true", 0), ("false", 1)] {
            let manifest = format!(
                "[package]\nname = \"dm\"\n[dependencies]\nroxmltree = {{ version = \"0\", optional = {optional} }}\n"
            );
            let files = [
                ("Cargo.toml", ""),
                ("crates/dm/Cargo.toml", manifest.as_str()),
                ("crates/dm/clippy.toml", CLIPPY),
            ];
            assert_eq!(check(&Tree::of(&files)).expect("reads").len(), findings, "optional = {optional}");
        }
    }

    #[test]
    fn words_in_code_and_not_in_texts_or_tests() {
        let found = messages(
            "",
            "//! Uses no HashMap.\nuse std::collections::HashMap;\nconst A: &str = \"std::fs\";\n",
        );
        assert_eq!(
            found,
            [
                "crates/usp-endpoint/src/lib.rs:2: `HashMap` in a pure crate: iteration order is seeded by the system: use BTreeMap"
            ]
        );
        assert!(messages("", "struct Instance;\n#[cfg(test)]\nmod tests { use std::fs; }\n").is_empty());
    }

    #[test]
    fn the_clippy_file_must_be_there_and_the_same() {
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            ("crates/dm/Cargo.toml", "[package]\nname = \"dm\"\n"),
            ("crates/dm/clippy.toml", "disallowed-types = []\n"),
        ]);
        assert_eq!(check(&tree).expect("reads").len(), 1);
    }
}
