//! Path names inside a model file (TR-106 annex A): absolute, from the root (`.X`), from an ancestor
//! (`#.X` is one level up), or from the object itself.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::bounds::{Budget, ImportError};
use crate::limits::MAX_PATH_SEGMENTS;
use crate::path::SchemaPath;

/// The objects and parameters that a model defines.
pub(super) struct Paths {
    known: BTreeSet<String>,
    root: String,
}

impl Paths {
    pub(super) fn new<'a>(model: Node<'a, 'a>, facts: &Budget) -> Result<Paths, ImportError> {
        let mut known = BTreeSet::new();
        let mut root = "Device".to_owned();
        for object in super::children(model, "object") {
            let path = super::name(object);
            if path.matches('.').count() == 1 {
                root = path.trim_end_matches('.').to_owned();
            }
            for param in super::children(object, "parameter") {
                let param = super::name(param);
                facts.spend(path.len() + param.len())?;
                known.insert(format!("{path}{param}"));
            }
            known.insert(path.to_owned());
        }
        Ok(Paths { known, root })
    }

    /// What a parameter of `object` refers to; a table is given with its `{i}.`.
    pub(super) fn of(&self, object: &str, target: &str) -> Option<SchemaPath> {
        let absolute = self.absolute(object, target)?;
        SchemaPath::parse(&self.as_known(&absolute).unwrap_or(absolute)).ok()
    }

    /// What an argument of a command or event of `object` refers to. The models don't agree on
    /// whether the command and its input count as levels; the first reading that exists is taken.
    pub(super) fn of_arg(&self, object: &str, target: &str) -> Option<SchemaPath> {
        let mut reading = target;
        loop {
            if let Some(known) = self.as_known(&self.absolute(object, reading)?) {
                return SchemaPath::parse(&known).ok();
            }
            reading = reading.strip_prefix('#')?;
            if let Some(below) = reading.strip_prefix('.') {
                let known = self.as_known(&format!("{object}{below}"))?;
                return SchemaPath::parse(&known).ok();
            }
        }
    }

    fn absolute(&self, object: &str, target: &str) -> Option<String> {
        let rest = target.trim_start_matches('#');
        let levels = target.len() - rest.len();
        if levels > MAX_PATH_SEGMENTS {
            return None;
        }
        if levels > 0 {
            let mut base = object;
            for _ in 0..levels {
                base = above(base);
            }
            return Some(format!("{base}{}", rest.trim_start_matches('.')));
        }
        if let Some(rest) = target.strip_prefix('.') {
            return Some(format!("{}.{rest}", self.root));
        }
        if target.starts_with(&format!("{}.", self.root)) {
            return Some(target.to_owned());
        }
        Some(format!("{object}{target}"))
    }

    fn as_known(&self, path: &str) -> Option<String> {
        let row = format!("{path}{{i}}.");
        if path.ends_with('.') && self.known.contains(&row) {
            return Some(row);
        }
        self.known.contains(path).then(|| path.to_owned())
    }
}

/// The object around an object; a table and its row are one level.
fn above(path: &str) -> &str {
    let body = path.strip_suffix('.').unwrap_or(path);
    let body = body.strip_suffix(".{i}").unwrap_or(body);
    body.rfind('.').map_or("", |dot| &body[..=dot])
}
