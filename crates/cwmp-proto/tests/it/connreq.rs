//! Connection requests over UDP and XMPP, and lightweight notifications. Signatures were computed elsewhere.

use cwmp_proto::Error;
use cwmp_proto::connreq::lightweight::{Notification, Signed};
use cwmp_proto::connreq::udp::UdpRequest;
use cwmp_proto::connreq::xmpp::{Envelope, Refusal, Stanza};

#[test]
fn a_datagram_is_written_and_read() {
    let request =
        UdpRequest::sign("192.0.2.7:7547", 1_772_337_906, 42, "00D09E-Gateway-1", "a1b2c3", "secret");
    assert_eq!(request.signature, "20c53016de64765c98896682ed76e4345c9507fb");
    let expected = "GET http://192.0.2.7:7547?ts=1772337906&id=42&un=00D09E-Gateway-1&cn=a1b2c3\
        &sig=20c53016de64765c98896682ed76e4345c9507fb HTTP/1.1\r\nHost: 192.0.2.7:7547\r\n\r\n";
    assert_eq!(String::from_utf8(request.to_bytes()).expect("text"), expected);
    let read = UdpRequest::parse(expected.as_bytes()).expect("a request");
    assert_eq!(read, request);
    assert_eq!(read.seconds(), Some(1_772_337_906));
    assert!(read.verify("secret"));
    assert!(!read.verify("Secret"));
    for changed in [
        UdpRequest { timestamp: "1772337907".to_owned(), ..read.clone() },
        UdpRequest { id: "43".to_owned(), ..read.clone() },
        UdpRequest { username: "x".to_owned(), ..read.clone() },
        UdpRequest { cnonce: "x".to_owned(), ..read },
    ] {
        assert!(!changed.verify("secret"), "{changed:?}");
    }
}

