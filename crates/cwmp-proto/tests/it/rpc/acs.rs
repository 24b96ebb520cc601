//! What an ACS asks, and what a CPE answers.

use cwmp_proto::rpc::{
    AddObject, AddObjectResponse, AllQueuedTransfer, CancelTransfer, ChangeDuState, CpeRequest, CpeResponse,
    DeleteObject, DeleteObjectResponse, DeviceOption, Download, DuOperation, GetAllQueuedTransfersResponse,
    GetOptions, GetOptionsResponse, GetParameterAttributes, GetParameterAttributesResponse,
    GetParameterNames, GetParameterNamesResponse, GetParameterValues, GetParameterValuesResponse,
    GetQueuedTransfersResponse, GetRpcMethodsResponse, Install, ParameterAttributes, ParameterInfo,
    ParameterValue, QueuedTransfer, Reboot, ScheduleDownload, ScheduleInform, SetParameterAttributes,
    SetParameterAttributesRow, SetParameterValues, SetParameterValuesResponse, SetVouchers, TimeWindow,
    TransferResponse, Uninstall, Update, Upload, Voucher,
};
use cwmp_proto::{DateTime, Value, ValueType};

use super::{acs_asks, cpe_answers, text};

#[test]
fn get_rpc_methods() {
    acs_asks(CpeRequest::GetRpcMethods, "<cwmp:GetRPCMethods></cwmp:GetRPCMethods>");
    cpe_answers(
        CpeResponse::GetRpcMethods(GetRpcMethodsResponse { methods: vec![text("Reboot"), text("Upload")] }),
        "<cwmp:GetRPCMethodsResponse><MethodList soap-enc:arrayType=\"xsd:string[2]\">\
         <string>Reboot</string><string>Upload</string></MethodList></cwmp:GetRPCMethodsResponse>",
    );
}

#[test]
fn parameter_values() {
    let parameter = |name: &str, value| ParameterValue { name: text(name), value };
    acs_asks(
        CpeRequest::SetParameterValues(SetParameterValues {
            parameters: vec![
                parameter("Device.Time.Enable", Value::new(ValueType::Boolean, "1")),
                parameter("Device.Time.NTPServer1", Value::string("a<b>&\"c'")),
            ],
            parameter_key: text("k1"),
        }),
        "<cwmp:SetParameterValues><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[2]\">\
         <ParameterValueStruct><Name>Device.Time.Enable</Name><Value xsi:type=\"xsd:boolean\">1</Value>\
         </ParameterValueStruct><ParameterValueStruct><Name>Device.Time.NTPServer1</Name>\
         <Value xsi:type=\"xsd:string\">a&lt;b&gt;&amp;&quot;c&apos;</Value></ParameterValueStruct></ParameterList>\
         <ParameterKey>k1</ParameterKey></cwmp:SetParameterValues>",
    );
    cpe_answers(
        CpeResponse::SetParameterValues(SetParameterValuesResponse { status: 1 }),
        "<cwmp:SetParameterValuesResponse><Status>1</Status></cwmp:SetParameterValuesResponse>",
    );
    acs_asks(
        CpeRequest::GetParameterValues(GetParameterValues { names: vec![text("Device."), text("")] }),
        "<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType=\"xsd:string[2]\">\
         <string>Device.</string><string/></ParameterNames></cwmp:GetParameterValues>",
    );
    cpe_answers(
        CpeResponse::GetParameterValues(GetParameterValuesResponse {
            parameters: vec![
                parameter("Device.A", Value::new(ValueType::Int, "-1")),
                parameter("Device.B", Value::new(ValueType::UnsignedInt, "1")),
                parameter("Device.C", Value::new(ValueType::Long, "-9223372036854775808")),
                parameter("Device.D", Value::new(ValueType::UnsignedLong, "18446744073709551615")),
                parameter("Device.E", Value::new(ValueType::DateTime, "0001-01-01T00:00:00Z")),
                parameter("Device.F", Value::new(ValueType::Base64, "AA==")),
                parameter("Device.G", Value::new(ValueType::HexBinary, "00")),
                parameter("Device.H", Value::new(ValueType::Decimal, "1.5")),
                parameter("Device.I", Value::of_type("base64Binary", "AA==")),
            ],
        }),
        "<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[9]\">\
         <ParameterValueStruct><Name>Device.A</Name><Value xsi:type=\"xsd:int\">-1</Value></ParameterValueStruct>\
         <ParameterValueStruct><Name>Device.B</Name><Value xsi:type=\"xsd:unsignedInt\">1</Value>\
         </ParameterValueStruct><ParameterValueStruct><Name>Device.C</Name>\
         <Value xsi:type=\"xsd:long\">-9223372036854775808</Value></ParameterValueStruct>\
         <ParameterValueStruct><Name>Device.D</Name>\
         <Value xsi:type=\"xsd:unsignedLong\">18446744073709551615</Value></ParameterValueStruct>\
         <ParameterValueStruct><Name>Device.E</Name>\
         <Value xsi:type=\"xsd:dateTime\">0001-01-01T00:00:00Z</Value></ParameterValueStruct>\
         <ParameterValueStruct><Name>Device.F</Name><Value xsi:type=\"xsd:base64\">AA==</Value>\
         </ParameterValueStruct><ParameterValueStruct><Name>Device.G</Name>\
         <Value xsi:type=\"xsd:hexBinary\">00</Value></ParameterValueStruct>\
         <ParameterValueStruct><Name>Device.H</Name><Value xsi:type=\"xsd:decimal\">1.5</Value>\
         </ParameterValueStruct><ParameterValueStruct><Name>Device.I</Name>\
         <Value xsi:type=\"xsd:base64Binary\">AA==</Value></ParameterValueStruct></ParameterList>\
         </cwmp:GetParameterValuesResponse>",
    );
}

