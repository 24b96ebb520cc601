//! Bytes to text: what the header says, what the declaration says, byte order marks, and what the bytes are.
//!
//! The order: a byte order mark; UTF-8, if the bytes are UTF-8, because texts in other charsets hardly ever are
//! by chance; then what header and declaration say; then Latin-1, in which every byte is a character.

use std::borrow::Cow;

use crate::notice::{Notice, Notices, short};
use crate::xml::text::{all_legal, legal};

/// A document as text.
pub(crate) struct Text<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) notices: Vec<Notice>,
}

/// Charsets that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Charset {
    Utf8,
    Latin1,
    Utf16 { big_endian: bool },
    Gbk,
}

/// The charset that a Content-Type names, if it names one: `text/xml; charset="utf-8"`.
pub fn of_content_type(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

/// Makes text of bytes; any bytes become some text.
pub(crate) fn to_text<'a>(bytes: &'a [u8], header: Option<&str>) -> Text<'a> {
    let mut notices = Notices::default();
    let (mark, body) = byte_order_mark(bytes);
    if mark.is_some() {
        notices.add(Notice::ByteOrderMark);
    }
    let declared = declaration(body);
    let [header, declared] = [header, declared.as_deref()].map(|name| {
        let charset = name.map(named);
        if let (Some(name), Some(None)) = (name, charset) {
            notices.add(Notice::CharsetUnknown(short(name)));
        }
        charset.flatten()
    });
    if header.is_some() && declared.is_some() && header != declared {
        notices.add(Notice::CharsetContradiction);
    }
    let text = match (mark.or(header).or(declared), std::str::from_utf8(body)) {
        (Some(Charset::Utf16 { big_endian }), _) if mark.is_some() => Cow::Owned(utf16(body, big_endian)),
        (said, Ok(text)) => {
            // Plain ASCII is the same in all of them.
            if said.is_some_and(|said| said != Charset::Utf8) && !text.is_ascii() {
                notices.add(Notice::CharsetContradiction);
            }
            Cow::Borrowed(text)
        }
        (said, Err(_)) => {
            let said =
                [mark, header, declared].into_iter().flatten().find(|said| *said != Charset::Utf8).or(said);
            match said {
                None => notices.add(Notice::CharsetUndeclared),
                Some(Charset::Utf8 | Charset::Utf16 { .. }) => notices.add(Notice::CharsetContradiction),
                Some(Charset::Latin1 | Charset::Gbk) => {}
            }
            Cow::Owned(if said == Some(Charset::Gbk) { gbk(body) } else { latin1(body) })
        }
    };
    let text = strip(text, &mut notices);
    Text { text, notices: notices.take() }
}

fn byte_order_mark(bytes: &[u8]) -> (Option<Charset>, &[u8]) {
    let marks: [(&[u8], Charset); 3] = [
        (b"\xef\xbb\xbf", Charset::Utf8),
        (b"\xff\xfe", Charset::Utf16 { big_endian: false }),
        (b"\xfe\xff", Charset::Utf16 { big_endian: true }),
    ];
    let found = marks.into_iter().find_map(|(mark, charset)| Some((charset, bytes.strip_prefix(mark)?)));
    found.map_or((None, bytes), |(charset, rest)| (Some(charset), rest))
}

/// What the XML declaration says, which is ASCII in every charset that we read but UTF-16.
fn declaration(bytes: &[u8]) -> Option<String> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let bytes = bytes[start..].strip_prefix(b"<?xml")?;
    let end = bytes.iter().take(256).position(|byte| *byte == b'>')?;
    let text = String::from_utf8_lossy(&bytes[..end]);
    let (_, rest) = text.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = rest[1..].split(quote).next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn named(name: &str) -> Option<Charset> {
    const NAMES: &[(&str, Charset)] = &[
        ("utf-8", Charset::Utf8),
        ("utf8", Charset::Utf8),
        ("us-ascii", Charset::Utf8),
        ("ascii", Charset::Utf8),
        ("iso-8859-1", Charset::Latin1),
        ("iso8859-1", Charset::Latin1),
        ("latin1", Charset::Latin1),
        ("latin-1", Charset::Latin1),
        ("windows-1252", Charset::Latin1),
        ("utf-16", Charset::Utf16 { big_endian: true }),
        ("gbk", Charset::Gbk),
        ("gb2312", Charset::Gbk),
        ("gb18030", Charset::Gbk),
    ];
    NAMES.iter().find(|row| row.0.eq_ignore_ascii_case(name.trim())).map(|row| row.1)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn utf16(bytes: &[u8], big_endian: bool) -> String {
    let unit = |pair: &[u8]| {
        let pair = [pair[0], *pair.get(1).unwrap_or(&0)];
        if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    };
    char::decode_utf16(bytes.chunks(2).map(unit))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(feature = "gbk")]
fn gbk(bytes: &[u8]) -> String {
    encoding_rs::GB18030.decode_without_bom_handling(bytes).0.into_owned()
}

/// Without the tables the characters are wrong, and the structure is right: tags are ASCII, though a second byte
/// of GBK can be one of its letters.
#[cfg(not(feature = "gbk"))]
fn gbk(bytes: &[u8]) -> String {
    latin1(bytes)
}

/// Leaves out what XML forbids, and what stands before the first markup.
fn strip<'a>(text: Cow<'a, str>, notices: &mut Notices) -> Cow<'a, str> {
    if all_legal(&text) {
        return text;
    }
    notices.add(Notice::IllegalCharacters);
    Cow::Owned(text.chars().filter(|c| legal(*c)).collect())
}
