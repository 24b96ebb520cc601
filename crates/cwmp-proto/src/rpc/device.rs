//! GetRPCMethods, Reboot, ScheduleInform. FactoryReset has no arguments.

use crate::rpc::field::record;

record! {
    /// The methods of a CPE, or of an ACS.
    GetRpcMethodsResponse {
        /// Their names.
        methods: Vec<String> = "MethodList",
    }
}

record! {
    /// Restarts the CPE after the session.
    Reboot {
        /// Comes back with `M Reboot`. At most 32 characters.
        command_key: String = "CommandKey",
    }
}

record! {
    /// Asks for an Inform later.
    ScheduleInform {
        /// Seconds from now, more than 0.
        delay_seconds: u32 = "DelaySeconds",
        /// Comes back with `M ScheduleInform`. At most 32 characters.
        command_key: String = "CommandKey",
    }
}
