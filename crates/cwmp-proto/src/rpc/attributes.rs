//! SetParameterAttributes and GetParameterAttributes: notification, and who else may write.

use crate::limits::MAX_PARAMETERS;
use crate::rpc::field::record;
use crate::rpc::items::rows;

/// Values of `Notification`: which changes a CPE tells.
pub mod notification {
    /// None.
    pub const OFF: u32 = 0;
    /// In the next Inform.
    pub const PASSIVE: u32 = 1;
    /// In a session of its own, with event 4.
    pub const ACTIVE: u32 = 2;
    /// In the next lightweight notification.
    pub const PASSIVE_LIGHTWEIGHT: u32 = 3;
    /// In the next Inform, and the next lightweight notification.
    pub const PASSIVE_AND_PASSIVE_LIGHTWEIGHT: u32 = 4;
    /// In a lightweight notification of its own.
    pub const ACTIVE_LIGHTWEIGHT: u32 = 5;
    /// In the next Inform, and in a lightweight notification of its own.
    pub const PASSIVE_AND_ACTIVE_LIGHTWEIGHT: u32 = 6;
}

record! {
    /// What is to change for one parameter, or for everything below a partial path.
    SetParameterAttributesRow {
        /// A full name, or a partial one that ends in a dot.
        name: String = "Name",
        /// Whether `notification` counts.
        notification_change: bool = "NotificationChange",
        /// See [`notification`].
        notification: u32 = "Notification",
        /// Whether `access_list` counts.
        access_list_change: bool = "AccessListChange",
        /// Who may write besides the ACS: `Subscriber`, or nobody.
        access_list: Vec<String> = "AccessList",
    }
}

record! {
    /// The attributes of one parameter.
    ParameterAttributes {
        /// Full name.
        name: String = "Name",
        /// See [`notification`].
        notification: u32 = "Notification",
        /// Who may write besides the ACS.
        access_list: Vec<String> = "AccessList",
    }
}

rows! {
    SetParameterAttributesRow = "SetParameterAttributesStruct", MAX_PARAMETERS;
    ParameterAttributes = "ParameterAttributeStruct", MAX_PARAMETERS;
}

record! {
    /// Changes attributes: all, or none.
    SetParameterAttributes {
        /// What is to change.
        parameters: Vec<SetParameterAttributesRow> = "ParameterList",
    }
}

record! {
    /// Asks for attributes.
    GetParameterAttributes {
        /// Full names, and partial ones that end in a dot.
        names: Vec<String> = "ParameterNames",
    }
}

record! {
    /// The attributes.
    GetParameterAttributesResponse {
        /// A row for each parameter.
        parameters: Vec<ParameterAttributes> = "ParameterList",
    }
}
