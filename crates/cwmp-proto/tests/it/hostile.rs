//! What nobody sends by accident: bombs, endless nesting, giant lists, cut-off documents. Each is an error, soon.

use cwmp_proto::limits::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_NODES, MAX_ROWS};
use cwmp_proto::rpc::{AcsRequest, Call};
use cwmp_proto::{Body, Error, FromAcs, FromCpe, Node, Notice};
use proptest::prelude::*;

fn read(xml: &str) -> Result<FromCpe, Error> {
    FromCpe::decode(xml.as_bytes(), None, 8 * 1024 * 1024).map(|decoded| decoded.envelope)
}

fn in_body(inside: &str) -> String {
    format!("<Envelope><Body>{inside}</Body></Envelope>")
}

#[test]
fn limits_are_errors() {
    let nested = format!("{}{}", "<a>".repeat(MAX_DEPTH), "</a>".repeat(MAX_DEPTH));
    let attributes: String = (0..=MAX_ATTRIBUTES).map(|at| format!(" a{at}='1'")).collect();
    let events = "<EventStruct><EventCode>1 BOOT</EventCode></EventStruct>".repeat(MAX_ROWS + 1);
    let cases = [
        (in_body(&format!("<X_A_B>{nested}</X_A_B>")), "elements inside of each other", MAX_DEPTH),
        (in_body(&format!("<Inform{attributes}/>")), "attributes", MAX_ATTRIBUTES),
        (in_body(&format!("<{}/>", "n".repeat(257))), "bytes in a name", 256),
        (in_body(&format!("<Inform><Event>{events}</Event></Inform>")), "rows in a list", MAX_ROWS),
        (in_body(&format!("<X_A_B>{}</X_A_B>", "<a/>".repeat(MAX_NODES + 1))), "nodes", MAX_NODES),
    ];
    for (xml, what, limit) in cases {
        assert_eq!(read(&xml), Err(Error::TooMany { what, limit }));
    }
    let inside = "<a>".repeat(MAX_DEPTH - 3) + &"</a>".repeat(MAX_DEPTH - 3);
    assert!(read(&in_body(&format!("<X_A_B>{inside}</X_A_B>"))).is_ok());
    assert_eq!(
        FromCpe::decode(in_body("<Inform/>").as_bytes(), None, 10),
        Err(Error::TooLong { bytes: 43, limit: 10 })
    );
}

#[test]
fn documents_that_are_refused() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><Envelope><Body><Inform/></Body></Envelope>";
    assert_eq!(read(bomb), Err(Error::DocType));
    let inside = "<Envelope><!DOCTYPE x><Body><Inform/></Body></Envelope>";
    assert_eq!(read(inside), Err(Error::DocType));
    for empty in ["", " \r\n"] {
        assert_eq!(read(empty), Err(Error::Blank));
    }
    assert_eq!(read("<html><body/></html>"), Err(Error::Root { root: "html".to_owned() }));
    for none in ["<Envelope/>", "<Envelope><Header/></Envelope>", "<Envelope><Body/></Envelope>"] {
        assert_eq!(read(none), Err(Error::NoMethod), "{none}");
    }
    let broken = [
        "<Envelope>",
        "<Envelope><Body><Inform></Body></Envelope>",
        "<Envelope><Body><Inform/></Body>",
        "<Envelope><Body><Inform",
        "<Envelope><Body><Inform><![CDATA[",
        "<Envelope><Body><Inform/></Envelope></Body>",
        "</Envelope>",
        "plain text",
        "{\"json\": true}",
    ];
    for xml in broken {
        assert!(matches!(read(xml), Err(Error::Malformed { .. })), "{xml}: {:?}", read(xml));
    }
}

/// An entity of one's own is text, and grows nothing.
#[test]
fn entities_are_not_expanded() {
    let envelope = read(&in_body("<X_A_B><a>&lol9;&lol9;</a></X_A_B>")).expect("an envelope");
    let arguments = vec![Node::leaf("a", "&lol9;&lol9;")];
    let call = Call { name: "X_A_B".to_owned(), arguments };
    assert_eq!(envelope.body, Body::Request(AcsRequest::Vendor(call)));
}

/// Methods of the other side, and methods of nobody, are calls that somebody can refuse.
#[test]
fn unknown_methods_are_kept() {
    for name in ["GetParameterValues", "Foo", "X_CT-COM_Bar"] {
        let envelope = read(&in_body(&format!("<c:{name}><A>1</A></c:{name}>"))).expect("an envelope");
        let Body::Request(AcsRequest::Vendor(call)) = envelope.body else { panic!("{name}") };
        assert_eq!((call.name.as_str(), call.is_vendors()), (name, name.starts_with("X_")));
        assert_eq!(call.arguments, [Node::leaf("A", "1")]);
    }
}

/// Texts of peers are short where they are told.
#[test]
fn notices_are_short() {
    let long = "x".repeat(10_000);
    let xml = in_body(&format!(
        "<Inform><Event><EventStruct><EventCode>{long}</EventCode></EventStruct></Event></Inform>"
    ));
    let noticed = FromCpe::decode(xml.as_bytes(), None, 65_536).expect("an envelope").noticed;
    assert!(noticed.contains(&Notice::EventUnknown("x".repeat(64))), "{noticed:?}");
}

/// What envelopes are made of, in any order.
const PIECES: &[&str] = &[
    "<Envelope>",
    "</Envelope>",
    "<Header>",
    "</Header>",
    "<Body>",
    "</Body>",
    "<c:ID>",
    "</c:ID>",
    "<Inform>",
    "</Inform>",
    "<Event arrayType='[1]'>",
    "</Event>",
    "<EventStruct>",
    "</EventStruct>",
    "<Fault>",
    "</Fault>",
    "<detail>",
    "</detail>",
    "<FaultCode>",
    "</FaultCode>",
    "<Value type='xsd:boolean'>",
    "</Value>",
    "<ParameterList>",
    "</ParameterList>",
    "<Results>",
    "</Results>",
    "<Operations type='InstallOpStruct'>",
    "</Operations>",
    "<X_A_B>",
    "</X_A_B>",
    "<a",
    "/>",
    ">",
    "'",
    "\"",
    "=",
    "&",
    "&amp;",
    "&#",
    ";",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<!",
    "\n",
    " ",
    "1",
    "9005",
    "\u{feff}",
    "ü",
    "\0",
];

proptest! {
    #[test]
    fn nothing_panics(pieces in proptest::collection::vec(0..PIECES.len(), 0..60), odd in any::<Vec<u8>>()) {
        let mut document = String::from("<Envelope xmlns:c='urn:dslforum-org:cwmp-1-0'><Body>");
        pieces.iter().for_each(|piece| document.push_str(PIECES[*piece]));
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        for bytes in [document.as_bytes(), text.as_bytes(), &odd] {
            for charset in [None, Some("gbk"), Some("utf-16")] {
                let _ = FromCpe::decode(bytes, charset, 65_536);
                let _ = FromAcs::decode(bytes, charset, 65_536);
            }
        }
    }
}
