//! Comma-separated lists (TR-106 section "Comma-separated Lists").
//!
//! Blanks around commas belong to the separator. Inside an item a comma or blank is written `%2C`,
//! `%20`, …; a percent sign is escaped only where it would read as one of these escapes, because
//! peers put plain URLs into lists.

use std::borrow::Cow;

use super::lexical::is_blank;

/// The items of a list, without blanks around them and with escapes undone; the empty text has none.
pub fn split_list(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let text = text.trim_matches(blank);
    let whole = (!text.is_empty()).then(|| text.split(','));
    whole.into_iter().flatten().map(|item| unescape(item.trim_matches(blank)))
}

/// One text of all items, commas between them, blanks and commas inside them escaped.
///
/// A list of one empty item prints as the empty list: the form cannot tell them apart.
pub fn join_list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let mut text = String::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        escape_into(&mut text, item.as_ref());
    }
    text
}

fn blank(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_blank)
}

/// The character that `text` begins with in escaped form.
fn escaped_char(text: &str) -> Option<char> {
    let digits = text.strip_prefix('%')?.as_bytes().get(..2)?;
    match digits.to_ascii_uppercase().as_slice() {
        b"2C" => Some(','),
        b"25" => Some('%'),
        b"20" => Some(' '),
        b"09" => Some('\t'),
        b"0D" => Some('\r'),
        b"0A" => Some('\n'),
        _ => None,
    }
}

fn unescape(item: &str) -> Cow<'_, str> {
    if !item.contains('%') {
        return Cow::Borrowed(item);
    }
    let mut plain = String::with_capacity(item.len());
    let mut rest = item;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, used) = escaped_char(rest).map_or(('%', 1), |character| (character, 3));
        plain.push(character);
        rest = &rest[used..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn escape_into(text: &mut String, item: &str) {
    for (at, character) in item.char_indices() {
        match character {
            ',' => text.push_str("%2C"),
            '%' if escaped_char(&item[at..]).is_some() => text.push_str("%25"),
            ' ' => text.push_str("%20"),
            '\t' => text.push_str("%09"),
            '\r' => text.push_str("%0D"),
            '\n' => text.push_str("%0A"),
            other => text.push(other),
        }
    }
}
