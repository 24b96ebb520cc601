//! What the rules need of a `Cargo.toml`: who depends on whom, how, and with which features.
//!
//! It reads the text alone and resolves nothing: neither versions nor the features of third parties.

use anyhow::{Context, Result};
use toml::{Table, Value};

/// One package.
pub(crate) struct Manifest {
    /// Package name.
    pub(crate) name: String,
    /// Folder of the manifest, from the root.
    pub(crate) dir: String,
    /// Dependencies of every kind, target-specific ones included.
    pub(crate) dependencies: Vec<Dependency>,
    /// `[lints] workspace = true`.
    pub(crate) inherits_lints: bool,
}

/// One dependency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Dependency {
    /// Package name, after `package = "…"` renames.
    pub(crate) package: String,
    /// What it is needed for.
    pub(crate) kind: Kind,
    /// Only with a feature of the dependent.
    pub(crate) optional: bool,
    /// Features asked for here, in the workspace's table, or forwarded from `[features]`; sorted.
    /// `default` stands for default features that were not switched off.
    pub(crate) features: Vec<String>,
}

/// What a dependency is needed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// It is part of what is built, or builds it.
    Normal,
    /// Only tests and benchmarks.
    Dev,
}

impl Manifest {
    /// `[workspace.dependencies]` of the root manifest; empty where there is none.
    pub(crate) fn workspace(text: &str) -> Result<Table> {
        let root: Table = text.parse().context("Cargo.toml")?;
        Ok(root
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(Value::as_table)
            .cloned()
            .unwrap_or_default())
    }

    /// Reads a package's manifest; `None` where it has no `[package]`.
    pub(crate) fn read(dir: &str, text: &str, workspace: &Table) -> Result<Option<Manifest>> {
        let table: Table = text.parse()?;
        let Some(name) = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str)
        else {
            return Ok(None);
        };
        let mut dependencies = Vec::new();
        collect(&table, workspace, &mut dependencies);
        for target in tables(table.get("target")) {
            collect(target, workspace, &mut dependencies);
        }
        forward_features(&table, &mut dependencies);
        for dependency in &mut dependencies {
            dependency.features.sort();
            dependency.features.dedup();
        }
        let inherits_lints =
            table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool)
                == Some(true);
        Ok(Some(Manifest { name: name.to_owned(), dir: dir.to_owned(), dependencies, inherits_lints }))
    }

    /// Path of the manifest from the root.
    pub(crate) fn path(&self) -> String {
        format!("{}/Cargo.toml", self.dir)
    }
}

/// The tables that are values of a table.
fn tables(value: Option<&Value>) -> impl Iterator<Item = &Table> {
    value.and_then(Value::as_table).into_iter().flat_map(|table| table.values().filter_map(Value::as_table))
}

fn collect(table: &Table, workspace: &Table, into: &mut Vec<Dependency>) {
    let sections = [
        ("dependencies", Kind::Normal),
        ("build-dependencies", Kind::Normal),
        ("dev-dependencies", Kind::Dev),
    ];
    for (section, kind) in sections {
        for (key, spec) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
            into.push(dependency(key, spec, kind, workspace));
        }
    }
}

fn dependency(key: &str, spec: &Value, kind: Kind, workspace: &Table) -> Dependency {
    let shared = if flag(spec, "workspace") == Some(true) { workspace.get(key) } else { None };
    let package = [Some(spec), shared]
        .into_iter()
        .flatten()
        .find_map(|spec| spec.get("package").and_then(Value::as_str))
        .unwrap_or(key);
    let mut features: Vec<String> = [Some(spec), shared]
        .into_iter()
        .flatten()
        .filter_map(|spec| spec.get("features").and_then(Value::as_array))
        .flatten()
        .filter_map(|feature| feature.as_str().map(str::to_owned))
        .collect();
    // A member cannot switch off default features that the workspace's entry leaves on.
    let defaults = match shared {
        Some(shared) => {
            flag(shared, "default-features") != Some(false) || flag(spec, "default-features") == Some(true)
        }
        None => flag(spec, "default-features") != Some(false),
    };
    if defaults {
        features.push("default".to_owned());
    }
    Dependency { package: package.to_owned(), kind, optional: flag(spec, "optional") == Some(true), features }
}

fn flag(spec: &Value, key: &str) -> Option<bool> {
    spec.get(key).and_then(Value::as_bool)
}

/// `dep/feature` and `dep?/feature` in `[features]` ask for features as an entry does.
fn forward_features(table: &Table, dependencies: &mut [Dependency]) {
    let features = table.get("features").and_then(Value::as_table);
    for value in features.into_iter().flat_map(Table::values).filter_map(Value::as_array).flatten() {
        let Some((name, feature)) = value.as_str().and_then(|text| text.split_once('/')) else { continue };
        let name = name.trim_end_matches('?');
        for dependency in dependencies.iter_mut().filter(|d| d.package == name && d.kind == Kind::Normal) {
            dependency.features.push(feature.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(workspace: &str, text: &str) -> Vec<Dependency> {
        let workspace = Manifest::workspace(workspace).expect("workspace");
        Manifest::read("crates/a", text, &workspace).expect("manifest").expect("package").dependencies
    }

    fn expected(package: &str, kind: Kind, optional: bool, features: &[&str]) -> Dependency {
        let features = features.iter().map(|feature| (*feature).to_owned()).collect();
        Dependency { package: package.to_owned(), kind, optional, features }
    }

    #[test]
    fn dependencies_of_every_kind_with_the_workspace_features() {
        let found = read(
            "[workspace.dependencies]\nb = { path = \"b\", default-features = false, features = [\"x\"] }\n",
            "[package]\nname = \"a\"\n[features]\nf = [\"b/z\", \"dep:c\"]\n\
             [dependencies]\nb = { workspace = true, features = [\"y\"] }\nc = { version = \"1\", optional = true }\n\
             [dev-dependencies]\nd = \"1\"\n[target.'cfg(unix)'.dependencies]\nr = { package = \"real\", version = \"1\", default-features = false }\n",
        );
        assert_eq!(
            found,
            [
                expected("b", Kind::Normal, false, &["x", "y", "z"]),
                expected("c", Kind::Normal, true, &["default"]),
                expected("d", Kind::Dev, false, &["default"]),
                expected("real", Kind::Normal, false, &[]),
            ]
        );
    }

    #[test]
    fn a_workspace_manifest_is_no_package() {
        let nothing = Table::new();
        assert!(Manifest::read("", "[workspace]\nmembers = []\n", &nothing).expect("parses").is_none());
    }
}
