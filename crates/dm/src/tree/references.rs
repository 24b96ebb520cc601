//! Strong and weak references between objects (TR-369 R-ARC.11, R-ARC.12; TR-106 `pathRef`).

use crate::fault::{Code, Fault};
use crate::model::Param;
use crate::path::ReferenceValue;
use crate::tree::judge::Touch;
use crate::tree::{Change, Place, Requester, Tree};
use crate::value::{self, Value};

impl Tree {
    /// A reference value as it is stored: rows by number, without the trailing dot. Key form is
    /// resolved here (R-ARC.11); what does not resolve stays as written and is judged later.
    pub(super) fn settle_references(
        &self,
        param: &Param,
        text: &str,
        who: &Requester<'_>,
    ) -> Result<String, Fault> {
        if !param.is_list() {
            return self.settle(text, who);
        }
        let settled: Vec<String> =
            value::split_list(text).map(|item| self.settle(&item, who)).collect::<Result<_, _>>()?;
        Ok(value::join_list(&settled))
    }

    fn settle(&self, item: &str, who: &Requester<'_>) -> Result<String, Fault> {
        let bad = |message: String| Fault::new(Code::INVALID_VALUE, message);
        let value = ReferenceValue::parse(item).map_err(|error| bad(error.to_string()))?;
        let Some(path) = value.object() else { return Ok(String::new()) };
        if !path.is_search() {
            return Ok(item.trim_end_matches('.').to_owned());
        }
        let found = self.resolve(path, who).map_err(|error| bad(error.to_string()))?;
        match found.places.as_slice() {
            [one] => Ok(one.text(self.model()).trim_end_matches('.').to_owned()),
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
        Some(Fault::new(
            Code::INVALID_VALUE,
            format!("{} refers to {lost}, which does not exist", touch.name),
        ))
    }

    /// The existing object that a reference item points at.
    fn referent(&self, item: &str) -> Option<Place> {
        self.locate(&ReferenceValue::parse(item).ok()?.concrete_object()?)
    }

    /// The changes that remove a row: strong references to it, or below it, are emptied or lose the
    /// item; a row whose own key is such a reference goes with it (a subscription with its recipient).
    pub(super) fn removal(&self, row: &Place) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut follow = vec![row.clone()];
        let mut gone: Vec<Place> = Vec::new();
        while let Some(row) = follow.pop() {
            if gone.contains(&row) {
                continue;
            }
            gone.push(row.clone());
            self.loosen(&row, &mut changes, &mut follow);
        }
        changes.extend(gone.into_iter().rev().map(|row| Change::Remove { row }));
        changes
    }

    fn loosen(&self, row: &Place, changes: &mut Vec<Change>, follow: &mut Vec<Place>) {
        let model = self.model();
        let points_into = |item: &str| self.referent(item).is_some_and(|place| place.is_within(model, row));
        self.for_each(|place, values| {
            let object = model.object(place.object);
            for (index, (param, value)) in object.params.iter().zip(values).enumerate() {
                let Some(Value::Text(text)) = value else { continue };
                if text.is_empty() || !param.facets.reference.as_ref().is_some_and(|r| r.strong) {
                    continue;
                }
                let items: Vec<_> = value::split_list(text).collect();
                if !items.iter().any(|item| points_into(item)) || place.is_within(model, row) {
                    continue;
                }
                let index = u16::try_from(index).unwrap_or(u16::MAX);
                let identifies =
                    object.unique_keys.iter().any(|k| !k.functional && k.params.contains(&index));
                if identifies && place.is_row(model) {
                    follow.push(place.clone());
                } else {
                    let kept: Vec<_> = items.into_iter().filter(|item| !points_into(item)).collect();
                    let value = Some(Value::Text(value::join_list(&kept).into()));
                    changes.push(Change::Set { place: place.clone(), param: index, value });
                }
            }
        });
    }
}