#[test]
fn parameter_names() {
    acs_asks(
        CpeRequest::GetParameterNames(GetParameterNames { path: text("Device."), next_level: true }),
        "<cwmp:GetParameterNames><ParameterPath>Device.</ParameterPath><NextLevel>1</NextLevel>\
         </cwmp:GetParameterNames>",
    );
    let info = |name: &str, writable| ParameterInfo { name: text(name), writable };
    cpe_answers(
        CpeResponse::GetParameterNames(GetParameterNamesResponse {
            parameters: vec![info("Device.Time.", false), info("Device.Time.Enable", true)],
        }),
        "<cwmp:GetParameterNamesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterInfoStruct[2]\">\
         <ParameterInfoStruct><Name>Device.Time.</Name><Writable>0</Writable></ParameterInfoStruct>\
         <ParameterInfoStruct><Name>Device.Time.Enable</Name><Writable>1</Writable></ParameterInfoStruct>\
         </ParameterList></cwmp:GetParameterNamesResponse>",
    );
}

#[test]
fn parameter_attributes() {
    acs_asks(
        CpeRequest::SetParameterAttributes(SetParameterAttributes {
            parameters: vec![SetParameterAttributesRow {
                name: text("Device.IP."),
                notification_change: true,
                notification: 2,
                access_list_change: false,
                access_list: vec![],
            }],
        }),
        "<cwmp:SetParameterAttributes><ParameterList soap-enc:arrayType=\"cwmp:SetParameterAttributesStruct[1]\">\
         <SetParameterAttributesStruct><Name>Device.IP.</Name><NotificationChange>1</NotificationChange>\
         <Notification>2</Notification><AccessListChange>0</AccessListChange>\
         <AccessList soap-enc:arrayType=\"xsd:string[0]\"/></SetParameterAttributesStruct></ParameterList>\
         </cwmp:SetParameterAttributes>",
    );
    cpe_answers(
        CpeResponse::SetParameterAttributes,
        "<cwmp:SetParameterAttributesResponse></cwmp:SetParameterAttributesResponse>",
    );
    acs_asks(
        CpeRequest::GetParameterAttributes(GetParameterAttributes { names: vec![text("Device.IP.")] }),
        "<cwmp:GetParameterAttributes><ParameterNames soap-enc:arrayType=\"xsd:string[1]\">\
         <string>Device.IP.</string></ParameterNames></cwmp:GetParameterAttributes>",
    );
    cpe_answers(
        CpeResponse::GetParameterAttributes(GetParameterAttributesResponse {
            parameters: vec![ParameterAttributes {
                name: text("Device.IP.IPv4Enable"),
                notification: 1,
                access_list: vec![text("Subscriber")],
            }],
        }),
        "<cwmp:GetParameterAttributesResponse>\
         <ParameterList soap-enc:arrayType=\"cwmp:ParameterAttributeStruct[1]\"><ParameterAttributeStruct>\
         <Name>Device.IP.IPv4Enable</Name><Notification>1</Notification>\
         <AccessList soap-enc:arrayType=\"xsd:string[1]\"><string>Subscriber</string></AccessList>\
         </ParameterAttributeStruct></ParameterList></cwmp:GetParameterAttributesResponse>",
    );
}

