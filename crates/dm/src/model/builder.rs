//! Building a [`Model`]: from catalogue rows, from own definitions, or from both.
//!
//! Providers name what they support; a name that the catalogue does not know is an error at start,
//! not a silent gap. Objects between the root and a supported one are made by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Arg, Command, Divergent, Event, Model, Object, ObjectId, Param, Step, UniqueKey};
use crate::limits::MAX_MODEL_ENTRIES;
use crate::operation::{ObjectAccess, ParamAccess, ValueChange};
use crate::path::{Name, PathError, SchemaKind, SchemaPath};
use crate::schema::{
    ActiveNotify, ArgFacts, Catalogue, DefaultKind, Direction, Facts, KeyFacts, ObjectFacts, ParamFacts,
    Protocol, Row, Status,
};
use crate::value::Value;

/// Why a model can't be built.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ModelError {
    /// The catalogue has no such row in this protocol.
    #[error("{0} is not in the catalogue")]
    Unknown(String),
    /// A path or name does not parse.
    #[error("{0}: {1}")]
    Path(String, PathError),
    /// The path names no object (`Device.….`).
    #[error("{0} is not an object path")]
    NotAnObject(String),
    /// A value that the definition of its parameter does not allow.
    #[error("{0} is not allowed")]
    NotAllowed(String),
    /// More than [`MODEL_ENTRIES`] definitions.
    #[error("the model has too many definitions")]
    TooBig,
}

/// Which parameters of a catalogue object to take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Params<'a> {
    /// All that are not deleted.
    All,
    /// These; each must exist.
    Only(&'a [&'a str]),
    /// None.
    None,
}

/// An object that no catalogue knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObjectDef {
    /// Who may create and delete rows.
    pub access: ObjectAccess,
    /// Sets of parameters that identify a row; those with an unsupported parameter are dropped.
    pub unique_keys: Vec<KeyFacts>,
    /// The parent's parameter that counts the rows.
    pub entries_param: Option<Name>,
    /// The row's parameter that switches it.
    pub enable_param: Option<Name>,
    /// Somebody else keeps the rows: see [`Object::remote`].
    pub remote: bool,
    /// Rows whose models below differ.
    pub divergent: Vec<Divergent>,
}

/// Collects definitions and makes a [`Model`] of them.
#[derive(Clone, Debug)]
pub struct ModelBuilder {
    uri: String,
    protocol: Protocol,
    drafts: BTreeMap<SchemaPath, Draft>,
    entries: usize,
}

#[derive(Clone, Debug, Default)]
struct Draft {
    def: ObjectDef,
    params: BTreeMap<Name, Param>,
    commands: BTreeMap<Name, Command>,
    events: BTreeMap<Name, Event>,
}

impl ModelBuilder {
    /// An empty model with its URI; catalogue rows are taken as the protocol has them.
    pub fn new(uri: impl Into<String>, protocol: Protocol) -> ModelBuilder {
        ModelBuilder { uri: uri.into(), protocol, drafts: BTreeMap::new(), entries: 0 }
    }

    /// Takes an object of the catalogue with some of its parameters; commands and events are named one by one.
    pub fn add_from(
        &mut self,
        catalogue: &Catalogue<'_>,
        path: &str,
        params: Params<'_>,
    ) -> Result<&mut Self, ModelError> {
        let object = catalogue.object(path).ok_or_else(|| ModelError::Unknown(path.to_owned()))?;
        let own = object.facts(self.protocol).ok_or_else(|| ModelError::Unknown(path.to_owned()))?;
        self.add_row(path, &own.to_row())?;
        match params {
            Params::All => {
                for param in object.params(self.protocol).filter(|param| param.status() != Status::Deleted) {
                    self.add_row(path, &param.to_row())?;
                }
            }
            Params::Only(names) => {
                for name in names {
                    let found = object.param(name, self.protocol);
                    let param = found.ok_or_else(|| ModelError::Unknown(format!("{path}{name}")))?;
                    self.add_row(path, &param.to_row())?;
                }
            }
            Params::None => {}
        }
        Ok(self)
    }

