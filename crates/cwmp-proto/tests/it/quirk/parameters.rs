//! Quirks of parameters and their values, as they are read.

use cwmp_proto::rpc::CpeResponse::{self, GetParameterNames, GetParameterValues};
use cwmp_proto::rpc::{AcsRequest, CpeRequest, ParameterValue, SetParameterValues};
use cwmp_proto::value::Reading;
use cwmp_proto::{Body, FromAcs, Header, Namespace, Node, Notice, Quirk, Style, Time, ValueType};

use super::{inside, only, read};

#[test]
pub(super) fn value_types() {
    let decoded = &read("05-value-types")[0];
    let expected = [Notice::TypeEmpty, Notice::TypeUnknown("json".to_owned()), Notice::TypeMissing];
    assert_eq!(only(Quirk::ValueTypes, decoded), expected);
    let parameters = &inside!(decoded, Response, GetParameterValues).parameters;
    let types: Vec<(ValueType, &str)> =
        parameters.iter().map(|row| (row.value.kind, row.value.type_name())).collect();
    let expected = [
        (ValueType::String, "string"),
        (ValueType::Other, "json"),
        (ValueType::String, "string"),
        (ValueType::Base64, "base64"),
        (ValueType::Base64, "base64Binary"),
    ];
    assert_eq!(types, expected);
    let written = write(parameters.clone());
    for value in [
        "<Value xsi:type=\"xsd:string\">a</Value>",
        "<Value xsi:type=\"xsd:json\">{&quot;b&quot;:1}</Value>",
        "<Value xsi:type=\"xsd:base64Binary\">AA==</Value>",
    ] {
        assert!(written.contains(value), "{written}");
    }
}

/// What goes back to the device when these values are set.
fn write(parameters: Vec<ParameterValue>) -> String {
    let request = SetParameterValues { parameters, parameter_key: String::new() };
    let body = Body::Request(CpeRequest::SetParameterValues(request));
    let envelope = FromAcs { header: Header::default(), namespace: Namespace::default(), body };
    String::from_utf8(envelope.encode(&Style::default())).expect("text")
}

#[test]
pub(super) fn value_forms() {
    let decoded = &read("06-value-forms")[0];
    assert_eq!(only(Quirk::ValueForms, decoded), [Notice::ValueForm("Value")]);
    let parameters = &inside!(decoded, Response, GetParameterValues).parameters;
    let texts: Vec<&str> = parameters.iter().map(|row| row.value.text.as_str()).collect();
    assert_eq!(texts, ["True", " 5 ", "2018-07-04T12:00:00", "unknown"]);
    assert_eq!(parameters[0].value.boolean(), Reading::Lenient(true));
    assert_eq!(parameters[1].value.integer(), Reading::Lenient(5));
    assert_eq!(parameters[2].value.time(), Reading::Lenient(Time::Local(1_530_705_600_000)));
    assert_eq!(parameters[3].value.integer(), Reading::Unreadable);
}

#[test]
pub(super) fn charset() {
    let expected: [(&str, &[Notice]); 3] =
        [("ab", &[Notice::IllegalCharacters]), ("Küche", &[Notice::CharsetContradiction]), ("客厅", &[])];
    for (decoded, (text, noticed)) in read("07-charset").iter().zip(expected) {
        assert_eq!(only(Quirk::Charset, decoded), noticed);
        assert_eq!(inside!(decoded, Response, GetParameterValues).parameters[0].value.text, text);
    }
}

#[test]
pub(super) fn escapes() {
    let decoded = &read("08-escapes")[0];
    let expected = [
        Notice::CommentFirst,
        Notice::Padding,
        Notice::LoneAmpersand,
        Notice::CData,
        Notice::EscapedTwice,
        Notice::UnknownEntity,
    ];
    assert_eq!(only(Quirk::Escapes, decoded), expected);
    let parameters = &inside!(decoded, Response, GetParameterValues).parameters;
    let texts: Vec<&str> = parameters.iter().map(|row| row.value.text.as_str()).collect();
    assert_eq!(texts, ["a", "Tom & Jerry", "<b> & c", "a&amp;b", "&nbsp;e"]);
    assert_eq!(parameters[0].name, "Device.A");
}

#[test]
pub(super) fn elements_missing() {
    let [names, value, list] = &read("10-elements-missing")[..] else { panic!("three messages") };
    let expected = [Notice::ElementMissing("Writable"), Notice::ElementMissing("Name")];
    assert_eq!(only(Quirk::ElementsMissing, names), expected);
    let rows: Vec<(&str, bool)> = inside!(names, Response, GetParameterNames)
        .parameters
        .iter()
        .map(|row| (row.name.as_str(), row.writable))
        .collect();
    assert_eq!(rows, [("Device.WiFi", false), ("Device.Time.Enable", false), ("", true)]);
    assert_eq!(only(Quirk::ElementsMissing, value), [Notice::ElementMissing("Value")]);
    assert_eq!(inside!(value, Response, GetParameterValues).parameters[0].value.text, "");
    assert_eq!(only(Quirk::ElementsMissing, list), [Notice::ElementMissing("ParameterList")]);
    assert_eq!(list.envelope.body, Body::Response(CpeResponse::GetParameterValues(Default::default())));
}

#[test]
pub(super) fn parameter_keys() {
    let decoded = &read("34-parameter-keys")[0];
    assert_eq!(decoded.noticed, []);
    assert_eq!(inside!(decoded, Response, GetParameterValues).parameters[0].value.text, "(null)");
}

#[test]
pub(super) fn vendor_prefixes() {
    let [values, method] = &read("35-vendor-prefixes")[..] else { panic!("two messages") };
    assert_eq!((values.noticed.len(), method.noticed.len()), (0, 0));
    let names: Vec<&str> = inside!(values, Response, GetParameterValues)
        .parameters
        .iter()
        .map(|row| row.name.as_str())
        .collect();
    let expected =
        ["InternetGatewayDevice.X_CT-COM_UserInfo.Status", "InternetGatewayDevice.DeviceInfo.X_AVM-DE_Mode"];
    assert_eq!(names, expected);
    let Body::Request(AcsRequest::Vendor(call)) = &method.envelope.body else { panic!("{method:?}") };
    assert_eq!((call.name.as_str(), call.is_vendors()), ("X_CT-COM_Register", true));
    let list = Node::branch("List", vec![Node::leaf("X_CT-COM_Item", "1")]);
    assert_eq!(call.arguments, [Node::leaf("UserName", "u"), list]);
}
