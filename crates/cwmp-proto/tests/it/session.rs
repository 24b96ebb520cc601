//! The first exchange of each session, byte by byte: an Inform as a sound device sends it, and our answer.

use cwmp_proto::event::EventCode;
use cwmp_proto::rpc::{AcsRequest, AcsResponse, DeviceId, Event, Inform, InformResponse, ParameterValue};
use cwmp_proto::{
    Body, CwmpVersion, DateTime, Envelope, FromAcs, FromCpe, Header, Namespace, Style, Value, ValueType,
};

const INFORM: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-2">
  <soap-env:Header>
    <cwmp:ID soap-env:mustUnderstand="1">1234</cwmp:ID>
    <cwmp:SessionTimeout soap-env:mustUnderstand="0">60</cwmp:SessionTimeout>
    <cwmp:SupportedCWMPVersions soap-env:mustUnderstand="0">1.0,1.1,1.2,1.3,1.4</cwmp:SupportedCWMPVersions>
  </soap-env:Header>
  <soap-env:Body>
    <cwmp:Inform>
      <DeviceId>
        <Manufacturer>Example &amp; Sons</Manufacturer>
        <OUI>00D09E</OUI>
        <ProductClass>Gateway</ProductClass>
        <SerialNumber>A1-42</SerialNumber>
      </DeviceId>
      <Event soap-enc:arrayType="cwmp:EventStruct[2]">
        <EventStruct><EventCode>1 BOOT</EventCode><CommandKey/></EventStruct>
        <EventStruct><EventCode>M Reboot</EventCode><CommandKey>night</CommandKey></EventStruct>
      </Event>
      <MaxEnvelopes>1</MaxEnvelopes>
      <CurrentTime>2026-03-01T04:05:06Z</CurrentTime>
      <RetryCount>3</RetryCount>
      <ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[2]">
        <ParameterValueStruct>
          <Name>Device.RootDataModelVersion</Name>
          <Value xsi:type="xsd:string">2.15</Value>
        </ParameterValueStruct>
        <ParameterValueStruct>
          <Name>Device.ManagementServer.AliasBasedAddressing</Name>
          <Value xsi:type="xsd:boolean">0</Value>
        </ParameterValueStruct>
      </ParameterList>
    </cwmp:Inform>
  </soap-env:Body>
</soap-env:Envelope>
"#;

fn event(code: EventCode, command_key: &str) -> Event {
    Event { code, command_key: command_key.to_owned() }
}

#[test]
fn an_inform_is_read() {
    let decoded = FromCpe::decode(INFORM.as_bytes(), Some("utf-8"), 65_536).expect("an envelope");
    assert_eq!(decoded.noticed, []);
    let expected = Inform {
        device_id: DeviceId {
            manufacturer: "Example & Sons".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "Gateway".to_owned(),
            serial_number: "A1-42".to_owned(),
        },
        events: vec![event(EventCode::Boot, ""), event(EventCode::MethodReboot, "night")],
        max_envelopes: 1,
        current_time: DateTime::from("2026-03-01T04:05:06Z"),
        retry_count: 3,
        parameters: vec![
            ParameterValue { name: "Device.RootDataModelVersion".to_owned(), value: Value::string("2.15") },
            ParameterValue {
                name: "Device.ManagementServer.AliasBasedAddressing".to_owned(),
                value: Value::new(ValueType::Boolean, "0"),
            },
        ],
    };
    assert_eq!(
        decoded.envelope,
        Envelope {
            header: Header {
                id: Some("1234".to_owned()),
                session_timeout: Some(60),
                supported_versions: Some(CwmpVersion::SPOKEN.to_vec()),
                ..Header::default()
            },
            namespace: Namespace { minor: 2 },
            body: Body::Request(AcsRequest::Inform(expected)),
        }
    );
}

#[test]
fn an_inform_response_is_written() {
    let envelope: FromAcs = Envelope {
        header: Header { use_version: Some(CwmpVersion { major: 1, minor: 4 }), ..Header::with_id("1234") },
        namespace: Namespace { minor: 2 },
        body: Body::Response(AcsResponse::Inform(InformResponse { max_envelopes: 1 })),
    };
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" \
        xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
        xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
        <soap-env:Header>\
        <cwmp:ID soap-env:mustUnderstand=\"1\">1234</cwmp:ID>\
        <cwmp:UseCWMPVersion soap-env:mustUnderstand=\"1\">1.4</cwmp:UseCWMPVersion>\
        </soap-env:Header>\
        <soap-env:Body><cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse></soap-env:Body>\
        </soap-env:Envelope>";
    let written = String::from_utf8(envelope.encode(&Style::default())).expect("UTF-8");
    assert_eq!(written, expected);
}
