//! Digest and Basic, with the examples of the RFCs.

use cwmp_proto::digest::{Algorithm, Authorization, Basic, Challenge, Offer, basic_challenge, ha1};

const NONCE: &str = "dcd98b7102dd2f0e8b11d0f600bfb0c093";

fn challenge(algorithm: Algorithm, qop_auth: bool) -> Challenge {
    Challenge {
        realm: "testrealm@host.com".to_owned(),
        nonce: NONCE.to_owned(),
        algorithm,
        qop_auth,
        opaque: Some("5ccc069c403ebaf9f0171e9517f40e41".to_owned()),
        stale: false,
    }
}

/// The responses of RFC 2617 section 3.5, of RFC 2069 with its erratum, and of RFC 2617 with MD5-sess.
#[test]
fn responses() {
    let cases = [
        (Algorithm::Md5, true, "Circle Of Life", "6629fae49393a05397450978507c4ef1"),
        (Algorithm::Md5, false, "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"),
        (Algorithm::Md5Sess, true, "Circle Of Life", "8e3825c57e897f5a0dec6c2d4e5059d0"),
    ];
    for (algorithm, qop, password, expected) in cases {
        let answer =
            challenge(algorithm, qop).answer("Mufasa", password, "GET", "/dir/index.html", "0a4f113b", 1);
        assert_eq!(answer.response, expected, "{algorithm:?} {qop}");
        let read = Authorization::parse(&answer.header()).expect("our own");
        assert_eq!(read, answer);
        assert!(read.proves(password, "GET"));
        assert!(!read.proves(password, "POST"));
        assert!(!read.proves("circle of life", "GET"));
        let stored = ha1(algorithm, "Mufasa", "testrealm@host.com", password);
        assert!(read.proves_ha1(&stored, "GET"));
        assert!(!Authorization { nonce: "other".to_owned(), ..read.clone() }.proves(password, "GET"));
        assert!(!Authorization { uri: "/".to_owned(), ..read }.proves(password, "GET"));
    }
    assert_eq!(
        ha1(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life"),
        "939e7578ed9e3c518a452acee763bce9"
    );
}

/// RFC 7616 section 3.9.1.
#[test]
fn both_algorithms_of_rfc_7616() {
    let headers = [
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
    ];
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let responses = [
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        "8ca523f5e9506fed4657c9700eebdbec",
    ];
    let offers = Offer::parse([headers[1], headers[0]]);
    assert_eq!(offers.len(), 2);
    for (offer, response) in offers.iter().zip(responses) {
        let header = offer.answer("Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce, 1);
        let read = Authorization::parse(&header).expect("our own");
        assert_eq!((read.response.as_str(), read.count()), (response, Some(1)));
        assert!(read.proves("Circle of Life", "GET"));
    }
}

#[test]
fn headers_are_written() {
    assert_eq!(
        challenge(Algorithm::Md5, true).header(),
        "Digest realm=\"testrealm@host.com\", qop=\"auth\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
         opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", algorithm=MD5"
    );
    let stale = Challenge { stale: true, opaque: None, ..challenge(Algorithm::Sha256, true) };
    assert_eq!(
        stale.header(),
        "Digest realm=\"testrealm@host.com\", qop=\"auth\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
         algorithm=SHA-256, stale=true"
    );
    assert_eq!(Offer::parse([stale.header().as_str()]), [Offer::Digest(stale)]);
    let odd = challenge(Algorithm::Md5, true).answer("a\"b\\c\r\nX: y", "p", "GET", "/", "c", 10);
    assert_eq!(
        odd.header().split(", response").next(),
        Some(
            "Digest username=\"a\\\"b\\\\cX: y\", realm=\"testrealm@host.com\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/\""
        )
    );
    assert!(odd.header().ends_with("qop=auth, nc=0000000a"), "{}", odd.header());
}

#[test]
fn offers_are_sorted_and_what_nobody_can_answer_is_left_out() {
    let header = "Basic realm=\"a, b\", Digest realm=x, nonce=1, Digest realm=y, nonce=2, qop=\"auth-int\", \
                  Digest realm=z, nonce=3, algorithm=SHA-512-256, Digest realm=w, NTLM, Digest realm=v, nonce=4, \
                  algorithm=SHA-256";
    let digest = |realm: &str, nonce: &str, algorithm| {
        Offer::Digest(Challenge {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            algorithm,
            ..Challenge::default()
        })
    };
    let expected = [
        digest("v", "4", Algorithm::Sha256),
        digest("x", "1", Algorithm::Md5),
        Offer::Basic("a, b".to_owned()),
    ];
    assert_eq!(Offer::parse([header]), expected);
    for nothing in ["", "Digest", "Digest realm=x", "=,=,=", "Bearer abc=="] {
        assert_eq!(Offer::parse([nothing]), [], "{nothing}");
    }
    assert_eq!(Offer::parse([format!("Digest nonce=\"{}\"", "x".repeat(5000)).as_str()]), []);
}

#[test]
fn targets() {
    let cases = [
        ("/acs", "/acs", true),
        ("/acs", "/acs?x=1", true),
        ("http://acs.example:7547/acs?x", "/acs", true),
        ("http://acs.example", "/", true),
        ("", "/", true),
        ("/acs", "/other", false),
        ("/", "/acs", false),
    ];
    for (uri, target, expected) in cases {
        let authorization = Authorization { uri: uri.to_owned(), ..Authorization::default() };
        assert_eq!(authorization.is_for(target), expected, "{uri} {target}");
    }
}

/// RFC 7617 section 2, and how it is written else.
#[test]
fn basic() {
    let aladdin = Basic { username: "Aladdin".to_owned(), password: "open sesame".into() };
    assert_eq!(aladdin.header(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    for header in ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", " basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ "] {
        assert_eq!(Basic::parse(header), Some(aladdin.clone()), "{header}");
    }
    assert!(aladdin.is("Aladdin", "open sesame"));
    assert!(!aladdin.is("Aladdin", "open"));
    assert!(!aladdin.is("aladdin", "open sesame"));
    let latin1 = Basic { username: "ü".to_owned(), password: "".into() };
    assert_eq!(Basic::parse("Basic /Do="), Some(latin1));
    for none in ["", "Basic", "Basic ?", "Basic YQ==", "Digest QWxhZGRpbjpvcGVuIHNlc2FtZQ=="] {
        assert_eq!(Basic::parse(none), None, "{none}");
    }
    assert_eq!(basic_challenge("a\"b"), "Basic realm=\"a\\\"b\"");
    assert_eq!(format!("{aladdin:?}"), "Basic { username: \"Aladdin\", password: Secret(…) }");
}