#[test]
fn objects() {
    acs_asks(
        CpeRequest::AddObject(AddObject {
            object_name: text("Device.NAT.PortMapping."),
            parameter_key: text("k"),
        }),
        "<cwmp:AddObject><ObjectName>Device.NAT.PortMapping.</ObjectName><ParameterKey>k</ParameterKey>\
         </cwmp:AddObject>",
    );
    cpe_answers(
        CpeResponse::AddObject(AddObjectResponse { instance_number: 4, status: 0 }),
        "<cwmp:AddObjectResponse><InstanceNumber>4</InstanceNumber><Status>0</Status></cwmp:AddObjectResponse>",
    );
    let object_name = text("Device.NAT.PortMapping.4.");
    acs_asks(
        CpeRequest::DeleteObject(DeleteObject { object_name, parameter_key: text("") }),
        "<cwmp:DeleteObject><ObjectName>Device.NAT.PortMapping.4.</ObjectName><ParameterKey/>\
         </cwmp:DeleteObject>",
    );
    cpe_answers(
        CpeResponse::DeleteObject(DeleteObjectResponse { status: 1 }),
        "<cwmp:DeleteObjectResponse><Status>1</Status></cwmp:DeleteObjectResponse>",
    );
}

#[test]
fn restarts_and_informs() {
    acs_asks(
        CpeRequest::Reboot(Reboot { command_key: text("night") }),
        "<cwmp:Reboot><CommandKey>night</CommandKey></cwmp:Reboot>",
    );
    cpe_answers(CpeResponse::Reboot, "<cwmp:RebootResponse></cwmp:RebootResponse>");
    acs_asks(CpeRequest::FactoryReset, "<cwmp:FactoryReset></cwmp:FactoryReset>");
    cpe_answers(CpeResponse::FactoryReset, "<cwmp:FactoryResetResponse></cwmp:FactoryResetResponse>");
    acs_asks(
        CpeRequest::ScheduleInform(ScheduleInform { delay_seconds: 60, command_key: text("k") }),
        "<cwmp:ScheduleInform><DelaySeconds>60</DelaySeconds><CommandKey>k</CommandKey></cwmp:ScheduleInform>",
    );
    cpe_answers(CpeResponse::ScheduleInform, "<cwmp:ScheduleInformResponse></cwmp:ScheduleInformResponse>");
}

