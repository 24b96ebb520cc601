//! A device's supported model for pages and editors: what the device says, and beside it the facts that
//! only the catalogue knows (units, ranges, words, argument types).

use dm::operation::{
    ObjectAccess, ParamAccess, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam, ValueChange,
};
use dm::schema::{Direction, Facets, Facts, ItemRef, ParamFacts, Protocol, Row, Status};
use fleet::model::StoredModel;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue;
use crate::imported::Imported;

/// A supported model.
#[derive(Serialize, ToSchema)]
pub struct Model {
    /// SHA-256 of it; its name.
    pub hash: String,
    /// The model's URI, as the device says.
    pub uri: String,
    /// Objects, parents before children.
    pub objects: Vec<ModelObject>,
}

/// A supported object or table.
#[derive(Serialize, ToSchema)]
pub struct ModelObject {
    /// Path in `{i}` form, ending in a dot.
    pub path: String,
    /// `readOnly`, `addDelete`, `addOnly` or `deleteOnly`.
    pub access: String,
    /// A table.
    pub multi: bool,
    /// Sets of parameters that identify a row.
    pub unique_keys: Vec<Vec<String>>,
    /// Parameters.
    pub params: Vec<ModelParam>,
    /// Commands.
    pub commands: Vec<ModelCommand>,
    /// Events.
    pub events: Vec<ModelEvent>,
    /// What it is for, where an imported model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Rows whose model differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub divergent: Vec<String>,
}

