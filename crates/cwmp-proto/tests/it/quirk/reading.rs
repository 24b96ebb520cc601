//! Quirks of envelopes, Informs, faults and reports, as they are read.

use cwmp_proto::event::EventCode;
use cwmp_proto::rpc::AcsRequest::{Inform, TransferComplete};
use cwmp_proto::rpc::CpeResponse::{self, AddObject};
use cwmp_proto::rpc::{AcsResponse, InformResponse};
use cwmp_proto::value::Reading;
use cwmp_proto::{Body, FaultCode, FromAcs, Header, Namespace, Notice, Quirk, Style, Time};

use super::{inside, only, read};

#[test]
pub(super) fn header_or_id_missing() {
    let [first, second] = &read("01-header-or-id-missing")[..] else { panic!("two messages") };
    assert_eq!(only(Quirk::HeaderOrIdMissing, first), [Notice::HeaderMissing]);
    assert_eq!(only(Quirk::HeaderOrIdMissing, second), [Notice::IdEmpty]);
    let inform = inside!(first, Request, Inform);
    assert_eq!(
        (inform.device_id.oui.as_str(), inform.device_id.product_class.as_str()),
        ("6C3B6B", "hAP lite")
    );
    assert_eq!(inform.events[1].code, EventCode::MethodDownload);
    assert_eq!(inform.current_time.meaning(), Reading::Exact(Time::Utc(1_552_397_782_000)));
    for decoded in [first, second] {
        assert_eq!(decoded.envelope.header, Header::default());
        let answer = FromAcs {
            header: decoded.envelope.header.clone(),
            namespace: decoded.envelope.namespace,
            body: Body::Response(AcsResponse::Inform(InformResponse { max_envelopes: 1 })),
        };
        let written = String::from_utf8(answer.encode(&Style::default())).expect("text");
        assert!(!written.contains("Header") && written.contains("cwmp-1-0\"><soap-env:Body>"), "{written}");
    }
}

#[test]
pub(super) fn namespaces() {
    let [first, second, third] = &read("02-namespaces")[..] else { panic!("three messages") };
    assert_eq!(only(Quirk::Namespaces, first), [Notice::MustUnderstand]);
    let values = match &first.envelope.body {
        Body::Response(CpeResponse::GetParameterValues(values)) => &values.parameters,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (values[0].name.as_str(), values[0].value.text.as_str()),
        ("Device.DeviceInfo.SoftwareVersion", "6.44")
    );
    assert_eq!(only(Quirk::Namespaces, second), [Notice::SchemaNamespace, Notice::NamespacesMixed]);
    // The method's namespace is what is answered in.
    assert_eq!(second.envelope.namespace, Namespace { minor: 1 });
    assert_eq!(only(Quirk::Namespaces, third), [Notice::PrefixUndeclared, Notice::NamespaceBeyond(4)]);
    assert_eq!(third.envelope.namespace.uri(), "urn:dslforum-org:cwmp-1-4");
    for decoded in [second, third] {
        assert_eq!(decoded.envelope.body, Body::Response(CpeResponse::Reboot));
        assert_eq!(decoded.envelope.header.id.as_deref(), Some("1"));
    }
}

#[test]
pub(super) fn array_type() {
    let [first, second] = &read("03-array-type")[..] else { panic!("two messages") };
    let wrong = Notice::ArrayCount { stated: 8, found: 1 };
    assert_eq!(only(Quirk::ArrayType, first), [Notice::ArrayTypeForm, wrong]);
    let inform = inside!(first, Request, Inform);
    assert_eq!((inform.events.len(), inform.parameters.len()), (1, 1));
    assert_eq!(only(Quirk::ArrayType, second), [Notice::ArrayTypeMissing]);
}

