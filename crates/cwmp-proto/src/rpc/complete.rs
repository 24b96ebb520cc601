//! What a CPE tells about transfers: TransferComplete, AutonomousTransferComplete, RequestDownload, and Kicked.

use crate::fault::FaultCode;
use crate::limits::MAX_ROWS;
use crate::rpc::field::{nested, record};
use crate::rpc::items::rows;
use crate::value::DateTime;

record! {
    /// How something ended.
    FaultStruct {
        /// 0 for success.
        code: FaultCode = "FaultCode",
        /// In the CPE's words; empty for success.
        text: String = "FaultString",
    }
}
nested!(FaultStruct);

record! {
    /// A transfer that an ACS asked for is over. Its response is empty.
    TransferComplete {
        /// Of its request. Some devices leave it empty.
        command_key: String = "CommandKey",
        /// How it ended.
        fault: FaultStruct = "FaultStruct",
        /// When it began, if that is known.
        start_time: DateTime = "StartTime",
        /// When it ended, if that is known.
        complete_time: DateTime = "CompleteTime",
    }
}

record! {
    /// A transfer that nobody asked for by CWMP is over. Its response is empty.
    AutonomousTransferComplete {
        /// Where it was announced; empty if it wasn't.
        announce_url: String = "AnnounceURL",
        /// Where the file came from, or went.
        transfer_url: String = "TransferURL",
        /// Whether it went to the CPE.
        is_download: bool = "IsDownload",
        /// What the file is.
        file_type: String = "FileType",
        /// Bytes.
        file_size: u32 = "FileSize",
        /// What the CPE calls it.
        target_file_name: String = "TargetFileName",
        /// How it ended.
        fault: FaultStruct = "FaultStruct",
        /// When it began, if that is known.
        start_time: DateTime = "StartTime",
        /// When it ended, if that is known.
        complete_time: DateTime = "CompleteTime",
    }
}

record! {
    /// A word about the file that a CPE would like to have.
    FileTypeArg {
        /// Its name.
        name: String = "Name",
        /// Its value.
        value: String = "Value",
    }
}

rows! {
    FileTypeArg = "ArgStruct", MAX_ROWS;
}

record! {
    /// A CPE would like to have a file. Its response is empty.
    RequestDownload {
        /// What file.
        file_type: String = "FileType",
        /// At most 16.
        arguments: Vec<FileTypeArg> = "FileTypeArg",
    }
}

record! {
    /// A browser came by the kick URL (deprecated).
    Kicked {
        /// At most 32 characters.
        command: String = "Command",
        /// At most 64 characters.
        referer: String = "Referer",
        /// At most 256 characters.
        argument: String = "Arg",
        /// Where it wants to go; at most 1,024 characters.
        next: String = "Next",
    }
}

record! {
    /// Where the browser is sent.
    KickedResponse {
        /// At most 1,024 characters.
        next_url: String = "NextURL",
    }
}
