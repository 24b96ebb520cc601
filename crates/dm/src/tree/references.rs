//! Strong and weak references between objects (TR-369 R-ARC.11, R-ARC.12; TR-106 `pathRef`).

use crate::fault::{Code, Fault};
use crate::model::Param;
use crate::path::{Path, ReferenceValue, SchemaPath, Target};
use crate::schema::{Reference, ReferenceKind};
use crate::tree::judge::Touch;
use crate::tree::{Place, Requester, ResolveError, Tree};
use crate::value;

impl Tree {
    /// A reference value as it is stored: rows by number, without the trailing dot. Key form is
    /// resolved here (R-ARC.11); whether what a strong one names exists is judged later.
    ///
    /// Text that is no path, or of a strong reference to what its definition does not allow, is 7012.
    pub(super) fn settle_references(
        &self,
        param: &Param,
        reference: &Reference,
        text: &str,
        who: &Requester<'_>,
    ) -> Result<String, Fault> {
        if !param.is_list() {
            return self.settle(reference, text, who);
        }
        let settled: Vec<String> = value::split_list(text)
            .map(|item| self.settle(reference, &item, who))
            .collect::<Result<_, _>>()?;
        Ok(value::join_list(&settled))
    }

    fn settle(&self, reference: &Reference, item: &str, who: &Requester<'_>) -> Result<String, Fault> {
        let value = ReferenceValue::parse(item).map_err(|error| bad(error.to_string()))?;
        let Some(path) = value.object() else { return Ok(String::new()) };
        let settled = match path.is_search() {
            false => item.trim_end_matches('.').to_owned(),
            true => self.numbered(item, &value, path, who)?,
        };
        // R-ARC.12: a weak reference may name anything.
        if reference.strong && !allows(reference, &settled) {
            let targets: Vec<&str> = reference.targets.iter().map(SchemaPath::as_str).collect();
            let what = kind_name(reference.kind);
            return Err(bad(match targets.as_slice() {
                [] => format!("{settled} is not {what}"),
                targets => format!("{settled} is not {what} of {}", targets.join(", ")),
            }));
        }
        Ok(settled)
    }

    /// The one object that a path with unique keys names, or the parameter of one.
    fn numbered(
        &self,
        item: &str,
        value: &ReferenceValue,
        object: &Path,
        who: &Requester<'_>,
    ) -> Result<String, Fault> {
        let found = match (self.resolve(object, who), value.param()) {
            (Err(ResolveError::NotSupported(_)), Some(param)) => self.resolve(&param, who),
            (found, _) => found,
        };
        let found = found.map_err(|error| bad(error.to_string()))?;
        match found.places.as_slice() {
            [one] => {
                let path = one.leaf_text(self.model(), found.leaf.as_deref().unwrap_or_default());
                Ok(path.trim_end_matches('.').to_owned())
            }
            [] => Err(bad(format!("{item} names no row"))),
            _ => Err(bad(format!("{item} names more than one row"))),
        }
    }

    /// A strong reference to something that does not exist (R-ARC.12).
    pub(super) fn dangling(&self, touch: &Touch) -> Option<Fault> {
        let param = &self.model().object(touch.place.object).params[usize::from(touch.param)];
        if !param.facets.reference.as_ref().is_some_and(|reference| reference.strong) {
            return None;
        }
        let text = self.value(&touch.place, touch.param)?.expose();
        let lost = value::split_list(&text).find(|item| self.referent(item).is_none())?;
        let lost = if param.is_secret() { "something" } else { &lost };
        Some(bad(format!("{} refers to {lost}, which does not exist", touch.name)))
    }

    /// The existing object that a reference item points at, or that has the parameter it points at.
    pub(super) fn referent(&self, item: &str) -> Option<Place> {
        let value = ReferenceValue::parse(item).ok()?;
        if let Some(object) = self.locate(&value.concrete_object()?) {
            return Some(object);
        }
        let param = value.param()?;
        let Target::Param(name) = &param.target else { return None };
        let object = self.locate(&param.concrete_object()?)?;
        self.model().param_index(object.object, name.as_str()).map(|_| object)
    }
}

/// Whether a reference's definition allows a path, rows by number: it has to be of the kind, and in one of
/// the tables or below one of the objects named, if any are.
fn allows(reference: &Reference, path: &str) -> bool {
    let Ok(value) = ReferenceValue::parse(path) else { return false };
    let object = value.object().and_then(Path::to_schema);
    let param = value.param().and_then(|path| path.to_schema());
    let of_kind = match reference.kind {
        ReferenceKind::Row => object.filter(SchemaPath::is_row),
        ReferenceKind::Single => object.filter(|path| !path.is_row()),
        ReferenceKind::Param => param,
        ReferenceKind::Any => object,
    };
    let Some(path) = of_kind else { return false };
    let row = reference.kind == ReferenceKind::Row;
    let holds = |target: &SchemaPath| {
        *target == path || !(row && target.is_row()) && path.as_str().starts_with(target.as_str())
    };
    reference.targets.is_empty() || reference.targets.iter().any(holds)
}

fn kind_name(kind: ReferenceKind) -> &'static str {
    match kind {
        ReferenceKind::Row => "a row",
        ReferenceKind::Single => "a single object",
        ReferenceKind::Param => "a parameter",
        ReferenceKind::Any => "a place",
    }
}

fn bad(message: String) -> Fault {
    Fault::new(Code::INVALID_VALUE, message)
}
