//! What came of an operation, with every level of partial success.

use std::collections::BTreeMap;

use dm::Fault as CoreFault;
use dm::operation::{
    CommandResult, CreatedInstance, Deleted, Instance, InstanceFailure, MessageFailure, ObjectValues,
    Outcome as Core, ParamFault as CoreParamFault, Requested, SchemaResult as CoreSchema, UpdateFailure,
    UpdatedInstance,
};
use fleet::job::OpKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::ModelObject;
use super::object;
use super::words::JobKind;

/// What came of an operation.
#[derive(Serialize, ToSchema)]
pub struct Outcome {
    /// Of which operation.
    pub kind: JobKind,
    /// The whole message failed, and nothing changed; then there are no results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<WholeFailure>,
    /// One result for each thing that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Results>,
}

/// Results, by the outcome's kind.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Results {
    /// Of a `get`.
    Get(Vec<GetResult>),
    /// Of an `instances`.
    Instances(Vec<InstancesResult>),
    /// Of a `schema`.
    Schema(Vec<SchemaResult>),
    /// Of a `set`.
    Set(Vec<SetResult>),
    /// Of an `add`.
    Add(Vec<AddResult>),
    /// Of a `delete`.
    Delete(Vec<DeleteResult>),
    /// Of an `operate`.
    Operate(Vec<OperateResult>),
}

/// An error of the device.
#[derive(Serialize, ToSchema)]
pub struct Fault {
    /// USP error code.
    pub code: u32,
    /// One sentence.
    pub message: String,
}

/// An error of one parameter.
#[derive(Serialize, ToSchema)]
pub struct ParamFault {
    /// Its name, or full path.
    pub param: String,
    /// USP error code.
    pub code: u32,
    /// One sentence.
    pub message: String,
}

/// An error of one instance.
#[derive(Serialize, ToSchema)]
pub struct PathFault {
    /// Its path.
    pub path: String,
    /// USP error code.
    pub code: u32,
    /// One sentence.
    pub message: String,
}

/// Why a whole message failed.
#[derive(Serialize, ToSchema)]
pub struct WholeFailure {
    /// USP error code.
    pub code: u32,
    /// One sentence.
    pub message: String,
    /// What caused it.
    pub params: Vec<ParamFault>,
}

/// What one requested path gave.
#[derive(Serialize, ToSchema)]
pub struct GetResult {
    /// The path as it was asked for.
    pub requested: String,
    /// Why it gave nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Values by object.
    pub objects: Vec<Values>,
}

/// Values of one object.
#[derive(Serialize, ToSchema)]
pub struct Values {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// Values by name.
    pub params: BTreeMap<String, String>,
}

/// Which rows one requested path gave.
#[derive(Serialize, ToSchema)]
pub struct InstancesResult {
    /// The path as it was asked for.
    pub requested: String,
    /// Why it gave nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// The rows.
    pub instances: Vec<Row>,
}

/// One row.
#[derive(Serialize, ToSchema)]
pub struct Row {
    /// Path with instance numbers, ending in a dot.
    pub path: String,
    /// Values of its unique keys.
    pub unique_keys: BTreeMap<String, String>,
}

/// What is supported at one requested path.
#[derive(Serialize, ToSchema)]
pub struct SchemaResult {
    /// The path as it was asked for.
    pub requested: String,
    /// Why it gave nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// The model's URI.
    pub model_uri: String,
    /// Objects, parents before children.
    pub objects: Vec<ModelObject>,
}

/// What became of one object of a Set.
#[derive(Serialize, ToSchema)]
pub struct SetResult {
    /// The path as it was asked for.
    pub requested: String,
    /// Why nothing was changed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Which instances failed, and on what.
    pub failures: Vec<Failure>,
    /// What was changed.
    pub updated: Vec<Updated>,
}

/// An instance that failed.
#[derive(Serialize, ToSchema)]
pub struct Failure {
    /// Its path.
    pub path: String,
    /// The parameters that failed.
    pub errors: Vec<ParamFault>,
}

/// An instance that was changed.
#[derive(Serialize, ToSchema)]
pub struct Updated {
    /// Its path.
    pub path: String,
    /// Values after the change.
    pub params: BTreeMap<String, String>,
    /// Parameters that were not required and failed.
    pub errors: Vec<ParamFault>,
}

/// What became of one row of an Add.
#[derive(Serialize, ToSchema)]
pub struct AddResult {
    /// The table as it was asked for.
    pub requested: String,
    /// Why the row was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// The row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Created>,
}

/// A row that was made.
#[derive(Serialize, ToSchema)]
pub struct Created {
    /// Its path.
    pub path: String,
    /// Values of its unique keys.
    pub unique_keys: BTreeMap<String, String>,
    /// Parameters that were not required and failed.
    pub errors: Vec<ParamFault>,
}

/// What one path of a Delete removed.
#[derive(Serialize, ToSchema)]
pub struct DeleteResult {
    /// The path as it was asked for.
    pub requested: String,
    /// Why nothing was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Rows that were removed.
    pub affected: Vec<String>,
    /// Rows that stayed, and why.
    pub unaffected: Vec<PathFault>,
}

