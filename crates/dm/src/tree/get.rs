//! Get: values, one result per requested path (TR-369 section 7.5.1).

use crate::fault::{Code, Fault};
use crate::model::Param;
use crate::operation::{Get, ObjectValues, Outcome, ParamAccess, Requested};
use crate::path::{Path, Target};
use crate::tree::{Bit, Place, Requester, ResolveError, Spot, Tree};
use crate::value::Value;

impl Tree {
    /// Answers a Get from this snapshot.
    pub fn get(&self, get: &Get, who: &Requester<'_>) -> Outcome {
        let depth = levels(get.max_depth);
        let results = get
            .paths
            .iter()
            .map(|path| Requested { path: path.clone(), result: self.get_one(path, depth, who) });
        Outcome::Get(results.collect())
    }

    fn get_one(&self, text: &str, depth: u32, who: &Requester<'_>) -> Result<Vec<ObjectValues>, Fault> {
        let path = Path::parse(text).map_err(|e| Fault::new(Code::INVALID_PATH_SYNTAX, e.to_string()))?;
        if matches!(path.target, Target::Command(_) | Target::Event(_)) {
            return Err(unknown(text));
        }
        // R-GET.0: what is not instantiated is 7026 here, unlike in Set, Add and Delete.
        let found = self.resolve(&path, who).map_err(|error| match error {
            ResolveError::NotSupported(_) | ResolveError::NoInstance(_) => unknown(text),
            other => other.fault(),
        })?;
        // R-GET.1: without permission a concrete path looks unsupported. Asked first: nothing is read for it.
        let may_read = |place| who.may(self, Bit::ObjectRead, place, "");
        if !found.is_search && !found.places.iter().all(may_read) {
            return Err(unknown(text));
        }
        let mut reader = Reader { tree: self, who, results: Vec::new() };
        for place in &found.places {
            match &found.leaf {
                Some(leaf) => reader.param(place, leaf),
                None => {
                    if let Some(spot) = self.at(place) {
                        reader.object(place, spot, depth);
                    }
                }
            }
        }
        let results = reader.results;
        let unreadable = found.leaf.is_some() && results.iter().all(|r| r.params.is_empty());
        if !found.is_search && unreadable {
            return Err(unknown(text));
        }
        Ok(results)
    }
}

/// 0, and anything from 0x80000000 up, is without limit (agents in the field send both).
fn levels(max_depth: u32) -> u32 {
    if max_depth == 0 || max_depth >= 0x8000_0000 { u32::MAX } else { max_depth }
}

fn unknown(text: &str) -> Fault {
    Fault::new(Code::INVALID_PATH, format!("{text} is not instantiated or not in the supported data model"))
}

struct Reader<'a> {
    tree: &'a Tree,
    who: &'a Requester<'a>,
    results: Vec<ObjectValues>,
}

impl Reader<'_> {
    /// R-GET.2, R-GET.3: the parent object and only that parameter.
    fn param(&mut self, place: &Place, leaf: &str) {
        if !self.who.may(self.tree, Bit::ObjectRead, place, "") {
            return;
        }
        let Some(index) = self.tree.model().param_index(place.object, leaf) else { return };
        if let Some(Spot::Node(node)) = self.tree.at(place)
            && let Some(value) = &node.values[usize::from(index)]
            && let Some(shown) = self.shown(place, index, value)
        {
            let path = place.text(self.tree.model());
            self.results.push(ObjectValues { path, params: vec![(leaf.to_owned(), shown)] });
        }
    }

    /// An object, table or row and what stands below it; a table and its rows are one level.
    fn object(&mut self, place: &Place, spot: Spot<'_>, depth: u32) {
        match spot {
            Spot::Table(table) => {
                for (number, node) in &table.rows {
                    self.object(&place.row(*number), Spot::Node(node), depth);
                }
            }
            Spot::Node(node) => {
                // Each object is asked for by itself: one that is hidden may hold some that are not.
                if self.who.may(self.tree, Bit::ObjectRead, place, "") {
                    self.values(place, &node.values);
                }
                if depth > 1 {
                    let children = &self.tree.model().object(place.object).children;
                    for (&id, child) in children.iter().zip(node.children.iter()) {
                        self.object(&place.child(id), child.spot(), depth - 1);
                    }
                }
            }
        }
    }

    /// R-GET.4: parameters that may not be read are left out, even all of them.
    fn values(&mut self, place: &Place, values: &[Option<Value>]) {
        let object = self.tree.model().object(place.object);
        if object.params.is_empty() {
            return;
        }
        let mut params = Vec::with_capacity(values.len());
        for (index, (param, value)) in object.params.iter().zip(values).enumerate() {
            if let Some(value) = value
                && let Ok(index) = u16::try_from(index)
                && let Some(shown) = self.shown(place, index, value)
            {
                params.push((param.name.as_str().to_owned(), shown));
            }
        }
        self.results.push(ObjectValues { path: place.text(self.tree.model()), params });
    }

    /// The lexical form that this requester sees, or nothing.
    fn shown(&self, place: &Place, index: u16, value: &Value) -> Option<String> {
        self.tree.shown(place, index, value, self.who)
    }
}

impl Tree {
    /// What a requester reads for a value: nothing without permission, an empty text where it is
    /// write-only, or secured and the requester has no SecuredRole.
    pub(crate) fn shown(
        &self,
        place: &Place,
        index: u16,
        value: &Value,
        who: &Requester<'_>,
    ) -> Option<String> {
        let param = &self.model().object(place.object).params[usize::from(index)];
        if !who.may(self, Bit::ParamRead, place, param.name.as_str()) {
            return None;
        }
        Some(if is_masked(param, who) { String::new() } else { value.expose().into_owned() })
    }

    /// Whether a requester reads the parameter's value as it is.
    pub(crate) fn is_shown(&self, place: &Place, index: u16, who: &Requester<'_>) -> bool {
        let param = &self.model().object(place.object).params[usize::from(index)];
        !is_masked(param, who) && who.may(self, Bit::ParamRead, place, param.name.as_str())
    }
}

/// Whether a value reads as the empty text although it may be read.
fn is_masked(param: &Param, who: &Requester<'_>) -> bool {
    param.access == ParamAccess::WriteOnly || param.hidden || (param.secured && !who.authority.sees_secured())
}
