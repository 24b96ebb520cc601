//! Endpoint ids that we make: the rules of each authority scheme, and constructors that keep them.

use super::{EndpointId, split};
use crate::Malformed;
use crate::limits::MAX_INSTANCE_ID_CHARS;

type Rule = Result<(), &'static str>;

impl EndpointId {
    /// Takes an id only if it follows every rule of its scheme and is fit for production: what an
    /// operator may configure as our own id.
    pub fn strict(text: &str) -> Result<EndpointId, Malformed> {
        check(text).map_err(|why| Malformed::EndpointId { field: "the text", why })?;
        EndpointId::receive(text)
    }

    /// `os::<OUI>-<serial>`. The serial number is percent-encoded where needed.
    pub fn os(oui: &str, serial: &str) -> Result<EndpointId, Malformed> {
        EndpointId::strict(&format!("os::{oui}-{}", escape(serial)))
    }

    /// `ops::<OUI>-<product class>-<serial>`, percent-encoded where needed. Dashes are allowed characters
    /// and stay as they are, as other agents write them, so that such an id can't always be split again.
    pub fn ops(oui: &str, product_class: &str, serial: &str) -> Result<EndpointId, Malformed> {
        EndpointId::strict(&format!("ops::{oui}-{}-{}", escape(product_class), escape(serial)))
    }

    /// `uuid::<UUID>` in the form of RFC 4122.
    pub fn uuid(uuid: &str) -> Result<EndpointId, Malformed> {
        EndpointId::strict(&format!("uuid::{uuid}"))
    }

    /// `proto:<authority>:<instance>`, for laboratories and demonstrations only (R-ARC.4). The instance is
    /// percent-encoded where needed.
    pub fn proto(authority: &str, instance: &str) -> Result<EndpointId, Malformed> {
        let text = format!("proto:{authority}:{}", escape(instance));
        let rule = laboratory_authority(authority).and_then(|()| instance_form(&escape(instance)));
        rule.map_err(|why| Malformed::EndpointId { field: "the text", why })?;
        EndpointId::receive(&text)
    }
}

/// Percent-encodes every byte that an instance-id may not hold (R-ARC.5).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if instance_byte(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn check(text: &str) -> Rule {
    let (scheme, authority, instance) = split(text).ok_or("fewer than two colons")?;
    // R-ARC.2a
    match scheme {
        "oui" => oui_authority(authority)?,
        "cid" => hex(authority, &[6], "a CID has 6 hexadecimal digits")?,
        "pen" => pen_authority(authority)?,
        "self" | "user" => short_authority(authority)?,
        "os" => empty(authority).and_then(|()| product(instance, 2))?,
        "ops" => empty(authority).and_then(|()| product(instance, 3))?,
        "uuid" => empty(authority).and_then(|()| uuid_form(instance))?,
        "imei" => empty(authority).and_then(|()| imei_form(instance))?,
        "fqdn" => empty(authority).and_then(|()| fqdn_form(instance))?,
        // R-ARC.4
        "proto" | "doc" => return Err("not for production"),
        _ => return Err("unknown authority scheme"),
    }
    instance_form(instance)
}

/// R-ARC.5, R-ARC.6. The length is counted as the id is written.
fn instance_form(instance: &str) -> Rule {
    if instance.is_empty() {
        return Err("scheme or instance-id is empty");
    }
    if instance.chars().count() > MAX_INSTANCE_ID_CHARS {
        return Err("instance-id longer than 50 characters");
    }
    let mut bytes = instance.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = byte == b'%' && (0..2).all(|_| bytes.next().is_some_and(|b| b.is_ascii_hexdigit()));
        if !escaped && !instance_byte(byte) {
            return Err("a character that an instance-id may not hold");
        }
    }
    Ok(())
}

fn instance_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

fn empty(authority: &str) -> Rule {
    if authority.is_empty() { Ok(()) } else { Err("this scheme has no authority-id") }
}

fn hex(text: &str, lengths: &[usize], why: &'static str) -> Rule {
    let fits = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { Ok(()) } else { Err(why) }
}

/// 24, 28 or 36 bits. Those of the Broadband Forum are its own (R-ARC.3).
fn oui_authority(oui: &str) -> Rule {
    hex(oui, &[6, 7, 9], "an OUI has 6, 7 or 9 hexadecimal digits")?;
    if oui.eq_ignore_ascii_case("00256D") { Err("an OUI of the Broadband Forum") } else { Ok(()) }
}

fn pen_authority(pen: &str) -> Rule {
    if pen.is_empty() || pen.len() > 10 || !pen.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a PEN is a decimal number");
    }
    // R-ARC.3
    if pen.trim_start_matches('0') == "3561" { Err("the PEN of the Broadband Forum") } else { Ok(()) }
}

fn short_authority(authority: &str) -> Rule {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let fits = authority.len() <= 6 && authority.bytes().all(unreserved);
    if fits { Ok(()) } else { Err("an authority-id has up to 6 unreserved characters") }
}

fn laboratory_authority(authority: &str) -> Rule {
    if authority.contains('.') {
        return Err("an authority-id of this scheme has no dot");
    }
    short_authority(authority)
}

/// `OUI-Serial` or `OUI-Class-Serial`; no part is empty.
fn product(instance: &str, parts: usize) -> Rule {
    let mut found = instance.splitn(parts, '-');
    oui_authority(found.next().unwrap_or_default())?;
    if found.clone().count() + 1 == parts && found.all(|part| !part.is_empty()) {
        return Ok(());
    }
    Err("OUI, product class and serial number are joined by dashes")
}

fn uuid_form(uuid: &str) -> Rule {
    let groups = [8, 4, 4, 4, 12];
    let fits = uuid.split('-').count() == groups.len()
        && uuid.split('-').zip(groups).all(|(group, length)| hex(group, &[length], "").is_ok());
    if fits { Ok(()) } else { Err("not a UUID") }
}

fn imei_form(imei: &str) -> Rule {
    let fits = imei.len() == 15 && imei.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(()) } else { Err("an IMEI has 15 digits") }
}

/// Labels of letters, digits and inner dashes; two at least; no wildcard (R-ARC.4a).
fn fqdn_form(name: &str) -> Rule {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = name.contains('.') && name.split('.').all(label);
    if fits { Ok(()) } else { Err("not a fully qualified domain name") }
}
