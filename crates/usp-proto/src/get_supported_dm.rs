//! GetSupportedDM: reads the supported data model.
//!
//! Types, change behaviour and kinds of commands came with 1.2: an older agent leaves them at their zero,
//! which says "unknown" and is accepted. A value beyond the known ones is refused (R-ENC.2).

pub use crate::generated::usp_msg::get_supported_dm_resp::{
    CmdType, ObjAccessType, ParamAccessType, ParamValueType, RequestedObjectResult, SupportedCommandResult,
    SupportedEventResult, SupportedObjectResult, SupportedParamResult, SupportedUniqueKeySet,
    ValueChangeType,
};
pub use crate::generated::usp_msg::{GetSupportedDm, GetSupportedDmResp};

use crate::Malformed;

impl GetSupportedDm {
    /// A request for everything that there is to know below these paths.
    pub fn everything<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> GetSupportedDm {
        GetSupportedDm {
            obj_paths: paths.into_iter().map(Into::into).collect(),
            first_level_only: false,
            return_commands: true,
            return_events: true,
            return_params: true,
            return_unique_key_sets: true,
        }
    }
}

impl RequestedObjectResult {
    /// The objects of one requested path, and the URN of their data model.
    pub fn success(
        requested_path: impl Into<String>,
        data_model: impl Into<String>,
        objects: Vec<SupportedObjectResult>,
    ) -> RequestedObjectResult {
        RequestedObjectResult {
            req_obj_path: requested_path.into(),
            err_code: 0,
            err_msg: String::new(),
            data_model_inst_uri: data_model.into(),
            supported_objs: objects,
        }
    }

    /// Why this path failed.
    pub fn failure(
        requested_path: impl Into<String>,
        err_code: u32,
        err_msg: impl Into<String>,
    ) -> RequestedObjectResult {
        RequestedObjectResult {
            req_obj_path: requested_path.into(),
            err_code,
            err_msg: err_msg.into(),
            data_model_inst_uri: String::new(),
            supported_objs: Vec::new(),
        }
    }
}

/// R-ENC.2 for every enumeration of the answer, after which the accessors of the structs, which fall
/// back to zero, are exact.
pub(crate) fn check(answer: &GetSupportedDmResp) -> Result<(), Malformed> {
    let known = |valid: bool, field, value| {
        if valid { Ok(()) } else { Err(Malformed::UnknownEnum { field, value }) }
    };
    for object in answer.req_obj_results.iter().flat_map(|result| &result.supported_objs) {
        known(ObjAccessType::is_valid(object.access), "access of an object", object.access)?;
        for param in &object.supported_params {
            known(ParamAccessType::is_valid(param.access), "access of a parameter", param.access)?;
            known(ParamValueType::is_valid(param.value_type), "value_type", param.value_type)?;
            known(ValueChangeType::is_valid(param.value_change), "value_change", param.value_change)?;
        }
        for command in &object.supported_commands {
            known(CmdType::is_valid(command.command_type), "command_type", command.command_type)?;
        }
    }
    Ok(())
}
