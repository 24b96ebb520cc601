//! The headers of HTTP authentication: schemes and their parameters, as devices write them.

use crate::limits::{MAX_AUTH_HEADER_BYTES, MAX_AUTH_PARAMETERS};

/// One scheme of a header, with its parameters under names in lower case.
#[derive(Debug, Default)]
pub(crate) struct Scheme {
    pub(crate) name: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Scheme {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// A parameter; the first of a name counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|row| row.0 == name).map(|row| row.1.as_str())
    }
}

/// Reads a header, which may name several schemes. What is too long is none.
pub(crate) fn schemes(header: &str) -> Vec<Scheme> {
    if header.len() > MAX_AUTH_HEADER_BYTES {
        return Vec::new();
    }
    let mut schemes: Vec<Scheme> = Vec::new();
    let mut rest = header.trim();
    let mut count = 0;
    while !rest.is_empty() && count < MAX_AUTH_PARAMETERS {
        count += 1;
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let (words, behind) = rest.split_at(end);
        let words: Vec<&str> = words.split_whitespace().collect();
        // What stands before the name of a parameter begins a scheme.
        let name = match (words.as_slice(), behind.starts_with('=')) {
            ([scheme, .., name], true) => {
                schemes.push(Scheme { name: (*scheme).to_owned(), ..Scheme::default() });
                *name
            }
            ([name], true) => *name,
            ([scheme, ..], false) => {
                schemes.push(Scheme { name: (*scheme).to_owned(), ..Scheme::default() });
                ""
            }
            ([], _) => "",
        };
        let value;
        (value, rest) = match behind.strip_prefix('=') {
            Some(behind) => take_value(behind.trim_start()),
            None => (String::new(), behind),
        };
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        if let Some(scheme) = schemes.last_mut().filter(|_| !name.is_empty()) {
            scheme.parameters.push((name.to_ascii_lowercase(), value));
        }
    }
    schemes
}

/// A value, quoted or not, and what stands behind it.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        // Single quotes, and the rest of a pair.
        return (text[..end].trim().trim_matches(['\'', '"']).to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                let behind = &quoted[at + 1..];
                if behind.trim_start().is_empty() || behind.trim_start().starts_with(',') {
                    return (value, behind);
                }
                if let Some(cut) = open_before(&quoted[..at]) {
                    return (quoted[..cut].to_owned(), &quoted[cut..]);
                }
                value.push(c);
            }
            _ => value.push(c),
        }
    }
    // Nothing closes it: up to the next comma, as though it were not quoted.
    let end = quoted.find(',').unwrap_or(quoted.len());
    (quoted[..end].trim_end().to_owned(), &quoted[end..])
}

/// Where a quote was left open: the comma before a `, name=` at the end of the text.
fn open_before(text: &str) -> Option<usize> {
    let name = text.strip_suffix('=')?;
    let comma = name.rfind(',')?;
    let token = name[comma + 1..].trim();
    let is_token =
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_token.then_some(comma)
}

/// A value between quotes.
pub(crate) fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