#[test]
fn transfers() {
    acs_asks(
        CpeRequest::Download(Download {
            command_key: text("k"),
            file_type: text("1 Firmware Upgrade Image"),
            url: text("http://files.example/a?b=1&c=2"),
            username: text("u"),
            password: "p".into(),
            file_size: 12,
            target_file_name: text("fw"),
            delay_seconds: 5,
            success_url: text(""),
            failure_url: text(""),
        }),
        "<cwmp:Download><CommandKey>k</CommandKey><FileType>1 Firmware Upgrade Image</FileType>\
         <URL>http://files.example/a?b=1&amp;c=2</URL><Username>u</Username><Password>p</Password>\
         <FileSize>12</FileSize><TargetFileName>fw</TargetFileName><DelaySeconds>5</DelaySeconds><SuccessURL/>\
         <FailureURL/></cwmp:Download>",
    );
    let done = TransferResponse {
        status: 0,
        start_time: DateTime::from("2026-03-01T00:00:00Z"),
        complete_time: DateTime::from("2026-03-01T00:00:09Z"),
    };
    let times = "<Status>0</Status><StartTime>2026-03-01T00:00:00Z</StartTime>\
                 <CompleteTime>2026-03-01T00:00:09Z</CompleteTime>";
    cpe_answers(
        CpeResponse::Download(done.clone()),
        &format!("<cwmp:DownloadResponse>{times}</cwmp:DownloadResponse>"),
    );
    acs_asks(
        CpeRequest::Upload(Upload {
            command_key: text("k"),
            file_type: text("X MIKROTIK Factory Configuration File"),
            url: text("http://files.example/put"),
            username: text(""),
            password: "".into(),
            delay_seconds: 0,
        }),
        "<cwmp:Upload><CommandKey>k</CommandKey><FileType>X MIKROTIK Factory Configuration File</FileType>\
         <URL>http://files.example/put</URL><Username/><Password/><DelaySeconds>0</DelaySeconds></cwmp:Upload>",
    );
    cpe_answers(CpeResponse::Upload(done), &format!("<cwmp:UploadResponse>{times}</cwmp:UploadResponse>"));
    acs_asks(
        CpeRequest::ScheduleDownload(ScheduleDownload {
            command_key: text("k"),
            file_type: text("1 Firmware Upgrade Image"),
            url: text("http://files.example/a"),
            username: text(""),
            password: "".into(),
            file_size: 0,
            target_file_name: text(""),
            windows: vec![TimeWindow {
                start: 60,
                end: 3600,
                mode: text("3 When Idle"),
                user_message: text(""),
                max_retries: -1,
            }],
        }),
        "<cwmp:ScheduleDownload><CommandKey>k</CommandKey><FileType>1 Firmware Upgrade Image</FileType>\
         <URL>http://files.example/a</URL><Username/><Password/><FileSize>0</FileSize><TargetFileName/>\
         <TimeWindowList soap-enc:arrayType=\"cwmp:TimeWindowStruct[1]\"><TimeWindowStruct>\
         <WindowStart>60</WindowStart><WindowEnd>3600</WindowEnd><WindowMode>3 When Idle</WindowMode><UserMessage/>\
         <MaxRetries>-1</MaxRetries></TimeWindowStruct></TimeWindowList></cwmp:ScheduleDownload>",
    );
    cpe_answers(
        CpeResponse::ScheduleDownload,
        "<cwmp:ScheduleDownloadResponse></cwmp:ScheduleDownloadResponse>",
    );
}

#[test]
fn queues() {
    acs_asks(
        CpeRequest::CancelTransfer(CancelTransfer { command_key: text("k") }),
        "<cwmp:CancelTransfer><CommandKey>k</CommandKey></cwmp:CancelTransfer>",
    );
    cpe_answers(CpeResponse::CancelTransfer, "<cwmp:CancelTransferResponse></cwmp:CancelTransferResponse>");
    acs_asks(CpeRequest::GetQueuedTransfers, "<cwmp:GetQueuedTransfers></cwmp:GetQueuedTransfers>");
    cpe_answers(
        CpeResponse::GetQueuedTransfers(GetQueuedTransfersResponse {
            transfers: vec![QueuedTransfer { command_key: text("k"), state: 2 }],
        }),
        "<cwmp:GetQueuedTransfersResponse><TransferList soap-enc:arrayType=\"cwmp:QueuedTransferStruct[1]\">\
         <QueuedTransferStruct><CommandKey>k</CommandKey><State>2</State></QueuedTransferStruct></TransferList>\
         </cwmp:GetQueuedTransfersResponse>",
    );
    acs_asks(CpeRequest::GetAllQueuedTransfers, "<cwmp:GetAllQueuedTransfers></cwmp:GetAllQueuedTransfers>");
    cpe_answers(
        CpeResponse::GetAllQueuedTransfers(GetAllQueuedTransfersResponse {
            transfers: vec![AllQueuedTransfer {
                command_key: text("k"),
                state: 1,
                is_download: true,
                file_type: text("5 Ringer File"),
                file_size: 7,
                target_file_name: text("r"),
            }],
        }),
        "<cwmp:GetAllQueuedTransfersResponse>\
         <TransferList soap-enc:arrayType=\"cwmp:AllQueuedTransferStruct[1]\"><AllQueuedTransferStruct>\
         <CommandKey>k</CommandKey><State>1</State><IsDownload>1</IsDownload><FileType>5 Ringer File</FileType>\
         <FileSize>7</FileSize><TargetFileName>r</TargetFileName></AllQueuedTransferStruct></TransferList>\
         </cwmp:GetAllQueuedTransfersResponse>",
    );
}

