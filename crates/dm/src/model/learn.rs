//! The other way round: a model from what a device answered to GetSupportedDM.
//!
//! Devices are tolerated: what does not parse is left out and counted, the rest is kept. Facets that
//! the answer can't carry may be taken from a catalogue afterwards.

use std::sync::Arc;

use super::{Arg, Command, Event, Model, ModelBuilder, ModelError, ObjectDef, Param};
use crate::operation::{SchemaCommand, SchemaEvent, SchemaObject, SchemaParam, SchemaResult, ValueChange};
use crate::path::Name;
use crate::schema::{Catalogue, Direction, Facets, Facts, KeyFacts, ParamFacts, Protocol, Row};
use crate::value::Type;

impl Model {
    /// The same model with what only a catalogue knows: facets, secrets, arguments' types. A parameter
    /// whose type the device gives differently stays as the device says.
    #[must_use]
    pub fn with_facts(&self, catalogue: &Catalogue<'_>, protocol: Protocol) -> Arc<Model> {
        let mut model = self.clone();
        for object in &mut model.objects {
            let Some(known) = catalogue.object(object.path.as_str()) else { continue };
            for param in &mut object.params {
                if let Some(Facts::Param(facts)) =
                    known.param(param.name.as_str(), protocol).map(|i| i.to_row().facts)
                {
                    take_facts(param, facts);
                }
            }
            for command in &mut object.commands {
                if let Some(item) = known.command(command.name.as_str(), protocol) {
                    item.args().for_each(|arg| {
                        take_arg_facts(&mut command.inputs, &arg.to_row(), Direction::Input);
                        take_arg_facts(&mut command.outputs, &arg.to_row(), Direction::Output);
                    });
                }
            }
            for event in &mut object.events {
                if let Some(item) = known.event(event.name.as_str(), protocol) {
                    item.args()
                        .for_each(|arg| take_arg_facts(&mut event.args, &arg.to_row(), Direction::Event));
                }
            }
        }
        Arc::new(model)
    }

    /// The model that one answer describes. Types that the device does not say are `String`.
    pub fn from_schema_result(result: &SchemaResult) -> Arc<Model> {
        let mut builder = ModelBuilder::new(result.model_uri.clone(), Protocol::Usp);
        builder.learn(result);
        builder.build()
    }
}

impl ModelBuilder {
    /// Adds what an answer describes; several answers may be put together so. Returns how many
    /// definitions were left out because they do not parse or are too many.
    pub fn learn(&mut self, result: &SchemaResult) -> usize {
        result.objects.iter().map(|object| self.learn_object(object)).sum()
    }

    fn learn_object(&mut self, object: &SchemaObject) -> usize {
        let path = object.path.as_str();
        let keys = object.unique_keys.iter();
        let def = ObjectDef {
            access: object.access,
            unique_keys: keys.map(|params| KeyFacts { functional: false, params: params.clone() }).collect(),
            ..ObjectDef::default()
        };
        let mut left_out = usize::from(self.object(path, def).is_err());
        for param in &object.params {
            left_out +=
                usize::from(learned(param).and_then(|param| self.param(path, param).map(drop)).is_err());
        }
        for command in &object.commands {
            let added = learned_command(command).and_then(|command| self.command(path, command).map(drop));
            left_out += usize::from(added.is_err());
        }
        for event in &object.events {
            left_out += usize::from(
                learned_event(event).and_then(|event| self.event(path, event).map(drop)).is_err(),
            );
        }
        left_out
    }
}

fn take_facts(param: &mut Param, facts: ParamFacts) {
    // On the wire a list is a string, whatever its items are.
    let is_list = facts.facets.list.is_some() && param.ty == Type::String;
    if facts.ty == param.ty || is_list {
        param.ty = facts.ty;
        param.counter = facts.facets.is_counter();
        param.facets = facts.facets;
    }
    param.secured = facts.secured;
    param.hidden = facts.hidden;
}

fn take_arg_facts(args: &mut [Arg], row: &Row, direction: Direction) {
    if let Facts::Arg(facts) = &row.facts
        && facts.direction == direction
        && let Some(arg) = args.iter_mut().find(|arg| arg.name == row.name)
    {
        arg.ty = facts.ty;
        arg.facets = facts.facets.clone();
        arg.mandatory = facts.mandatory;
        arg.default = facts.lexical_default();
    }
}

fn learned(param: &SchemaParam) -> Result<Param, ModelError> {
    let mut learned = Param::new(name(&param.name)?, param.value_type.unwrap_or(Type::String));
    learned.access = param.access;
    learned.value_change = param.value_change.unwrap_or(ValueChange::Allowed);
    Ok(learned)
}

fn learned_command(command: &SchemaCommand) -> Result<Command, ModelError> {
    let bare = command.name.strip_suffix("()").unwrap_or(&command.name);
    Ok(Command {
        name: name(bare)?,
        is_async: command.is_async.unwrap_or(false),
        inputs: learned_args(&command.inputs),
        outputs: learned_args(&command.outputs),
    })
}

fn learned_event(event: &SchemaEvent) -> Result<Event, ModelError> {
    let bare = event.name.strip_suffix('!').unwrap_or(&event.name);
    Ok(Event { name: name(bare)?, args: learned_args(&event.args) })
}

fn learned_args(names: &[String]) -> Vec<Arg> {
    let arg = |name: &String| Arg {
        name: name.clone(),
        ty: Type::String,
        facets: Facets::default(),
        mandatory: false,
        default: None,
    };
    let mut args: Vec<Arg> = names.iter().map(arg).collect();
    args.sort_by(|a, b| a.name.cmp(&b.name));
    args.dedup_by(|a, b| a.name == b.name);
    args
}

fn name(text: &str) -> Result<Name, ModelError> {
    Name::parse(text).map_err(|error| ModelError::Path(text.to_owned(), error))
}
