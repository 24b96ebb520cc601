//! A model as text, always the same for the same model: what is hashed and stored.

use std::sync::Arc;

use super::{Arg, Divergent, Model, ModelBuilder, Object};
use crate::operation::ValueChange;
use crate::schema::text::{parse, print};
use crate::schema::{
    ActiveNotify, ArgFacts, CommandFacts, DefaultKind, DefaultValue, Direction, EventFacts, Facts, KeyFacts,
    ObjectFacts, ObjectRows, ParamFacts, Protocol, Row, Rows, SchemaError, Since, Status,
};

/// Begins the part that holds a diverging row's own model.
const WITHIN: &str = "within ";

impl Model {
    /// The model in the text form of [`crate::schema::text`]; what diverges follows, a `within` line
    /// before each row's own model. Equal models give equal texts.
    pub fn canonical_text(&self) -> String {
        let mut text = print(&self.rows());
        for row in self.objects.iter().flat_map(|object| &object.divergent) {
            text.push_str(WITHIN);
            text.push_str(&row.path);
            text.push('\n');
            text.push_str(&print(&row.model.rows()));
        }
        text
    }

    /// Reads a canonical text back.
    ///
    /// # Errors
    /// If the text is not one.
    pub fn from_canonical_text(text: &str) -> Result<Arc<Model>, SchemaError> {
        let mut parts = text.split_inclusive('\n').peekable();
        let mut builder = build(&take_part(&mut parts))?;
        while let Some(line) = parts.next() {
            let path = line.trim_end().strip_prefix(WITHIN).unwrap_or_default().to_owned();
            let model = build(&take_part(&mut parts))?.build();
            let wrong = |error: &dyn ToString| SchemaError::Text { line: 0, reason: error.to_string() };
            let table = crate::path::ObjectPath::parse(&path).map_err(|error| wrong(&error))?.to_schema();
            builder.divergent(table.as_str(), Divergent { path, model }).map_err(|error| wrong(&error))?;
        }
        Ok(builder.build())
    }

    /// The model as rows, with neither protocol nor version.
    pub fn rows(&self) -> Rows {
        let objects = self.objects.iter().map(object).collect();
        Rows { name: None, usp: (!self.uri.is_empty()).then(|| self.uri.clone()), cwmp: None, objects }
    }
}

fn take_part<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> String {
    let mut part = String::new();
    while let Some(line) = lines.next_if(|line| !line.starts_with(WITHIN)) {
        part.push_str(line);
    }
    part
}

fn build(text: &str) -> Result<ModelBuilder, SchemaError> {
    let rows = parse(text)?;
    let mut builder = ModelBuilder::new(rows.usp.unwrap_or_default(), Protocol::Usp);
    for object in &rows.objects {
        for row in &object.rows {
            let added = builder.add_row(object.path.as_str(), row);
            added.map_err(|error| SchemaError::Text { line: 0, reason: error.to_string() })?;
        }
    }
    Ok(builder)
}

fn object(object: &Object) -> ObjectRows {
    let key =
        |params: &[u16]| params.iter().map(|at| object.params[usize::from(*at)].name.to_string()).collect();
    let keys = object.unique_keys.iter();
    let own = ObjectFacts {
        access: object.access,
        min_entries: u32::from(!object.is_multi),
        max_entries: if object.is_multi { None } else { Some(1) },
        entries_param: object.entries_param.as_ref().map(ToString::to_string),
        enable_param: object.enable_param.as_ref().map(ToString::to_string),
        unique_keys: keys.map(|k| KeyFacts { functional: k.functional, params: key(&k.params) }).collect(),
        ..ObjectFacts::default()
    };
    let mut rows = vec![row("", Facts::Object(own))];
    rows.extend(object.params.iter().map(|param| {
        let ignored = param.value_change == ValueChange::WillIgnore;
        let default = param.default.as_ref().map(|default| default.expose().into_owned());
        let facts = ParamFacts {
            facets: param.facets.clone(),
            access: param.access,
            notify: if ignored { ActiveNotify::CanDeny } else { ActiveNotify::Normal },
            secured: param.secured,
            hidden: param.hidden,
            default: default.map(|value| DefaultValue { kind: DefaultKind::Object, value }),
            ..ParamFacts::of(param.ty)
        };
        row(param.name.as_str(), Facts::Param(facts))
    }));
    rows.extend(object.commands.iter().map(|command| {
        let inputs = command.inputs.iter().map(|input| arg(input, Direction::Input));
        let outputs = command.outputs.iter().map(|output| arg(output, Direction::Output));
        let facts = CommandFacts { is_async: command.is_async, args: inputs.chain(outputs).collect() };
        row(command.name.as_str(), Facts::Command(facts))
    }));
    rows.extend(object.events.iter().map(|event| {
        let args = event.args.iter().map(|input| arg(input, Direction::Event)).collect();
        row(event.name.as_str(), Facts::Event(EventFacts { args }))
    }));
    ObjectRows { path: object.path.clone(), rows }
}

fn arg(arg: &Arg, direction: Direction) -> Row {
    let default = arg.default.clone().map(|value| DefaultValue { kind: DefaultKind::Parameter, value });
    let facts =
        ArgFacts { direction, mandatory: arg.mandatory, ty: arg.ty, facets: arg.facets.clone(), default };
    row(&arg.name, Facts::Arg(facts))
}

fn row(name: &str, facts: Facts) -> Row {
    Row { name: name.to_owned(), since: Since::default(), status: Status::Current, facts, description: None }
}
