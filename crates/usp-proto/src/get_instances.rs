//! GetInstances: reads which instances exist, with their unique keys.

use std::collections::BTreeMap;

pub use crate::generated::usp_msg::get_instances_resp::{CurrInstance, RequestedPathResult};
pub use crate::generated::usp_msg::{GetInstances, GetInstancesResp};

impl GetInstances {
    /// A request for these tables, instances or search paths.
    pub fn new<P: Into<String>>(paths: impl IntoIterator<Item = P>, first_level_only: bool) -> GetInstances {
        GetInstances { obj_paths: paths.into_iter().map(Into::into).collect(), first_level_only }
    }
}

impl RequestedPathResult {
    /// What was found; nothing at all is a success as well.
    pub fn success(requested_path: impl Into<String>, instances: Vec<CurrInstance>) -> RequestedPathResult {
        RequestedPathResult {
            requested_path: requested_path.into(),
            err_code: 0,
            err_msg: String::new(),
            curr_insts: instances,
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
            curr_insts: Vec::new(),
        }
    }
}

impl CurrInstance {
    /// One instance.
    pub fn new(path: impl Into<String>, unique_keys: BTreeMap<String, String>) -> CurrInstance {
        CurrInstance { instantiated_obj_path: path.into(), unique_keys }
    }
}