#[test]
fn datagrams_of_others() {
    let odd = "GET http://[2001:db8::1]:7547/?cn=c&id=2&un=%C3%BC%20x&ts=1&sig=2733369962F645602C0FE38F8EF89795E9D6ED20 \
               HTTP/1.0\r\n\r\n";
    let read = UdpRequest::parse(odd.as_bytes()).expect("a request");
    assert_eq!((read.authority.as_str(), read.username.as_str()), ("[2001:db8::1]:7547", "ü x"));
    assert!(read.verify("p&w"));
    for none in [
        "",
        "GET / HTTP/1.1\r\n\r\n",
        "POST http://h?ts=1&id=2&un=u&cn=c&sig=s HTTP/1.1\r\n\r\n",
        "GET http://h?ts=1&id=2&un=u&cn=c HTTP/1.1\r\n\r\n",
        "GET http://h?ts=1&id=2&un=u&cn=c&sig=s\r\n\r\n",
        "GET http://h?ts=1&id=2&un=u u&cn=c&sig=s HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(UdpRequest::parse(none.as_bytes()), None, "{none}");
    }
    assert_eq!(UdpRequest::parse(&vec![b'a'; 1473]), None);
    let injected = UdpRequest::sign("h\r\nX: y", 1, 2, "u\r\n", "c", "p").to_bytes();
    let lines = String::from_utf8(injected).expect("text");
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[test]
fn a_notification_is_written_and_read() {
    let notification = Notification {
        timestamp: "1772337906".to_owned(),
        username: "00D09E-Gateway-1".to_owned(),
        cnonce: "77".to_owned(),
        oui: "00D09E".to_owned(),
        product_class: "Gateway".to_owned(),
        serial_number: "1".to_owned(),
        parameters: vec![("Device.A".to_owned(), "a&b".to_owned())],
    };
    let body = notification.to_xml();
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <Notification xmlns=\"urn:broadband-forum-org:cwmp:lwnotif-1-0\"><TS>1772337906</TS>\
        <UN>00D09E-Gateway-1</UN><CN>77</CN><OUI>00D09E</OUI><ProductClass>Gateway</ProductClass>\
        <SerialNumber>1</SerialNumber><Param><Name>Device.A</Name><Value>a&amp;b</Value></Param></Notification>";
    assert_eq!(String::from_utf8(body.clone()).expect("text"), expected);
    let signed = Signed::sign(body, "acs-secret");
    assert_eq!(signed.signature, "680544ee1b424a9e24318f1c1c851ff055fdcaed");
    let datagram = signed.to_bytes("acs.example:7547");
    let head = "POST / HTTP/1.1\r\nHost: acs.example:7547\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n\
        Content-Length: 313\r\nSignature: 680544ee1b424a9e24318f1c1c851ff055fdcaed\r\n\r\n";
    assert_eq!(String::from_utf8(datagram.clone()).expect("text"), format!("{head}{expected}"));
    let read = Signed::parse(&datagram).expect("a notification");
    assert_eq!(read, signed);
    assert!(read.verify("acs-secret"));
    assert!(!read.verify("other"));
    assert_eq!(Notification::parse(&read.body), Ok(notification));
}

#[test]
fn notifications_that_are_none() {
    for none in
        ["", "GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nSignature: 1\r\n"]
    {
        assert_eq!(Signed::parse(none.as_bytes()), None, "{none}");
    }
    assert_eq!(Notification::parse(b"<!DOCTYPE a><Notification/>"), Err(Error::DocType));
    assert_eq!(Notification::parse(b"<a/>"), Err(Error::Root { root: "a".to_owned() }));
    let many = format!("<Notification>{}</Notification>", "<Param/>".repeat(257));
    assert_eq!(
        Notification::parse(many.as_bytes()),
        Err(Error::TooMany { what: "rows in a list", limit: 256 })
    );
}

#[test]
fn stanzas() {
    let envelope = Envelope {
        from: "acs@example.org/r'1".to_owned(),
        to: "cpe@example.org/2".to_owned(),
        id: "7".to_owned(),
    };
    let request = Stanza::Request { username: "u<".to_owned(), password: "p&".into() };
    let addresses = "from=\"acs@example.org/r&apos;1\" to=\"cpe@example.org/2\" id=\"7\"";
    let cases = [
        (
            request,
            format!(
                "<iq type=\"get\" {addresses}>\
                 <connectionRequest xmlns=\"urn:broadband-forum-org:cwmp:xmppConnReq-1-0\">\
                 <username>u&lt;</username><password>p&amp;</password></connectionRequest></iq>"
            ),
        ),
        (Stanza::Accepted, format!("<iq type=\"result\" {addresses}/>")),
        (
            Stanza::Refused(Refusal::NotAuthorized),
            format!(
                "<iq type=\"error\" {addresses}><error type=\"cancel\">\
                 <not-authorized xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>"
            ),
        ),
        (
            Stanza::Refused(Refusal::Unavailable),
            format!(
                "<iq type=\"error\" {addresses}><error type=\"cancel\">\
                 <service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>"
            ),
        ),
    ];
    for (stanza, expected) in cases {
        assert_eq!(stanza.to_xml(&envelope), expected);
        assert_eq!(Stanza::parse(&expected), Ok(Some((envelope.clone(), stanza))));
    }
}

#[test]
fn stanzas_of_others() {
    let repeated = "<iq type='error' id='7'><connectionRequest><username/></connectionRequest>\
                    <error code='404' type='cancel'><item-not-found xmlns='x'/><text>gone</text></error></iq>";
    let envelope = Envelope { id: "7".to_owned(), ..Envelope::default() };
    let refused = Stanza::Refused(Refusal::Other("item-not-found".to_owned()));
    assert_eq!(Stanza::parse(repeated), Ok(Some((envelope, refused))));
    for none in ["<message/>", "<iq type='get'><ping/></iq>", "<iq/>"] {
        assert_eq!(Stanza::parse(none), Ok(None), "{none}");
    }
    assert!(matches!(Stanza::parse("<iq type='get'"), Err(Error::Malformed { .. })));
    assert_eq!(Stanza::parse(&" ".repeat(16_385)), Err(Error::TooLong { bytes: 16_385, limit: 16_384 }));
}
