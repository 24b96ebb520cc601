//! Values of every kind of message and Record, for property tests. Maps keep at most a few entries, and
//! texts include what trips codecs: nothing, quotes, and characters outside of ASCII.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use usp_proto::add::{self, CreateObject, CreateParamSetting, CreatedObjectResult};
use usp_proto::delete::{DeletedObjectResult, UnaffectedPathError};
use usp_proto::generated::usp_msg as m;
use usp_proto::get::ResolvedPathResult;
use usp_proto::get_instances::CurrInstance;
use usp_proto::get_supported_dm::{
    RequestedObjectResult, SupportedCommandResult, SupportedEventResult, SupportedObjectResult,
    SupportedParamResult, SupportedUniqueKeySet,
};
use usp_proto::notify::{
    self, Event, Notification, ObjectCreation, ObjectDeletion, OnBoardRequest, OperationComplete, ValueChange,
};
use usp_proto::operate::OperationResult;
use usp_proto::record::{MqttVersion, PayloadSarState, PayloadSecurity, SessionContext};
use usp_proto::register::{self, DeregisteredPathResult, RegisteredPathResult};
use usp_proto::set::{self, UpdatedInstanceFailure, UpdatedInstanceResult, UpdatedObjectResult};
use usp_proto::set::{UpdateObject, UpdateParamSetting};
use usp_proto::{EndpointId, ErrorBody, Msg, Record, RecordType, Request, Response, Version};

pub(crate) fn text() -> BoxedStrategy<String> {
    let fixed = ["", "Device.", "Device.WiFi.SSID.1.", "a\"b%22", "ü€😀", "\n\0"].map(|t| Just(t.to_owned()));
    prop_oneof![proptest::sample::select(fixed.to_vec()).prop_flat_map(|t| t), "[a-zA-Z0-9.]{1,12}"].boxed()
}

fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..3).boxed()
}

fn map() -> BoxedStrategy<BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4).boxed()
}

fn code() -> BoxedStrategy<u32> {
    prop_oneof![Just(0), 7000..7032u32, any::<u32>()].boxed()
}

fn flag() -> BoxedStrategy<bool> {
    any::<bool>().boxed()
}

pub(crate) fn msg() -> BoxedStrategy<Msg> {
    let id = prop_oneof![Just("1".to_owned()), "[a-z0-9-]{1,40}"];
    let body = prop_oneof![
        8 => request().prop_map(usp_proto::Body::Request),
        8 => response().prop_map(usp_proto::Body::Response),
        1 => error().prop_map(usp_proto::Body::Error),
    ];
    (id, body).prop_map(|(msg_id, body)| Msg { msg_id, body }).boxed()
}

fn error() -> BoxedStrategy<ErrorBody> {
    let params = vec((text(), code(), text()), 0..3);
    let build = |(code, message, params): (u32, String, Vec<(String, u32, String)>)| {
        params.into_iter().fold(ErrorBody::new(code, message), |error, (p, c, m)| error.with_param(p, c, m))
    };
    (code(), text(), params).prop_map(build).boxed()
}

pub(crate) fn request() -> BoxedStrategy<Request> {
    prop_oneof![
        (texts(), any::<u32>()).prop_map(|(paths, depth)| Request::Get(m::Get::new(paths, depth))),
        (texts(), flag(), flag(), flag(), flag(), flag()).prop_map(|(obj_paths, a, b, c, d, e)| {
            Request::GetSupportedDm(m::GetSupportedDm {
                obj_paths,
                first_level_only: a,
                return_commands: b,
                return_events: c,
                return_params: d,
                return_unique_key_sets: e,
            })
        }),
        (texts(), flag())
            .prop_map(|(paths, first)| Request::GetInstances(m::GetInstances::new(paths, first))),
        (flag(), vec(update_object(), 0..3))
            .prop_map(|(allow_partial, update_objs)| Request::Set(m::Set { allow_partial, update_objs })),
        (flag(), vec(create_object(), 0..3))
            .prop_map(|(allow_partial, create_objs)| Request::Add(m::Add { allow_partial, create_objs })),
        (texts(), flag()).prop_map(|(paths, partial)| Request::Delete(m::Delete::new(paths, partial))),
        (text(), text(), flag(), map()).prop_map(|(command, command_key, send_resp, input_args)| {
            Request::Operate(m::Operate { command, command_key, send_resp, input_args })
        }),
        (text(), flag(), notification())
            .prop_map(|(id, resp, what)| { Request::Notify(m::Notify::new(id, resp, what)) }),
        text().prop_map(|list| {
            Request::GetSupportedProtocol(m::GetSupportedProtocol {
                controller_supported_protocol_versions: list,
            })
        }),
        (texts(), flag()).prop_map(|(paths, partial)| Request::Register(m::Register::new(paths, partial))),
        texts().prop_map(|paths| Request::Deregister(m::Deregister { paths })),
    ]
    .boxed()
}

