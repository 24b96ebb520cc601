//! The one operation type, and its outcome with every level of partial success.
//!
//! API, command line, jobs, profiles and rules all make [`Operation`]s; the USP and CWMP translators
//! carry them; [`crate::tree::Tree`] answers them on an agent. Paths stay the requester's text,
//! because results must echo it unchanged (TR-369 R-MSG.3); whoever answers parses it. `Debug` shows no
//! values: any of them may be a secret.

use crate::fault::Fault;
use crate::value::Type;

/// What is asked of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Values of parameters.
    Get(Get),
    /// Which rows exist.
    GetInstances(GetInstances),
    /// What the device supports.
    GetSchema(GetSchema),
    /// Change parameters.
    Set(Set),
    /// Create rows.
    Add(Add),
    /// Remove rows.
    Delete(Delete),
    /// Run a command.
    Operate(Operate),
}

impl Operation {
    /// Whether it may change the device: Set, Add, Delete, Operate.
    pub fn is_write(&self) -> bool {
        matches!(self, Operation::Set(_) | Operation::Add(_) | Operation::Delete(_) | Operation::Operate(_))
    }
}

/// Values of parameters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Get {
    /// Object, instance, parameter or search paths; each is answered on its own.
    pub paths: Vec<String>,
    /// How many levels below the object: 0 all, 1 its own parameters, 2 its children's too, ….
    pub max_depth: u32,
}

/// Which rows exist, with their unique keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetInstances {
    /// Table paths, search paths allowed.
    pub paths: Vec<String>,
    /// Only rows of the tables named, not of tables below them.
    pub first_level_only: bool,
}

/// What the device supports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetSchema {
    /// Supported-DM paths (`{i}`), or instance paths under a diverging table.
    pub paths: Vec<String>,
    /// The object in full, and its children by name only.
    pub first_level_only: bool,
    /// Include commands.
    pub commands: bool,
    /// Include events.
    pub events: bool,
    /// Include parameters.
    pub params: bool,
    /// Include unique keys.
    pub unique_keys: bool,
}

/// One parameter in a Set or Add.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ParamSetting {
    /// Name relative to the object; may reach into single-instance children (`WebSocket.Port`) in Add.
    pub param: String,
    /// The new value in its lexical form.
    pub value: String,
    /// If it fails, the object fails.
    pub required: bool,
}

/// Change parameters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Set {
    /// Each object stands or falls alone (true), or all together (false).
    pub allow_partial: bool,
    /// What to change.
    pub objects: Vec<ObjectSettings>,
}

/// The parameters of one object (Set) or new row (Add).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObjectSettings {
    /// Set: object, instance or search path. Add: table path.
    pub path: String,
    /// The settings, in no order of execution.
    pub params: Vec<ParamSetting>,
}

/// Create rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Add {
    /// Each row stands or falls alone (true), or all together (false).
    pub allow_partial: bool,
    /// What to create.
    pub objects: Vec<ObjectSettings>,
}

/// Remove rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delete {
    /// Each path stands or falls alone (true), or all together (false).
    pub allow_partial: bool,
    /// Instance or search paths.
    pub paths: Vec<String>,
}

/// Run a command.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Operate {
    /// The command path, ending in `()`; may be a search.
    pub command: String,
    /// The requester's correlation key; the only one that survives a reboot. May be empty.
    pub command_key: String,
    /// Whether the requester wants the response.
    pub send_resp: bool,
    /// Flattened argument names and their lexical values.
    pub args: Vec<(String, String)>,
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// One result per requested path.
    Get(Vec<Requested<Vec<ObjectValues>>>),
    /// One result per requested path.
    GetInstances(Vec<Requested<Vec<Instance>>>),
    /// One result per requested path.
    GetSchema(Vec<Requested<SchemaResult>>),
    /// One result per requested object.
    Set(Vec<Requested<Vec<UpdatedInstance>, UpdateFailure>>),
    /// One result per created row, or per object that failed.
    Add(Vec<Requested<CreatedInstance>>),
    /// One result per requested path.
    Delete(Vec<Requested<Deleted>>),
    /// One result per command that ran.
    Operate(Vec<Requested<CommandResult>>),
    /// The whole message failed; nothing changed.
    Failed(MessageFailure),
}

