//! GetSupportedDM.

use dm::Type;
use dm::operation::{
    GetSchema, ObjectAccess, ParamAccess, Requested, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam,
    SchemaResult, ValueChange,
};
use usp_proto::get_supported_dm::{
    CmdType, GetSupportedDm, GetSupportedDmResp, ObjAccessType, ParamAccessType, ParamValueType,
    RequestedObjectResult, SupportedCommandResult, SupportedEventResult, SupportedObjectResult,
    SupportedParamResult, SupportedUniqueKeySet, ValueChangeType,
};

use super::fault;

pub(super) fn operation(get: GetSupportedDm) -> GetSchema {
    GetSchema {
        paths: get.obj_paths,
        first_level_only: get.first_level_only,
        commands: get.return_commands,
        events: get.return_events,
        params: get.return_params,
        unique_keys: get.return_unique_key_sets,
    }
}

pub(super) fn request(get: GetSchema) -> GetSupportedDm {
    GetSupportedDm {
        obj_paths: get.paths,
        first_level_only: get.first_level_only,
        return_commands: get.commands,
        return_events: get.events,
        return_params: get.params,
        return_unique_key_sets: get.unique_keys,
    }
}

pub(super) fn response(results: Vec<Requested<SchemaResult>>) -> GetSupportedDmResp {
    let result = |requested: Requested<SchemaResult>| match requested.result {
        Ok(found) => {
            let objects = found.objects.into_iter().map(to_wire);
            RequestedObjectResult::success(requested.path, found.model_uri, objects.collect())
        }
        Err(fault) => RequestedObjectResult::failure(requested.path, fault.code.0, fault.message),
    };
    GetSupportedDmResp { req_obj_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: GetSupportedDmResp) -> Vec<Requested<SchemaResult>> {
    let result = |result: RequestedObjectResult| Requested {
        path: result.req_obj_path,
        result: match result.err_code {
            0 => Ok(SchemaResult {
                model_uri: result.data_model_inst_uri,
                objects: result.supported_objs.into_iter().map(from_wire).collect(),
            }),
            code => Err(fault(code, result.err_msg)),
        },
    };
    resp.req_obj_results.into_iter().map(result).collect()
}

fn to_wire(object: SchemaObject) -> SupportedObjectResult {
    let access = match object.access {
        ObjectAccess::ReadOnly => ObjAccessType::ObjReadOnly,
        ObjectAccess::AddDelete => ObjAccessType::ObjAddDelete,
        ObjectAccess::AddOnly => ObjAccessType::ObjAddOnly,
        ObjectAccess::DeleteOnly => ObjAccessType::ObjDeleteOnly,
    };
    let command = |command: SchemaCommand| SupportedCommandResult {
        command_name: command.name,
        input_arg_names: command.inputs,
        output_arg_names: command.outputs,
        command_type: match command.is_async {
            None => CmdType::CmdUnknown,
            Some(false) => CmdType::CmdSync,
            Some(true) => CmdType::CmdAsync,
        }
        .into(),
    };
    let event = |event: SchemaEvent| SupportedEventResult { event_name: event.name, arg_names: event.args };
    SupportedObjectResult {
        supported_obj_path: object.path,
        access: access.into(),
        is_multi_instance: object.is_multi,
        supported_commands: object.commands.into_iter().map(command).collect(),
        supported_events: object.events.into_iter().map(event).collect(),
        supported_params: object.params.into_iter().map(param_to_wire).collect(),
        divergent_paths: object.divergent_paths,
        unique_key_sets: object
            .unique_keys
            .into_iter()
            .map(|key_names| SupportedUniqueKeySet { key_names })
            .collect(),
    }
}

fn param_to_wire(param: SchemaParam) -> SupportedParamResult {
    let access = match param.access {
        ParamAccess::ReadOnly => ParamAccessType::ParamReadOnly,
        ParamAccess::ReadWrite | ParamAccess::WriteOnceReadOnly => ParamAccessType::ParamReadWrite,
        ParamAccess::WriteOnly => ParamAccessType::ParamWriteOnly,
    };
    let value_change = match param.value_change {
        None => ValueChangeType::ValueChangeUnknown,
        Some(ValueChange::Allowed) => ValueChangeType::ValueChangeAllowed,
        Some(ValueChange::WillIgnore) => ValueChangeType::ValueChangeWillIgnore,
    };
    SupportedParamResult {
        param_name: param.name,
        access: access.into(),
        value_type: param.value_type.map_or(ParamValueType::ParamUnknown, value_type).into(),
        value_change: value_change.into(),
    }
}

fn value_type(ty: Type) -> ParamValueType {
    match ty {
        Type::Boolean => ParamValueType::ParamBoolean,
        Type::Int => ParamValueType::ParamInt,
        Type::UnsignedInt => ParamValueType::ParamUnsignedInt,
        Type::Long => ParamValueType::ParamLong,
        Type::UnsignedLong => ParamValueType::ParamUnsignedLong,
        Type::Decimal => ParamValueType::ParamDecimal,
        Type::String => ParamValueType::ParamString,
        Type::Base64 => ParamValueType::ParamBase64,
        Type::HexBinary => ParamValueType::ParamHexBinary,
        Type::DateTime => ParamValueType::ParamDateTime,
    }
}

fn from_wire(object: SupportedObjectResult) -> SchemaObject {
    let access = match object.access() {
        ObjAccessType::ObjReadOnly => ObjectAccess::ReadOnly,
        ObjAccessType::ObjAddDelete => ObjectAccess::AddDelete,
        ObjAccessType::ObjAddOnly => ObjectAccess::AddOnly,
        ObjAccessType::ObjDeleteOnly => ObjectAccess::DeleteOnly,
    };
    let command = |command: SupportedCommandResult| SchemaCommand {
        is_async: match command.command_type() {
            CmdType::CmdUnknown => None,
            CmdType::CmdSync => Some(false),
            CmdType::CmdAsync => Some(true),
        },
        name: command.command_name,
        inputs: command.input_arg_names,
        outputs: command.output_arg_names,
    };
    let event = |event: SupportedEventResult| SchemaEvent { name: event.event_name, args: event.arg_names };
    SchemaObject {
        path: object.supported_obj_path,
        access,
        is_multi: object.is_multi_instance,
        params: object.supported_params.into_iter().map(param_from_wire).collect(),
        commands: object.supported_commands.into_iter().map(command).collect(),
        events: object.supported_events.into_iter().map(event).collect(),
        divergent_paths: object.divergent_paths,
        unique_keys: object.unique_key_sets.into_iter().map(|set| set.key_names).collect(),
    }
}

fn param_from_wire(param: SupportedParamResult) -> SchemaParam {
    SchemaParam {
        access: match param.access() {
            ParamAccessType::ParamReadOnly => ParamAccess::ReadOnly,
            ParamAccessType::ParamReadWrite => ParamAccess::ReadWrite,
            ParamAccessType::ParamWriteOnly => ParamAccess::WriteOnly,
        },
        value_type: match param.value_type() {
            ParamValueType::ParamUnknown => None,
            ParamValueType::ParamBase64 => Some(Type::Base64),
            ParamValueType::ParamBoolean => Some(Type::Boolean),
            ParamValueType::ParamDateTime => Some(Type::DateTime),
            ParamValueType::ParamDecimal => Some(Type::Decimal),
            ParamValueType::ParamHexBinary => Some(Type::HexBinary),
            ParamValueType::ParamInt => Some(Type::Int),
            ParamValueType::ParamLong => Some(Type::Long),
            ParamValueType::ParamString => Some(Type::String),
            ParamValueType::ParamUnsignedInt => Some(Type::UnsignedInt),
            ParamValueType::ParamUnsignedLong => Some(Type::UnsignedLong),
        },
        value_change: match param.value_change() {
            ValueChangeType::ValueChangeUnknown => None,
            ValueChangeType::ValueChangeAllowed => Some(ValueChange::Allowed),
            ValueChangeType::ValueChangeWillIgnore => Some(ValueChange::WillIgnore),
        },
        name: param.param_name,
    }
}
