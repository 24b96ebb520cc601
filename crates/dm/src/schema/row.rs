//! The catalogue's rows in their owned form: what the importer makes, what the text and the blob hold,
//! and what a run-time model is built from. Facts only; descriptions exist in imported rows alone.

use std::fmt;

use super::facets::{Facets, Status};
use crate::operation::{ObjectAccess, ParamAccess};
use crate::path::SchemaPath;
use crate::value::Type;

/// All rows of one or more models.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rows {
    /// Name and version of one imported model (`Device:2.19`); the blob does not hold it.
    pub name: Option<String>,
    /// URI of the USP model (`urn:broadband-forum-org:tr-181-2-19-1-usp`), if there is one.
    pub usp: Option<String>,
    /// URI of the CWMP model, if there is one.
    pub cwmp: Option<String>,
    /// Objects, sorted by path.
    pub objects: Vec<ObjectRows>,
}

/// One object and all that is directly in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectRows {
    /// Path in `{i}` form.
    pub path: SchemaPath,
    /// Its own row or rows first, then parameters, commands and events; each kind sorted by name.
    pub rows: Vec<Row>,
}

/// One definition. Where the two protocols differ in more than the version, each has its own row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Bare name, without `()` and `!`; empty for the object itself; with dots and `{i}` for an
    /// argument inside an object argument.
    pub name: String,
    /// In which protocols' models it stands, and since when.
    pub since: Since,
    /// Where it stands in its life.
    pub status: Status,
    /// The rest, by kind.
    pub facts: Facts,
    /// Prose from an imported file.
    pub description: Option<String>,
}

/// The two families of models.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// TR-369.
    Usp,
    /// TR-069.
    Cwmp,
}

/// The model version that brought a definition, per protocol; absent: not in that protocol's model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Since {
    /// In the USP model.
    pub usp: Option<Version>,
    /// In the CWMP model.
    pub cwmp: Option<Version>,
}

impl Since {
    /// Present in one protocol only.
    pub fn only(protocol: Protocol, version: Version) -> Since {
        match protocol {
            Protocol::Usp => Since { usp: Some(version), cwmp: None },
            Protocol::Cwmp => Since { usp: None, cwmp: Some(version) },
        }
    }

    /// The version for a protocol, if it is in that protocol's model.
    pub fn of(self, protocol: Protocol) -> Option<Version> {
        match protocol {
            Protocol::Usp => self.usp,
            Protocol::Cwmp => self.cwmp,
        }
    }
}

/// A model's version, such as 2.19; 0.0 where the file does not say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Version {
    /// Before the dot.
    pub major: u8,
    /// After the dot.
    pub minor: u8,
}

impl Version {
    /// Reads `2.19`; a third part is ignored.
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Version { major, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a row says, by kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Facts {
    /// The object itself.
    Object(ObjectFacts),
    /// A parameter.
    Param(ParamFacts),
    /// A command.
    Command(CommandFacts),
    /// An event.
    Event(EventFacts),
    /// An argument of a command or event.
    Arg(ArgFacts),
}

/// Facts of an object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObjectFacts {
    /// Who may create and delete rows.
    pub access: ObjectAccess,
    /// Fewest rows.
    pub min_entries: u32,
    /// Most rows; none: unbounded.
    pub max_entries: Option<u32>,
    /// The parent's parameter that counts the rows.
    pub entries_param: Option<String>,
    /// The row's parameter that switches it; a disabled row is outside functional keys.
    pub enable_param: Option<String>,
    /// The parent's or row's parameter that says which of several union objects exists.
    pub discriminator: Option<String>,
    /// Other models may be mounted below.
    pub mount_point: bool,
    /// The device fixes the number of rows.
    pub fixed: bool,
    /// Sets of parameters that identify a row.
    pub unique_keys: Vec<KeyFacts>,
}

/// One unique key.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct KeyFacts {
    /// Functional: the parameters may change, and the key binds only enabled rows.
    pub functional: bool,
    /// The parameters, in the definition's order.
    pub params: Vec<String>,
}