/// What became of one command.
#[derive(Serialize, ToSchema)]
pub struct OperateResult {
    /// The command that ran.
    pub executed: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<BTreeMap<String, String>>,
    /// It runs on; the row that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl Outcome {
    /// An outcome of an operation of this kind.
    pub(crate) fn new(kind: OpKind, outcome: Core) -> Self {
        let (failed, results) = match outcome {
            Core::Failed(failure) => (Some(failure.into()), None),
            Core::Get(all) => (None, Some(Results::Get(print(all)))),
            Core::GetInstances(all) => (None, Some(Results::Instances(print(all)))),
            Core::GetSchema(all) => (None, Some(Results::Schema(print(all)))),
            Core::Set(all) => (None, Some(Results::Set(print(all)))),
            Core::Add(all) => (None, Some(Results::Add(print(all)))),
            Core::Delete(all) => (None, Some(Results::Delete(print(all)))),
            Core::Operate(all) => (None, Some(Results::Operate(print(all)))),
        };
        Outcome { kind: kind.into(), failed, results }
    }
}

fn print<A, B: From<A>>(all: Vec<A>) -> Vec<B> {
    all.into_iter().map(B::from).collect()
}

fn split<T: Default>(result: Result<T, CoreFault>) -> (T, Option<Fault>) {
    match result {
        Ok(good) => (good, None),
        Err(fault) => (T::default(), Some(fault.into())),
    }
}

impl From<CoreFault> for Fault {
    fn from(fault: CoreFault) -> Self {
        Fault { code: fault.code.0, message: fault.message }
    }
}

impl From<CoreParamFault> for ParamFault {
    fn from(core: CoreParamFault) -> Self {
        ParamFault { param: core.param, code: core.fault.code.0, message: core.fault.message }
    }
}

impl From<MessageFailure> for WholeFailure {
    fn from(core: MessageFailure) -> Self {
        WholeFailure { code: core.fault.code.0, message: core.fault.message, params: print(core.params) }
    }
}

impl From<Requested<Vec<ObjectValues>>> for GetResult {
    fn from(core: Requested<Vec<ObjectValues>>) -> Self {
        let (objects, error) = split(core.result);
        let values = |one: ObjectValues| Values { path: one.path, params: object(one.params) };
        GetResult { requested: core.path, error, objects: objects.into_iter().map(values).collect() }
    }
}

impl From<Requested<Vec<Instance>>> for InstancesResult {
    fn from(core: Requested<Vec<Instance>>) -> Self {
        let (rows, error) = split(core.result);
        let row = |one: Instance| Row { path: one.path, unique_keys: object(one.unique_keys) };
        InstancesResult { requested: core.path, error, instances: rows.into_iter().map(row).collect() }
    }
}

impl From<Requested<CoreSchema>> for SchemaResult {
    fn from(core: Requested<CoreSchema>) -> Self {
        let (schema, error) = split(core.result);
        SchemaResult {
            requested: core.path,
            error,
            model_uri: schema.model_uri,
            objects: schema.objects.iter().map(ModelObject::from).collect(),
        }
    }
}

impl From<Requested<Vec<UpdatedInstance>, UpdateFailure>> for SetResult {
    fn from(core: Requested<Vec<UpdatedInstance>, UpdateFailure>) -> Self {
        let requested = core.path;
        match core.result {
            Ok(rows) => SetResult { requested, error: None, failures: Vec::new(), updated: print(rows) },
            Err(failure) => SetResult {
                requested,
                error: Some(failure.fault.into()),
                failures: print(failure.instances),
                updated: Vec::new(),
            },
        }
    }
}

impl From<InstanceFailure> for Failure {
    fn from(core: InstanceFailure) -> Self {
        Failure { path: core.path, errors: print(core.errors) }
    }
}

impl From<UpdatedInstance> for Updated {
    fn from(core: UpdatedInstance) -> Self {
        Updated { path: core.path, params: object(core.params), errors: print(core.errors) }
    }
}

impl From<Requested<CreatedInstance>> for AddResult {
    fn from(core: Requested<CreatedInstance>) -> Self {
        let requested = core.path;
        match core.result {
            Ok(row) => AddResult { requested, error: None, created: Some(row.into()) },
            Err(fault) => AddResult { requested, error: Some(fault.into()), created: None },
        }
    }
}

impl From<CreatedInstance> for Created {
    fn from(core: CreatedInstance) -> Self {
        Created { path: core.path, unique_keys: object(core.unique_keys), errors: print(core.errors) }
    }
}

impl From<Requested<Deleted>> for DeleteResult {
    fn from(core: Requested<Deleted>) -> Self {
        let requested = core.path;
        let stayed = |(path, fault): (String, CoreFault)| PathFault {
            path,
            code: fault.code.0,
            message: fault.message,
        };
        match core.result {
            Ok(deleted) => DeleteResult {
                requested,
                error: None,
                affected: deleted.affected,
                unaffected: deleted.unaffected.into_iter().map(stayed).collect(),
            },
            Err(fault) => DeleteResult {
                requested,
                error: Some(fault.into()),
                affected: Vec::new(),
                unaffected: Vec::new(),
            },
        }
    }
}

impl From<Requested<CommandResult>> for OperateResult {
    fn from(core: Requested<CommandResult>) -> Self {
        let executed = core.path;
        let (error, output, request) = match core.result {
            Ok(CommandResult::Output(output)) => (None, Some(object(output)), None),
            Ok(CommandResult::Started(request)) => (None, None, Some(request)),
            Err(fault) => (Some(fault.into()), None, None),
        };
        OperateResult { executed, error, output, request }
    }
}
