//! The supported model at run time: what one device or agent supports, with everything needed to
//! check a request against it and to answer GetSupportedDM.
//!
//! A [`Model`] never changes; when the supported model does, a new one is built and swapped in.
//! Objects have dense ids in path order, so parents come before children and a subtree is a range.
//! It holds no instances and no values: those are the tree's.

use std::ops::Range;
use std::sync::Arc;

use crate::operation::{ObjectAccess, ParamAccess, ValueChange};
use crate::path::{Name, SchemaPath};
use crate::schema::Facets;
use crate::value::{Type, Value};

mod answer;
mod builder;
mod canonical;
mod check;
mod learn;

pub use answer::Visible;
pub use builder::{ModelBuilder, ModelError, ObjectDef, Params};

/// An object's place in its [`Model`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u32);

/// A supported model.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Model {
    uri: String,
    objects: Vec<Object>,
}

/// One supported object or table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// Path in `{i}` form, ending in a dot (`Device.IP.Interface.{i}.`).
    pub path: SchemaPath,
    /// Last name of the path (`Interface`).
    pub name: Name,
    /// The object it is in; none for the root.
    pub parent: Option<ObjectId>,
    /// A table: its path ends in `{i}.`.
    pub is_multi: bool,
    /// Who may create and delete rows.
    pub access: ObjectAccess,
    /// Sets of parameters that identify a row.
    pub unique_keys: Vec<UniqueKey>,
    /// The parent's parameter that counts the rows.
    pub entries_param: Option<Name>,
    /// The row's parameter that switches it; functional keys bind only enabled rows.
    pub enable_param: Option<Name>,
    /// Parameters, sorted by name.
    pub params: Vec<Param>,
    /// Commands, sorted by name.
    pub commands: Vec<Command>,
    /// Events, sorted by name.
    pub events: Vec<Event>,
    /// Objects directly below, sorted by name.
    pub children: Vec<ObjectId>,
    /// Somebody else keeps the rows, and gives new ones their defaults and keys: what was not said of a row
    /// is not known until its keeper tells.
    pub remote: bool,
    /// Rows whose models below differ, each with its own; empty for nearly every object.
    pub divergent: Vec<Divergent>,
    /// The way from the root to this object; empty for the root.
    lineage: Box<[Step]>,
    /// How many tables are on that way.
    tables: usize,
}

/// One step down from an object to one of its children.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The child.
    pub object: ObjectId,
    /// Where it stands in its parent's `children`.
    pub slot: u16,
}

/// A row whose supported model is its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Divergent {
    /// Path of the row with instance numbers, ending in a dot.
    pub path: String,
    /// Its model, in full paths and `{i}` form.
    pub model: Arc<Model>,
}

/// One unique key of a table; only keys whose parameters are all supported are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UniqueKey {
    /// Indices of its parameters in [`Object::params`], in the definition's order.
    pub params: Vec<u16>,
    /// Functional: changeable, and binding only while the row is enabled.
    pub functional: bool,
}

/// One supported parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Param {
    /// Bare name.
    pub name: Name,
    /// Base type; of one item, if it is a list.
    pub ty: Type,
    /// What narrows it: list, ranges, lengths, words, units, reference.
    pub facets: Facets,
    /// How it may be accessed.
    pub access: ParamAccess,
    /// Whether a ValueChange subscription fires.
    pub value_change: ValueChange,
    /// What a new object starts with, if the definition says.
    pub default: Option<Value>,
    /// Reads as empty without a secured role.
    pub secured: bool,
    /// Always reads as empty.
    pub hidden: bool,
    /// Counts up by itself: for telemetry, not for history.
    pub counter: bool,
}

impl Param {
    /// A read-only parameter with nothing else said.
    pub fn new(name: Name, ty: Type) -> Param {
        Param {
            name,
            ty,
            facets: Facets::default(),
            access: ParamAccess::ReadOnly,
            value_change: ValueChange::Allowed,
            default: None,
            secured: false,
            hidden: false,
            counter: false,
        }
    }

    /// Whether the value is a comma-separated list.
    pub fn is_list(&self) -> bool {
        self.facets.list.is_some()
    }

    /// Whether any text will do: no words, patterns, references or list.
    pub fn is_free_text(&self) -> bool {
        let facets = &self.facets;
        self.ty == Type::String
            && facets.list.is_none()
            && facets.enumeration.is_empty()
            && facets.patterns.is_empty()
            && facets.reference.is_none()
            && facets.enum_ref.is_none()
    }

    /// Whether its value must never be shown: in logs, history, traces.
    pub fn is_secret(&self) -> bool {
        self.secured || self.hidden
    }
}

/// One supported command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Bare name, without `()`.
    pub name: Name,
    /// Runs on after the answer, as a row of `LocalAgent.Request`.
    pub is_async: bool,
    /// Input arguments, sorted by name.
    pub inputs: Vec<Arg>,
    /// Output arguments, sorted by name.
    pub outputs: Vec<Arg>,
}

/// One supported event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Bare name, without `!`.
    pub name: Name,
    /// Arguments, sorted by name.
    pub args: Vec<Arg>,
}

/// One argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arg {
    /// Name; dotted and with `{i}` inside object arguments (`Result.{i}.Name`).
    pub name: String,
    /// Base type.
    pub ty: Type,
    /// What narrows it.
    pub facets: Facets,
    /// Must be given.
    pub mandatory: bool,
    /// What holds when it is left out.
    pub default: Option<String>,
}

