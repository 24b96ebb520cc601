//! Get: reads parameters.

use std::collections::BTreeMap;

pub use crate::generated::usp_msg::get_resp::{RequestedPathResult, ResolvedPathResult};
pub use crate::generated::usp_msg::{Get, GetResp};

impl Get {
    /// A request for these paths; `max_depth` 0 is everything below them.
    pub fn new<P: Into<String>>(paths: impl IntoIterator<Item = P>, max_depth: u32) -> Get {
        Get { param_paths: paths.into_iter().map(Into::into).collect(), max_depth }
    }

    /// Levels below each path, `None` for all of them. Values with the highest bit are negative numbers
    /// of a sloppy peer and mean all, too.
    pub fn depth(&self) -> Option<u32> {
        (1..0x8000_0000).contains(&self.max_depth).then_some(self.max_depth)
    }
}

impl RequestedPathResult {
    /// What was found; nothing at all is a success as well.
    pub fn success(
        requested_path: impl Into<String>,
        objects: Vec<ResolvedPathResult>,
    ) -> RequestedPathResult {
        RequestedPathResult {
            requested_path: requested_path.into(),
            err_code: 0,
            err_msg: String::new(),
            resolved_path_results: objects,
        }
    }

    /// Why this path failed.
    pub fn failure(
        requested_path: impl Into<String>,
        err_code: u32,
        err_msg: impl Into<String>,
    ) -> RequestedPathResult {
        RequestedPathResult {
            requested_path: requested_path.into(),
            err_code,
            err_msg: err_msg.into(),
            resolved_path_results: Vec::new(),
        }
    }
}

impl ResolvedPathResult {
    /// Values of one object, by bare name.
    pub fn new(resolved_path: impl Into<String>, params: BTreeMap<String, String>) -> ResolvedPathResult {
        ResolvedPathResult { resolved_path: resolved_path.into(), result_params: params }
    }

    /// Full paths and values. Agents before 1.2 put `Stats.BytesSent` under the parent: joining gives the
    /// same paths for both forms.
    pub fn params(&self) -> impl Iterator<Item = (String, &str)> {
        let object = self.resolved_path.as_str();
        let dot = if object.is_empty() || object.ends_with('.') { "" } else { "." };
        self.result_params.iter().map(move |(name, value)| (format!("{object}{dot}{name}"), value.as_str()))
    }
}
