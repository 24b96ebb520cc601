//! Nothing in the tree depends on, or tells of, the place where it was written: no package registry's
//! host, no absolute path of somebody's machine.

use super::Finding;
use crate::tree::Tree;
use anyhow::Result;
use std::path::Path;

/// Hosts that package managers fetch from. `Cargo.lock` names its index by nature and is exempt.
const REGISTRIES: &[&str] = &[
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("crates.io", "-index"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
];

/// Where home folders lie.
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Parents of a checkout that documents may well name.
const COMMON_PARENTS: &[&str] = &["/", "/tmp", "/home", "/usr", "/var", "/opt", "/src", "/build", "/etc"];

const EXEMPT: &str = "Cargo.lock";

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let places = places(&tree.root);
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path != EXEMPT) {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(host) = REGISTRIES.iter().find(|host| line.contains(**host)) {
                findings.push(Finding::at(
                    &file.path,
                    number + 1,
                    format!("names the package registry {host}"),
                ));
            }
            if let Some(place) = places.iter().find(|place| begins_path(line, place)) {
                findings.push(Finding::at(
                    &file.path,
                    number + 1,
                    format!("names a place on one machine: {place}"),
                ));
            }
        }
    }
    Ok(findings)
}

/// The folders that no file may name: homes, this checkout, and the folder around it.
fn places(root: &Path) -> Vec<String> {
    let around =
        root.parent().filter(|parent| !COMMON_PARENTS.iter().any(|common| *parent == Path::new(common)));
    let here =
        [Some(root), around].into_iter().flatten().filter_map(Path::to_str).map(|path| format!("{path}/"));
    HOMES.iter().map(|home| (*home).to_owned()).chain(here).collect()
}

/// Whether `place` stands in the line as the beginning of a path, not inside a longer one.
fn begins_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_places() {
        let npm = concat!("\"resolved\": \"https://registry.npm", "js.org/x.tgz\"\n");
        let index = concat!("source = \"registry+https://github.com/rust-lang/crates.io", "-index\"\n");
        let home = concat!("see /ho", "me/someone/file and \"/ro", "ot/file\"\n");
        let tree = Tree::of(&[
            ("web/package-lock.json", npm),
            ("Cargo.lock", index),
            ("deny.toml", index),
            ("docs/a.md", home),
            ("docs/b.md", "built in /checkouts/cusp/target, beside /checkouts/other\n"),
            ("docs/c.md", "crates/home/x, web/root/y, ./checkouts/z, ~/home/a, https://a.example/home/b\n"),
        ]);
        let paths: Vec<String> =
            check(&tree).expect("reads").into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["web/package-lock.json", "deny.toml", "docs/a.md", "docs/b.md"]);
    }
}
