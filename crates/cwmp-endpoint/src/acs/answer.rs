//! What is answered to a device, and what answers a call.

use cwmp_proto::rpc::{
    AcsRequest, AcsResponse, CpeRequest, CpeResponse, GetRpcMethodsResponse, InformResponse, KickedResponse,
};

/// The response to a request that is kept; `None` for what is not known here.
pub(super) fn response(request: &AcsRequest) -> Option<AcsResponse> {
    Some(match request {
        AcsRequest::Inform(_) => AcsResponse::Inform(InformResponse { max_envelopes: 1 }),
        AcsRequest::GetRpcMethods => AcsResponse::GetRpcMethods(GetRpcMethodsResponse {
            methods: AcsRequest::NAMES.iter().map(|name| (*name).to_owned()).collect(),
        }),
        AcsRequest::TransferComplete(_) => AcsResponse::TransferComplete,
        AcsRequest::AutonomousTransferComplete(_) => AcsResponse::AutonomousTransferComplete,
        AcsRequest::RequestDownload(_) => AcsResponse::RequestDownload,
        AcsRequest::DuStateChangeComplete(_) => AcsResponse::DuStateChangeComplete,
        AcsRequest::AutonomousDuStateChangeComplete(_) => AcsResponse::AutonomousDuStateChangeComplete,
        AcsRequest::Kicked(kicked) => AcsResponse::Kicked(KickedResponse { next_url: kicked.next.clone() }),
        AcsRequest::Vendor(_) => return None,
    })
}

/// Whether this response is one of that method, by its name.
pub(super) fn answers(request: &CpeRequest, response: &CpeResponse) -> bool {
    response.name().strip_suffix("Response") == Some(request.name())
}