fn update_object() -> BoxedStrategy<UpdateObject> {
    let setting = (text(), text(), flag()).prop_map(|(param, value, required)| UpdateParamSetting {
        param,
        value,
        required,
    });
    (text(), vec(setting, 0..3))
        .prop_map(|(obj_path, param_settings)| UpdateObject { obj_path, param_settings })
        .boxed()
}

fn create_object() -> BoxedStrategy<CreateObject> {
    let setting = (text(), text(), flag()).prop_map(|(param, value, required)| CreateParamSetting {
        param,
        value,
        required,
    });
    (text(), vec(setting, 0..3))
        .prop_map(|(obj_path, param_settings)| CreateObject { obj_path, param_settings })
        .boxed()
}

fn notification() -> BoxedStrategy<Notification> {
    let complete = (text(), text(), text(), operation_complete()).prop_map(
        |(obj_path, command_name, command_key, operation_resp)| {
            let done = OperationComplete { obj_path, command_name, command_key, operation_resp };
            Notification::OperComplete(done)
        },
    );
    prop_oneof![
        (text(), text(), map()).prop_map(|(obj_path, event_name, params)| {
            Notification::Event(Event { obj_path, event_name, params })
        }),
        (text(), text()).prop_map(|(param_path, param_value)| {
            Notification::ValueChange(ValueChange { param_path, param_value })
        }),
        (text(), map()).prop_map(|(obj_path, unique_keys)| {
            Notification::ObjCreation(ObjectCreation { obj_path, unique_keys })
        }),
        text().prop_map(|obj_path| Notification::ObjDeletion(ObjectDeletion { obj_path })),
        complete,
        (text(), text(), text(), text()).prop_map(|(oui, product_class, serial_number, versions)| {
            Notification::OnBoardReq(OnBoardRequest {
                oui,
                product_class,
                serial_number,
                agent_supported_protocol_versions: versions,
            })
        }),
    ]
    .boxed()
}

fn operation_complete() -> BoxedStrategy<Option<notify::OperationResp>> {
    prop_oneof![
        Just(None),
        map().prop_map(|output_args| {
            Some(notify::OperationResp::ReqOutputArgs(notify::OutputArgs { output_args }))
        }),
        (code(), text()).prop_map(|(err_code, err_msg)| {
            Some(notify::OperationResp::CmdFailure(notify::CommandFailure { err_code, err_msg }))
        }),
    ]
    .boxed()
}

pub(crate) fn response() -> BoxedStrategy<Response> {
    prop_oneof![
        get_resp(),
        vec(supported_result(), 0..2).prop_map(|req_obj_results| {
            Response::GetSupportedDmResp(m::GetSupportedDmResp { req_obj_results })
        }),
        get_instances_resp(),
        vec(updated(), 0..3)
            .prop_map(|updated_obj_results| Response::SetResp(m::SetResp { updated_obj_results })),
        vec(created(), 0..3)
            .prop_map(|created_obj_results| Response::AddResp(m::AddResp { created_obj_results })),
        vec(deleted(), 0..3)
            .prop_map(|deleted_obj_results| Response::DeleteResp(m::DeleteResp { deleted_obj_results })),
        vec(operated(), 0..3)
            .prop_map(|operation_results| Response::OperateResp(m::OperateResp { operation_results })),
        text().prop_map(|subscription_id| Response::NotifyResp(m::NotifyResp { subscription_id })),
        text().prop_map(|list| {
            Response::GetSupportedProtocolResp(m::GetSupportedProtocolResp {
                agent_supported_protocol_versions: list,
            })
        }),
        vec(registered(), 0..3).prop_map(|registered_path_results| {
            Response::RegisterResp(m::RegisterResp { registered_path_results })
        }),
        vec(deregistered(), 0..3).prop_map(|deregistered_path_results| {
            Response::DeregisterResp(m::DeregisterResp { deregistered_path_results })
        }),
    ]
    .boxed()
}

