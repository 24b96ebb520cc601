//! Messages made of a random sequence: every method of both directions, with texts that are hard to carry.

use cwmp_proto::rpc::{
    AcsRequest, AcsResponse, AddObject, AddObjectResponse, AllQueuedTransfer, AutonomousDuResult,
    AutonomousDuStateChangeComplete, AutonomousTransferComplete, Call, CancelTransfer, ChangeDuState,
    CpeRequest, CpeResponse, DeleteObject, DeleteObjectResponse, DeviceId, DeviceOption, Download,
    DuOperation, DuResult, DuStateChangeComplete, Event, FaultStruct, FileTypeArg,
    GetAllQueuedTransfersResponse, GetOptions, GetOptionsResponse, GetParameterAttributes,
    GetParameterAttributesResponse, GetParameterNames, GetParameterNamesResponse, GetParameterValues,
    GetParameterValuesResponse, GetQueuedTransfersResponse, GetRpcMethodsResponse, Inform, InformResponse,
    Install, Kicked, KickedResponse, ParameterAttributes, ParameterInfo, ParameterValue, QueuedTransfer,
    Reboot, RequestDownload, ScheduleDownload, ScheduleInform, SetParameterAttributes,
    SetParameterAttributesRow, SetParameterValues, SetParameterValuesResponse, SetVouchers, TimeWindow,
    TransferComplete, TransferResponse, Uninstall, Update, Upload, Voucher,
};
use cwmp_proto::{DateTime, EventCode, FaultCode, Node, Secret, Value, ValueType};

/// Random numbers of a fixed sequence.
pub(crate) struct Random(pub(crate) u64);

