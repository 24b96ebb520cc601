//! Which of our crates may depend on which: the map of `ARCHITECTURE.md` as a table.
//!
//! Normal dependencies only. Dev-dependencies are free, except on a root crate: tests of a library
//! must not need the programs that are built from it.

use super::Finding;
use crate::manifest::{Dependency, Kind, Manifest};
use crate::tree::Tree;
use anyhow::Result;

/// Crate -> what it may depend on. `name[a, b]` allows the features `a` and `b` and no other;
/// `name` alone allows any. The agent's side never asks for features of `dm`, so that the whole
/// catalogue cannot slip into a device.
const EDGES: &[(&str, &[&str])] = &[
    ("dm", &[]),
    ("usp-proto", &[]),
    ("cwmp-proto", &[]),
    ("cwmp-endpoint", &["cwmp-proto", "dm[]"]),
    ("usp-endpoint", &["usp-proto", "dm[]"]),
    ("fleet", &["dm"]),
    ("pki", &["usp-proto"]),
    ("mtp", &["usp-proto", "pki"]),
    ("engine", &["dm[]", "usp-endpoint[agent, broker]"]),
    ("store", &["fleet", "dm"]),
    ("api", &["fleet", "dm"]),
    ("server", &["api", "store", "mtp", "pki", "usp-endpoint[controller]", "fleet", "dm"]),
    ("agent", &["engine", "mtp", "pki", "dm[]"]),
    ("sim", &["engine", "mtp", "pki", "dm"]),
    ("check", &["usp-proto", "mtp", "pki"]),
    ("cusp", &["server", "sim", "check"]),
    ("requirement", &[]),
];

/// Crates that compose the others into programs; no dev-dependency may name one.
const ROOTS: &[&str] = &["agent", "cusp", "sim", "server", "proxy", "check"];

/// Tools: they may use any library, and nothing may use them.
const DEV_CRATES: &[&str] = &["xtask", "fuzz-targets"];

/// Usable as a dev-dependency and in no other way.
const ONLY_IN_TESTS: &str = "requirement";

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let manifests = tree.manifests()?;
    let ours: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut findings = Vec::new();
    for manifest in &manifests {
        if allowed(&manifest.name).is_none() && !DEV_CRATES.contains(&manifest.name.as_str()) {
            let message = format!("crate {} has no row in the table of allowed edges", manifest.name);
            findings.push(Finding::file(&manifest.path(), message));
        }
        for dependency in manifest.dependencies.iter().filter(|d| ours.contains(&d.package.as_str())) {
            if let Some(message) = wrong(manifest, dependency) {
                findings.push(Finding::file(&manifest.path(), message));
            }
        }
    }
    Ok(findings)
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    EDGES.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

