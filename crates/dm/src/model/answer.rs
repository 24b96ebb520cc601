//! Answering GetSupportedDM from a model (TR-369 section 7.5.3).

use super::{Arg, Located, Model, Object, ObjectId, Param};
use crate::fault::{Code, Fault};
use crate::operation::{
    GetSchema, Outcome, ParamAccess, Requested, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam,
    SchemaResult,
};
use crate::path::{SchemaKind, SchemaPath, SchemaSegment};

/// Whether the asker may see an object (empty leaf), or a parameter, command (`Reset()`) or event
/// (`Boot!`) of it.
pub type Visible<'a> = &'a dyn Fn(ObjectId, &str) -> bool;

impl Model {
    /// The answer to a request for the supported model: one result per requested path. What the asker
    /// may not see is absent (R-GSP.0), and a path to it alone is 7026.
    pub fn schema(&self, request: &GetSchema, visible: Visible<'_>) -> Outcome {
        let answer = |path: &String| {
            let result = self.one(path, request, visible);
            Requested { path: path.clone(), result }
        };
        Outcome::GetSchema(request.paths.iter().map(answer).collect())
    }

    fn one(&self, text: &str, request: &GetSchema, visible: Visible<'_>) -> Result<SchemaResult, Fault> {
        let path = SchemaPath::parse(text)
            .map_err(|error| Fault::new(Code::INVALID_PATH_SYNTAX, format!("{text}: {error}")))?;
        let (generic, divergent) = self.generic(&path);
        if let Some((table, model)) = divergent {
            return model.located(&generic, text, request, &|_, leaf| visible(table, leaf));
        }
        self.located(&generic, text, request, visible)
    }

    fn located(
        &self,
        path: &SchemaPath,
        text: &str,
        request: &GetSchema,
        visible: Visible<'_>,
    ) -> Result<SchemaResult, Fault> {
        let unknown = || Fault::new(Code::INVALID_PATH, format!("{text} is not supported"));
        let found = self.locate(path).ok_or_else(unknown)?;
        let objects = match found {
            Located::Object(id) => self.below(id, request, visible),
            _ => self.leaf(found, visible).into_iter().collect(),
        };
        if objects.is_empty() {
            return Err(unknown());
        }
        Ok(SchemaResult { model_uri: self.uri.clone(), objects })
    }

    /// The path in `{i}` form, and the model of the diverging row that it leads into, if it does.
    fn generic(&self, path: &SchemaPath) -> (SchemaPath, Option<(ObjectId, &Model)>) {
        if !path.has_numbers() {
            return (path.clone(), None);
        }
        let text = path.as_str();
        let row = self.objects().flat_map(|(id, object)| object.divergent.iter().map(move |row| (id, row)));
        let row =
            row.filter(|(_, row)| text.starts_with(&row.path)).map(|(id, row)| (id, &*row.model)).next();
        (placeholders(path), row)
    }

    fn below(&self, id: ObjectId, request: &GetSchema, visible: Visible<'_>) -> Vec<SchemaObject> {
        let mut objects = Vec::new();
        if request.first_level_only {
            let object = self.object(id);
            if visible(id, "") {
                objects.push(full(id, object, request, visible));
            }
            if object.divergent.is_empty() {
                let children = object.children.iter().filter(|child| visible(**child, ""));
                objects.extend(children.map(|child| bare(self.object(*child))));
            }
            return objects;
        }
        let mut hidden_below: Option<&str> = None;
        for (below, object) in self.subtree(id) {
            let path = object.path.as_str();
            if hidden_below.is_some_and(|above| path.starts_with(above)) {
                continue;
            }
            if !object.divergent.is_empty() {
                hidden_below = Some(path);
            }
            if visible(below, "") {
                objects.push(full(below, object, request, visible));
            }
        }
        objects
    }

