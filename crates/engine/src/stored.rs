//! The tables that the engine keeps itself: what they start with, what the journal remembers of them,
//! and how that comes back.

use dm::model::{Model, ObjectId};
use dm::path::ObjectPath;
use dm::tree::{Change, ChangeSet, Happening, Place, Tree};
use dm::{Code, Fault, Value};

use crate::error::EngineError;
use crate::journal::{Entry, Lexical, Live};
use crate::keys::{Keys, rows_above};
use crate::kind::Kind;
use crate::report::Aliases;

/// A value that holds until a controller changes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactoryDefault {
    /// The object, ending in a dot; rows on the way are made.
    pub path: String,
    /// Bare name.
    pub param: String,
    /// Lexical form.
    pub value: Value,
}

impl FactoryDefault {
    /// A default.
    pub fn new(path: &str, param: &str, value: &str) -> FactoryDefault {
        FactoryDefault { path: path.to_owned(), param: param.to_owned(), value: Value::text(value) }
    }

    /// A default that is masked wherever it is printed.
    pub fn secret(path: &str, param: &str, value: &str) -> FactoryDefault {
        FactoryDefault { path: path.to_owned(), param: param.to_owned(), value: Value::secret(value) }
    }
}

/// Makes the rows and sets the values.
pub(crate) fn apply_defaults(tree: &mut Tree, defaults: &[FactoryDefault]) -> Result<(), EngineError> {
    let model = tree.model().clone();
    for default in defaults {
        let unknown = || EngineError::UnknownPath(default.path.clone());
        let place = find(&model, &default.path).ok_or_else(unknown)?;
        for row in rows_above(&model, &place) {
            make_row(tree, &row);
        }
        if !tree.exists(&place) || place.is_table(&model) {
            return Err(unknown());
        }
        let bad =
            |fault| EngineError::BadDefault { path: format!("{}{}", default.path, default.param), fault };
        let missing = || bad(Fault::new(Code::UNSUPPORTED_PARAMETER, "there is no such parameter"));
        let index = model.param_index(place.object, &default.param).ok_or_else(missing)?;
        let param = &model.object(place.object).params[usize::from(index)];
        let value = param.check(&default.value.expose()).map_err(bad)?;
        tree.apply(&[Change::Set { place, param: index, value: Some(value) }]);
    }
    Ok(())
}

/// A row with the model's defaults, and an alias if it wants one.
fn make_row(tree: &mut Tree, row: &Place) {
    if tree.exists(row) {
        return;
    }
    let mut changes = tree.with_defaults(row);
    if let Some(param) = tree.model().param_index(row.object, "Alias") {
        let number = row.rows().last().map_or(0, |number| number.get());
        let value = Some(Value::text(format!("cpe-{number}")));
        changes.push(Change::Set { place: row.clone(), param, value });
    }
    tree.apply(&changes);
}

/// The tree, numbers and aliases that a journal remembers.
pub(crate) fn restore(kind: &Kind, live: &Live) -> (Tree, Keys, Aliases) {
    let mut tree = kind.pristine().clone();
    let model = kind.model();
    let mut aliases = Aliases::new();
    for (path, remembered) in &live.objects {
        // What a later or other version of the agent remembered stays in the journal, unused.
        let Some(place) = find(model, path) else { continue };
        if remembered.created {
            make_row(&mut tree, &place);
        }
        for (name, value) in &remembered.params {
            let Some((param, value)) = value_of(model, place.object, name, value) else { continue };
            if kind.is_own(place.object, param) {
                aliases.insert(place.clone(), value.clone());
            }
            tree.apply(&[Change::Set { place: place.clone(), param, value: Some(value) }]);
        }
    }
    begin_fleeting(kind, &mut tree);
    let keys = Keys::restore(model, live);
    for (text, last) in &live.last {
        if let Some(table) = find(model, text) {
            tree.reserve_number(&table, *last);
        }
    }
    kind.settle_all_counts(&mut tree);
    (tree, keys, aliases)
}

/// Parameters that remember nothing begin anew.
fn begin_fleeting(kind: &Kind, tree: &mut Tree) {
    let mut changes = Vec::new();
    tree.for_each(|place, _| {
        let all = kind.fleeting().iter().filter(|(object, ..)| *object == place.object);
        changes.extend(all.map(|(_, param, value)| {
            let value = Some(value.clone());
            Change::Set { place: place.clone(), param: *param, value }
        }));
    });
    tree.apply(&changes);
}

