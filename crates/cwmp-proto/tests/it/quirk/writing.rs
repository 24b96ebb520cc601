//! Quirks of what is written: forms of answers, and of Digest.

use cwmp_proto::digest::{Algorithm, Authorization, Offer};
use cwmp_proto::quirk::{Style, Switch};
use cwmp_proto::rpc::{CpeRequest, GetParameterNames, SetParameterAttributes, SetParameterAttributesRow};
use cwmp_proto::{Body, FromAcs, Header, Namespace};

use super::texts;

fn write(request: CpeRequest, switches: &[Switch]) -> String {
    let body = Body::Request(request);
    let envelope = FromAcs { header: Header::with_id("1"), namespace: Namespace::default(), body };
    String::from_utf8(envelope.encode(&Style::with(switches))).expect("text")
}

#[test]
pub(super) fn answer_form() {
    let [default, old, no_more] = &texts("19-answer-form")[..] else { panic!("three messages") };
    let request =
        || CpeRequest::GetParameterNames(GetParameterNames { path: String::new(), next_level: false });
    assert_eq!(&write(request(), &[]), default);
    let switches = [
        Switch::Pretty,
        Switch::FinalNewline,
        Switch::UpperPrefixes,
        Switch::NoSelfClosing,
        Switch::BooleanWords,
    ];
    assert_eq!(write(request(), &switches), format!("{old}\n"));
    assert_eq!(&write(request(), &[Switch::NoMoreRequests]), no_more);
    let digit = write(request(), &[Switch::BooleanWords, Switch::NextLevelDigit]);
    assert!(digit.contains("<NextLevel>0</NextLevel>"), "{digit}");
    for (switch, prefix) in [(Switch::JoinedPrefixes, "soapenv"), (Switch::ShortPrefixes, "soap")] {
        let written = write(request(), &[switch]);
        assert!(written.contains(&format!("<{prefix}:Body>")), "{written}");
    }
    for switch in Switch::ALL {
        assert_eq!(Switch::from_name(switch.name()), Some(*switch));
        assert_ne!(Style::with(&[*switch]) == Style::default(), *switch != Switch::BooleanDigits);
    }
    assert_eq!(Style::with(&[Switch::BooleanWords, Switch::BooleanDigits]), Style::default());
}

#[test]
pub(super) fn attribute_lists() {
    let row = SetParameterAttributesRow {
        name: "Device.A".to_owned(),
        notification_change: true,
        notification: 1,
        ..SetParameterAttributesRow::default()
    };
    let request = CpeRequest::SetParameterAttributes(SetParameterAttributes { parameters: vec![row] });
    let expected = &texts("33-attribute-lists")[0];
    let written = write(request, &[]);
    assert!(written.contains(expected.as_str()), "{written}");
}

#[test]
pub(super) fn digest_form() {
    let [client, huawei, lower, open] = &texts("20-digest-form")[..] else { panic!("four headers") };
    let offers = Offer::parse([client.as_str()]);
    let answer = offers[0].answer("cpe", "pw", "GET", "/64:68:0c:00:00:01", "c", 1);
    // Nothing of RFC 2617 goes to who doesn't speak it.
    assert_eq!(
        answer,
        "Digest username=\"cpe\", realm=\"TR069 Client\", nonce=\"2pJr8usq\", uri=\"/64:68:0c:00:00:01\", \
         response=\"688d09c82a2ced3a87ee63bb883a3121\""
    );
    let answer = Offer::parse([huawei.as_str()])[0].answer("hw", "pw", "GET", "/", "c", 1);
    assert_eq!(
        answer,
        "Digest username=\"hw\", realm=\"HuaweiHomeGateway\", nonce=\"955cd727\", uri=\"/\", \
         response=\"0a592ded9e761aaae340537029f90db9\", algorithm=MD5, cnonce=\"c\", qop=auth, nc=00000001"
    );
    for (header, opaque) in [(lower, None), (open, Some("o"))] {
        let read = Authorization::parse(header).expect("an authorization");
        let texts = [&read.username, &read.realm, &read.nonce, &read.uri];
        assert_eq!(texts, ["00D09E-Router-1", "Fritz", "N1", "/acs"]);
        assert_eq!((read.algorithm, read.opaque.as_deref()), (Algorithm::Md5, opaque));
        assert!(read.proves("pw", "POST"), "{header}");
        assert!(!read.proves("pw2", "POST"), "{header}");
    }
}