/// A supported parameter.
#[derive(Serialize, ToSchema)]
pub struct ModelParam {
    /// Bare name.
    pub name: String,
    /// `readOnly`, `readWrite`, `writeOnceReadOnly` or `writeOnly`.
    pub access: String,
    /// What it holds.
    #[serde(flatten)]
    pub value: ModelValue,
    /// Its value is a secret.
    #[serde(skip_serializing_if = "is_false")]
    pub secured: bool,
    /// Whether a ValueChange subscription fires, if the device says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_change: Option<bool>,
    /// What it is for, where an imported model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a parameter or argument holds.
#[derive(Serialize, ToSchema, Default)]
pub struct ModelValue {
    /// Base type; of one item, if it is a list.
    #[serde(rename = "type")]
    pub kind: String,
    /// Units of the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    /// Smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Bound>,
    /// Largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Bound>,
    /// The words allowed.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// It is a comma-separated list.
    #[serde(skip_serializing_if = "is_false")]
    pub list: bool,
    /// Longest text (characters) or binary (octets).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// XML Schema regular expression, anchored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// A number; as text where JavaScript would round it.
#[derive(Serialize, ToSchema, Clone, PartialEq, Eq, Debug)]
#[serde(untagged)]
pub enum Bound {
    /// As a number.
    Number(i64),
    /// As text.
    Text(String),
}

/// A supported command.
#[derive(Serialize, ToSchema)]
pub struct ModelCommand {
    /// Name, ending in `()`.
    pub name: String,
    /// Runs on after the answer.
    #[serde(rename = "async")]
    pub is_async: bool,
    /// What it does, where an imported model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Input arguments.
    pub inputs: Vec<ModelArg>,
    /// Output arguments.
    pub outputs: Vec<ModelArg>,
}

/// A supported event.
#[derive(Serialize, ToSchema)]
pub struct ModelEvent {
    /// Name, ending in `!`.
    pub name: String,
    /// When it happens, where an imported model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Arguments.
    pub args: Vec<ModelArg>,
}

/// An argument.
#[derive(Serialize, ToSchema)]
pub struct ModelArg {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(flatten)]
    pub value: ModelValue,
    /// Must be given.
    pub mandatory: bool,
    /// What it is for, where an imported model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Model {
    /// What a device said, with the catalogue's facts and, where it has none, those of imported models.
    pub(crate) fn new(stored: &StoredModel, imported: &Imported) -> Self {
        Model {
            hash: stored.hash.to_string(),
            uri: stored.schema.model_uri.clone(),
            objects: stored.schema.objects.iter().map(|one| object(one, imported)).collect(),
        }
    }
}

impl From<&SchemaObject> for ModelObject {
    /// Without imported models.
    fn from(one: &SchemaObject) -> Self {
        object(one, &Imported::default())
    }
}

fn object(object: &SchemaObject, imported: &Imported) -> ModelObject {
    let known = catalogue::object(&object.path);
    let row = |name: &str| imported.row(&[&object.path, name].concat());
    let params = object.params.iter();
    let commands = object.commands.iter();
    let events = object.events.iter();
    ModelObject {
        path: object.path.clone(),
        access: object_access(object.access).to_owned(),
        multi: object.is_multi,
        unique_keys: object.unique_keys.clone(),
        params: params
            .map(|one| param(one, known.and_then(|it| it.param(&one.name, Protocol::Usp)), row(&one.name)))
            .collect(),
        commands: commands
            .map(|one| {
                let bare = one.name.trim_end_matches("()");
                command(one, known.and_then(|it| it.command(bare, Protocol::Usp)), row(&one.name))
            })
            .collect(),
        events: events
            .map(|one| {
                let bare = one.name.trim_end_matches('!');
                event(one, known.and_then(|it| it.event(bare, Protocol::Usp)), row(&one.name))
            })
            .collect(),
        description: row("").and_then(prose),
        divergent: object.divergent_paths.clone(),
    }
}

fn prose(row: &Row) -> Option<String> {
    row.description.clone()
}

fn param(one: &SchemaParam, known: Option<ItemRef<'_>>, imported: Option<&Row>) -> ModelParam {
    let facts = known.map(|item| item.to_row().facts).or_else(|| Some(imported?.facts.clone()));
    let facts = facts.and_then(|facts| match facts {
        Facts::Param(facts) => Some(facts),
        _ => None,
    });
    let writable = one.access != ParamAccess::ReadOnly;
    let mut value = match &facts {
        Some(ParamFacts { ty, facets, .. }) => ModelValue::new(ty.name(), facets, writable),
        None => ModelValue { kind: "string".to_owned(), ..ModelValue::default() },
    };
    // The device has the last word on what it holds.
    if let Some(ty) = one.value_type
        && value.kind != ty.name()
        && !value.list
    {
        value = ModelValue { kind: ty.name().to_owned(), ..ModelValue::default() };
    }
    ModelParam {
        name: one.name.clone(),
        access: param_access(one.access).to_owned(),
        value,
        secured: facts.is_some_and(|facts| facts.secured || facts.hidden),
        value_change: one.value_change.map(|change| change == ValueChange::Allowed),
        description: imported.and_then(prose),
    }
}

fn command(one: &SchemaCommand, known: Option<ItemRef<'_>>, imported: Option<&Row>) -> ModelCommand {
    let args = Arguments::of(known, imported);
    let is_async = || match &imported?.facts {
        Facts::Command(facts) => Some(facts.is_async),
        _ => None,
    };
    ModelCommand {
        name: one.name.clone(),
        is_async: one
            .is_async
            .or_else(|| known.map(|item| item.is_async()))
            .or_else(is_async)
            .unwrap_or(false),
        description: imported.and_then(prose),
        inputs: one.inputs.iter().map(|name| args.print(name, Direction::Input)).collect(),
        outputs: one.outputs.iter().map(|name| args.print(name, Direction::Output)).collect(),
    }
}

fn event(one: &SchemaEvent, known: Option<ItemRef<'_>>, imported: Option<&Row>) -> ModelEvent {
    let args = Arguments::of(known, imported);
    ModelEvent {
        name: one.name.clone(),
        description: imported.and_then(prose),
        args: one.args.iter().map(|name| args.print(name, Direction::Event)).collect(),
    }
}

/// What is known of a command's or event's arguments: the catalogue's word first.
struct Arguments(Vec<Row>);

impl Arguments {
    fn of(known: Option<ItemRef<'_>>, imported: Option<&Row>) -> Self {
        let rows = known.into_iter().flat_map(|item| item.args().map(|arg| arg.to_row()).collect::<Vec<_>>());
        let more = imported.into_iter().flat_map(|row| row.args().iter().cloned());
        Arguments(rows.chain(more).collect())
    }

