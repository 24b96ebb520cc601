//! URLs of WebSocket servers.

use mtp::ws::WsUrl;
use requirement::requirement;

#[test]
#[requirement("R-WS.1")]
fn good_ones() {
    let cases = [
        ("ws://localhost", (false, "localhost", 80, "/", None), "ws://localhost/"),
        ("ws://127.0.0.1:8183/usp", (false, "127.0.0.1", 8183, "/usp", None), "ws://127.0.0.1:8183/usp"),
        (
            "WSS://acs.example.com/usp",
            (true, "acs.example.com", 443, "/usp", None),
            "wss://acs.example.com/usp",
        ),
        (
            "wss://[2001:db8::1]:8443/a/b",
            (true, "2001:db8::1", 8443, "/a/b", None),
            "wss://[2001:db8::1]:8443/a/b",
        ),
        ("ws://h?x=1", (false, "h", 80, "/", Some("x=1")), "ws://h/?x=1"),
        ("ws://h/p?x=/?", (false, "h", 80, "/p", Some("x=/?")), "ws://h/p?x=/?"),
    ];
    for (text, (secure, host, port, path, query), display) in cases {
        let url: WsUrl = text.parse().unwrap();
        let parts = (url.secure, url.host.as_str(), url.port, url.path.as_str(), url.query.as_deref());
        assert_eq!(parts, (secure, host, port, path, query), "{text}");
        assert_eq!(url.to_string(), display);
        assert_eq!(url.to_string().parse::<WsUrl>().unwrap(), url);
    }
}

#[test]
fn bad_ones() {
    for text in [
        "",
        "localhost",
        "http://localhost/",
        "ws://",
        "ws:///usp",
        "ws://:80/",
        "ws://user@host/",
        "ws://host/#fragment",
        "ws://host:0/",
        "ws://host:65536/",
        "ws://host:/",
        "ws://[::1/",
        "ws://[::1]x/",
        "ws://[nonsense]/",
        "ws://2001:db8::1/",
        "ws://host/a b",
        "ws://host/\r\nX: y",
        "ws://höst/",
    ] {
        assert!(text.parse::<WsUrl>().is_err(), "{text}");
    }
}