/// What a Supported-DM path names in a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Located {
    /// An object or table.
    Object(ObjectId),
    /// A parameter: its object and its index there.
    Param(ObjectId, u16),
    /// A command.
    Command(ObjectId, u16),
    /// An event.
    Event(ObjectId, u16),
}

impl Model {
    /// The model's URI, e.g. `urn:broadband-forum-org:tr-181-2-19-1-usp`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether nothing is supported.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The object of an id that this model gave out.
    pub fn object(&self, id: ObjectId) -> &Object {
        &self.objects[id.0 as usize]
    }

    /// All objects, parents before children.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = (ObjectId, &Object)> {
        self.objects.iter().enumerate().map(|(at, object)| (id(at), object))
    }

    /// The root objects (one, `Device.`, in practice).
    pub fn roots(&self) -> impl Iterator<Item = ObjectId> {
        self.objects().filter(|(_, object)| object.parent.is_none()).map(|(id, _)| id)
    }

    /// The object and everything below it, parents before children.
    pub fn subtree(&self, root: ObjectId) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.subtree_range(root).map(|at| (id(at), &self.objects[at]))
    }

    fn subtree_range(&self, root: ObjectId) -> Range<usize> {
        let first = root.0 as usize;
        let prefix = self.objects[first].path.as_str();
        let count = self.objects[first..].partition_point(|object| object.path.as_str().starts_with(prefix));
        first..first + count
    }

    /// The object of exactly this path; a table is named with its `{i}.`.
    pub fn find(&self, path: &SchemaPath) -> Option<ObjectId> {
        self.find_str(path.as_str())
    }

    fn find_str(&self, path: &str) -> Option<ObjectId> {
        self.objects.binary_search_by(|object| object.path.as_str().cmp(path)).ok().map(id)
    }

    /// The object of this name directly below another; tables by their bare name.
    pub fn find_child(&self, parent: ObjectId, name: &str) -> Option<ObjectId> {
        self.find_slot(parent, name).map(|(_, child)| child)
    }

    /// The child of this name, and where it stands in its parent's `children`.
    pub fn find_slot(&self, parent: ObjectId, name: &str) -> Option<(u16, ObjectId)> {
        let children = &self.object(parent).children;
        let found = children.binary_search_by(|child| self.object(*child).name.as_str().cmp(name));
        let slot = index(found)?;
        Some((slot, children[usize::from(slot)]))
    }

    /// The steps from the root down to an object, which is the last one.
    pub fn lineage(&self, object: ObjectId) -> impl ExactSizeIterator<Item = Step> {
        self.object(object).lineage.iter().copied()
    }

    /// How many tables are on the way to an object, itself included: the numbers in its instance paths.
    pub fn depth(&self, object: ObjectId) -> usize {
        self.object(object).tables
    }

    /// Where a parameter stands in its object's `params`.
    pub fn param_index(&self, object: ObjectId, name: &str) -> Option<u16> {
        self.object(object).param_index(name)
    }

    /// What a Supported-DM path names; the final `{i}.` of a table may be left out .
    pub fn locate(&self, path: &SchemaPath) -> Option<Located> {
        let text = path.as_str();
        if text.ends_with('.') {
            let found = self.find_str(text).or_else(|| self.find_str(&format!("{text}{{i}}.")));
            return found.map(Located::Object);
        }
        let (object, name) = text.split_at(text.rfind('.')? + 1);
        let id = self.find_str(object)?;
        let object = self.object(id);
        if let Some(name) = name.strip_suffix("()") {
            return object.command_index(name).map(|at| Located::Command(id, at));
        }
        if let Some(name) = name.strip_suffix('!') {
            return object.event_index(name).map(|at| Located::Event(id, at));
        }
        object.param_index(name).map(|at| Located::Param(id, at))
    }
}

impl Object {
    /// Where a parameter stands in `params`.
    pub fn param_index(&self, name: &str) -> Option<u16> {
        index(self.params.binary_search_by(|param| param.name.as_str().cmp(name)))
    }

    /// The parameter of a name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.param_index(name).map(|at| &self.params[usize::from(at)])
    }

    /// Where a command stands in `commands`; the name without `()`.
    pub fn command_index(&self, name: &str) -> Option<u16> {
        index(self.commands.binary_search_by(|command| command.name.as_str().cmp(name)))
    }

    /// The command of a name without `()`.
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.command_index(name).map(|at| &self.commands[usize::from(at)])
    }

    /// Where an event stands in `events`; the name without `!`.
    pub fn event_index(&self, name: &str) -> Option<u16> {
        index(self.events.binary_search_by(|event| event.name.as_str().cmp(name)))
    }

    /// The event of a name without `!`.
    pub fn event(&self, name: &str) -> Option<&Event> {
        self.event_index(name).map(|at| &self.events[usize::from(at)])
    }

    /// Whether a parameter belongs to any unique key; those are implicitly required in Add.
    pub fn is_key(&self, param: u16) -> bool {
        self.unique_keys.iter().any(|key| key.params.contains(&param))
    }
}

fn id(at: usize) -> ObjectId {
    ObjectId(u32::try_from(at).expect("the builder bounds the number of objects"))
}

fn index(found: Result<usize, usize>) -> Option<u16> {
    found.ok().and_then(|at| u16::try_from(at).ok())
}
