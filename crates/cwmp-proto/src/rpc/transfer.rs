//! Download, Upload, ScheduleDownload, CancelTransfer, GetQueuedTransfers, GetAllQueuedTransfers.
//!
//! File types are free texts: `1 Firmware Upgrade Image`, `3 Vendor Configuration File`, `X <vendor> <words>`.

use crate::limits::MAX_ROWS;
use crate::rpc::field::record;
use crate::rpc::items::rows;
use crate::secret::Secret;
use crate::value::DateTime;

record! {
    /// Asks the CPE to fetch a file.
    Download {
        /// Comes back with `M Download` and in the TransferComplete. At most 32 characters.
        command_key: String = "CommandKey",
        /// What the file is.
        file_type: String = "FileType",
        /// Where it is, without credentials in it. At most 256 characters.
        url: String = "URL",
        /// For the file server; empty for none.
        username: String = "Username",
        /// For the file server.
        password: Secret = "Password",
        /// Bytes, as a hint; 0 where it isn't known.
        file_size: u32 = "FileSize",
        /// What the CPE is to call it; empty lets it choose.
        target_file_name: String = "TargetFileName",
        /// Seconds from the response; 0 is at once, and may be done in the same session.
        delay_seconds: u32 = "DelaySeconds",
        /// Where a browser is sent afterwards; empty for none.
        success_url: String = "SuccessURL",
        /// The same after a failure.
        failure_url: String = "FailureURL",
    }
}

record! {
    /// Asks the CPE to send a file.
    Upload {
        /// Comes back with `M Upload` and in the TransferComplete. At most 32 characters.
        command_key: String = "CommandKey",
        /// Which file.
        file_type: String = "FileType",
        /// Where to. At most 256 characters.
        url: String = "URL",
        /// For the file server; empty for none.
        username: String = "Username",
        /// For the file server.
        password: Secret = "Password",
        /// Seconds from the response.
        delay_seconds: u32 = "DelaySeconds",
    }
}

record! {
    /// The answer to Download and to Upload.
    TransferResponse {
        /// 0: done, and no TransferComplete has to follow; 1: to be done.
        status: u32 = "Status",
        /// When it began, the unknown time if it hasn't.
        start_time: DateTime = "StartTime",
        /// When it was done, the unknown time if it isn't.
        complete_time: DateTime = "CompleteTime",
    }
}

record! {
    /// When a download may run.
    TimeWindow {
        /// Seconds from the request.
        start: u32 = "WindowStart",
        /// Seconds from the request.
        end: u32 = "WindowEnd",
        /// `1 At Any Time`, `2 Immediately`, `3 When Idle`, `4 Confirmation Needed`, or a vendor's.
        mode: String = "WindowMode",
        /// What a person is asked with mode 4.
        user_message: String = "UserMessage",
        /// -1: as the CPE likes; 0: none.
        max_retries: i32 = "MaxRetries",
    }
}

record! {
    /// Asks the CPE to fetch a file in a window of time. Its response is empty.
    ScheduleDownload {
        /// Comes back with `M ScheduleDownload` and in the TransferComplete. At most 32 characters.
        command_key: String = "CommandKey",
        /// What the file is.
        file_type: String = "FileType",
        /// Where it is. At most 256 characters.
        url: String = "URL",
        /// For the file server; empty for none.
        username: String = "Username",
        /// For the file server.
        password: Secret = "Password",
        /// Bytes, as a hint.
        file_size: u32 = "FileSize",
        /// What the CPE is to call it.
        target_file_name: String = "TargetFileName",
        /// One or two that do not overlap.
        windows: Vec<TimeWindow> = "TimeWindowList",
    }
}

record! {
    /// Asks the CPE to forget transfers. Its response is empty.
    CancelTransfer {
        /// Of which.
        command_key: String = "CommandKey",
    }
}

record! {
    /// A transfer that waits, in the deprecated list.
    QueuedTransfer {
        /// Of its request.
        command_key: String = "CommandKey",
        /// 1: not begun; 2: begun; 3: done.
        state: u32 = "State",
    }
}

record! {
    /// A transfer that waits.
    AllQueuedTransfer {
        /// Of its request; empty for one that nobody asked for.
        command_key: String = "CommandKey",
        /// 1: not begun; 2: begun; 3: done.
        state: u32 = "State",
        /// Whether it goes to the CPE.
        is_download: bool = "IsDownload",
        /// What the file is.
        file_type: String = "FileType",
        /// Bytes.
        file_size: u32 = "FileSize",
        /// What the CPE calls it.
        target_file_name: String = "TargetFileName",
    }
}

rows! {
    TimeWindow = "TimeWindowStruct", MAX_ROWS;
    QueuedTransfer = "QueuedTransferStruct", MAX_ROWS;
    AllQueuedTransfer = "AllQueuedTransferStruct", MAX_ROWS;
}

record! {
    /// Transfers that an ACS asked for and that wait.
    GetQueuedTransfersResponse {
        /// At most 16.
        transfers: Vec<QueuedTransfer> = "TransferList",
    }
}

record! {
    /// All transfers that wait.
    GetAllQueuedTransfersResponse {
        /// At most 16.
        transfers: Vec<AllQueuedTransfer> = "TransferList",
    }
}