    /// For a parameter, command or event the answer holds just that, whatever the flags say.
    fn leaf(&self, found: Located, visible: Visible<'_>) -> Option<SchemaObject> {
        let (Located::Object(id) | Located::Param(id, _) | Located::Command(id, _) | Located::Event(id, _)) =
            found;
        let object = self.object(id);
        let mut result = bare(object);
        let leaf = match found {
            Located::Object(_) => String::new(),
            Located::Param(_, at) => {
                result.params.push(param(&object.params[usize::from(at)]));
                object.params[usize::from(at)].name.to_string()
            }
            Located::Command(_, at) => {
                result.commands.push(command(&object.commands[usize::from(at)]));
                format!("{}()", object.commands[usize::from(at)].name)
            }
            Located::Event(_, at) => {
                result.events.push(event(&object.events[usize::from(at)]));
                format!("{}!", object.events[usize::from(at)].name)
            }
        };
        (visible(id, "") && visible(id, &leaf)).then_some(result)
    }
}

fn placeholders(path: &SchemaPath) -> SchemaPath {
    let mut text = String::with_capacity(path.as_str().len());
    for (at, segment) in path.segments().enumerate() {
        if at > 0 {
            text.push('.');
        }
        match segment {
            SchemaSegment::Name(name) => text.push_str(name),
            SchemaSegment::Any | SchemaSegment::Row(_) => text.push_str("{i}"),
        }
    }
    text.push_str(match path.kind() {
        SchemaKind::Object => ".",
        SchemaKind::Param => "",
        SchemaKind::Command => "()",
        SchemaKind::Event => "!",
    });
    SchemaPath::parse(&text).expect("placeholders stand where numbers may")
}

fn bare(object: &Object) -> SchemaObject {
    SchemaObject {
        path: object.path.as_str().to_owned(),
        access: object.access,
        is_multi: object.is_multi,
        ..SchemaObject::default()
    }
}

/// The object as the flags ask for it; of a diverging one no more than where its rows are.
fn full(id: ObjectId, object: &Object, request: &GetSchema, visible: Visible<'_>) -> SchemaObject {
    let mut result = bare(object);
    if !object.divergent.is_empty() {
        result.divergent_paths = object.divergent.iter().map(|row| row.path.clone()).collect();
        return result;
    }
    if request.params {
        let params = object.params.iter().filter(|param| visible(id, param.name.as_str()));
        result.params = params.map(param).collect();
    }
    if request.commands {
        let commands = object.commands.iter().filter(|command| visible(id, &format!("{}()", command.name)));
        result.commands = commands.map(command).collect();
    }
    if request.events {
        let events = object.events.iter().filter(|event| visible(id, &format!("{}!", event.name)));
        result.events = events.map(event).collect();
    }
    if request.unique_keys {
        let name = |index: &u16| object.params[usize::from(*index)].name.as_str();
        let keys =
            object.unique_keys.iter().filter(|key| key.params.iter().all(|param| visible(id, name(param))));
        result.unique_keys =
            keys.map(|key| key.params.iter().map(|param| name(param).to_owned()).collect()).collect();
    }
    result
}

fn param(param: &Param) -> SchemaParam {
    SchemaParam {
        name: param.name.to_string(),
        // GetSupportedDM has no word for "once": it shows as read-write.
        access: match param.access {
            ParamAccess::WriteOnceReadOnly => ParamAccess::ReadWrite,
            other => other,
        },
        // A list's type on the wire is that of its text.
        value_type: Some(if param.is_list() { crate::value::Type::String } else { param.ty }),
        value_change: Some(param.value_change),
    }
}

fn command(command: &super::Command) -> SchemaCommand {
    SchemaCommand {
        name: format!("{}()", command.name),
        inputs: names(&command.inputs),
        outputs: names(&command.outputs),
        is_async: Some(command.is_async),
    }
}

fn event(event: &super::Event) -> SchemaEvent {
    SchemaEvent { name: format!("{}!", event.name), args: names(&event.args) }
}

fn names(args: &[Arg]) -> Vec<String> {
    args.iter().map(|arg| arg.name.clone()).collect()
}
