//! [`Operation`] in rows.

use dm::operation::{
    Add, Delete, Get, GetInstances, GetSchema, ObjectSettings, Operate, Operation, ParamSetting, Set,
};
use serde::{Deserialize, Serialize};

use super::{convertible, mirror};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OperationDto {
    Get(GetDto),
    Instances(InstancesDto),
    Schema(SchemaDto),
    Set(SetDto),
    Add(AddDto),
    Delete(DeleteDto),
    Operate(OperateDto),
}

#[derive(Serialize, Deserialize)]
pub(super) struct GetDto {
    paths: Vec<String>,
    max_depth: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct InstancesDto {
    paths: Vec<String>,
    first_level_only: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SchemaDto {
    paths: Vec<String>,
    first_level_only: bool,
    commands: bool,
    events: bool,
    params: bool,
    unique_keys: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SetDto {
    allow_partial: bool,
    objects: Vec<ObjectDto>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AddDto {
    allow_partial: bool,
    objects: Vec<ObjectDto>,
}

#[derive(Serialize, Deserialize)]
struct ObjectDto {
    path: String,
    params: Vec<ParamDto>,
}

#[derive(Serialize, Deserialize)]
struct ParamDto {
    param: String,
    value: String,
    required: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeleteDto {
    allow_partial: bool,
    paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OperateDto {
    command: String,
    command_key: String,
    send_resp: bool,
    args: Vec<(String, String)>,
}

mirror!(GetDto = Get { paths, max_depth });
mirror!(InstancesDto = GetInstances { paths, first_level_only });
mirror!(SchemaDto = GetSchema { paths, first_level_only, commands, events, params, unique_keys });
mirror!(SetDto = Set { allow_partial, objects });
mirror!(AddDto = Add { allow_partial, objects });
mirror!(ObjectDto = ObjectSettings { path, params });
mirror!(ParamDto = ParamSetting { param, value, required });
mirror!(DeleteDto = Delete { allow_partial, paths });
mirror!(OperateDto = Operate { command, command_key, send_resp, args });
convertible!(ObjectDto = ObjectSettings, ParamDto = ParamSetting);

impl From<Operation> for OperationDto {
    fn from(core: Operation) -> Self {
        match core {
            Operation::Get(one) => OperationDto::Get(one.into()),
            Operation::GetInstances(one) => OperationDto::Instances(one.into()),
            Operation::GetSchema(one) => OperationDto::Schema(one.into()),
            Operation::Set(one) => OperationDto::Set(one.into()),
            Operation::Add(one) => OperationDto::Add(one.into()),
            Operation::Delete(one) => OperationDto::Delete(one.into()),
            Operation::Operate(one) => OperationDto::Operate(one.into()),
        }
    }
}

impl From<OperationDto> for Operation {
    fn from(dto: OperationDto) -> Self {
        match dto {
            OperationDto::Get(one) => Operation::Get(one.into()),
            OperationDto::Instances(one) => Operation::GetInstances(one.into()),
            OperationDto::Schema(one) => Operation::GetSchema(one.into()),
            OperationDto::Set(one) => Operation::Set(one.into()),
            OperationDto::Add(one) => Operation::Add(one.into()),
            OperationDto::Delete(one) => Operation::Delete(one.into()),
            OperationDto::Operate(one) => Operation::Operate(one.into()),
        }
    }
}