/// A result beside the text that asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requested<T, E = Fault> {
    /// The requested path as it was written (for Operate: the executed command's path).
    pub path: String,
    /// What became of it.
    pub result: Result<T, E>,
}

/// Values of one object.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ObjectValues {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// Bare parameter names and lexical values.
    pub params: Vec<(String, String)>,
}

/// One row.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Instance {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// Unique-key parameters and their values.
    pub unique_keys: Vec<(String, String)>,
}

/// One updated object.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UpdatedInstance {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// Parameters and their values after the update.
    pub params: Vec<(String, String)>,
    /// Parameters that were not required and failed.
    pub errors: Vec<ParamFault>,
}

/// Why an object of a Set failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpdateFailure {
    /// The object's error.
    pub fault: Fault,
    /// Which instance failed on which parameters.
    pub instances: Vec<InstanceFailure>,
}

/// The failing parameters of one instance.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstanceFailure {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// The parameters that failed.
    pub errors: Vec<ParamFault>,
}

/// One created row.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CreatedInstance {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// Unique-key parameters and their values, supplied or assigned.
    pub unique_keys: Vec<(String, String)>,
    /// Parameters that were not required and failed.
    pub errors: Vec<ParamFault>,
}

/// What one path of a Delete removed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Deleted {
    /// Removed instances.
    pub affected: Vec<String>,
    /// Instances that matched and stayed.
    pub unaffected: Vec<(String, Fault)>,
}

/// How a command ended, or where to watch it.
#[derive(Clone, PartialEq, Eq)]
pub enum CommandResult {
    /// Done: output arguments.
    Output(Vec<(String, String)>),
    /// Started: path of its `LocalAgent.Request` row.
    Started(String),
}

/// A parameter and its error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParamFault {
    /// In a result: the name relative to the object. In a [`MessageFailure`]: the full path.
    pub param: String,
    /// Why.
    pub fault: Fault,
}

/// Why a whole message failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageFailure {
    /// The message's error.
    pub fault: Fault,
    /// The parameters or objects that caused it.
    pub params: Vec<ParamFault>,
}

/// What is supported at and below one requested path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaResult {
    /// The model's URI, e.g. `urn:broadband-forum-org:tr-181-2-19-1-usp`.
    pub model_uri: String,
    /// Objects, parents before children.
    pub objects: Vec<SchemaObject>,
}

/// One supported object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaObject {
    /// Path in `{i}` notation, ending in a dot.
    pub path: String,
    /// Who may create and delete rows.
    pub access: ObjectAccess,
    /// A table.
    pub is_multi: bool,
    /// Parameters.
    pub params: Vec<SchemaParam>,
    /// Commands.
    pub commands: Vec<SchemaCommand>,
    /// Events.
    pub events: Vec<SchemaEvent>,
    /// Rows whose model differs and must be asked for one by one.
    pub divergent_paths: Vec<String>,
    /// Sets of parameters that identify a row.
    pub unique_keys: Vec<Vec<String>>,
}

/// One supported parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaParam {
    /// Bare name.
    pub name: String,
    /// How it may be accessed.
    pub access: ParamAccess,
    /// Its type, if the device says.
    pub value_type: Option<Type>,
    /// Whether a ValueChange subscription on it fires, if the device says.
    pub value_change: Option<ValueChange>,
}

/// One supported command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaCommand {
    /// Name with `()`.
    pub name: String,
    /// Input argument names.
    pub inputs: Vec<String>,
    /// Output argument names.
    pub outputs: Vec<String>,
    /// Asynchronous, if the device says.
    pub is_async: Option<bool>,
}

/// One supported event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaEvent {
    /// Name with `!`.
    pub name: String,
    /// Argument names.
    pub args: Vec<String>,
}

/// Who may create and delete rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ObjectAccess {
    /// Nobody from outside.
    #[default]
    ReadOnly,
    /// Create and delete.
    AddDelete,
    /// Create only.
    AddOnly,
    /// Delete only.
    DeleteOnly,
}

/// How a parameter may be accessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ParamAccess {
    /// Read only.
    #[default]
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// Write once (at creation counts), then read only.
    WriteOnceReadOnly,
    /// Write only; reads give an empty value.
    WriteOnly,
}

/// Whether a ValueChange subscription fires.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ValueChange {
    /// It does.
    #[default]
    Allowed,
    /// Accepted, but it never fires.
    WillIgnore,
}
