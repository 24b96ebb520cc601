//! Bodies of operations. Every path is parsed on entry; what is not a path is 7008.

use std::collections::BTreeMap;

use dm::operation::{
    Add, Delete, Get, GetInstances, GetSchema, ObjectSettings, Operate, Operation, ParamSetting, Set,
};
use dm::path::Target;
use dm::{Code, Path, SchemaPath};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object;
use crate::limits;
use crate::problem::Problem;

/// Reads values.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBody {
    /// Object, instance, parameter or search paths.
    pub paths: Vec<String>,
    /// Levels below the object: 0 all, 1 its own parameters, ….
    #[serde(default)]
    pub max_depth: u32,
}

/// Reads which rows exist.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstancesBody {
    /// Table or search paths.
    pub paths: Vec<String>,
    /// Only rows of the tables named.
    #[serde(default)]
    pub first_level_only: bool,
}

/// Reads what the device supports.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaBody {
    /// Paths in `{i}` form.
    pub paths: Vec<String>,
    /// The object in full, its children by name.
    #[serde(default)]
    pub first_level_only: bool,
    /// Include commands.
    #[serde(default = "yes")]
    pub commands: bool,
    /// Include events.
    #[serde(default = "yes")]
    pub events: bool,
    /// Include parameters.
    #[serde(default = "yes")]
    pub params: bool,
    /// Include unique keys.
    #[serde(default = "yes")]
    pub unique_keys: bool,
}

fn yes() -> bool {
    true
}

/// Changes parameters (Set) or makes rows (Add).
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBody {
    /// Set: object, instance or search paths; Add: tables.
    pub objects: Vec<SetObject>,
    /// Each object stands or falls alone.
    #[serde(default)]
    pub allow_partial: bool,
}

/// One object of a Set or Add.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetObject {
    /// Its path.
    pub path: String,
    /// Its settings.
    #[serde(default)]
    pub params: Vec<SetParam>,
}

/// One setting.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetParam {
    /// Name relative to the object.
    pub param: String,
    /// Lexical value.
    pub value: String,
    /// If it fails, the object fails.
    #[serde(default)]
    pub required: bool,
}

/// Removes rows.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteBody {
    /// Instance or search paths.
    pub paths: Vec<String>,
    /// Each path stands or falls alone.
    #[serde(default)]
    pub allow_partial: bool,
}

/// Runs a command.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperateBody {
    /// The command's path, ending in `()`.
    pub command: String,
    /// Arguments by name.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// The caller's own key; the job's id otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command_key: String,
}

/// What a job was asked to do, as it was asked; secrets are masked.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Request {
    /// Of a `get`.
    Get(GetBody),
    /// Of an `instances`.
    Instances(InstancesBody),
    /// Of a `schema`.
    Schema(SchemaBody),
    /// Of a `set` or `add`.
    Set(SetBody),
    /// Of a `delete`.
    Delete(DeleteBody),
    /// Of an `operate`.
    Operate(OperateBody),
}

/// A body that makes an operation.
pub(crate) trait IntoOperation {
    /// The operation, its paths parsed.
    fn into_operation(self) -> Result<Operation, Problem>;
}

impl IntoOperation for GetBody {
    fn into_operation(self) -> Result<Operation, Problem> {
        count("paths", self.paths.len())?;
        self.paths.iter().try_for_each(|path| parse(path).map(drop))?;
        Ok(Operation::Get(Get { paths: self.paths, max_depth: self.max_depth }))
    }
}

impl IntoOperation for InstancesBody {
    fn into_operation(self) -> Result<Operation, Problem> {
        count("paths", self.paths.len())?;
        self.paths.iter().try_for_each(|path| parse_object(path))?;
        Ok(Operation::GetInstances(GetInstances {
            paths: self.paths,
            first_level_only: self.first_level_only,
        }))
    }
}

impl IntoOperation for SchemaBody {
    fn into_operation(self) -> Result<Operation, Problem> {
        count("paths", self.paths.len())?;
        for path in &self.paths {
            SchemaPath::parse(path).map_err(|error| Problem::path(path, &error))?;
        }
        Ok(Operation::GetSchema(GetSchema {
            paths: self.paths,
            first_level_only: self.first_level_only,
            commands: self.commands,
            events: self.events,
            params: self.params,
            unique_keys: self.unique_keys,
        }))
    }
}