#[test]
fn software_modules() {
    let install = Install {
        url: text("http://files.example/du"),
        uuid: text("u-1"),
        username: text("n"),
        password: "p".into(),
        execution_env_ref: text("Device.SoftwareModules.ExecEnv.1."),
    };
    let update = Update {
        uuid: text("u-1"),
        version: text("1.0"),
        url: text(""),
        username: text(""),
        password: "".into(),
    };
    let uninstall = Uninstall { uuid: text("u-2"), version: text(""), execution_env_ref: text("") };
    acs_asks(
        CpeRequest::ChangeDuState(ChangeDuState {
            operations: vec![
                DuOperation::Install(install),
                DuOperation::Update(update),
                DuOperation::Uninstall(uninstall),
            ],
            command_key: text("k"),
        }),
        "<cwmp:ChangeDUState><Operations xsi:type=\"cwmp:InstallOpStruct\"><URL>http://files.example/du</URL>\
         <UUID>u-1</UUID><Username>n</Username><Password>p</Password>\
         <ExecutionEnvRef>Device.SoftwareModules.ExecEnv.1.</ExecutionEnvRef></Operations>\
         <Operations xsi:type=\"cwmp:UpdateOpStruct\"><UUID>u-1</UUID><Version>1.0</Version><URL/><Username/>\
         <Password/></Operations><Operations xsi:type=\"cwmp:UninstallOpStruct\"><UUID>u-2</UUID><Version/>\
         <ExecutionEnvRef/></Operations><CommandKey>k</CommandKey></cwmp:ChangeDUState>",
    );
    cpe_answers(CpeResponse::ChangeDuState, "<cwmp:ChangeDUStateResponse></cwmp:ChangeDUStateResponse>");
}

#[test]
fn vouchers_and_options() {
    acs_asks(
        CpeRequest::SetVouchers(SetVouchers { vouchers: vec![Voucher(text("AAEC"))] }),
        "<cwmp:SetVouchers><VoucherList soap-enc:arrayType=\"xsd:base64[1]\"><base64>AAEC</base64></VoucherList>\
         </cwmp:SetVouchers>",
    );
    cpe_answers(CpeResponse::SetVouchers, "<cwmp:SetVouchersResponse></cwmp:SetVouchersResponse>");
    acs_asks(
        CpeRequest::GetOptions(GetOptions { option_name: text("") }),
        "<cwmp:GetOptions><OptionName/></cwmp:GetOptions>",
    );
    cpe_answers(
        CpeResponse::GetOptions(GetOptionsResponse {
            options: vec![DeviceOption {
                name: text("o"),
                voucher_serial: text("9"),
                state: 3,
                mode: 1,
                start_date: DateTime::unknown(),
                expiration_date: DateTime::from("2027-01-01T00:00:00Z"),
                is_transferable: false,
            }],
        }),
        "<cwmp:GetOptionsResponse><OptionList soap-enc:arrayType=\"cwmp:OptionStruct[1]\"><OptionStruct>\
         <OptionName>o</OptionName><VoucherSN>9</VoucherSN><State>3</State><Mode>1</Mode>\
         <StartDate>0001-01-01T00:00:00Z</StartDate><ExpirationDate>2027-01-01T00:00:00Z</ExpirationDate>\
         <IsTransferable>0</IsTransferable></OptionStruct></OptionList></cwmp:GetOptionsResponse>",
    );
}
