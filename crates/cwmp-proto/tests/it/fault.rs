//! The fault table against the standard's, written out; and faults as devices write them.

use cwmp_proto::fault::{Fault, FaultCode, ParameterFault, Range, SoapCode, TABLE, Thrower};
use cwmp_proto::{Body, FromAcs, FromCpe, Header, Namespace, Notice, Style};

const CODES: &[u16] = &[
    8000, 8001, 8002, 8003, 8004, 8005, 8006, 9000, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009,
    9010, 9011, 9012, 9013, 9014, 9015, 9016, 9017, 9018, 9019, 9020, 9021, 9022, 9023, 9024, 9025, 9026,
    9027, 9028, 9029, 9030, 9031, 9032,
];

#[test]
fn every_code_has_a_row() {
    let codes: Vec<u16> = TABLE.iter().map(|row| row.code).collect();
    assert_eq!(codes, CODES);
    for row in TABLE {
        let thrower = if row.code < 9000 { Thrower::Acs } else { Thrower::Cpe };
        assert_eq!(row.thrower, thrower, "{}", row.code);
        assert_eq!(FaultCode(row.code).name(), row.name);
    }
    assert_eq!(FaultCode(9005).to_string(), "9005 Invalid parameter name");
}

#[test]
fn ranges_and_who_is_at_fault() {
    let ranges = [
        (0, Range::None, "No fault"),
        (1, Range::Unassigned, "Unassigned fault"),
        (7999, Range::Unassigned, "Unassigned fault"),
        (8007, Range::Acs, "Unassigned fault"),
        (8800, Range::AcsVendor, "Vendor defined fault"),
        (8899, Range::AcsVendor, "Vendor defined fault"),
        (8900, Range::Unassigned, "Unassigned fault"),
        (9033, Range::Cpe, "Unassigned fault"),
        (9799, Range::Cpe, "Unassigned fault"),
        (9800, Range::CpeVendor, "Vendor defined fault"),
        (9899, Range::CpeVendor, "Vendor defined fault"),
        (9900, Range::Unassigned, "Unassigned fault"),
    ];
    for (code, range, name) in ranges {
        assert_eq!((FaultCode(code).range(), FaultCode(code).name()), (range, name), "{code}");
    }
    let client: Vec<u16> =
        CODES.iter().copied().filter(|code| FaultCode(*code).soap_code() == SoapCode::Client).collect();
    assert_eq!(client, [8003, 9003, 9005, 9006, 9007, 9008]);
}

#[test]
fn what_reports_may_say() {
    let may = |say: fn(FaultCode) -> bool| {
        (0..=10_000).filter(move |code| say(FaultCode(*code))).collect::<Vec<u16>>()
    };
    let mut transfers = vec![0, 9001, 9002, 9010, 9011, 9012, 9014, 9015, 9016, 9017, 9018, 9019, 9020];
    transfers.extend(9033..=9899);
    assert_eq!(may(FaultCode::in_transfer_complete), transfers);
    let units = [
        0, 9001, 9003, 9012, 9013, 9015, 9016, 9017, 9018, 9022, 9023, 9024, 9025, 9026, 9027, 9028, 9029,
        9030, 9031, 9032,
    ];
    assert_eq!(may(FaultCode::in_state_change), units);
}

#[test]
fn a_fault_is_written() {
    let parameters =
        vec![ParameterFault { name: "Device.A".to_owned(), code: FaultCode(9007), text: "no".to_owned() }];
    let fault = Fault { parameters, ..Fault::new(FaultCode(9003)) };
    let envelope =
        FromCpe { header: Header::default(), namespace: Namespace { minor: 0 }, body: Body::Fault(fault) };
    let written = String::from_utf8(envelope.encode(&Style::default())).expect("UTF-8");
    let expected = "<soap-env:Body><soap-env:Fault><faultcode>soap-env:Client</faultcode>\
        <faultstring>CWMP fault</faultstring><detail><cwmp:Fault><FaultCode>9003</FaultCode>\
        <FaultString>Invalid arguments</FaultString><SetParameterValuesFault>\
        <ParameterName>Device.A</ParameterName><FaultCode>9007</FaultCode><FaultString>no</FaultString>\
        </SetParameterValuesFault></cwmp:Fault></detail></soap-env:Fault></soap-env:Body>";
    assert!(written.contains(expected), "{written}");
    assert!(!written.contains("Header"), "{written}");
}

/// Reads a fault, and what is noted beside the header that isn't there.
fn read(inside: &str) -> (Fault, Vec<Notice>) {
    let xml = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:cwmp='urn:dslforum-org:cwmp-1-0'>\
         <s:Header><cwmp:ID>1</cwmp:ID></s:Header><s:Body><s:Fault>{inside}</s:Fault></s:Body></s:Envelope>"
    );
    let decoded = FromCpe::decode(xml.as_bytes(), None, 65_536).expect("an envelope");
    match decoded.envelope.body {
        Body::Fault(fault) => (fault, decoded.noticed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn faults_of_devices() {
    let fault = |code, text: &str| Fault { code: FaultCode(code), text: text.to_owned(), parameters: vec![] };
    let cases = [
        (
            "<faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
             <FaultCode>9005</FaultCode><FaultString>what?</FaultString></cwmp:Fault></detail>",
            fault(9005, "what?"),
            vec![],
        ),
        (
            "<faultcode>Server</faultcode><faultstring>9002 broken</faultstring>",
            fault(9002, "9002 broken"),
            vec![Notice::FaultDetailMissing, Notice::FaultCodePlace],
        ),
        (
            "<faultcode>s:9001</faultcode><faultstring/><detail/>",
            fault(9001, ""),
            vec![Notice::FaultDetailMissing, Notice::FaultCodePlace],
        ),
        (
            "<faultcode>Server</faultcode><faultstring>oops</faultstring><detail><cwmp:Fault><FaultCode/>\
             </cwmp:Fault></detail>",
            fault(9002, "oops"),
            vec![Notice::FaultCodeForm],
        ),
        (
            "<faultcode>Client</faultcode><faultstring>x</faultstring><detail><Fault>\
             <FaultCode>9007 - bad</FaultCode><FaultString> </FaultString></Fault></detail>",
            fault(9007, "x"),
            vec![Notice::FaultCodeForm],
        ),
        ("<FaultCode>9004</FaultCode>", fault(9004, ""), vec![Notice::FaultDetailMissing]),
        ("", fault(9002, ""), vec![Notice::FaultDetailMissing]),
    ];
    for (xml, expected, noticed) in cases {
        assert_eq!(read(xml), (expected, noticed), "{xml}");
    }
}

#[test]
fn the_fallback_is_the_speakers() {
    let xml = b"<Envelope><Body><Fault/></Body></Envelope>";
    let decoded = FromAcs::decode(xml, None, 100).expect("an envelope");
    assert_eq!(decoded.envelope.body, Body::Fault(Fault { code: FaultCode(8002), ..Fault::default() }));
}