    /// Takes commands (`IPPing()`) and events (`Boot!`) of a catalogue object.
    pub fn add_actions(
        &mut self,
        catalogue: &Catalogue<'_>,
        path: &str,
        names: &[&str],
    ) -> Result<&mut Self, ModelError> {
        for name in names {
            let unknown = || ModelError::Unknown(format!("{path}{name}"));
            let object = catalogue.object(path).ok_or_else(unknown)?;
            let row = match (name.strip_suffix("()"), name.strip_suffix('!')) {
                (Some(command), _) => object.command(command, self.protocol),
                (_, Some(event)) => object.event(event, self.protocol),
                _ => None,
            };
            self.add_row(path, &row.ok_or_else(unknown)?.to_row())?;
        }
        Ok(self)
    }

    /// Takes one row, from a catalogue, an import or a stored model; deleted ones too.
    pub fn add_row(&mut self, object: &str, row: &Row) -> Result<&mut Self, ModelError> {
        match &row.facts {
            Facts::Object(facts) => return self.object(object, object_def(facts)?),
            Facts::Param(facts) => return self.param(object, param(&row.name, facts)?),
            Facts::Command(facts) => {
                let name = name(&row.name)?;
                let inputs = args(&facts.args, Direction::Input);
                let outputs = args(&facts.args, Direction::Output);
                return self.command(object, Command { name, is_async: facts.is_async, inputs, outputs });
            }
            Facts::Event(facts) => {
                let args = args(&facts.args, Direction::Event);
                return self.event(object, Event { name: name(&row.name)?, args });
            }
            Facts::Arg(_) => {}
        }
        Ok(self)
    }

    /// Adds an object or replaces what was said of it; its parameters, commands and events stay.
    pub fn object(&mut self, path: &str, def: ObjectDef) -> Result<&mut Self, ModelError> {
        self.draft(path)?.def = def;
        Ok(self)
    }

    /// Adds or replaces a parameter.
    pub fn param(&mut self, object: &str, param: Param) -> Result<&mut Self, ModelError> {
        self.count()?;
        self.draft(object)?.params.insert(param.name.clone(), param);
        Ok(self)
    }

    /// Adds or replaces a command.
    pub fn command(&mut self, object: &str, command: Command) -> Result<&mut Self, ModelError> {
        self.count()?;
        self.draft(object)?.commands.insert(command.name.clone(), command);
        Ok(self)
    }

    /// Adds or replaces an event.
    pub fn event(&mut self, object: &str, event: Event) -> Result<&mut Self, ModelError> {
        self.count()?;
        self.draft(object)?.events.insert(event.name.clone(), event);
        Ok(self)
    }

    /// Says how an added parameter may be accessed here, whatever its definition allows.
    pub fn param_access(
        &mut self,
        object: &str,
        param: &str,
        access: ParamAccess,
    ) -> Result<&mut Self, ModelError> {
        let found = self.draft(object)?.params.values_mut().find(|known| known.name.as_str() == param);
        found.ok_or_else(|| ModelError::Unknown(format!("{object}{param}")))?.access = access;
        Ok(self)
    }

    /// Says what an added parameter begins with here, where its definition does not, or says something else.
    ///
    /// # Errors
    /// When there is no such parameter, or its definition does not allow the value.
    pub fn param_default(&mut self, object: &str, param: &str, text: &str) -> Result<&mut Self, ModelError> {
        let found = self.draft(object)?.params.values_mut().find(|known| known.name.as_str() == param);
        let found = found.ok_or_else(|| ModelError::Unknown(format!("{object}{param}")))?;
        let value =
            found.check(text).map_err(|_| ModelError::NotAllowed(format!("{object}{param}={text}")))?;
        found.default = Some(value);
        Ok(self)
    }

    /// Says that the values of an added parameter are secrets here, whatever its definition says: they read as
    /// empty without a secured role, and whoever knows this model masks them.
    pub fn param_secured(&mut self, object: &str, param: &str) -> Result<&mut Self, ModelError> {
        let found = self.draft(object)?.params.values_mut().find(|known| known.name.as_str() == param);
        found.ok_or_else(|| ModelError::Unknown(format!("{object}{param}")))?.secured = true;
        Ok(self)
    }