    fn print(&self, name: &str, direction: Direction) -> ModelArg {
        let ours = |row: &&Row| {
            row.name == name && matches!(&row.facts, Facts::Arg(facts) if facts.direction == direction)
        };
        let facts = self.0.iter().find(ours).and_then(|row| match &row.facts {
            Facts::Arg(facts) => Some(facts),
            _ => None,
        });
        let (value, mandatory) = match facts {
            Some(facts) => {
                let input = direction == Direction::Input;
                (ModelValue::new(facts.ty.name(), &facts.facets, input), input && facts.mandatory)
            }
            None => (ModelValue { kind: "string".to_owned(), ..ModelValue::default() }, false),
        };
        let description = self.0.iter().filter(ours).find_map(prose);
        ModelArg { name: name.to_owned(), value, mandatory, description }
    }
}

impl ModelValue {
    fn new(kind: &str, facets: &Facets, writable: bool) -> Self {
        let words = facets.enumeration.iter().filter(|word| word.status != Status::Deleted);
        let words = words.filter(|word| !(writable && word.read_only));
        ModelValue {
            kind: kind.to_owned(),
            units: facets.units.clone(),
            min: outermost(facets.ranges.iter().map(|range| range.min), i128::min),
            max: outermost(facets.ranges.iter().map(|range| range.max), i128::max),
            words: words.map(|word| word.value.clone()).collect(),
            list: facets.list.is_some(),
            max_length: longest(facets),
            pattern: pattern(&facets.patterns),
        }
    }
}

/// The outermost bound, if every range has one.
fn outermost(bounds: impl Iterator<Item = Option<i128>>, choose: fn(i128, i128) -> i128) -> Option<Bound> {
    let bounds: Option<Vec<i128>> = bounds.collect();
    bounds?.into_iter().reduce(choose).map(bound)
}

fn bound(number: i128) -> Bound {
    /// The largest number up to which JavaScript has every whole one.
    const EXACT: i128 = (1 << 53) - 1;
    match i64::try_from(number) {
        Ok(small) if (-EXACT..=EXACT).contains(&number) => Bound::Number(small),
        _ => Bound::Text(number.to_string()),
    }
}

fn longest(facets: &Facets) -> Option<u32> {
    let sizes: Option<Vec<u32>> = facets.sizes.iter().map(|size| size.max).collect();
    sizes?.into_iter().max()
}

fn pattern(patterns: &[String]) -> Option<String> {
    match patterns {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join("|")),
    }
}

fn object_access(access: ObjectAccess) -> &'static str {
    match access {
        ObjectAccess::ReadOnly => "readOnly",
        ObjectAccess::AddDelete => "addDelete",
        ObjectAccess::AddOnly => "addOnly",
        ObjectAccess::DeleteOnly => "deleteOnly",
    }
}

fn param_access(access: ParamAccess) -> &'static str {
    match access {
        ParamAccess::ReadOnly => "readOnly",
        ParamAccess::ReadWrite => "readWrite",
        ParamAccess::WriteOnceReadOnly => "writeOnceReadOnly",
        ParamAccess::WriteOnly => "writeOnly",
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, bound};

    #[test]
    fn numbers_that_javascript_would_round_are_texts() {
        assert_eq!(bound(9_007_199_254_740_991), Bound::Number(9_007_199_254_740_991));
        assert_eq!(bound(9_007_199_254_740_992), Bound::Text("9007199254740992".into()));
        assert_eq!(bound(-9_007_199_254_740_992), Bound::Text("-9007199254740992".into()));
        assert_eq!(bound(18_446_744_073_709_551_615), Bound::Text("18446744073709551615".into()));
    }
}
