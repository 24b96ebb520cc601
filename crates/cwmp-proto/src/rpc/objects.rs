//! AddObject and DeleteObject.

use crate::rpc::field::record;

record! {
    /// Adds a row to a table.
    AddObject {
        /// The table with its final dot, or `Table.[alias].` where aliases are spoken.
        object_name: String = "ObjectName",
        /// What becomes `ManagementServer.ParameterKey`. At most 32 characters.
        parameter_key: String = "ParameterKey",
    }
}

record! {
    /// The row is there.
    AddObjectResponse {
        /// Its number, from 1. Some devices say 0 here, or another row's number.
        instance_number: u32 = "InstanceNumber",
        /// 0: there now; 1: later.
        status: u32 = "Status",
    }
}

record! {
    /// Deletes a row, and everything below.
    DeleteObject {
        /// The row with its final dot.
        object_name: String = "ObjectName",
        /// What becomes `ManagementServer.ParameterKey`. At most 32 characters.
        parameter_key: String = "ParameterKey",
    }
}

record! {
    /// The row is gone.
    DeleteObjectResponse {
        /// 0: gone now; 1: later.
        status: u32 = "Status",
    }
}