/// A parameter's index and its value, if the model has it.
pub(crate) fn value_of(model: &Model, object: ObjectId, name: &str, value: &Lexical) -> Option<(u16, Value)> {
    let index = model.param_index(object, name)?;
    let param = &model.object(object).params[usize::from(index)];
    let parsed = if param.is_list() {
        Value::parse_list(param.ty, &value.text)
    } else {
        Value::parse(param.ty, &value.text)
    };
    let parsed = parsed.ok()?;
    Some((index, if value.secret || param.is_secret() { parsed.into_secret() } else { parsed }))
}

/// Keeps the aliases that controllers give.
pub(crate) fn note_aliases(kind: &Kind, aliases: &mut Aliases, changes: &ChangeSet) {
    for change in changes {
        match change {
            Happening::Changed { place, param, new: Some(alias), .. }
                if kind.is_own(place.object, *param) && !kind.is_count(place.object, *param) =>
            {
                aliases.insert(place.clone(), alias.clone());
            }
            Happening::Deleted(row) if !aliases.is_empty() => {
                aliases.retain(|place, _| !place.is_within(kind.model(), row));
            }
            _ => {}
        }
    }
}

/// What has to be remembered of changes that a controller or the machine made.
pub(crate) fn remember(kind: &Kind, tree: &Tree, keys: &Keys, changes: &ChangeSet) -> Vec<Entry> {
    let mut entries = Vec::new();
    for change in changes {
        match change {
            Happening::Created(row) if is_kept(kind, keys, row) && tree.exists(row) => {
                entries.push(Entry::CreateRow { path: row.text(kind.model()) });
                entries.extend(values(kind, tree, row));
            }
            // A number that was told is not given again after a restart, though the row is forgotten.
            Happening::Created(row) if kind.is_volatile(row.object) && kind.owner(row.object).is_none() => {
                let table = row.table().map(|(table, number)| (table.text(kind.model()), number.get()));
                entries.extend(table.map(|(table, last)| Entry::LastNumber { table, last }));
            }
            Happening::Deleted(row) if !kind.is_volatile(row.object) => {
                entries.push(Entry::RemoveRow { path: row.text(kind.model()) });
            }
            Happening::Changed { place, param, new, .. } if !kind.is_volatile(place.object) => {
                let own = kind.is_own(place.object, *param);
                let forgets = kind.is_count(place.object, *param) || kind.is_fleeting(place.object, *param);
                if forgets || !(own || is_kept(kind, keys, place)) {
                    continue;
                }
                entries.push(set(kind.model(), place, *param, new.as_ref()));
            }
            _ => {}
        }
    }
    entries
}

/// Everything that a tree has in the engine's own part: for a first start.
pub(crate) fn remember_all(kind: &Kind, tree: &Tree) -> Vec<Entry> {
    let mut entries = Vec::new();
    tree.for_each(|place, _| {
        if kind.owner(place.object).is_some() || kind.is_volatile(place.object) {
            return;
        }
        if place.is_row(kind.model()) {
            entries.push(Entry::CreateRow { path: place.text(kind.model()) });
        }
        entries.extend(values(kind, tree, place));
    });
    entries
}

/// Whether the journal keeps an object's values: the engine's own, and rows that their provider does not
/// know yet.
fn is_kept(kind: &Kind, keys: &Keys, place: &Place) -> bool {
    let is_unbound = |row: &Place| kind.owner(row.object).is_some() && keys.key(row).is_none();
    !kind.is_volatile(place.object)
        && (kind.owner(place.object).is_none() || rows_above(kind.model(), place).iter().any(is_unbound))
}

fn values(kind: &Kind, tree: &Tree, place: &Place) -> Vec<Entry> {
    let params = (0..).zip(&kind.model().object(place.object).params);
    let forgets = |index| kind.is_count(place.object, index) || kind.is_fleeting(place.object, index);
    let kept = params.filter(|(index, _)| !forgets(*index));
    kept.filter_map(|(index, _)| Some(set(kind.model(), place, index, Some(tree.value(place, index)?))))
        .collect()
}

/// What remembers one value, or that there is none.
pub(crate) fn set(model: &Model, place: &Place, param: u16, value: Option<&Value>) -> Entry {
    let object = model.object(place.object);
    let lexical = |value: &Value| Lexical { text: value.expose().into(), secret: value.is_secret() };
    Entry::SetParam {
        path: place.text(model),
        param: object.params[usize::from(param)].name.as_str().to_owned(),
        value: value.map(lexical),
    }
}

fn find(model: &Model, path: &str) -> Option<Place> {
    Place::of(model, &ObjectPath::parse(path).ok()?)
}
