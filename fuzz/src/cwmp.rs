//! CWMP: any bytes as an envelope of either side, as a header of HTTP authentication, as datagrams and stanzas.

use cwmp_proto::connreq::lightweight::{Notification, Signed};
use cwmp_proto::connreq::udp::UdpRequest;
use cwmp_proto::connreq::xmpp::Stanza;
use cwmp_proto::digest::{Authorization, Basic, Offer};
use cwmp_proto::limits::MAX_NOTICES;
use cwmp_proto::quirk::{Prefixes, Style};
use cwmp_proto::{FromAcs, FromCpe};

const MAX_BYTES: usize = 1024 * 1024;

/// What can be read is written so that the same is read again, in each style and with nothing to note about the
/// document itself.
pub fn cwmp_envelope(data: &[u8]) {
    macro_rules! again {
        ($speaker:ident) => {
            if let Ok(decoded) = $speaker::decode(data, None, MAX_BYTES) {
                assert!(decoded.noticed.len() <= MAX_NOTICES);
                for style in styles() {
                    let written = decoded.envelope.encode(&style);
                    let read = $speaker::decode(&written, Some("utf-8"), usize::MAX);
                    let read = read.expect("what we write can be read").envelope;
                    // The form of some fields is ours the second time; from then on nothing changes.
                    let again = $speaker::decode(&read.encode(&style), None, usize::MAX);
                    assert_eq!(again.expect("a second time, too").envelope, read);
                    assert_eq!(read.header.id, decoded.envelope.header.id);
                }
            }
        };
    }
    again!(FromCpe);
    again!(FromAcs);
    let _ = FromCpe::decode(data, Some("gbk"), MAX_BYTES);
    let _ = Notification::parse(data);
    if let Ok(Some((envelope, stanza))) = Stanza::parse(&String::from_utf8_lossy(data)) {
        let again = Stanza::parse(&stanza.to_xml(&envelope));
        assert!(matches!(again, Ok(Some(_)) | Err(cwmp_proto::Error::TooLong { .. })), "{again:?}");
    }
}

fn styles() -> [Style; 2] {
    let odd = Style {
        prefixes: Prefixes::Upper,
        boolean_words: true,
        pretty: true,
        no_self_closing: true,
        ..Style::default()
    };
    [Style::default(), odd]
}

/// An authorization that is read proves the same when it is written again; offers can be answered.
pub fn cwmp_digest(data: &[u8]) {
    let header = String::from_utf8_lossy(data);
    for offer in Offer::parse([&*header, &*header]) {
        let answer = offer.answer("user", "password", "GET", "/", "c", 1);
        assert!(!answer.contains(['\r', '\n']), "{answer}");
        match &offer {
            Offer::Digest(challenge) if answer.len() < 4096 => {
                let read = Authorization::parse(&answer).expect("our own answer");
                if read.nonce == challenge.nonce && read.realm == challenge.realm {
                    assert!(read.proves("password", "GET"), "{answer}");
                }
            }
            Offer::Digest(_) => {}
            Offer::Basic(_) => {
                assert!(Basic::parse(&answer).expect("our own answer").is("user", "password"));
            }
        }
    }
    if let Some(read) = Authorization::parse(&header) {
        let _ = (read.proves("password", "POST"), read.is_for("/"), read.count());
        assert!(!read.header().contains(['\r', '\n']));
    }
    if let Some(basic) = Basic::parse(&header) {
        let again = Basic::parse(&basic.header());
        assert!(again.is_none() || again == Some(basic));
    }
}

/// What is read can be written, and is the same again.
pub fn cwmp_datagram(data: &[u8]) {
    if let Some(request) = UdpRequest::parse(data) {
        let _ = request.verify("password");
        if let Some(again) = UdpRequest::parse(&request.to_bytes()) {
            assert_eq!(
                (&again.timestamp, &again.id, &again.username, &again.cnonce, &again.signature),
                (&request.timestamp, &request.id, &request.username, &request.cnonce, &request.signature)
            );
        }
    }
    if let Some(signed) = Signed::parse(data) {
        let again = Signed::sign(signed.body, "password");
        let read = Signed::parse(&again.to_bytes("host"));
        assert!(read.is_none_or(|read| read.verify("password")));
    }
}