const PIECES: &[&str] = &[
    "",
    "a",
    "Device.",
    " ",
    "\n",
    "\t",
    "\r",
    "\r\n",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "]]>",
    "&amp;",
    "ü",
    "漢",
    "🙂",
    "0",
    "X_CT-COM_",
    "<!--",
    "(null)",
    "\u{fffd}",
    "\u{80}",
];

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn text(&mut self) -> String {
        (0..self.below(5)).map(|_| PIECES[self.below(PIECES.len() as u64) as usize]).collect()
    }

    fn secret(&mut self) -> Secret {
        Secret(self.text())
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(crate) fn number(&mut self) -> u32 {
        let large = self.below(1 << 32) as u32;
        [0, 1, u32::MAX, large][self.below(4) as usize]
    }

    fn time(&mut self) -> DateTime {
        match self.below(3) {
            0 => DateTime::unknown(),
            1 => DateTime::from_unix(i64::from(self.number())),
            _ => DateTime::from(self.text()),
        }
    }

    fn value(&mut self) -> Value {
        const KINDS: &[ValueType] = &[
            ValueType::String,
            ValueType::Int,
            ValueType::UnsignedInt,
            ValueType::Long,
            ValueType::UnsignedLong,
            ValueType::DateTime,
            ValueType::Base64,
            ValueType::HexBinary,
            ValueType::Decimal,
        ];
        match self.below(4) {
            0 => Value::of_type("json", self.text()),
            1 => Value::new(ValueType::Boolean, ["0", "1"][self.below(2) as usize]),
            _ => Value::new(KINDS[self.below(KINDS.len() as u64) as usize], self.text()),
        }
    }

    pub(crate) fn fault_code(&mut self) -> FaultCode {
        FaultCode([0, 8000, 8005, 9000, 9003, 9007, 9899, 9999][self.below(8) as usize])
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Random) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn nodes(&mut self, depth: u64) -> Vec<Node> {
        self.list(|r| {
            let mut node = Node::leaf("X_CT-COM_Arg", &r.text());
            if depth > 0 && r.flag() {
                node = Node::branch("List", r.nodes(depth - 1));
            }
            node.kind = r.flag().then(|| "string".to_owned());
            node
        })
    }

    fn call(&mut self, name: &str) -> Call {
        Call { name: name.to_owned(), arguments: self.nodes(4) }
    }

    fn event(&mut self) -> Event {
        let code = match self.below(24) {
            0 => EventCode::VendorMethod("X_CT-COM_Account".to_owned()),
            1 => EventCode::Vendor("00259E WAN".to_owned()),
            2 => EventCode::Unknown("15 NEW".to_owned()),
            at => EventCode::standard().nth(at as usize - 3).expect("21 of them").clone(),
        };
        Event { code, command_key: self.text() }
    }

    fn parameter(&mut self) -> ParameterValue {
        ParameterValue { name: self.text(), value: self.value() }
    }

    fn fault(&mut self) -> FaultStruct {
        FaultStruct { code: self.fault_code(), text: self.text() }
    }

    fn transfer(&mut self) -> TransferResponse {
        TransferResponse { status: self.number(), start_time: self.time(), complete_time: self.time() }
    }

    pub(crate) fn cpe_request(&mut self, at: usize) -> CpeRequest {
        match at {
            0 => CpeRequest::GetRpcMethods,
            1 => CpeRequest::SetParameterValues(SetParameterValues {
                parameters: self.list(Random::parameter),
                parameter_key: self.text(),
            }),
            2 => CpeRequest::GetParameterValues(GetParameterValues { names: self.list(Random::text) }),
            3 => CpeRequest::GetParameterNames(GetParameterNames {
                path: self.text(),
                next_level: self.flag(),
            }),
            4 => CpeRequest::SetParameterAttributes(SetParameterAttributes {
                parameters: self.list(|r| SetParameterAttributesRow {
                    name: r.text(),
                    notification_change: r.flag(),
                    notification: r.number(),
                    access_list_change: r.flag(),
                    access_list: r.list(Random::text),
                }),
            }),
            5 => {
                CpeRequest::GetParameterAttributes(GetParameterAttributes { names: self.list(Random::text) })
            }
            6 => CpeRequest::AddObject(AddObject { object_name: self.text(), parameter_key: self.text() }),
            7 => CpeRequest::DeleteObject(DeleteObject {
                object_name: self.text(),
                parameter_key: self.text(),
            }),
            8 => CpeRequest::Reboot(Reboot { command_key: self.text() }),
            9 => CpeRequest::Download(Download {
                command_key: self.text(),
                file_type: self.text(),
                url: self.text(),
                username: self.text(),
                password: self.secret(),
                file_size: self.number(),
                target_file_name: self.text(),
                delay_seconds: self.number(),
                success_url: self.text(),
                failure_url: self.text(),
            }),
            10 => CpeRequest::Upload(Upload {
                command_key: self.text(),
                file_type: self.text(),
                url: self.text(),
                username: self.text(),
                password: self.secret(),
                delay_seconds: self.number(),
            }),
            11 => CpeRequest::ScheduleDownload(ScheduleDownload {
                command_key: self.text(),
                file_type: self.text(),
                url: self.text(),
                username: self.text(),
                password: self.secret(),
                file_size: self.number(),
                target_file_name: self.text(),
                windows: self.list(|r| TimeWindow {
                    start: r.number(),
                    end: r.number(),
                    mode: r.text(),
                    user_message: r.text(),
                    max_retries: -1,
                }),
            }),
            12 => CpeRequest::CancelTransfer(CancelTransfer { command_key: self.text() }),
            13 => CpeRequest::GetQueuedTransfers,
            14 => CpeRequest::GetAllQueuedTransfers,
            15 => CpeRequest::ScheduleInform(ScheduleInform {
                delay_seconds: self.number(),
                command_key: self.text(),
            }),
            16 => CpeRequest::FactoryReset,
            17 => CpeRequest::ChangeDuState(ChangeDuState {
                operations: self.list(Random::operation),
                command_key: self.text(),
            }),
            18 => CpeRequest::SetVouchers(SetVouchers { vouchers: self.list(|r| Voucher(r.text())) }),
            19 => CpeRequest::GetOptions(GetOptions { option_name: self.text() }),
            _ => CpeRequest::Vendor(self.call("X_CT-COM_Do")),
        }
    }

    fn operation(&mut self) -> DuOperation {
        match self.below(3) {
            0 => DuOperation::Install(Install {
                url: self.text(),
                uuid: self.text(),
                username: self.text(),
                password: self.secret(),
                execution_env_ref: self.text(),
            }),
            1 => DuOperation::Update(Update {
                uuid: self.text(),
                version: self.text(),
                url: self.text(),
                username: self.text(),
                password: self.secret(),
            }),
            _ => DuOperation::Uninstall(Uninstall {
                uuid: self.text(),
                version: self.text(),
                execution_env_ref: self.text(),
            }),
        }
    }

    pub(crate) fn cpe_response(&mut self, at: usize) -> CpeResponse {
        match at {
            0 => CpeResponse::GetRpcMethods(GetRpcMethodsResponse { methods: self.list(Random::text) }),
            1 => CpeResponse::SetParameterValues(SetParameterValuesResponse { status: self.number() }),
            2 => CpeResponse::GetParameterValues(GetParameterValuesResponse {
                parameters: self.list(Random::parameter),
            }),
            3 => CpeResponse::GetParameterNames(GetParameterNamesResponse {
                parameters: self.list(|r| ParameterInfo { name: r.text(), writable: r.flag() }),
            }),
            4 => CpeResponse::SetParameterAttributes,
            5 => CpeResponse::GetParameterAttributes(GetParameterAttributesResponse {
                parameters: self.list(|r| ParameterAttributes {
                    name: r.text(),
                    notification: r.number(),
                    access_list: r.list(Random::text),
                }),
            }),
            6 => CpeResponse::AddObject(AddObjectResponse {
                instance_number: self.number(),
                status: self.number(),
            }),
            7 => CpeResponse::DeleteObject(DeleteObjectResponse { status: self.number() }),
            8 => CpeResponse::Reboot,
            9 => CpeResponse::Download(self.transfer()),
            10 => CpeResponse::Upload(self.transfer()),
            11 => CpeResponse::ScheduleDownload,
            12 => CpeResponse::CancelTransfer,
            13 => CpeResponse::GetQueuedTransfers(GetQueuedTransfersResponse {
                transfers: self.list(|r| QueuedTransfer { command_key: r.text(), state: r.number() }),
            }),
            14 => CpeResponse::GetAllQueuedTransfers(GetAllQueuedTransfersResponse {
                transfers: self.list(|r| AllQueuedTransfer {
                    command_key: r.text(),
                    state: r.number(),
                    is_download: r.flag(),
                    file_type: r.text(),
                    file_size: r.number(),
                    target_file_name: r.text(),
                }),
            }),
            15 => CpeResponse::ScheduleInform,
            16 => CpeResponse::FactoryReset,
            17 => CpeResponse::ChangeDuState,
            18 => CpeResponse::SetVouchers,
            19 => CpeResponse::GetOptions(GetOptionsResponse {
                options: self.list(|r| DeviceOption {
                    name: r.text(),
                    voucher_serial: r.text(),
                    state: r.number(),
                    mode: r.number(),
                    start_date: r.time(),
                    expiration_date: r.time(),
                    is_transferable: r.flag(),
                }),
            }),
            _ => CpeResponse::Vendor(self.call("X_CT-COM_DoResponse")),
        }
    }

    pub(crate) fn acs_request(&mut self, at: usize) -> AcsRequest {
        match at {
            0 => AcsRequest::Inform(Inform {
                device_id: DeviceId {
                    manufacturer: self.text(),
                    oui: self.text(),
                    product_class: self.text(),
                    serial_number: self.text(),
                },
                events: self.list(Random::event),
                max_envelopes: 1,
                current_time: self.time(),
                retry_count: self.number(),
                parameters: self.list(Random::parameter),
            }),
            1 => AcsRequest::GetRpcMethods,
            2 => AcsRequest::TransferComplete(TransferComplete {
                command_key: self.text(),
                fault: self.fault(),
                start_time: self.time(),
                complete_time: self.time(),
            }),
            3 => AcsRequest::AutonomousTransferComplete(AutonomousTransferComplete {
                announce_url: self.text(),
                transfer_url: self.text(),
                is_download: self.flag(),
                file_type: self.text(),
                file_size: self.number(),
                target_file_name: self.text(),
                fault: self.fault(),
                start_time: self.time(),
                complete_time: self.time(),
            }),
            4 => AcsRequest::RequestDownload(RequestDownload {
                file_type: self.text(),
                arguments: self.list(|r| FileTypeArg { name: r.text(), value: r.text() }),
            }),
            5 => AcsRequest::DuStateChangeComplete(DuStateChangeComplete {
                results: self.list(Random::du_result),
                command_key: self.text(),
            }),
            6 => AcsRequest::AutonomousDuStateChangeComplete(AutonomousDuStateChangeComplete {
                results: self.list(|r| AutonomousDuResult {
                    uuid: r.text(),
                    resolved: r.flag(),
                    start_time: r.time(),
                    fault: r.fault(),
                    operation_performed: r.text(),
                    ..AutonomousDuResult::default()
                }),
            }),
            7 => AcsRequest::Kicked(Kicked {
                command: self.text(),
                referer: self.text(),
                argument: self.text(),
                next: self.text(),
            }),
            _ => AcsRequest::Vendor(self.call("X_AVM-DE_Do")),
        }
    }

    fn du_result(&mut self) -> DuResult {
        DuResult {
            uuid: self.text(),
            deployment_unit_ref: self.text(),
            version: self.text(),
            current_state: self.text(),
            resolved: self.flag(),
            execution_unit_refs: self.text(),
            start_time: self.time(),
            complete_time: self.time(),
            fault: self.fault(),
        }
    }

    pub(crate) fn acs_response(&mut self, at: usize) -> AcsResponse {
        match at {
            0 => AcsResponse::Inform(InformResponse { max_envelopes: self.number() }),
            1 => AcsResponse::GetRpcMethods(GetRpcMethodsResponse { methods: self.list(Random::text) }),
            2 => AcsResponse::TransferComplete,
            3 => AcsResponse::AutonomousTransferComplete,
            4 => AcsResponse::RequestDownload,
            5 => AcsResponse::DuStateChangeComplete,
            6 => AcsResponse::AutonomousDuStateChangeComplete,
            7 => AcsResponse::Kicked(KickedResponse { next_url: self.text() }),
            _ => AcsResponse::Vendor(self.call("X_AVM-DE_DoResponse")),
        }
    }
}