fn get_resp() -> BoxedStrategy<Response> {
    let object = (text(), map()).prop_map(|(path, params)| ResolvedPathResult::new(path, params));
    let result = (text(), code(), text(), vec(object, 0..3)).prop_map(
        |(requested_path, err_code, err_msg, resolved_path_results)| m::get_resp::RequestedPathResult {
            requested_path,
            err_code,
            err_msg,
            resolved_path_results,
        },
    );
    vec(result, 0..3).prop_map(|req_path_results| Response::GetResp(m::GetResp { req_path_results })).boxed()
}

fn get_instances_resp() -> BoxedStrategy<Response> {
    let instance = (text(), map()).prop_map(|(path, keys)| CurrInstance::new(path, keys));
    let result = (text(), code(), text(), vec(instance, 0..3)).prop_map(
        |(requested_path, err_code, err_msg, curr_insts)| m::get_instances_resp::RequestedPathResult {
            requested_path,
            err_code,
            err_msg,
            curr_insts,
        },
    );
    vec(result, 0..3)
        .prop_map(|req_path_results| Response::GetInstancesResp(m::GetInstancesResp { req_path_results }))
        .boxed()
}

fn supported_result() -> BoxedStrategy<RequestedObjectResult> {
    (text(), code(), text(), text(), vec(supported_object(), 0..2))
        .prop_map(|(req_obj_path, err_code, err_msg, data_model_inst_uri, supported_objs)| {
            RequestedObjectResult { req_obj_path, err_code, err_msg, data_model_inst_uri, supported_objs }
        })
        .boxed()
}

fn supported_object() -> BoxedStrategy<SupportedObjectResult> {
    let command = (text(), texts(), texts(), 0..3i32).prop_map(|(command_name, inputs, outputs, kind)| {
        SupportedCommandResult {
            command_name,
            input_arg_names: inputs,
            output_arg_names: outputs,
            command_type: kind,
        }
    });
    let event =
        (text(), texts()).prop_map(|(event_name, arg_names)| SupportedEventResult { event_name, arg_names });
    let param =
        (text(), 0..3i32, 0..11i32, 0..3i32).prop_map(|(param_name, access, value_type, value_change)| {
            SupportedParamResult { param_name, access, value_type, value_change }
        });
    let keys = texts().prop_map(|key_names| SupportedUniqueKeySet { key_names });
    let lists = (vec(command, 0..2), vec(event, 0..2), vec(param, 0..3), texts(), vec(keys, 0..2));
    (text(), 0..4i32, flag(), lists)
        .prop_map(|(supported_obj_path, access, is_multi_instance, (c, e, p, divergent_paths, k))| {
            SupportedObjectResult {
                supported_obj_path,
                access,
                is_multi_instance,
                supported_commands: c,
                supported_events: e,
                supported_params: p,
                divergent_paths,
                unique_key_sets: k,
            }
        })
        .boxed()
}

fn updated() -> BoxedStrategy<UpdatedObjectResult> {
    let error = || {
        let error = |(param, err_code, err_msg)| set::ParameterError { param, err_code, err_msg };
        vec((text(), code(), text()).prop_map(error), 0..2)
    };
    let written = (text(), error(), map()).prop_map(|(affected_path, param_errs, updated_params)| {
        UpdatedInstanceResult { affected_path, param_errs, updated_params }
    });
    let failed = (text(), error())
        .prop_map(|(affected_path, param_errs)| UpdatedInstanceFailure { affected_path, param_errs });
    prop_oneof![
        (text(), vec(written, 0..3)).prop_map(|(path, objects)| UpdatedObjectResult::success(path, objects)),
        (text(), code(), text(), vec(failed, 0..3))
            .prop_map(|(path, code, text, objects)| UpdatedObjectResult::failure(path, code, text, objects)),
    ]
    .boxed()
}

fn created() -> BoxedStrategy<CreatedObjectResult> {
    let error = (text(), code(), text()).prop_map(|(param, err_code, err_msg)| add::ParameterError {
        param,
        err_code,
        err_msg,
    });
    prop_oneof![
        (text(), text(), vec(error, 0..2), map())
            .prop_map(|(path, made, errors, keys)| CreatedObjectResult::success(path, made, errors, keys)),
        (text(), code(), text())
            .prop_map(|(path, code, text)| CreatedObjectResult::failure(path, code, text)),
    ]
    .boxed()
}

fn deleted() -> BoxedStrategy<DeletedObjectResult> {
    let kept = (text(), code(), text()).prop_map(|(unaffected_path, err_code, err_msg)| {
        UnaffectedPathError { unaffected_path, err_code, err_msg }
    });
    prop_oneof![
        (text(), texts(), vec(kept, 0..2))
            .prop_map(|(path, gone, kept)| DeletedObjectResult::success(path, gone, kept)),
        (text(), code(), text())
            .prop_map(|(path, code, text)| DeletedObjectResult::failure(path, code, text)),
    ]
    .boxed()
}