impl SetBody {
    fn into_objects(self) -> Result<Vec<ObjectSettings>, Problem> {
        count("objects", self.objects.len())?;
        self.objects.iter().try_for_each(|object| parse_object(&object.path))?;
        let objects = self.objects.into_iter().map(|object| ObjectSettings {
            path: object.path,
            params: object
                .params
                .into_iter()
                .map(|one| ParamSetting { param: one.param, value: one.value, required: one.required })
                .collect(),
        });
        Ok(objects.collect())
    }

    /// The Set that it asks for.
    pub(crate) fn into_set(self) -> Result<Operation, Problem> {
        let allow_partial = self.allow_partial;
        Ok(Operation::Set(Set { allow_partial, objects: self.into_objects()? }))
    }

    /// The Add that it asks for.
    pub(crate) fn into_add(self) -> Result<Operation, Problem> {
        let allow_partial = self.allow_partial;
        Ok(Operation::Add(Add { allow_partial, objects: self.into_objects()? }))
    }
}

impl IntoOperation for DeleteBody {
    fn into_operation(self) -> Result<Operation, Problem> {
        count("paths", self.paths.len())?;
        self.paths.iter().try_for_each(|path| parse_object(path))?;
        Ok(Operation::Delete(Delete { paths: self.paths, allow_partial: self.allow_partial }))
    }
}

impl IntoOperation for OperateBody {
    fn into_operation(self) -> Result<Operation, Problem> {
        match parse(&self.command)?.target {
            Target::Command(_) => Ok(Operation::Operate(Operate {
                command: self.command,
                command_key: self.command_key,
                send_resp: true,
                args: self.args.into_iter().collect(),
            })),
            Target::Object | Target::Param(_) | Target::Event(_) => {
                Err(not_so(&self.command, "the path of a command ends in '()'"))
            }
        }
    }
}

fn count(field: &str, given: usize) -> Result<(), Problem> {
    if (1..=limits::OPERATION_PATHS).contains(&given) {
        return Ok(());
    }
    Err(Problem::invalid(field, format_args!("there are between 1 and {}", limits::OPERATION_PATHS)))
}

/// A requester's path.
pub(crate) fn parse(text: &str) -> Result<Path, Problem> {
    Path::parse(text).map_err(|error| Problem::path(text, &error))
}

fn parse_object(text: &str) -> Result<(), Problem> {
    match parse(text)?.target {
        Target::Object => Ok(()),
        Target::Param(_) | Target::Command(_) | Target::Event(_) => {
            Err(not_so(text, "the path of an object ends in '.'"))
        }
    }
}

fn not_so(text: &str, why: &str) -> Problem {
    let shown: String = text.chars().take(200).collect();
    Problem::new(StatusCode::BAD_REQUEST, "bad-path")
        .detail(format!("{shown:?}: {why}"))
        .code(Code::INVALID_PATH_SYNTAX.0)
}

impl From<Operation> for Request {
    fn from(operation: Operation) -> Self {
        let body = |objects: Vec<ObjectSettings>, allow_partial| {
            Request::Set(SetBody {
                objects: objects.into_iter().map(SetObject::from).collect(),
                allow_partial,
            })
        };
        match operation {
            Operation::Get(get) => Request::Get(GetBody { paths: get.paths, max_depth: get.max_depth }),
            Operation::GetInstances(get) => {
                Request::Instances(InstancesBody { paths: get.paths, first_level_only: get.first_level_only })
            }
            Operation::GetSchema(get) => Request::Schema(SchemaBody {
                paths: get.paths,
                first_level_only: get.first_level_only,
                commands: get.commands,
                events: get.events,
                params: get.params,
                unique_keys: get.unique_keys,
            }),
            Operation::Set(set) => body(set.objects, set.allow_partial),
            Operation::Add(add) => body(add.objects, add.allow_partial),
            Operation::Delete(delete) => {
                Request::Delete(DeleteBody { paths: delete.paths, allow_partial: delete.allow_partial })
            }
            Operation::Operate(operate) => Request::Operate(OperateBody {
                command: operate.command,
                args: object(operate.args),
                command_key: operate.command_key,
            }),
        }
    }
}

impl From<ObjectSettings> for SetObject {
    fn from(core: ObjectSettings) -> Self {
        let params = core.params.into_iter();
        SetObject {
            path: core.path,
            params: params
                .map(|one| SetParam { param: one.param, value: one.value, required: one.required })
                .collect(),
        }
    }
}
