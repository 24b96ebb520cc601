//! Values that point at rows, on both sides of the provider seam: by key there, by number here.

use dm::model::Model;
use dm::path::{ReferenceValue, SchemaPath};
use dm::tree::Place;
use dm::value::{join_list, split_list};

use crate::keys::Keys;
use crate::provider::RowKey;
use crate::reference;

/// A provider's text with row numbers. What `find` does not know points at nothing and is left out.
pub(crate) fn to_numbers(
    model: &Model,
    text: &str,
    mut find: impl FnMut(&SchemaPath, &[RowKey]) -> Option<Place>,
) -> String {
    let items = split_list(text).filter_map(|item| match reference::parse(&item) {
        Some((object, keys)) => Some(find(&object, &keys)?.text(model).trim_end_matches('.').to_owned()),
        None => Some(item.into_owned()),
    });
    join_list(items.collect::<Vec<_>>())
}

/// The same for outputs and events: only what is written by key is touched.
pub(crate) fn outputs_to_numbers(model: &Model, keys: &Keys, values: &mut [(String, String)]) {
    for (_, value) in values {
        if value.contains('{') && split_list(value).any(|item| reference::parse(&item).is_some()) {
            *value = to_numbers(model, value, |object, of| keys.place(model, object, of));
        }
    }
}

/// A controller's text with the provider's keys. Rows that have none keep their numbers.
pub(crate) fn to_keys(model: &Model, keys: &Keys, text: &str) -> String {
    let items = split_list(text).map(|item| keyed(model, keys, &item).unwrap_or_else(|| item.into_owned()));
    join_list(items.collect::<Vec<_>>())
}

fn keyed(model: &Model, keys: &Keys, item: &str) -> Option<String> {
    let place = Place::of(model, &ReferenceValue::parse(item).ok()?.concrete_object()?)?;
    let chain: Vec<RowKey> = keys.chain(model, &place).into_iter().collect::<Option<_>>()?;
    (!chain.is_empty()).then(|| reference::by_key(&model.object(place.object).path, &chain))
}
