//! The methods of CWMP, in both directions, as plain structs.
//!
//! Each struct is a table: a row for each element, with its type and its name on the wire, in the order of the
//! standard. Elements that a peer left out have their default (empty, 0, false, the unknown time), and a
//! [`Notice`](crate::Notice) tells it.

mod attributes;
mod complete;
mod device;
mod field;
mod inform;
mod items;
mod method;
mod objects;
mod options;
mod parameters;
mod software;
mod transfer;
mod vendor;

pub use attributes::{
    GetParameterAttributes, GetParameterAttributesResponse, ParameterAttributes, SetParameterAttributes,
    SetParameterAttributesRow, notification,
};
pub use complete::{
    AutonomousTransferComplete, FaultStruct, FileTypeArg, Kicked, KickedResponse, RequestDownload,
    TransferComplete,
};
pub use device::{GetRpcMethodsResponse, Reboot, ScheduleInform};
pub use inform::{DeviceId, Event, Inform, InformResponse};
pub use method::{AcsRequest, AcsResponse, CpeRequest, CpeResponse};
pub use objects::{AddObject, AddObjectResponse, DeleteObject, DeleteObjectResponse};
pub use options::{DeviceOption, GetOptions, GetOptionsResponse, SetVouchers, Voucher};
pub use parameters::{
    GetParameterNames, GetParameterNamesResponse, GetParameterValues, GetParameterValuesResponse,
    ParameterInfo, ParameterValue, SetParameterValues, SetParameterValuesResponse,
};
pub use software::{
    AutonomousDuResult, AutonomousDuStateChangeComplete, ChangeDuState, DuOperation, DuResult,
    DuStateChangeComplete, Install, Uninstall, Update,
};
pub use transfer::{
    AllQueuedTransfer, CancelTransfer, Download, GetAllQueuedTransfersResponse, GetQueuedTransfersResponse,
    QueuedTransfer, ScheduleDownload, TimeWindow, TransferResponse, Upload,
};
pub use vendor::Call;

pub(crate) use field::{Field, Record};
pub(crate) use method::Codec;
