//! The question whether an agent is there, for ways that don't tell: whoever is asked answers, whatever it thinks of
//! the question.

use bytes::Bytes;
use usp_proto::get::Get;
use usp_proto::record::encode_message;
use usp_proto::{EndpointId, Msg, Request, Version};

/// What every agent has (R-ARC.1).
const OWN_ID: &str = "Device.LocalAgent.EndpointID";

/// The Record that asks. No machine waits for the answer, and any Record of the agent is one.
pub fn are_you_there(controller: &EndpointId, agent: &EndpointId, msg_id: &str) -> Bytes {
    let get = Request::Get(Get::new([OWN_ID], 0));
    encode_message(controller, agent, Version::CURRENT, &Msg::request(msg_id, get))
}
