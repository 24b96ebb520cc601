//! The schema catalogue's three forms, model files and patterns.

use dm::model::Model;
use dm::schema::{Catalogue, ImportLimits, ImportedModel, encode, import, matches_pattern, text};

/// A blob either opens and can be read whole, or is refused.
pub fn blob(data: &[u8]) {
    if let Ok(catalogue) = Catalogue::open(data) {
        let _ = catalogue.rows();
    }
}

/// Rows that parse print to a text that parses to the same rows, as a blob too; as a model they have a
/// canonical text that reads back.
pub fn rows(data: &[u8]) {
    let Ok(given) = std::str::from_utf8(data) else { return };
    if let Ok(rows) = text::parse(given) {
        let printed = text::print(&rows);
        assert_eq!(text::parse(&printed).as_ref(), Ok(&rows), "{printed}");
        let blob = encode(&rows).expect("a small table fits");
        Catalogue::open(&blob).expect("an encoded table opens").rows();
    }
    if let Ok(model) = Model::from_canonical_text(given) {
        let canonical = model.canonical_text();
        let again = Model::from_canonical_text(&canonical).expect("a canonical text reads back");
        assert_eq!(again.canonical_text(), canonical);
    }
}

/// A model file is read or refused; what was read can be kept as text, and each row found by its path.
pub fn xml(data: &[u8]) {
    let Ok(model) = import(data, &ImportLimits::default()) else { return };
    let stored = model.to_text();
    assert_eq!(ImportedModel::from_text(&stored).as_ref(), Ok(&model), "{stored}");
    for object in &model.rows().objects {
        assert_eq!(model.object(object.path.as_str()), Some(object));
    }
}

/// The first line is a pattern, the rest a text; any answer will do, in bounded time.
pub fn pattern(data: &[u8]) {
    let Ok(given) = std::str::from_utf8(data) else { return };
    let (pattern, text) = given.split_once('\n').unwrap_or((given, ""));
    let _ = matches_pattern(pattern, text);
}