/// Why this edge is not allowed, if it isn't.
fn wrong(manifest: &Manifest, dependency: &Dependency) -> Option<String> {
    let (from, to) = (manifest.name.as_str(), dependency.package.as_str());
    let row = allowed(from);
    let edge = row.into_iter().flatten().find_map(|edge| {
        let (name, features) = edge.split_once('[').map_or((*edge, None), |(name, rest)| (name, Some(rest)));
        (name == to).then_some(features)
    });
    if DEV_CRATES.contains(&to) {
        return Some(format!("{from} -> {to}: nothing depends on a developer tool"));
    }
    if dependency.kind == Kind::Dev {
        // A crate may ask for features of its own that its tests need.
        let reaches_up = ROOTS.contains(&to) && edge.is_none() && from != to;
        return reaches_up.then(|| format!("{from} -> {to}: not even tests depend on a root crate"));
    }
    if to == ONLY_IN_TESTS {
        return Some(format!("{from} -> {to}: allowed as a dev-dependency only"));
    }
    if DEV_CRATES.contains(&from) {
        return ROOTS.contains(&to).then(|| format!("{from} -> {to}: a tool uses libraries, not programs"));
    }
    let Some(features) = edge else {
        return Some(format!("{from} -> {to} is not among the allowed edges"));
    };
    let features: Vec<&str> = features?.trim_end_matches(']').split(',').map(str::trim).collect();
    let extra = dependency.features.iter().find(|feature| !features.contains(&feature.as_str()))?;
    Some(format!("{from} -> {to}: feature \"{extra}\" is not allowed on this edge"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate `from` with this text after its name, beside a few crates of ours.
    fn check_manifest(from: &str, text: &str, expected: &[&str]) {
        let own = format!("[package]\nname = \"{from}\"\n{text}");
        let path = format!("crates/{from}/Cargo.toml");
        let mut files =
            vec![("Cargo.toml", "[workspace.dependencies]\ndm = { path = \"crates/dm\" }\n"), (&path, &own)];
        let others: Vec<(String, String)> =
            ["dm", "fleet", "mtp", "usp-endpoint", "server", "requirement", "xtask"]
                .iter()
                .filter(|name| **name != from)
                .map(|name| (format!("crates/{name}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n")))
                .collect();
        files.extend(others.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let messages: Vec<String> =
            check(&Tree::of(&files)).expect("reads").into_iter().map(|finding| finding.message).collect();
        assert_eq!(messages, expected, "{text}");
    }

    #[test]
    fn normal_edges() {
        check_manifest("store", "[dependencies]\nfleet.path = \"\"\ndm.path = \"\"\n", &[]);
        check_manifest(
            "store",
            "[dependencies]\nmtp.path = \"\"\n",
            &["store -> mtp is not among the allowed edges"],
        );
        let target = "[target.'cfg(unix)'.dependencies]\nf = { package = \"fleet\", path = \"\" }\n";
        check_manifest("mtp", target, &["mtp -> fleet is not among the allowed edges"]);
        check_manifest(
            "dm",
            "[build-dependencies]\nfleet = \"1\"\n",
            &["dm -> fleet is not among the allowed edges"],
        );
        check_manifest("attic", "", &["crate attic has no row in the table of allowed edges"]);
    }

    #[test]
    fn features_of_an_edge() {
        let with = |features: &str| {
            format!(
                "[dependencies]\nusp-endpoint = {{ path = \"\", default-features = false, features = [{features}] }}\n"
            )
        };
        check_manifest("engine", &with("\"agent\""), &[]);
        let controller = "engine -> usp-endpoint: feature \"controller\" is not allowed on this edge";
        check_manifest("engine", &with("\"agent\", \"controller\""), &[controller]);
        let forwarded = "[features]\nall = [\"dm/catalogue\"]\n[dependencies]\ndm = { path = \"\", default-features = false }\n";
        check_manifest(
            "agent",
            forwarded,
            &["agent -> dm: feature \"catalogue\" is not allowed on this edge"],
        );
    }

    #[test]
    fn tests_and_tools() {
        check_manifest("dm", "[dev-dependencies]\nfleet = \"1\"\nrequirement = \"1\"\n", &[]);
        let root = "dm -> server: not even tests depend on a root crate";
        check_manifest("dm", "[dev-dependencies]\nserver = \"1\"\n", &[root]);
        check_manifest("cusp", "[dev-dependencies]\nserver = \"1\"\n", &[]);
        check_manifest("server", "[dev-dependencies]\nserver = \"1\"\n", &[]);
        let normal = "dm -> requirement: allowed as a dev-dependency only";
        check_manifest("dm", "[dependencies]\nrequirement = \"1\"\n", &[normal]);
        let tool = "dm -> xtask: nothing depends on a developer tool";
        check_manifest("dm", "[dev-dependencies]\nxtask = \"1\"\n", &[tool]);
        check_manifest("fuzz-targets", "[dependencies]\nmtp = \"1\"\ndm = \"1\"\n", &[]);
        let program = "fuzz-targets -> server: a tool uses libraries, not programs";
        check_manifest("fuzz-targets", "[dependencies]\nserver = \"1\"\n", &[program]);
    }
}
