//! URIs of CoAP.

use mtp::coap::CoapUri;
use requirement::requirement;

fn uri(secure: bool, host: &str, port: u16, path: &[&str]) -> CoapUri {
    let path = path.iter().map(|segment| (*segment).to_owned()).collect();
    CoapUri { secure, host: host.to_owned(), port, path }
}

#[requirement("R-COAP.0")]
#[test]
fn what_they_say() {
    for (text, expected, again) in [
        ("coap://192.0.2.1/usp", uri(false, "192.0.2.1", 5683, &["usp"]), ""),
        ("coap://192.0.2.1:5683", uri(false, "192.0.2.1", 5683, &[]), "coap://192.0.2.1"),
        (
            "COAPS://Host.Example:7000/a/b",
            uri(true, "host.example", 7000, &["a", "b"]),
            "coaps://host.example:7000/a/b",
        ),
        ("coaps://host", uri(true, "host", 5684, &[]), ""),
        ("coap://[2001:db8::1]:5684/", uri(false, "2001:db8::1", 5684, &[]), "coap://[2001:db8::1]:5684"),
        ("coap://h/a%2Fb%20c/~d", uri(false, "h", 5683, &["a/b c", "~d"]), ""),
        ("coap://h/%C3%A9", uri(false, "h", 5683, &["é"]), ""),
    ] {
        let parsed: CoapUri = text.parse().expect(text);
        assert_eq!(parsed, expected, "{text}");
        assert_eq!(parsed.to_string(), if again.is_empty() { text } else { again });
        assert_eq!(parsed.to_string().parse::<CoapUri>().expect("it is one"), expected);
    }
}

#[test]
fn what_is_none() {
    let long = format!("coap://h/{}", "a".repeat(247));
    for text in [
        "",
        "coap:/h",
        "http://h/",
        "coap://",
        "coap:///usp",
        "coap://user@h/",
        "coap://h:0/",
        "coap://h:65536/",
        "coap://h:+1/",
        "coap://h:/",
        "coap://[::1/",
        "coap://[1.2.3.4]/",
        "coap://[::1]x/",
        "coap://h/?q",
        "coap://h/#f",
        "coap://h/a b",
        "coap://h/%",
        "coap://h/%2",
        "coap://h/%+1",
        "coap://h/%ff",
        "coap://h/é",
        &long,
    ] {
        assert!(text.parse::<CoapUri>().is_err(), "{text}");
    }
    assert!(long[..255].parse::<CoapUri>().is_ok());
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let mapped: CoapUri = "coap://[::ffff:192.0.2.1]:7/".parse().expect("a URI");
    assert_eq!(mapped.address(), Some("192.0.2.1:7".parse().expect("an address")));
    assert_eq!("coap://h/".parse::<CoapUri>().expect("a URI").address(), None);
}
