//! GetParameterValues, SetParameterValues, GetParameterNames.

use crate::limits::MAX_PARAMETERS;
use crate::rpc::field::record;
use crate::rpc::items::rows;
use crate::value::Value;

record! {
    /// A parameter and its value.
    ParameterValue {
        /// Full name.
        name: String = "Name",
        /// Value, with the type that the sender gave it.
        value: Value = "Value",
    }
}

record! {
    /// A parameter or an object that exists.
    ParameterInfo {
        /// Full name; of an object, with a dot at its end, which some devices leave out.
        name: String = "Name",
        /// Whether it can be set, or rows can be added or deleted. Not always true.
        writable: bool = "Writable",
    }
}

rows! {
    ParameterValue = "ParameterValueStruct", MAX_PARAMETERS;
    ParameterInfo = "ParameterInfoStruct", MAX_PARAMETERS;
}

record! {
    /// Asks for values.
    GetParameterValues {
        /// Full names, and partial ones that end in a dot; an empty one is the root.
        names: Vec<String> = "ParameterNames",
    }
}

record! {
    /// The values, in no order.
    GetParameterValuesResponse {
        /// May be more or fewer than were asked for.
        parameters: Vec<ParameterValue> = "ParameterList",
    }
}

record! {
    /// Sets values: all, or none.
    SetParameterValues {
        /// Full names, each once.
        parameters: Vec<ParameterValue> = "ParameterList",
        /// What becomes `ManagementServer.ParameterKey` with success. At most 32 characters.
        parameter_key: String = "ParameterKey",
    }
}

record! {
    /// They are set.
    SetParameterValuesResponse {
        /// 0: applied; 1: stored, and applied later, as after a reboot.
        status: u32 = "Status",
    }
}

record! {
    /// Asks which parameters and objects exist.
    GetParameterNames {
        /// A full name, or a partial one that ends in a dot; empty for the root.
        path: String = "ParameterPath",
        /// Only what lies directly under the path; else the whole subtree with the path itself.
        next_level: bool = "NextLevel",
    }
}

record! {
    /// The names, in no order.
    GetParameterNamesResponse {
        /// Parameters and objects.
        parameters: Vec<ParameterInfo> = "ParameterList",
    }
}
