//! [`Outcome`] in rows.

use dm::operation::{
    CommandResult, CreatedInstance, Deleted, Instance, InstanceFailure, MessageFailure, ObjectValues,
    Outcome, ParamFault, Requested, SchemaResult, UpdateFailure, UpdatedInstance,
};
use dm::{Code, Fault};
use serde::{Deserialize, Serialize};

use super::schema::SchemaDto;
use super::{Convert, convertible, mirror};

type Pairs = Vec<(String, String)>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeDto {
    Get(Vec<RequestedDto<Vec<ObjectDto>>>),
    Instances(Vec<RequestedDto<Vec<InstanceDto>>>),
    Schema(Vec<RequestedDto<SchemaDto>>),
    Set(Vec<RequestedDto<Vec<UpdatedDto>, UpdateFailureDto>>),
    Add(Vec<RequestedDto<CreatedDto>>),
    Delete(Vec<RequestedDto<DeletedDto>>),
    Operate(Vec<RequestedDto<CommandDto>>),
    Failed(MessageFailureDto),
}

#[derive(Serialize, Deserialize)]
pub(super) struct RequestedDto<T, E = FaultDto> {
    path: String,
    result: Result<T, E>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FaultDto {
    code: u32,
    message: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ObjectDto {
    path: String,
    params: Pairs,
}

#[derive(Serialize, Deserialize)]
pub(super) struct InstanceDto {
    path: String,
    unique_keys: Pairs,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UpdatedDto {
    path: String,
    params: Pairs,
    errors: Vec<ParamFaultDto>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UpdateFailureDto {
    fault: FaultDto,
    instances: Vec<InstanceFailureDto>,
}

#[derive(Serialize, Deserialize)]
struct InstanceFailureDto {
    path: String,
    errors: Vec<ParamFaultDto>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CreatedDto {
    path: String,
    unique_keys: Pairs,
    errors: Vec<ParamFaultDto>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeletedDto {
    affected: Vec<String>,
    unaffected: Vec<(String, FaultDto)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CommandDto {
    Output(Pairs),
    Started(String),
}

#[derive(Serialize, Deserialize)]
struct ParamFaultDto {
    param: String,
    fault: FaultDto,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MessageFailureDto {
    fault: FaultDto,
    params: Vec<ParamFaultDto>,
}

mirror!(ObjectDto = ObjectValues { path, params });
mirror!(InstanceDto = Instance { path, unique_keys });
mirror!(UpdatedDto = UpdatedInstance { path, params, errors });
mirror!(UpdateFailureDto = UpdateFailure { fault, instances });
mirror!(InstanceFailureDto = InstanceFailure { path, errors });
mirror!(CreatedDto = CreatedInstance { path, unique_keys, errors });
mirror!(DeletedDto = Deleted { affected, unaffected });
mirror!(ParamFaultDto = ParamFault { param, fault });
mirror!(MessageFailureDto = MessageFailure { fault, params });
convertible!(
    FaultDto = Fault,
    ObjectDto = ObjectValues,
    InstanceDto = Instance,
    UpdatedDto = UpdatedInstance,
    UpdateFailureDto = UpdateFailure,
    InstanceFailureDto = InstanceFailure,
    CreatedDto = CreatedInstance,
    DeletedDto = Deleted,
    ParamFaultDto = ParamFault,
    CommandDto = CommandResult,
    SchemaDto = SchemaResult,
);

impl From<Fault> for FaultDto {
    fn from(core: Fault) -> Self {
        FaultDto { code: core.code.0, message: core.message }
    }
}

impl From<FaultDto> for Fault {
    fn from(dto: FaultDto) -> Self {
        Fault { code: Code(dto.code), message: dto.message }
    }
}

impl From<CommandResult> for CommandDto {
    fn from(core: CommandResult) -> Self {
        match core {
            CommandResult::Output(output) => CommandDto::Output(output),
            CommandResult::Started(request) => CommandDto::Started(request),
        }
    }
}

impl From<CommandDto> for CommandResult {
    fn from(dto: CommandDto) -> Self {
        match dto {
            CommandDto::Output(output) => CommandResult::Output(output),
            CommandDto::Started(request) => CommandResult::Started(request),
        }
    }
}

impl<A: Convert<C>, B: Convert<D>, C, D> Convert<RequestedDto<C, D>> for Requested<A, B> {
    fn convert(self) -> RequestedDto<C, D> {
        RequestedDto { path: self.path, result: self.result.convert() }
    }
}

impl<A: Convert<C>, B: Convert<D>, C, D> Convert<Requested<C, D>> for RequestedDto<A, B> {
    fn convert(self) -> Requested<C, D> {
        Requested { path: self.path, result: self.result.convert() }
    }
}

impl From<Outcome> for OutcomeDto {
    fn from(core: Outcome) -> Self {
        match core {
            Outcome::Get(all) => OutcomeDto::Get(all.convert()),
            Outcome::GetInstances(all) => OutcomeDto::Instances(all.convert()),
            Outcome::GetSchema(all) => OutcomeDto::Schema(all.convert()),
            Outcome::Set(all) => OutcomeDto::Set(all.convert()),
            Outcome::Add(all) => OutcomeDto::Add(all.convert()),
            Outcome::Delete(all) => OutcomeDto::Delete(all.convert()),
            Outcome::Operate(all) => OutcomeDto::Operate(all.convert()),
            Outcome::Failed(failure) => OutcomeDto::Failed(failure.into()),
        }
    }
}

impl From<OutcomeDto> for Outcome {
    fn from(dto: OutcomeDto) -> Self {
        match dto {
            OutcomeDto::Get(all) => Outcome::Get(all.convert()),
            OutcomeDto::Instances(all) => Outcome::GetInstances(all.convert()),
            OutcomeDto::Schema(all) => Outcome::GetSchema(all.convert()),
            OutcomeDto::Set(all) => Outcome::Set(all.convert()),
            OutcomeDto::Add(all) => Outcome::Add(all.convert()),
            OutcomeDto::Delete(all) => Outcome::Delete(all.convert()),
            OutcomeDto::Operate(all) => Outcome::Operate(all.convert()),
            OutcomeDto::Failed(failure) => Outcome::Failed(failure.into()),
        }
    }
}
