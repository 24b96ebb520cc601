//! The opening handshake of WebSocket: any bytes as a request, and as the answer to one.

use mtp::ws::handshake::{
    Request, parse_enrol_answer, parse_request, parse_response, refusal_response, upgrade_request,
    upgrade_response,
};

const PATH: &str = "/usp";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request that is accepted can be answered so that its client accepts the answer, and written again
/// so that the same comes out; a refused one gets an answer of sound HTTP. Answers never panic.
pub fn ws_upgrade(data: &[u8]) {
    match parse_request(data, PATH) {
        Ok(Request::Upgrade(upgrade)) => {
            let answer = upgrade_response(&upgrade.key, upgrade.eid.as_ref());
            let read = parse_response(answer.as_bytes(), &upgrade.key).expect("our own answer is accepted");
            if let Some(eid) = &upgrade.eid {
                assert!(
                    read.eid.is_none() || read.eid.as_ref() == Some(eid),
                    "the id changed on its way back"
                );
                let url = "ws://localhost/usp".parse().expect("a fixed URL");
                let again = upgrade_request(&url, eid, &upgrade.key, upgrade.extension);
                let again = parse_request(again.as_bytes(), PATH).expect("our own request is accepted");
                let Request::Upgrade(again) = again else { panic!("an upgrade became something else") };
                assert_eq!((&again.key, &again.eid), (&upgrade.key, &upgrade.eid));
            }
        }
        Ok(Request::Enrol(_) | Request::Renew(_)) => {}
        Err(refusal) => {
            let answer = refusal_response(&refusal);
            let (head, body) = answer.split_once("\r\n\r\n").expect("a blank line after the head");
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer}");
        }
    }
    // Whatever answers come, they are an answer or an error.
    let _ = parse_response(data, KEY);
    let _ = parse_enrol_answer(data);
}