    /// Says who may create and delete rows here, whatever the definition allows.
    pub fn object_access(&mut self, object: &str, access: ObjectAccess) -> Result<&mut Self, ModelError> {
        self.draft(object)?.def.access = access;
        Ok(self)
    }

    /// Adds a row of a table whose model below is its own.
    pub fn divergent(&mut self, table: &str, row: Divergent) -> Result<&mut Self, ModelError> {
        self.draft(table)?.def.divergent.push(row);
        Ok(self)
    }

    /// Makes everything at and below a path read-only: how a subtree is closed by policy.
    pub fn read_only(&mut self, subtree: &str) -> &mut Self {
        for (path, draft) in &mut self.drafts {
            if path.as_str().starts_with(subtree) {
                draft.def.access = ObjectAccess::ReadOnly;
                for param in draft.params.values_mut() {
                    param.access = ParamAccess::ReadOnly;
                }
            }
        }
        self
    }

    /// Takes all objects of a finished model that lie at or below a path, as somebody else's (see
    /// [`Object::remote`]). Gives how many definitions there was no room for.
    pub fn take_remote(&mut self, model: &Model, subtree: &SchemaPath) -> usize {
        let mut left_out = 0;
        for (_, object) in model
            .objects()
            .filter(|(_, object)| object.path.as_str().starts_with(subtree.as_table().as_str()))
        {
            left_out += usize::from(self.take_object(object).is_err());
        }
        left_out
    }

    fn take_object(&mut self, object: &Object) -> Result<(), ModelError> {
        let names = |key: &UniqueKey| {
            let params = key.params.iter().map(|at| object.params[usize::from(*at)].name.to_string());
            KeyFacts { functional: key.functional, params: params.collect() }
        };
        let path = object.path.as_str();
        let def = ObjectDef {
            access: object.access,
            unique_keys: object.unique_keys.iter().map(names).collect(),
            remote: true,
            ..ObjectDef::default()
        };
        self.object(path, def)?;
        object.params.iter().try_for_each(|param| self.param(path, param.clone()).map(drop))?;
        object.commands.iter().try_for_each(|command| self.command(path, command.clone()).map(drop))?;
        object.events.iter().try_for_each(|event| self.event(path, event.clone()).map(drop))
    }

    /// The finished model. Objects between the root and a named one are added, read-only and bare.
    pub fn build(mut self) -> Arc<Model> {
        self.add_parents();
        let mut objects: Vec<Object> = Vec::with_capacity(self.drafts.len());
        for (path, draft) in self.drafts {
            let parent = path.parent().and_then(|parent| find(&objects, &parent));
            if let Some(parent) = parent {
                let child = object_id(objects.len());
                objects[parent.0 as usize].children.push(child);
            }
            objects.push(finish(path, draft, parent));
        }
        sort_children(&mut objects);
        draw_lineages(&mut objects);
        Arc::new(Model { uri: self.uri, objects })
    }

    fn add_parents(&mut self) {
        let mut missing = Vec::new();
        for path in self.drafts.keys() {
            let mut above = path.parent();
            while let Some(parent) = above {
                above = parent.parent();
                missing.push(parent);
            }
        }
        for path in missing {
            self.drafts.entry(path).or_default();
        }
    }

    fn draft(&mut self, path: &str) -> Result<&mut Draft, ModelError> {
        let parsed = SchemaPath::parse(path).map_err(|error| ModelError::Path(path.to_owned(), error))?;
        if parsed.kind() != SchemaKind::Object || parsed.has_numbers() {
            return Err(ModelError::NotAnObject(path.to_owned()));
        }
        if !self.drafts.contains_key(&parsed) {
            self.count()?;
        }
        Ok(self.drafts.entry(parsed).or_default())
    }

    fn count(&mut self) -> Result<(), ModelError> {
        self.entries += 1;
        if self.entries > MAX_MODEL_ENTRIES { Err(ModelError::TooBig) } else { Ok(()) }
    }
}

fn object_id(at: usize) -> ObjectId {
    ObjectId(u32::try_from(at).expect("MAX_MODEL_ENTRIES fits u32"))
}

fn find(objects: &[Object], path: &SchemaPath) -> Option<ObjectId> {
    objects.binary_search_by(|object| object.path.cmp(path)).ok().map(object_id)
}

