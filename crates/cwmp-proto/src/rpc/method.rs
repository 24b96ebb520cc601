//! Which methods there are: requests and responses of both directions, by name.

use std::borrow::Cow;

use crate::error::Error;
use crate::rpc::{
    AddObject, AddObjectResponse, AutonomousDuStateChangeComplete, AutonomousTransferComplete, Call,
    CancelTransfer, ChangeDuState, DeleteObject, DeleteObjectResponse, Download, DuStateChangeComplete,
    GetAllQueuedTransfersResponse, GetOptions, GetOptionsResponse, GetParameterAttributes,
    GetParameterAttributesResponse, GetParameterNames, GetParameterNamesResponse, GetParameterValues,
    GetParameterValuesResponse, GetQueuedTransfersResponse, GetRpcMethodsResponse, Inform, InformResponse,
    Kicked, KickedResponse, Reboot, Record, RequestDownload, ScheduleDownload, ScheduleInform,
    SetParameterAttributes, SetParameterValues, SetParameterValuesResponse, SetVouchers, TransferComplete,
    TransferResponse, Upload,
};
use crate::xml::{Out, Pull};

/// One of the four sets of methods.
pub(crate) trait Codec: Sized {
    /// Reads the method whose element is open, up to its end.
    fn read(x: &mut Pull<'_>, name: &str) -> Result<Self, Error>;
    /// The name of its element.
    fn element(&self) -> Cow<'_, str>;
    /// Writes what is in its element.
    fn write(&self, out: &mut Out<'_>);
}

/// Defines a set of methods: variant, what it holds, and its name on the wire.
macro_rules! methods {
    ($(#[$meta:meta])* $set:ident { $($(#[$about:meta])* $variant:ident $(($held:ident: $type:ty))? = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum $set {
            $($(#[$about])* $variant $(($type))?,)*
            /// A method of a vendor, or one that is not known here.
            Vendor(Call),
        }

        impl $set {
            /// The names of the methods in the standard.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name of this one.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant $((methods!(@ignore $held)))? => $name,)*
                    Self::Vendor(call) => &call.name,
                }
            }
        }

        impl Codec for $set {
            fn read(x: &mut Pull<'_>, name: &str) -> Result<Self, Error> {
                let outside = x.depth().saturating_sub(1);
                let method = match name {
                    $($name => Self::$variant $((<$type as Record>::read(x)?))?,)*
                    _ => Self::Vendor(Call::read(x, name)?),
                };
                x.close_to(outside)?;
                Ok(method)
            }

            fn element(&self) -> Cow<'_, str> {
                match self {
                    Self::Vendor(call) => Cow::Owned(call.element()),
                    known => Cow::Borrowed(known.name()),
                }
            }

            fn write(&self, out: &mut Out<'_>) {
                match self {
                    $(Self::$variant $(($held))? => { $($held.write(out);)? })*
                    Self::Vendor(call) => call.write(out),
                }
            }
        }
    };
    (@ignore $held:ident) => { _ };
}

methods! {
    /// What an ACS asks of a CPE.
    CpeRequest {
        /// Which methods it has.
        GetRpcMethods = "GetRPCMethods",
        /// Sets values.
        SetParameterValues(it: SetParameterValues) = "SetParameterValues",
        /// Asks for values.
        GetParameterValues(it: GetParameterValues) = "GetParameterValues",
        /// Asks what exists.
        GetParameterNames(it: GetParameterNames) = "GetParameterNames",
        /// Sets attributes.
        SetParameterAttributes(it: SetParameterAttributes) = "SetParameterAttributes",
        /// Asks for attributes.
        GetParameterAttributes(it: GetParameterAttributes) = "GetParameterAttributes",
        /// Adds a row.
        AddObject(it: AddObject) = "AddObject",
        /// Deletes a row.
        DeleteObject(it: DeleteObject) = "DeleteObject",
        /// Restarts.
        Reboot(it: Reboot) = "Reboot",
        /// Fetches a file.
        Download(it: Download) = "Download",
        /// Sends a file.
        Upload(it: Upload) = "Upload",
        /// Fetches a file in a window of time.
        ScheduleDownload(it: ScheduleDownload) = "ScheduleDownload",
        /// Forgets transfers.
        CancelTransfer(it: CancelTransfer) = "CancelTransfer",
        /// Which transfers wait (deprecated).
        GetQueuedTransfers = "GetQueuedTransfers",
        /// Which transfers wait.
        GetAllQueuedTransfers = "GetAllQueuedTransfers",
        /// Informs later.
        ScheduleInform(it: ScheduleInform) = "ScheduleInform",
        /// Forgets everything.
        FactoryReset = "FactoryReset",
        /// Changes software modules.
        ChangeDuState(it: ChangeDuState) = "ChangeDUState",
        /// Hands over vouchers (old).
        SetVouchers(it: SetVouchers) = "SetVouchers",
        /// Asks for options (old).
        GetOptions(it: GetOptions) = "GetOptions",
    }
}

methods! {
    /// What a CPE answers.
    CpeResponse {
        /// Its methods.
        GetRpcMethods(it: GetRpcMethodsResponse) = "GetRPCMethodsResponse",
        /// Values are set.
        SetParameterValues(it: SetParameterValuesResponse) = "SetParameterValuesResponse",
        /// Values.
        GetParameterValues(it: GetParameterValuesResponse) = "GetParameterValuesResponse",
        /// What exists.
        GetParameterNames(it: GetParameterNamesResponse) = "GetParameterNamesResponse",
        /// Attributes are set.
        SetParameterAttributes = "SetParameterAttributesResponse",
        /// Attributes.
        GetParameterAttributes(it: GetParameterAttributesResponse) = "GetParameterAttributesResponse",
        /// The new row.
        AddObject(it: AddObjectResponse) = "AddObjectResponse",
        /// The row is gone.
        DeleteObject(it: DeleteObjectResponse) = "DeleteObjectResponse",
        /// It will restart.
        Reboot = "RebootResponse",
        /// The file is there, or will be fetched.
        Download(it: TransferResponse) = "DownloadResponse",
        /// The file is sent, or will be.
        Upload(it: TransferResponse) = "UploadResponse",
        /// The file will be fetched.
        ScheduleDownload = "ScheduleDownloadResponse",
        /// Transfers are forgotten.
        CancelTransfer = "CancelTransferResponse",
        /// Transfers that wait (deprecated).
        GetQueuedTransfers(it: GetQueuedTransfersResponse) = "GetQueuedTransfersResponse",
        /// Transfers that wait.
        GetAllQueuedTransfers(it: GetAllQueuedTransfersResponse) = "GetAllQueuedTransfersResponse",
        /// It will inform.
        ScheduleInform = "ScheduleInformResponse",
        /// It will forget everything.
        FactoryReset = "FactoryResetResponse",
        /// Software modules will be changed.
        ChangeDuState = "ChangeDUStateResponse",
        /// It has the vouchers (old).
        SetVouchers = "SetVouchersResponse",
        /// Options (old).
        GetOptions(it: GetOptionsResponse) = "GetOptionsResponse",
    }
}

methods! {
    /// What a CPE asks of an ACS.
    AcsRequest {
        /// Opens a session.
        Inform(it: Inform) = "Inform",
        /// Which methods it has.
        GetRpcMethods = "GetRPCMethods",
        /// A transfer is over.
        TransferComplete(it: TransferComplete) = "TransferComplete",
        /// A transfer that nobody asked for is over.
        AutonomousTransferComplete(it: AutonomousTransferComplete) = "AutonomousTransferComplete",
        /// It would like a file.
        RequestDownload(it: RequestDownload) = "RequestDownload",
        /// Software modules have changed, as asked.
        DuStateChangeComplete(it: DuStateChangeComplete) = "DUStateChangeComplete",
        /// Software modules have changed, and nobody asked.
        AutonomousDuStateChangeComplete(it: AutonomousDuStateChangeComplete) = "AutonomousDUStateChangeComplete",
        /// A browser came by (deprecated).
        Kicked(it: Kicked) = "Kicked",
    }
}

methods! {
    /// What an ACS answers.
    AcsResponse {
        /// The session stands.
        Inform(it: InformResponse) = "InformResponse",
        /// Its methods.
        GetRpcMethods(it: GetRpcMethodsResponse) = "GetRPCMethodsResponse",
        /// It knows.
        TransferComplete = "TransferCompleteResponse",
        /// It knows.
        AutonomousTransferComplete = "AutonomousTransferCompleteResponse",
        /// It knows.
        RequestDownload = "RequestDownloadResponse",
        /// It knows.
        DuStateChangeComplete = "DUStateChangeCompleteResponse",
        /// It knows.
        AutonomousDuStateChangeComplete = "AutonomousDUStateChangeCompleteResponse",
        /// Where the browser goes (deprecated).
        Kicked(it: KickedResponse) = "KickedResponse",
    }
}