/// Facts of a parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParamFacts {
    /// Base type.
    pub ty: Type,
    /// What narrows it.
    pub facets: Facets,
    /// How it may be accessed.
    pub access: ParamAccess,
    /// How a CWMP device notifies it; `CanDeny` marks values that change all the time.
    pub notify: ActiveNotify,
    /// In every CWMP Inform.
    pub forced_inform: bool,
    /// Reads as empty without a secured role.
    pub secured: bool,
    /// Always reads as empty.
    pub hidden: bool,
    /// Setting it starts an action (CWMP).
    pub command: bool,
    /// Its default.
    pub default: Option<DefaultValue>,
}

impl ParamFacts {
    /// A read-only parameter of a type, with nothing else said.
    pub fn of(ty: Type) -> ParamFacts {
        ParamFacts {
            ty,
            facets: Facets::default(),
            access: ParamAccess::ReadOnly,
            notify: ActiveNotify::Normal,
            forced_inform: false,
            secured: false,
            hidden: false,
            command: false,
            default: None,
        }
    }
}

/// `activeNotify` of TR-106.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ActiveNotify {
    /// May be asked for.
    #[default]
    Normal,
    /// Always on.
    ForceEnabled,
    /// On unless switched off.
    ForceDefaultEnabled,
    /// The device may refuse.
    CanDeny,
}

/// A default and when it applies.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DefaultValue {
    /// When.
    pub kind: DefaultKind,
    /// The lexical value.
    pub value: String,
}

impl DefaultValue {
    /// The value as a device would say it: the models write a list's default in square brackets.
    pub fn lexical(&self, is_list: bool) -> &str {
        let bare = self.value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        bare.filter(|_| is_list).unwrap_or(&self.value)
    }
}

/// When a default applies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DefaultKind {
    /// When the object is created.
    #[default]
    Object,
    /// After a factory reset.
    Factory,
    /// When an argument is left out.
    Parameter,
    /// What implementations commonly use.
    Implementation,
}

/// Facts of a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommandFacts {
    /// Runs on after the answer, as a row of `LocalAgent.Request`.
    pub is_async: bool,
    /// Inputs, then outputs; each sorted by name.
    pub args: Vec<Row>,
}

/// Facts of an event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFacts {
    /// Arguments, sorted by name.
    pub args: Vec<Row>,
}

/// Facts of an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArgFacts {
    /// Of what.
    pub direction: Direction,
    /// Must be given.
    pub mandatory: bool,
    /// Base type.
    pub ty: Type,
    /// What narrows it.
    pub facets: Facets,
    /// What holds when it is left out.
    pub default: Option<DefaultValue>,
}

impl ArgFacts {
    /// What holds when it is left out, as a device would say it.
    pub fn lexical_default(&self) -> Option<String> {
        self.default.as_ref().map(|default| default.lexical(self.facets.list.is_some()).to_owned())
    }
}

/// Of what an argument is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Direction {
    /// Of a command's call.
    Input,
    /// Of a command's result.
    Output,
    /// Of an event.
    Event,
}

impl Row {
    /// Where rows of one object stand: by kind, then name, then protocol (USP before CWMP).
    pub fn order(&self) -> (u8, &str, bool) {
        let kind = match &self.facts {
            Facts::Object(_) => 0,
            Facts::Param(_) => 1,
            Facts::Command(_) => 2,
            Facts::Event(_) => 3,
            Facts::Arg(arg) => match arg.direction {
                Direction::Input => 4,
                Direction::Output => 5,
                Direction::Event => 6,
            },
        };
        (kind, &self.name, self.since.usp.is_none())
    }

    /// Its arguments, if it is a command or an event.
    pub fn args(&self) -> &[Row] {
        match &self.facts {
            Facts::Command(command) => &command.args,
            Facts::Event(event) => &event.args,
            _ => &[],
        }
    }
}
