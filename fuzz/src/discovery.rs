//! Any bytes as what DHCP servers, DNS-SD records and neighbours on a link say.

use std::net::IpAddr;
use std::time::Duration;

use mtp::discovery::found::{Records, Wanted};
use mtp::discovery::responder::{Advert, Responder};
use usp_proto::EndpointId;
use usp_proto::discovery::dhcp::{Family, answer};
use usp_proto::discovery::service::{Attributes, Mtp, Party, Service, endpoint, escaped, label};

/// Whatever is read is text without control characters, and a location that is understood is one again.
pub fn dhcp_option(data: &[u8]) {
    for family in [Family::V4, Family::V6] {
        let Ok(read) = answer(family, data) else { continue };
        let gateway = read.gateway.clone().unwrap_or_default();
        let texts = [
            &read.controller,
            &read.provisioning_code,
            &read.retry_minimum_wait,
            &read.retry_multiplier,
            &read.endpoint,
        ];
        let texts =
            texts.into_iter().flatten().chain([&gateway.oui, &gateway.serial, &gateway.product_class]);
        for text in texts {
            assert!(text.len() <= 512 && !text.chars().any(char::is_control));
        }
        let _ = read.location();
    }
}

/// What a TXT record says can be written, and reads the same; a label that is an endpoint id is its label.
pub fn txt_record(data: &[u8]) {
    let strings: Vec<&[u8]> = data.split(|byte| *byte == 0).map(|s| &s[..s.len().min(255)]).collect();
    let read = Attributes::read(strings.iter().copied());
    let written = read.strings().expect("what came in one string fits into one");
    assert_eq!(Attributes::read(written.iter().map(|string| string.as_bytes())), read);
    if let Ok(id) = endpoint(&data[..data.len().min(63)]) {
        let own = label(&id).expect("it came from a label");
        assert_eq!(own.as_bytes(), &data[..data.len().min(63)]);
        assert!(escaped(own).len() >= own.len());
    }
}

/// Any packet on the link: whatever is found has a place, and whoever answers goes on answering, or is silent.
pub fn mdns_packet(data: &[u8]) {
    let mut records = Records::default();
    records.take(data);
    for party in [Party::Agent, Party::Controller] {
        let wanted = Wanted::new(party, "local", None).expect("a domain");
        for found in records.found(&wanted) {
            assert!(found.port > 0 && found.service.party == party && !found.host.is_empty());
        }
    }
    let endpoint = EndpointId::receive("proto:a.b:c").expect("an id");
    let advert = Advert {
        service: Service { party: Party::Agent, mtp: Mtp::WebSocket },
        port: 8184,
        attributes: Attributes { path: Some("/usp".to_owned()), name: None, encrypt: true },
        subtypes: vec!["gateway".to_owned()],
        listed: true,
    };
    let address = [IpAddr::from([192, 0, 2, 1])];
    let responder = Responder::new(&endpoint, &[advert], &address, Duration::ZERO, [1; 32]);
    let mut responder = responder.expect("it fits");
    for (second, port) in [(0, 5353), (10, 5353), (20, 40_000), (100, 5353)] {
        let now = Duration::from_secs(second);
        responder.handle(now, ([192, 0, 2, 2], port).into(), false, data);
        let mut packets = 0;
        while let Some(due) = responder.poll_timeout().filter(|due| *due < now + Duration::from_secs(5)) {
            responder.poll(due.max(now));
            packets += 1;
            assert!(packets < 100, "it does not end");
        }
    }
}
