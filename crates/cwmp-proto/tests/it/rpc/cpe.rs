//! What a CPE asks, and what an ACS answers. The Inform is in `session.rs`.

use cwmp_proto::rpc::{
    AcsRequest, AcsResponse, AutonomousDuResult, AutonomousDuStateChangeComplete, AutonomousTransferComplete,
    DuResult, DuStateChangeComplete, FaultStruct, FileTypeArg, GetRpcMethodsResponse, InformResponse, Kicked,
    KickedResponse, RequestDownload, TransferComplete,
};
use cwmp_proto::{DateTime, FaultCode};

use super::{acs_answers, cpe_asks, text};

const UNKNOWN: &str = "0001-01-01T00:00:00Z";

#[test]
fn sessions_and_methods() {
    acs_answers(
        AcsResponse::Inform(InformResponse { max_envelopes: 1 }),
        "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>",
    );
    cpe_asks(AcsRequest::GetRpcMethods, "<cwmp:GetRPCMethods></cwmp:GetRPCMethods>");
    acs_answers(
        AcsResponse::GetRpcMethods(GetRpcMethodsResponse { methods: vec![text("Inform")] }),
        "<cwmp:GetRPCMethodsResponse><MethodList soap-enc:arrayType=\"xsd:string[1]\"><string>Inform</string>\
         </MethodList></cwmp:GetRPCMethodsResponse>",
    );
}

#[test]
fn transfers() {
    let fault = FaultStruct { code: FaultCode(9017), text: text("broke off") };
    let (start_time, complete_time) = (DateTime::unknown(), DateTime::unknown());
    let end = format!(
        "<FaultStruct><FaultCode>9017</FaultCode><FaultString>broke off</FaultString></FaultStruct>\
         <StartTime>{UNKNOWN}</StartTime><CompleteTime>{UNKNOWN}</CompleteTime>"
    );
    cpe_asks(
        AcsRequest::TransferComplete(TransferComplete {
            command_key: text("k"),
            fault: fault.clone(),
            start_time: start_time.clone(),
            complete_time: complete_time.clone(),
        }),
        &format!("<cwmp:TransferComplete><CommandKey>k</CommandKey>{end}</cwmp:TransferComplete>"),
    );
    acs_answers(
        AcsResponse::TransferComplete,
        "<cwmp:TransferCompleteResponse></cwmp:TransferCompleteResponse>",
    );
    cpe_asks(
        AcsRequest::AutonomousTransferComplete(AutonomousTransferComplete {
            announce_url: text("a"),
            transfer_url: text("t"),
            is_download: true,
            file_type: text("1 Firmware Upgrade Image"),
            file_size: 3,
            target_file_name: text("f"),
            fault,
            start_time,
            complete_time,
        }),
        &format!(
            "<cwmp:AutonomousTransferComplete><AnnounceURL>a</AnnounceURL><TransferURL>t</TransferURL>\
             <IsDownload>1</IsDownload><FileType>1 Firmware Upgrade Image</FileType><FileSize>3</FileSize>\
             <TargetFileName>f</TargetFileName>{end}</cwmp:AutonomousTransferComplete>"
        ),
    );
    acs_answers(
        AcsResponse::AutonomousTransferComplete,
        "<cwmp:AutonomousTransferCompleteResponse></cwmp:AutonomousTransferCompleteResponse>",
    );
    cpe_asks(
        AcsRequest::RequestDownload(RequestDownload {
            file_type: text("2 Web Content"),
            arguments: vec![FileTypeArg { name: text("Version"), value: text("1") }],
        }),
        "<cwmp:RequestDownload><FileType>2 Web Content</FileType>\
         <FileTypeArg soap-enc:arrayType=\"cwmp:ArgStruct[1]\"><ArgStruct><Name>Version</Name><Value>1</Value>\
         </ArgStruct></FileTypeArg></cwmp:RequestDownload>",
    );
    acs_answers(
        AcsResponse::RequestDownload,
        "<cwmp:RequestDownloadResponse></cwmp:RequestDownloadResponse>",
    );
}

#[test]
fn software_modules() {
    let common = format!(
        "<UUID>u-1</UUID><DeploymentUnitRef>Device.SoftwareModules.DeploymentUnit.1.</DeploymentUnitRef>\
         <Version>1.0</Version><CurrentState>Installed</CurrentState><Resolved>1</Resolved>\
         <ExecutionUnitRefList>a,b</ExecutionUnitRefList><StartTime>{UNKNOWN}</StartTime>\
         <CompleteTime>{UNKNOWN}</CompleteTime>\
         <Fault><FaultCode>0</FaultCode><FaultString/></Fault>"
    );
    let result = DuResult {
        uuid: text("u-1"),
        deployment_unit_ref: text("Device.SoftwareModules.DeploymentUnit.1."),
        version: text("1.0"),
        current_state: text("Installed"),
        resolved: true,
        execution_unit_refs: text("a,b"),
        ..DuResult::default()
    };
    let autonomous = AutonomousDuResult {
        uuid: result.uuid.clone(),
        deployment_unit_ref: result.deployment_unit_ref.clone(),
        version: result.version.clone(),
        current_state: result.current_state.clone(),
        resolved: true,
        execution_unit_refs: result.execution_unit_refs.clone(),
        operation_performed: text("Install"),
        ..AutonomousDuResult::default()
    };
    cpe_asks(
        AcsRequest::DuStateChangeComplete(DuStateChangeComplete {
            results: vec![result.clone(), result],
            command_key: text("k"),
        }),
        &format!(
            "<cwmp:DUStateChangeComplete><Results>{common}</Results><Results>{common}</Results>\
             <CommandKey>k</CommandKey></cwmp:DUStateChangeComplete>"
        ),
    );
    acs_answers(
        AcsResponse::DuStateChangeComplete,
        "<cwmp:DUStateChangeCompleteResponse></cwmp:DUStateChangeCompleteResponse>",
    );
    cpe_asks(
        AcsRequest::AutonomousDuStateChangeComplete(AutonomousDuStateChangeComplete {
            results: vec![autonomous],
        }),
        &format!(
            "<cwmp:AutonomousDUStateChangeComplete><Results>{common}\
             <OperationPerformed>Install</OperationPerformed></Results></cwmp:AutonomousDUStateChangeComplete>"
        ),
    );
    acs_answers(
        AcsResponse::AutonomousDuStateChangeComplete,
        "<cwmp:AutonomousDUStateChangeCompleteResponse></cwmp:AutonomousDUStateChangeCompleteResponse>",
    );
}

#[test]
fn kicked() {
    cpe_asks(
        AcsRequest::Kicked(Kicked {
            command: text("c"),
            referer: text("r"),
            argument: text("a"),
            next: text("n"),
        }),
        "<cwmp:Kicked><Command>c</Command><Referer>r</Referer><Arg>a</Arg><Next>n</Next></cwmp:Kicked>",
    );
    acs_answers(
        AcsResponse::Kicked(KickedResponse { next_url: text("n") }),
        "<cwmp:KickedResponse><NextURL>n</NextURL></cwmp:KickedResponse>",
    );
}
