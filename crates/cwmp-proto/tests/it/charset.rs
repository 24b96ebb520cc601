//! Bytes in other charsets than they say, and in those they say.

use cwmp_proto::charset::of_content_type;
use cwmp_proto::rpc::{AcsRequest, Kicked};
use cwmp_proto::{Body, FromCpe, Notice};

/// The argument of a Kicked, whose bytes stand in the middle of a document.
fn read(declaration: &str, bytes: &[u8], header: Option<&str>) -> (String, Vec<Notice>) {
    let mut xml = declaration.as_bytes().to_vec();
    let before = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:c='urn:dslforum-org:cwmp-1-0'>\
        <s:Header><c:ID>1</c:ID></s:Header><s:Body><c:Kicked><Command/><Referer/><Arg>";
    xml.extend_from_slice(before.as_bytes());
    xml.extend_from_slice(bytes);
    xml.extend_from_slice(b"</Arg><Next/></c:Kicked></s:Body></s:Envelope>");
    argument(&xml, header)
}

fn argument(xml: &[u8], header: Option<&str>) -> (String, Vec<Notice>) {
    let decoded = FromCpe::decode(xml, header, 65_536).expect("an envelope");
    match decoded.envelope.body {
        Body::Request(AcsRequest::Kicked(Kicked { argument, .. })) => (argument, decoded.noticed),
        other => panic!("{other:?}"),
    }
}

const UTF8: &str = "<?xml version='1.0' encoding='UTF-8'?>";
const LATIN1: &str = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>";
const GBK: &str = "<?xml version=\"1.0\" encoding=\"gb2312\"?>";

/// Declaration, bytes, charset of the header, text, what is noted.
type Case = (&'static str, &'static [u8], Option<&'static str>, &'static str, &'static [Notice]);

#[test]
fn charsets() {
    use Notice::{CharsetContradiction, CharsetUndeclared};
    let cases: &[Case] = &[
        ("", "ü".as_bytes(), None, "ü", &[]),
        (UTF8, "ü".as_bytes(), Some("utf-8"), "ü", &[]),
        (LATIN1, b"a", Some("ISO-8859-1"), "a", &[]),
        (LATIN1, b"\xfc", Some("iso-8859-1"), "ü", &[]),
        (LATIN1, b"\xfc", None, "ü", &[]),
        ("", b"\xfc", None, "ü", &[CharsetUndeclared]),
        (UTF8, b"\xfc", Some("utf-8"), "ü", &[CharsetContradiction]),
        (LATIN1, "ü".as_bytes(), None, "ü", &[CharsetContradiction]),
        (UTF8, b"\xfc", Some("latin1"), "ü", &[CharsetContradiction]),
        (GBK, b"\xd6\xd0\xce\xc4", None, "中文", &[]),
        ("", b"\xd6\xd0", Some("GBK"), "中", &[]),
        ("", b"a", Some("klingon"), "a", &[]),
    ];
    for (declaration, bytes, header, expected, noticed) in cases {
        let (argument, mut found) = read(declaration, bytes, *header);
        found.retain(|notice| !matches!(notice, Notice::CharsetUnknown(_)));
        assert_eq!(
            (argument.as_str(), found.as_slice()),
            (*expected, *noticed),
            "{declaration} {bytes:?} {header:?}"
        );
    }
    assert_eq!(read("", b"a", Some("klingon")).1, [Notice::CharsetUnknown("klingon".to_owned())]);
}

#[test]
fn marks_and_control_characters() {
    assert_eq!(read("\u{feff}", b"a", None), ("a".to_owned(), vec![Notice::ByteOrderMark]));
    assert_eq!(read("", b"a\x02b\0", None), ("ab".to_owned(), vec![Notice::IllegalCharacters]));
    assert_eq!(read("", b"a&#2;b", None), ("ab".to_owned(), vec![Notice::IllegalCharacters]));
    let text = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:c='urn:dslforum-org:cwmp-1-0'>\
        <s:Header><c:ID>1</c:ID></s:Header><s:Body><c:Kicked><Command/><Referer/><Arg>ü🙂</Arg><Next/></c:Kicked>\
        </s:Body></s:Envelope>";
    for (mark, bytes) in [
        ([0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ([0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ] {
        let xml: Vec<u8> = mark.into_iter().chain(bytes).collect();
        assert_eq!(argument(&xml, None), ("ü🙂".to_owned(), vec![Notice::ByteOrderMark]));
    }
}

#[test]
fn content_types() {
    let cases = [
        ("text/xml; charset=\"utf-8\"", Some("utf-8")),
        ("text/xml;charset=GBK", Some("GBK")),
        ("text/xml; Charset = 'latin1'; x=y", Some("latin1")),
        ("text/xml", None),
        ("text/xml; charset=", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(of_content_type(text), expected, "{text}");
    }
}