fn operated() -> BoxedStrategy<OperationResult> {
    prop_oneof![
        text().prop_map(|executed_command| OperationResult { executed_command, operation_resp: None }),
        (text(), text()).prop_map(|(command, row)| OperationResult::running(command, row)),
        (text(), map()).prop_map(|(command, outputs)| OperationResult::done(command, outputs)),
        (text(), code(), text())
            .prop_map(|(command, code, text)| OperationResult::failed(command, code, text)),
    ]
    .boxed()
}

fn registered() -> BoxedStrategy<RegisteredPathResult> {
    use register::register_status::{OperStatus, OperationFailure, OperationSuccess};
    let status = prop_oneof![
        text().prop_map(|path| OperStatus::OperSuccess(OperationSuccess { registered_path: path })),
        (code(), text()).prop_map(|(err_code, err_msg)| {
            OperStatus::OperFailure(OperationFailure { err_code, err_msg })
        }),
    ];
    (text(), status)
        .prop_map(|(requested_path, status)| RegisteredPathResult {
            requested_path,
            oper_status: Some(register::RegisterStatus { oper_status: Some(status) }),
        })
        .boxed()
}

fn deregistered() -> BoxedStrategy<DeregisteredPathResult> {
    use register::deregister_status::{OperStatus, OperationFailure, OperationSuccess};
    let status = prop_oneof![
        texts().prop_map(|paths| OperStatus::OperSuccess(OperationSuccess { deregistered_path: paths })),
        (code(), text()).prop_map(|(err_code, err_msg)| {
            OperStatus::OperFailure(OperationFailure { err_code, err_msg })
        }),
    ];
    (text(), status)
        .prop_map(|(requested_path, status)| DeregisteredPathResult {
            requested_path,
            oper_status: Some(register::DeregisterStatus { oper_status: Some(status) }),
        })
        .boxed()
}

pub(crate) fn bytes() -> BoxedStrategy<Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from).boxed()
}

fn some_bytes() -> BoxedStrategy<Bytes> {
    vec(any::<u8>(), 1..40).prop_map(Bytes::from).boxed()
}

pub(crate) fn record() -> BoxedStrategy<Record> {
    let id = || {
        let ids = ["os::012345-A", "proto::cusp", "ops::012345-Box-Ü 1", "x:y:z:1"];
        proptest::sample::select(ids.to_vec()).prop_map(|id| EndpointId::receive(id).expect("an id"))
    };
    let security = prop_oneof![Just(PayloadSecurity::Plaintext), Just(PayloadSecurity::Tls12)];
    (id(), id(), 0..9u16, security, bytes(), bytes(), record_type())
        .prop_map(|(from, to, minor, payload_security, mac_signature, sender_cert, record_type)| Record {
            payload_security,
            mac_signature,
            sender_cert,
            ..Record::new(&from, &to, Version::new(1, minor), record_type)
        })
        .boxed()
}

fn record_type() -> BoxedStrategy<RecordType> {
    prop_oneof![
        some_bytes().prop_map(|payload| RecordType::NoSession { payload }),
        session().prop_map(RecordType::Session),
        Just(RecordType::WebSocketConnect),
        (prop_oneof![Just(MqttVersion::V311), Just(MqttVersion::V5)], "[a-z/]{1,9}")
            .prop_map(|(version, subscribed_topic)| RecordType::MqttConnect { version, subscribed_topic }),
        "[a-z/]{1,9}".prop_map(|subscribed_destination| RecordType::StompConnect { subscribed_destination }),
        Just(RecordType::UdsConnect),
        (text(), code()).prop_map(|(reason, reason_code)| RecordType::Disconnect { reason, reason_code }),
    ]
    .boxed()
}

fn session() -> BoxedStrategy<SessionContext> {
    let state = || {
        let states = [
            PayloadSarState::None,
            PayloadSarState::Begin,
            PayloadSarState::Inprocess,
            PayloadSarState::Complete,
        ];
        proptest::sample::select(states.to_vec())
    };
    (any::<[u64; 4]>(), state(), state(), vec(bytes(), 0..3))
        .prop_map(|([a, b, c, d], payload_sar_state, payloadrec_sar_state, payload)| SessionContext {
            session_id: a,
            sequence_id: b,
            expected_id: c,
            retransmit_id: d,
            payload_sar_state,
            payloadrec_sar_state,
            payload,
        })
        .boxed()
}