#[test]
pub(super) fn events() {
    let [first, second] = &read("04-events")[..] else { panic!("two messages") };
    // None is legal: the session before failed, and this one goes on.
    assert_eq!(first.noticed, []);
    assert_eq!(inside!(first, Request, Inform).events, []);
    let unknown = Notice::EventUnknown("99 SOMETHING".to_owned());
    assert_eq!(only(Quirk::Events, second), [Notice::EventRepeated, unknown]);
    let codes: Vec<String> =
        inside!(second, Request, Inform).events.iter().map(|event| event.code.to_string()).collect();
    let expected = ["M Download", "7 TRANSFER COMPLETE", "M Download", "99 SOMETHING", "X CT-COM ALARM"];
    assert_eq!(codes, expected);
}

#[test]
pub(super) fn identity() {
    let [first, second] = &read("09-identity")[..] else { panic!("two messages") };
    assert_eq!(only(Quirk::Identity, first), [Notice::OuiForm]);
    assert_eq!(inside!(first, Request, Inform).device_id.oui, "3c9066");
    let expected = [Notice::OuiForm, Notice::ProductClassEmpty, Notice::SerialForm];
    assert_eq!(only(Quirk::Identity, second), expected);
    let id = &inside!(second, Request, Inform).device_id;
    let texts = [&id.oui, &id.product_class, &id.serial_number];
    assert_eq!(texts, ["990100001180100000000001", "", "00/1 2%"]);
}

#[test]
pub(super) fn faults() {
    let expected: [(u16, &str, &[Notice]); 3] = [
        (9005, "9005: Invalid parameter name", &[Notice::FaultDetailMissing, Notice::FaultCodePlace]),
        (9002, "CWMP fault", &[Notice::FaultCodeForm]),
        (9003, "Invalid arguments", &[]),
    ];
    for (decoded, (code, text, noticed)) in read("11-faults").iter().zip(expected) {
        assert_eq!(only(Quirk::Faults, decoded), noticed);
        let Body::Fault(fault) = &decoded.envelope.body else { panic!("{decoded:?}") };
        assert_eq!((fault.code, fault.text.as_str()), (FaultCode(code), text));
        assert_eq!(fault.parameters, []);
    }
}

#[test]
pub(super) fn http_bodies() {
    let [first, second] = &read("14-http-bodies")[..] else { panic!("two messages") };
    assert_eq!(first.noticed, []);
    assert_eq!(second.noticed, [Notice::IllegalCharacters, Notice::Trailing]);
    assert_eq!(first.envelope, second.envelope);
    assert_eq!(first.envelope.body, Body::Response(CpeResponse::Reboot));
}

#[test]
pub(super) fn read_after_write() {
    let [first, second] = &read("25-read-after-write")[..] else { panic!("two messages") };
    assert_eq!(first.noticed, []);
    assert_eq!(second.noticed, [Notice::ValueForm("InstanceNumber")]);
    for decoded in [first, second] {
        assert_eq!(inside!(decoded, Response, AddObject).instance_number, 0);
    }
}

#[test]
pub(super) fn transfer_reports() {
    let decoded = &read("26-transfer-reports")[0];
    let report = inside!(decoded, Request, TransferComplete);
    assert_eq!((report.command_key.as_str(), report.fault.code), ("", FaultCode(9010)));
    assert_eq!(report.start_time.meaning(), Reading::Exact(Time::Unknown));
    assert_eq!(report.complete_time.meaning(), Reading::Lenient(Time::Unknown));
    assert_eq!(decoded.noticed, [Notice::ValueForm("CompleteTime")]);
}

#[test]
pub(super) fn inform_times() {
    let [first, second] = &read("29-inform-times")[..] else { panic!("two messages") };
    let times = [first, second].map(|decoded| inside!(decoded, Request, Inform).current_time.meaning());
    assert_eq!(times, [Reading::Exact(Time::Utc(67_000)), Reading::Lenient(Time::Local(1_293_868_800_000))]);
    assert_eq!(
        (first.noticed.len(), second.noticed.as_slice()),
        (0, &[Notice::ValueForm("CurrentTime")][..])
    );
}

#[test]
pub(super) fn session_timeout_header() {
    let decoded = &read("32-session-timeout-header")[0];
    assert_eq!(only(Quirk::SessionTimeoutHeader, decoded), [Notice::HeaderSpelling]);
    assert_eq!(decoded.envelope.header.session_timeout, Some(120));
}
