//! Our values as those of an independent implementation, field by field and by name: a number that is
//! swapped with its neighbour in our protocol files shows as a difference.

use rusp_lib::usp;
use rusp_lib::usp_record as rec;
use usp_proto::generated::usp_msg as m;
use usp_proto::record::{MqttVersion, PayloadSarState, PayloadSecurity};
use usp_proto::{Body, ErrorBody, Msg, Record, RecordType, Request, Response, notify, operate, register};
use usp_proto::{add, delete, set};

fn list<A, B>(items: &[A], convert: impl Fn(&A) -> B) -> Vec<B> {
    items.iter().map(convert).collect()
}

/// Their map type follows from the field it goes to.
fn map<M: FromIterator<(String, String)>>(map: &std::collections::BTreeMap<String, String>) -> M {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(crate) fn msg(msg: &Msg) -> usp::Msg {
    use usp::mod_Body::OneOfmsg_body as TheirBody;
    let msg_type = usp::mod_Header::MsgType::from(i32::from(msg.msg_type()));
    let msg_body = match &msg.body {
        Body::Request(ours) => TheirBody::request(usp::Request { req_type: request(ours) }),
        Body::Response(ours) => TheirBody::response(usp::Response { resp_type: response(ours) }),
        Body::Error(ours) => TheirBody::error(error(ours)),
    };
    usp::Msg {
        header: Some(usp::Header { msg_id: msg.msg_id.clone(), msg_type }),
        body: Some(usp::Body { msg_body }),
    }
}

fn error(ours: &ErrorBody) -> usp::Error {
    usp::Error {
        err_code: ours.err_code,
        err_msg: ours.err_msg.clone(),
        param_errs: list(&ours.param_errs, |p| usp::mod_Error::ParamError {
            param_path: p.param_path.clone(),
            err_code: p.err_code,
            err_msg: p.err_msg.clone(),
        }),
    }
}

fn request(ours: &Request) -> usp::mod_Request::OneOfreq_type {
    use usp::mod_Request::OneOfreq_type as Their;
    match ours {
        Request::Get(o) => {
            Their::get(usp::Get { param_paths: o.param_paths.clone(), max_depth: o.max_depth })
        }
        Request::GetSupportedDm(o) => Their::get_supported_dm(usp::GetSupportedDM {
            obj_paths: o.obj_paths.clone(),
            first_level_only: o.first_level_only,
            return_commands: o.return_commands,
            return_events: o.return_events,
            return_params: o.return_params,
            return_unique_key_sets: o.return_unique_key_sets,
        }),
        Request::GetInstances(o) => Their::get_instances(usp::GetInstances {
            obj_paths: o.obj_paths.clone(),
            first_level_only: o.first_level_only,
        }),
        Request::Set(o) => Their::set(usp::Set {
            allow_partial: o.allow_partial,
            update_objs: list(&o.update_objs, |object| usp::mod_Set::UpdateObject {
                obj_path: object.obj_path.clone(),
                param_settings: list(&object.param_settings, |s| usp::mod_Set::UpdateParamSetting {
                    param: s.param.clone(),
                    value: s.value.clone(),
                    required: s.required,
                }),
            }),
        }),
        Request::Add(o) => Their::add(usp::Add {
            allow_partial: o.allow_partial,
            create_objs: list(&o.create_objs, |object| usp::mod_Add::CreateObject {
                obj_path: object.obj_path.clone(),
                param_settings: list(&object.param_settings, |s| usp::mod_Add::CreateParamSetting {
                    param: s.param.clone(),
                    value: s.value.clone(),
                    required: s.required,
                }),
            }),
        }),
        Request::Delete(o) => {
            Their::delete(usp::Delete { allow_partial: o.allow_partial, obj_paths: o.obj_paths.clone() })
        }
        Request::Operate(o) => Their::operate(usp::Operate {
            command: o.command.clone(),
            command_key: o.command_key.clone(),
            send_resp: o.send_resp,
            input_args: map(&o.input_args),
        }),
        Request::Notify(o) => Their::notify(usp::Notify {
            subscription_id: o.subscription_id.clone(),
            send_resp: o.send_resp,
            notification: notification(o.notification.as_ref().expect("samples have one")),
        }),
        Request::GetSupportedProtocol(o) => Their::get_supported_protocol(usp::GetSupportedProtocol {
            controller_supported_protocol_versions: o.controller_supported_protocol_versions.clone(),
        }),
        Request::Register(o) => Their::register(usp::Register {
            allow_partial: o.allow_partial,
            reg_paths: list(&o.reg_paths, |p| usp::mod_Register::RegistrationPath { path: p.path.clone() }),
        }),
        Request::Deregister(o) => Their::deregister(usp::Deregister { paths: o.paths.clone() }),
    }
}

fn notification(ours: &notify::Notification) -> usp::mod_Notify::OneOfnotification {
    use notify::Notification as Our;
    use usp::mod_Notify::OneOfnotification as Their;
    match ours {
        Our::Event(o) => Their::event(usp::mod_Notify::Event {
            obj_path: o.obj_path.clone(),
            event_name: o.event_name.clone(),
            params: map(&o.params),
        }),
        Our::ValueChange(o) => Their::value_change(usp::mod_Notify::ValueChange {
            param_path: o.param_path.clone(),
            param_value: o.param_value.clone(),
        }),
        Our::ObjCreation(o) => Their::obj_creation(usp::mod_Notify::ObjectCreation {
            obj_path: o.obj_path.clone(),
            unique_keys: map(&o.unique_keys),
        }),
        Our::ObjDeletion(o) => {
            Their::obj_deletion(usp::mod_Notify::ObjectDeletion { obj_path: o.obj_path.clone() })
        }
        Our::OperComplete(o) => Their::oper_complete(usp::mod_Notify::OperationComplete {
            obj_path: o.obj_path.clone(),
            command_name: o.command_name.clone(),
            command_key: o.command_key.clone(),
            operation_resp: operation_complete(o.operation_resp.as_ref()),
        }),
        Our::OnBoardReq(o) => Their::on_board_req(usp::mod_Notify::OnBoardRequest {
            oui: o.oui.clone(),
            product_class: o.product_class.clone(),
            serial_number: o.serial_number.clone(),
            agent_supported_protocol_versions: o.agent_supported_protocol_versions.clone(),
        }),
    }
}

fn operation_complete(
    ours: Option<&notify::OperationResp>,
) -> usp::mod_Notify::mod_OperationComplete::OneOfoperation_resp {
    use notify::OperationResp as Our;
    use usp::mod_Notify::mod_OperationComplete::{CommandFailure, OneOfoperation_resp as Their, OutputArgs};
    match ours {
        None => Their::None,
        Some(Our::ReqOutputArgs(o)) => {
            Their::req_output_args(OutputArgs { output_args: map(&o.output_args) })
        }
        Some(Our::CmdFailure(o)) => {
            Their::cmd_failure(CommandFailure { err_code: o.err_code, err_msg: o.err_msg.clone() })
        }
    }
}

fn response(ours: &Response) -> usp::mod_Response::OneOfresp_type {
    use usp::mod_Response::OneOfresp_type as Their;
    match ours {
        Response::GetResp(o) => Their::get_resp(usp::GetResp {
            req_path_results: list(&o.req_path_results, |r| usp::mod_GetResp::RequestedPathResult {
                requested_path: r.requested_path.clone(),
                err_code: r.err_code,
                err_msg: r.err_msg.clone(),
                resolved_path_results: list(&r.resolved_path_results, |object| {
                    usp::mod_GetResp::ResolvedPathResult {
                        resolved_path: object.resolved_path.clone(),
                        result_params: map(&object.result_params),
                    }
                }),
            }),
        }),
        Response::GetSupportedDmResp(o) => Their::get_supported_dm_resp(usp::GetSupportedDMResp {
            req_obj_results: list(&o.req_obj_results, supported_result),
        }),
        Response::GetInstancesResp(o) => Their::get_instances_resp(usp::GetInstancesResp {
            req_path_results: list(&o.req_path_results, |r| usp::mod_GetInstancesResp::RequestedPathResult {
                requested_path: r.requested_path.clone(),
                err_code: r.err_code,
                err_msg: r.err_msg.clone(),
                curr_insts: list(&r.curr_insts, |i| usp::mod_GetInstancesResp::CurrInstance {
                    instantiated_obj_path: i.instantiated_obj_path.clone(),
                    unique_keys: map(&i.unique_keys),
                }),
            }),
        }),
        Response::SetResp(o) => {
            Their::set_resp(usp::SetResp { updated_obj_results: list(&o.updated_obj_results, updated) })
        }
        Response::AddResp(o) => {
            Their::add_resp(usp::AddResp { created_obj_results: list(&o.created_obj_results, created) })
        }
        Response::DeleteResp(o) => {
            Their::delete_resp(usp::DeleteResp { deleted_obj_results: list(&o.deleted_obj_results, deleted) })
        }
        Response::OperateResp(o) => Their::operate_resp(usp::OperateResp {
            operation_results: list(&o.operation_results, |r| usp::mod_OperateResp::OperationResult {
                executed_command: r.executed_command.clone(),
                operation_resp: operation_result(r.operation_resp.as_ref()),
            }),
        }),
        Response::NotifyResp(o) => {
            Their::notify_resp(usp::NotifyResp { subscription_id: o.subscription_id.clone() })
        }
        Response::GetSupportedProtocolResp(o) => {
            Their::get_supported_protocol_resp(usp::GetSupportedProtocolResp {
                agent_supported_protocol_versions: o.agent_supported_protocol_versions.clone(),
            })
        }
        Response::RegisterResp(o) => Their::register_resp(usp::RegisterResp {
            registered_path_results: list(&o.registered_path_results, registered),
        }),
        Response::DeregisterResp(o) => Their::deregister_resp(usp::DeregisterResp {
            deregistered_path_results: list(&o.deregistered_path_results, deregistered),
        }),
    }
}

fn supported_result(
    ours: &m::get_supported_dm_resp::RequestedObjectResult,
) -> usp::mod_GetSupportedDMResp::RequestedObjectResult {
    usp::mod_GetSupportedDMResp::RequestedObjectResult {
        req_obj_path: ours.req_obj_path.clone(),
        err_code: ours.err_code,
        err_msg: ours.err_msg.clone(),
        data_model_inst_uri: ours.data_model_inst_uri.clone(),
        supported_objs: list(&ours.supported_objs, supported_object),
    }
}

fn supported_object(
    o: &m::get_supported_dm_resp::SupportedObjectResult,
) -> usp::mod_GetSupportedDMResp::SupportedObjectResult {
    use usp::mod_GetSupportedDMResp as their;
    their::SupportedObjectResult {
        supported_obj_path: o.supported_obj_path.clone(),
        access: o.access.into(),
        is_multi_instance: o.is_multi_instance,
        supported_commands: list(&o.supported_commands, |c| their::SupportedCommandResult {
            command_name: c.command_name.clone(),
            input_arg_names: c.input_arg_names.clone(),
            output_arg_names: c.output_arg_names.clone(),
            command_type: c.command_type.into(),
        }),
        supported_events: list(&o.supported_events, |e| their::SupportedEventResult {
            event_name: e.event_name.clone(),
            arg_names: e.arg_names.clone(),
        }),
        supported_params: list(&o.supported_params, |p| their::SupportedParamResult {
            param_name: p.param_name.clone(),
            access: p.access.into(),
            value_type: p.value_type.into(),
            value_change: p.value_change.into(),
        }),
        divergent_paths: o.divergent_paths.clone(),
        unique_key_sets: list(&o.unique_key_sets, |k| their::SupportedUniqueKeySet {
            key_names: k.key_names.clone(),
        }),
    }
}

fn updated(ours: &set::UpdatedObjectResult) -> usp::mod_SetResp::UpdatedObjectResult {
    use usp::mod_SetResp as their;
    use usp::mod_SetResp::mod_UpdatedObjectResult::OperationStatus;
    use usp::mod_SetResp::mod_UpdatedObjectResult::mod_OperationStatus as status;
    let errors = |errors: &[set::ParameterError]| {
        list(errors, |e| their::ParameterError {
            param: e.param.clone(),
            err_code: e.err_code,
            err_msg: e.err_msg.clone(),
        })
    };
    let oper_status = match ours.status() {
        Ok(o) => status::OneOfoper_status::oper_success(status::OperationSuccess {
            updated_inst_results: list(&o.updated_inst_results, |i| their::UpdatedInstanceResult {
                affected_path: i.affected_path.clone(),
                param_errs: errors(&i.param_errs),
                updated_params: map(&i.updated_params),
            }),
        }),
        Err(o) => status::OneOfoper_status::oper_failure(status::OperationFailure {
            err_code: o.err_code,
            err_msg: o.err_msg.clone(),
            updated_inst_failures: list(&o.updated_inst_failures, |i| their::UpdatedInstanceFailure {
                affected_path: i.affected_path.clone(),
                param_errs: errors(&i.param_errs),
            }),
        }),
    };
    their::UpdatedObjectResult {
        requested_path: ours.requested_path.clone(),
        oper_status: Some(OperationStatus { oper_status }),
    }
}

fn created(ours: &add::CreatedObjectResult) -> usp::mod_AddResp::CreatedObjectResult {
    use usp::mod_AddResp as their;
    use usp::mod_AddResp::mod_CreatedObjectResult::OperationStatus;
    use usp::mod_AddResp::mod_CreatedObjectResult::mod_OperationStatus as status;
    let oper_status = match ours.status() {
        Ok(o) => status::OneOfoper_status::oper_success(status::OperationSuccess {
            instantiated_path: o.instantiated_path.clone(),
            param_errs: list(&o.param_errs, |e| their::ParameterError {
                param: e.param.clone(),
                err_code: e.err_code,
                err_msg: e.err_msg.clone(),
            }),
            unique_keys: map(&o.unique_keys),
        }),
        Err(o) => status::OneOfoper_status::oper_failure(status::OperationFailure {
            err_code: o.err_code,
            err_msg: o.err_msg.clone(),
        }),
    };
    their::CreatedObjectResult {
        requested_path: ours.requested_path.clone(),
        oper_status: Some(OperationStatus { oper_status }),
    }
}

fn deleted(ours: &delete::DeletedObjectResult) -> usp::mod_DeleteResp::DeletedObjectResult {
    use usp::mod_DeleteResp as their;
    use usp::mod_DeleteResp::mod_DeletedObjectResult::OperationStatus;
    use usp::mod_DeleteResp::mod_DeletedObjectResult::mod_OperationStatus as status;
    let oper_status = match ours.status() {
        Ok(o) => status::OneOfoper_status::oper_success(status::OperationSuccess {
            affected_paths: o.affected_paths.clone(),
            unaffected_path_errs: list(&o.unaffected_path_errs, |e| their::UnaffectedPathError {
                unaffected_path: e.unaffected_path.clone(),
                err_code: e.err_code,
                err_msg: e.err_msg.clone(),
            }),
        }),
        Err(o) => status::OneOfoper_status::oper_failure(status::OperationFailure {
            err_code: o.err_code,
            err_msg: o.err_msg.clone(),
        }),
    };
    their::DeletedObjectResult {
        requested_path: ours.requested_path.clone(),
        oper_status: Some(OperationStatus { oper_status }),
    }
}

fn operation_result(
    ours: Option<&operate::OperationResp>,
) -> usp::mod_OperateResp::mod_OperationResult::OneOfoperation_resp {
    use operate::OperationResp as Our;
    use usp::mod_OperateResp::mod_OperationResult::{
        CommandFailure, OneOfoperation_resp as Their, OutputArgs,
    };
    match ours {
        None => Their::None,
        Some(Our::ReqObjPath(path)) => Their::req_obj_path(path.clone()),
        Some(Our::ReqOutputArgs(o)) => {
            Their::req_output_args(OutputArgs { output_args: map(&o.output_args) })
        }
        Some(Our::CmdFailure(o)) => {
            Their::cmd_failure(CommandFailure { err_code: o.err_code, err_msg: o.err_msg.clone() })
        }
    }
}

fn registered(ours: &register::RegisteredPathResult) -> usp::mod_RegisterResp::RegisteredPathResult {
    use usp::mod_RegisterResp::mod_RegisteredPathResult::OperationStatus;
    use usp::mod_RegisterResp::mod_RegisteredPathResult::mod_OperationStatus as status;
    let oper_status = match ours.status() {
        Ok(path) => status::OneOfoper_status::oper_success(status::OperationSuccess {
            registered_path: path.to_owned(),
        }),
        Err((err_code, err_msg)) => status::OneOfoper_status::oper_failure(status::OperationFailure {
            err_code,
            err_msg: err_msg.to_owned(),
        }),
    };
    usp::mod_RegisterResp::RegisteredPathResult {
        requested_path: ours.requested_path.clone(),
        oper_status: Some(OperationStatus { oper_status }),
    }
}

fn deregistered(ours: &register::DeregisteredPathResult) -> usp::mod_DeregisterResp::DeregisteredPathResult {
    use usp::mod_DeregisterResp::mod_DeregisteredPathResult::OperationStatus;
    use usp::mod_DeregisterResp::mod_DeregisteredPathResult::mod_OperationStatus as status;
    let oper_status = match ours.status() {
        Ok(paths) => status::OneOfoper_status::oper_success(status::OperationSuccess {
            deregistered_path: paths.to_vec(),
        }),
        Err((err_code, err_msg)) => status::OneOfoper_status::oper_failure(status::OperationFailure {
            err_code,
            err_msg: err_msg.to_owned(),
        }),
    };
    usp::mod_DeregisterResp::DeregisteredPathResult {
        requested_path: ours.requested_path.clone(),
        oper_status: Some(OperationStatus { oper_status }),
    }
}

pub(crate) fn record(ours: &Record) -> rec::Record {
    use rec::mod_Record::OneOfrecord_type as Their;
    let record_type = match &ours.record_type {
        RecordType::NoSession { payload } => {
            Their::no_session_context(rec::NoSessionContextRecord { payload: payload.to_vec() })
        }
        RecordType::Session(o) => Their::session_context(rec::SessionContextRecord {
            session_id: o.session_id,
            sequence_id: o.sequence_id,
            expected_id: o.expected_id,
            retransmit_id: o.retransmit_id,
            payload_sar_state: sar(o.payload_sar_state),
            payloadrec_sar_state: sar(o.payloadrec_sar_state),
            payload: list(&o.payload, |p| p.to_vec()),
        }),
        RecordType::WebSocketConnect => Their::websocket_connect(rec::WebSocketConnectRecord {}),
        RecordType::MqttConnect { version, subscribed_topic } => {
            Their::mqtt_connect(rec::MQTTConnectRecord {
                version: match version {
                    MqttVersion::V311 => rec::mod_MQTTConnectRecord::MQTTVersion::V3_1_1,
                    MqttVersion::V5 => rec::mod_MQTTConnectRecord::MQTTVersion::V5,
                },
                subscribed_topic: subscribed_topic.clone(),
            })
        }
        RecordType::StompConnect { subscribed_destination } => {
            Their::stomp_connect(rec::STOMPConnectRecord {
                version: rec::mod_STOMPConnectRecord::STOMPVersion::V1_2,
                subscribed_destination: subscribed_destination.clone(),
            })
        }
        RecordType::UdsConnect => Their::uds_connect(rec::UDSConnectRecord {}),
        RecordType::Disconnect { reason, reason_code } => {
            Their::disconnect(rec::DisconnectRecord { reason: reason.clone(), reason_code: *reason_code })
        }
    };
    rec::Record {
        version: ours.version.to_string(),
        to_id: ours.to_id.to_string(),
        from_id: ours.from_id.to_string(),
        payload_security: match ours.payload_security {
            PayloadSecurity::Plaintext => rec::mod_Record::PayloadSecurity::PLAINTEXT,
            PayloadSecurity::Tls12 => rec::mod_Record::PayloadSecurity::TLS12,
        },
        mac_signature: ours.mac_signature.to_vec(),
        sender_cert: ours.sender_cert.to_vec(),
        record_type,
    }
}

fn sar(ours: PayloadSarState) -> rec::mod_SessionContextRecord::PayloadSARState {
    use rec::mod_SessionContextRecord::PayloadSARState as Their;
    match ours {
        PayloadSarState::None => Their::NONE,
        PayloadSarState::Begin => Their::BEGIN,
        PayloadSarState::Inprocess => Their::INPROCESS,
        PayloadSarState::Complete => Their::COMPLETE,
    }
}
