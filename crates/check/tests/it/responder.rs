//! As much of an agent's model as checks of a transport ask for: one parameter, and what a test adds.

use bytes::Bytes;
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::get_instances::{CurrInstance, GetInstancesResp};
use usp_proto::{Body, Msg, Record, RecordType, Request, Response, Version};

use crate::agent::{AGENT, CONTROLLER, id};

/// Parameters that are there: path as it is asked for, and value.
pub(crate) type Values = [(&'static str, &'static str)];

/// A Record of the agent with this response.
pub(crate) fn answer(msg_id: &str, response: Response) -> Bytes {
    let payload = Msg::response(msg_id, response).encode();
    Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, payload).encode()
}

/// What the agent says to a Record, if anything.
pub(crate) fn reply(record: Record, values: &Values) -> Option<Bytes> {
    let RecordType::NoSession { payload } = record.record_type else { return None };
    let Ok(Msg { msg_id, body: Body::Request(request) }) = Msg::decode(&payload) else { return None };
    respond(request, values).map(|response| answer(&msg_id, response))
}

fn respond(request: Request, values: &Values) -> Option<Response> {
    match request {
        Request::GetSupportedDm(_) => Some(Response::GetSupportedDmResp(crate::bench::model())),
        Request::Get(get) => Some(Response::GetResp(GetResp {
            req_path_results: get.param_paths.iter().map(|path| value(path, values)).collect(),
        })),
        Request::GetInstances(_) => {
            let row = CurrInstance {
                instantiated_obj_path: "Device.LocalAgent.Controller.1.".to_owned(),
                ..CurrInstance::default()
            };
            let mut resp = GetInstancesResp::default();
            resp.req_path_results.push(usp_proto::get_instances::RequestedPathResult {
                curr_insts: vec![row],
                ..Default::default()
            });
            Some(Response::GetInstancesResp(resp))
        }
        _ => None,
    }
}

fn value(path: &str, values: &Values) -> RequestedPathResult {
    let requested_path = path.to_owned();
    let all =
        [("Device.LocalAgent.EndpointID", AGENT)].iter().chain(values).find(|(found, _)| *found == path);
    let Some((_, value)) = all else {
        return RequestedPathResult { requested_path, err_code: 7026, ..RequestedPathResult::default() };
    };
    let (object, name) = path.split_at(path.rfind('.').map_or(0, |dot| dot + 1));
    let result_params = [(name.to_owned(), (*value).to_owned())].into();
    let object = ResolvedPathResult { resolved_path: object.replace('*', "1"), result_params };
    RequestedPathResult {
        requested_path,
        resolved_path_results: vec![object],
        ..RequestedPathResult::default()
    }
}
