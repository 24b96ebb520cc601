//! GetSupportedProtocol: exchanges the versions that both sides speak.

pub use crate::generated::usp_msg::{GetSupportedProtocol, GetSupportedProtocolResp};

use crate::Version;

impl GetSupportedProtocol {
    /// The request of a controller that speaks these.
    pub fn new(versions: &[Version]) -> GetSupportedProtocol {
        GetSupportedProtocol { controller_supported_protocol_versions: Version::print_list(versions) }
    }

    /// What the controller speaks.
    pub fn versions(&self) -> Vec<Version> {
        Version::parse_list(&self.controller_supported_protocol_versions)
    }
}

impl GetSupportedProtocolResp {
    /// The answer of an agent that speaks these.
    pub fn new(versions: &[Version]) -> GetSupportedProtocolResp {
        GetSupportedProtocolResp { agent_supported_protocol_versions: Version::print_list(versions) }
    }

    /// What the agent speaks. Real agents speak more than they say.
    pub fn versions(&self) -> Vec<Version> {
        Version::parse_list(&self.agent_supported_protocol_versions)
    }
}
