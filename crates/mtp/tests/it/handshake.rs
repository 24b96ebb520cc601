//! The pure functions of the opening handshake: the standard's own example, ids on their way, answers.

use mtp::Error;
use mtp::ws::handshake::{
    Answer, Request, Upgrade, accept_key, parse_request, parse_response, upgrade_request, upgrade_response,
};
use proptest::prelude::{prop_assert_eq, proptest};
use requirement::requirement;
use usp_proto::EndpointId;

use crate::support::{CONTROLLER, id};

/// The key and its answer from RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn parse(request: &str) -> Upgrade {
    match parse_request(request.as_bytes(), "/usp") {
        Ok(Request::Upgrade(upgrade)) => upgrade,
        other => panic!("{other:?}"),
    }
}

#[test]
#[requirement("R-WS.7")]
fn the_example_of_the_standard() {
    assert_eq!(accept_key(KEY), ACCEPT);
}

#[test]
#[requirement("R-WS.1", "R-WS.9", "R-WS.10", "R-WS.10b", "R-WS.10c")]
fn a_request_is_written_like_this() {
    let url = "ws://acs.example.com:8183/usp?tenant=7".parse().unwrap();
    let request = upgrade_request(&url, &id("doc::agent%21"), KEY, false);
    assert_eq!(
        request,
        "GET /usp?tenant=7&eid=doc::agent%2521 HTTP/1.1\r\nHost: acs.example.com:8183\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: v1.usp\r\n\r\n"
    );
    assert_eq!(parse(&request).eid, Some(id("doc::agent%21")));
}

#[test]
#[requirement("R-WS.10a")]
fn the_deprecated_extension_is_offered_on_demand() {
    let url = "ws://localhost/usp".parse().unwrap();
    let request = upgrade_request(&url, &id("os::00256D-1"), KEY, true);
    assert!(request.contains("\r\nSec-WebSocket-Extensions: bbf-usp-protocol; eid=\"os::00256D-1\"\r\n"));
    assert!(parse(&request).extension);
    // An id that can't stand in quotes is left to the URI.
    let request = upgrade_request(&url, &id("os::00256D-\"1"), KEY, true);
    assert!(!request.contains("Extensions"));
    assert_eq!(parse(&request).eid, Some(id("os::00256D-\"1")));
}

#[test]
#[requirement("R-WS.10b", "R-WS.11c")]
fn an_old_client_has_the_extension_alone() {
    let request = crate::raw::GOOD.replace("?eid=os::00256D-0001", "").replace(
        "\r\n\r\n",
        "\r\nSec-WebSocket-Extensions: x-other; p=\"a,b;c\", bbf-usp-protocol; eid=\"os::00256D-0009\"\r\n\r\n",
    );
    let upgrade = parse(&request);
    assert_eq!((upgrade.eid, upgrade.extension), (Some(id("os::00256D-0009")), true));
}

#[test]
#[requirement("R-WS.11", "R-WS.11a")]
fn an_answer_is_written_like_this() {
    assert_eq!(
        upgrade_response(KEY, Some(&id(CONTROLLER))),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: v1.usp\r\n\
         Sec-WebSocket-Extensions: bbf-usp-protocol; eid=\"self::controller-1\"\r\n\r\n"
    );
    assert!(!upgrade_response(KEY, None).contains("Extensions"));
}

#[test]
#[requirement("R-WS.7", "R-WS.11b", "R-WS.12")]
fn what_a_client_makes_of_answers() {
    let good = upgrade_response(KEY, None);
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let extension = |value: &str| with("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {value}\r\n\r\n"));
    let up = |eid: Option<&str>| Ok(eid.map(id));
    let cases: Vec<(Result<Option<EndpointId>, &str>, String)> = vec![
        (up(None), good.clone()),
        (up(None), extension("")),
        // OB-USP-AGENT sends it without having been asked.
        (up(Some("self::c")), extension("bbf-usp-protocol; eid=\"self::c\"")),
        (up(Some("self::c")), extension("BBF-USP-Protocol;eid=self::c")),
        (Err("the answer names an extension that was not offered"), extension("permessage-deflate")),
        (
            Err("the answer does not name the subprotocol v1.usp"),
            with("Sec-WebSocket-Protocol: v1.usp\r\n", ""),
        ),
        (Err("the answer does not name the subprotocol v1.usp"), with("v1.usp", "chat")),
        (Err("Sec-WebSocket-Accept is wrong"), with("s3pP", "S3pP")),
        (
            Err("Sec-WebSocket-Accept is wrong"),
            with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", ""),
        ),
        (Err("the answer does not upgrade to a WebSocket"), with("Upgrade: websocket\r\n", "")),
        (Err("the answer does not upgrade to a WebSocket"), with("Connection: Upgrade\r\n", "")),
        (Err("the answer is not HTTP/1.1"), with("HTTP/1.1", "HTTP/1.0")),
        (Err("the answer is not HTTP"), "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned()),
        (Err("the answer is not HTTP"), String::new()),
        (Err("HTTP status 302"), with("101 Switching Protocols", "302 Found")),
        (Err("HTTP status 200"), with("101 Switching Protocols", "200 OK")),
    ];
    for (expected, answer) in cases {
        let found = match parse_response(answer.as_bytes(), KEY) {
            Ok(Answer { eid }) => Ok(eid),
            Err(Error::Refused { status, .. }) => Err(format!("HTTP status {status}")),
            Err(Error::Handshake(why)) => Err(why.to_owned()),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found, expected.map_err(str::to_owned), "{answer}");
    }
}

proptest! {
    #[test]
    fn every_id_survives_the_uri(instance in "[ -~äß€]{1,40}") {
        let eid = id(&format!("proto::{instance}"));
        let url = "ws://localhost/usp".parse().unwrap();
        let upgrade = parse(&upgrade_request(&url, &eid, KEY, true));
        prop_assert_eq!(upgrade.eid, Some(eid));
    }
}
