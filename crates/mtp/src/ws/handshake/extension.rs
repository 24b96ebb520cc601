//! The deprecated `bbf-usp-protocol` extension, by which endpoints told their ids before the URI did.

use usp_proto::EndpointId;

use crate::ws::EXTENSION;

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
