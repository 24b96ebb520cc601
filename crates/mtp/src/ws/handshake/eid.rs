//! How an endpoint id travels in the handshake: percent-encoded in the URI's query, or quoted in the
//! extension that preceded it.

use usp_proto::EndpointId;

use crate::ws::EXTENSION;

/// The value of the `eid` query item.
///
/// R-WS.10c: the id is opaque, so that a `%` in it becomes `%25`.
pub fn encode_eid(eid: &EndpointId) -> String {
    let mut out = String::with_capacity(eid.as_str().len() + 8);
    for byte in eid.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
<<<<<<< HEAD
                out.push(byte.into())
=======
                out.push(byte.into());
>>>>>>> h/mtp
            }
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 0x0f] {
                    out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
                }
            }
        }
    }
    out
}

/// The endpoint id in a query, decoded once (R-WS.10b). `Ok(None)` when there is no `eid` item.
///
/// # Errors
/// When it stands twice, a percent sign has no two digits behind it, or the result is no endpoint id.
pub fn decode_eid(query: &str) -> Result<Option<EndpointId>, &'static str> {
    let mut items = query.split('&').filter_map(|item| item.strip_prefix("eid="));
    let Some(value) = items.next() else { return Ok(None) };
    if items.next().is_some() {
        return Err("two eid items in the query");
    }
    let bytes = percent_decode(value).ok_or("a damaged percent code in eid")?;
    let text = String::from_utf8(bytes).map_err(|_| "eid is not UTF-8")?;
    EndpointId::receive(&text).map(Some).map_err(|_| "eid is no endpoint id")
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        out.push((high * 16 + low) as u8);
    }
    Some(out)
}

/// The value of Sec-WebSocket-Extensions that names us, or `None` for an id that can't stand in quotes.
pub fn extension_value(eid: &EndpointId) -> Option<String> {
    let plain = eid.as_str().bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    plain.then(|| format!("{EXTENSION}; eid=\"{eid}\""))
}

/// What one extension list says about ours.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Extensions {
    /// Whether `bbf-usp-protocol` is in it.
    pub usp: bool,
    /// The id that it carries.
    pub eid: Option<EndpointId>,
    /// Whether any other extension is in it.
    pub others: bool,
}

/// Reads the values of Sec-WebSocket-Extensions.
///
/// # Errors
/// When the list is damaged, or the id in it is none.
pub fn read_extension<'v>(values: impl Iterator<Item = &'v str>) -> Result<Extensions, &'static str> {
    let mut found = Extensions::default();
    for value in values {
        for extension in split_unquoted(value, ',').ok_or("an open quote in the extensions")? {
            let mut parts =
                split_unquoted(extension, ';').ok_or("an open quote in the extensions")?.into_iter();
            let name = parts.next().unwrap_or_default().trim();
            if name.is_empty() {
                continue;
            }
            if !name.eq_ignore_ascii_case(EXTENSION) {
                found.others = true;
                continue;
            }
            found.usp = true;
            for part in parts {
                let Some((key, value)) = part.split_once('=') else { continue };
                if key.trim().eq_ignore_ascii_case("eid") {
                    let text = unquote(value.trim());
                    let eid =
                        EndpointId::receive(&text).map_err(|_| "the extension's eid is no endpoint id")?;
                    found.eid = Some(eid);
                }
            }
        }
    }
    Ok(found)
}

/// Splits outside double quotes; `None` when a quote stays open.
fn split_unquoted(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == at && !quoted => {
                parts.push(&text[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}