fn finish(path: SchemaPath, draft: Draft, parent: Option<ObjectId>) -> Object {
    let params: Vec<Param> = draft.params.into_values().collect();
    let index = |name: &String| {
        let at = params.binary_search_by(|param| param.name.as_str().cmp(name)).ok()?;
        u16::try_from(at).ok()
    };
    let key = |key: &KeyFacts| {
        let params = key.params.iter().map(index).collect::<Option<Vec<u16>>>()?;
        (!params.is_empty()).then_some(UniqueKey { params, functional: key.functional })
    };
    Object {
        name: path.name(),
        parent,
        is_multi: path.is_row(),
        access: draft.def.access,
        unique_keys: draft.def.unique_keys.iter().filter_map(key).collect(),
        entries_param: draft.def.entries_param,
        enable_param: draft.def.enable_param,
        remote: draft.def.remote,
        divergent: draft.def.divergent,
        params,
        commands: draft.commands.into_values().collect(),
        events: draft.events.into_values().collect(),
        children: Vec::new(),
        lineage: Box::default(),
        tables: 0,
        path,
    }
}

fn sort_children(objects: &mut [Object]) {
    for at in 0..objects.len() {
        let mut children = std::mem::take(&mut objects[at].children);
        children.sort_by(|a, b| objects[a.0 as usize].name.cmp(&objects[b.0 as usize].name));
        objects[at].children = children;
    }
}

/// Parents come first, so a parent's way is known when its children are reached.
fn draw_lineages(objects: &mut [Object]) {
    for at in 0..objects.len() {
        let (lineage, tables) = match objects[at].parent {
            None => (Box::default(), 0),
            Some(parent) => {
                let above = &objects[parent.0 as usize];
                let object = object_id(at);
                let slot = above.children.iter().position(|child| *child == object);
                let slot = slot
                    .and_then(|slot| u16::try_from(slot).ok())
                    .expect("an object is a child of its parent");
                let way = above.lineage.iter().copied().chain([Step { object, slot }]).collect();
                (way, above.tables)
            }
        };
        objects[at].lineage = lineage;
        objects[at].tables = tables + usize::from(objects[at].is_multi);
    }
}

fn name(text: &str) -> Result<Name, ModelError> {
    Name::parse(text).map_err(|error| ModelError::Path(text.to_owned(), error))
}

fn object_def(facts: &ObjectFacts) -> Result<ObjectDef, ModelError> {
    Ok(ObjectDef {
        access: facts.access,
        unique_keys: facts.unique_keys.clone(),
        entries_param: facts.entries_param.as_deref().map(name).transpose()?,
        enable_param: facts.enable_param.as_deref().map(name).transpose()?,
        remote: false,
        divergent: Vec::new(),
    })
}

fn param(text: &str, facts: &ParamFacts) -> Result<Param, ModelError> {
    // A counter changes with every packet, whether or not the definition lets a device refuse to notify it.
    let ignored = facts.notify == ActiveNotify::CanDeny || facts.facets.is_counter();
    Ok(Param {
        name: name(text)?,
        ty: facts.ty,
        facets: facts.facets.clone(),
        access: facts.access,
        value_change: if ignored { ValueChange::WillIgnore } else { ValueChange::Allowed },
        default: default(facts),
        secured: facts.secured,
        hidden: facts.hidden,
        counter: facts.facets.is_counter(),
    })
}

/// The default of a new object, if it is of the type.
fn default(facts: &ParamFacts) -> Option<Value> {
    let default = facts.default.as_ref().filter(|default| default.kind == DefaultKind::Object)?;
    let value = match &facts.facets.list {
        Some(_) => Value::parse_list(facts.ty, default.lexical(true)),
        None => Value::parse(facts.ty, default.lexical(false)),
    };
    value.ok()
}

fn args(rows: &[Row], direction: Direction) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    for row in rows.iter().filter(|row| row.status != Status::Deleted) {
        if let Facts::Arg(facts @ ArgFacts { direction: of, .. }) = &row.facts
            && *of == direction
        {
            args.push(Arg {
                name: row.name.clone(),
                ty: facts.ty,
                facets: facts.facets.clone(),
                mandatory: facts.mandatory,
                default: facts.lexical_default(),
            });
        }
    }
    args
}
