//! Any bytes as what DHCP servers and DNS-SD records say.

use usp_proto::discovery::dhcp::{Family, answer};
use usp_proto::discovery::service::{Attributes, endpoint, escaped, label};

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
