//! Every crate inherits the workspace's lints, so that one table decides for all.

use super::Finding;
use crate::tree::Tree;
use anyhow::Result;

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let manifests = tree.manifests()?;
    let stray = manifests.iter().filter(|manifest| !manifest.inherits_lints);
    Ok(stray.map(|manifest| Finding::file(&manifest.path(), "add `[lints] workspace = true`")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lints_are_caught() {
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n"),
            ("crates/b/Cargo.toml", "[package]\nname = \"b\"\n[lints.rust]\nunsafe_code = \"allow\"\n"),
        ]);
        let paths: Vec<String> =
            check(&tree).expect("reads").into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["crates/b/Cargo.toml"]);
    }
}
