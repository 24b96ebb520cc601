//! The files of the checkout as text, read once and shared by every rule.
//!
//! With git it is what git tracks or would track; without it (a source archive), everything outside
//! of the folders that builds make. Binary files are left out.

use crate::manifest::Manifest;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that builds make, skipped where git cannot say so.
const BUILT: &[&str] = &[".git", "target", "node_modules", "dist", "cusp-data"];

/// One text file.
pub(crate) struct File {
    /// Path from the root, with forward slashes.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

impl File {
    /// Whether it is a Rust source file.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is TypeScript.
    pub(crate) fn is_typescript(&self) -> bool {
        self.path.ends_with(".ts") || self.path.ends_with(".tsx")
    }

    /// Whether the first line says that a tool wrote it.
    pub(crate) fn is_generated(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        (first.starts_with("//") || first.starts_with("/*")) && first.contains("@generated")
    }

    /// Whether the whole file is test or benchmark code.
    pub(crate) fn is_test(&self) -> bool {
        let path = &self.path;
        path.contains("/tests/")
            || path.contains("/benches/")
            || path.contains("/e2e/")
            || path.ends_with("/tests.rs")
            || path.ends_with(".test.ts")
            || path.ends_with(".test.tsx")
    }
}

/// All text files, sorted by path.
pub(crate) struct Tree {
    /// Where the tree was read from.
    pub(crate) root: PathBuf,
    /// The files.
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads the tree under `root`.
    pub(crate) fn load(root: &Path) -> Result<Tree> {
        let root = root.canonicalize().with_context(|| format!("no such folder: {}", root.display()))?;
        let mut paths = if root.join(".git").exists() { tracked(&root)? } else { walk(&root)? };
        paths.sort();
        paths.dedup();
        let mut files = Vec::new();
        for path in paths {
            let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File { path, text });
            }
        }
        Ok(Tree { root, files })
    }

    /// A tree in memory, for the tests of single rules.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| File { path: (*path).into(), text: (*text).into() });
        Tree { root: PathBuf::from("/checkouts/cusp"), files: files.collect() }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// The manifests of all packages, dependencies resolved against the workspace's table.
    pub(crate) fn manifests(&self) -> Result<Vec<Manifest>> {
        let workspace = Manifest::workspace(self.text("Cargo.toml").unwrap_or_default())?;
        let mut manifests = Vec::new();
        for file in &self.files {
            let Some(dir) = file.path.strip_suffix("/Cargo.toml") else { continue };
            if let Some(manifest) = Manifest::read(dir, &file.text, &workspace).context(file.path.clone())? {
                manifests.push(manifest);
            }
        }
        Ok(manifests)
    }
}

fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git is needed to list the files of a checkout")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if !BUILT.iter().any(|name| entry.file_name() == **name) {
                    folders.push(path);
                }
            } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                found.push(name.replace('\\', "/"));
            }
        }
    }
    Ok(found)
}
