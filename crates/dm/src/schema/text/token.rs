//! Words and quotes of the text form.

/// A word as it is written: bare where that is unambiguous, quoted elsewhere.
pub(super) fn quote(text: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_.{}()+#%-/*<>".contains(&b);
    if !text.is_empty() && text.bytes().all(bare) && !text.starts_with('#') {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Words joined by commas.
pub(super) fn quote_all<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(",")
}

/// Splits at a character wherever it stands outside quotes.
pub(super) fn split(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (offset, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == at && !quoted {
            parts.push(&text[start..offset]);
            start = offset + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A written word's meaning; none if its quotes are wrong.
pub(super) fn unquote(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        return (!text.is_empty() && !text.contains('"')).then(|| text.to_owned());
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(plain),
            '\\' => plain.push(match chars.next()? {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            other => plain.push(other),
        }
    }
}

/// The words of a comma list.
pub(super) fn unquote_all(text: &str) -> Option<Vec<String>> {
    split(text, ',').into_iter().map(unquote).collect()
}
