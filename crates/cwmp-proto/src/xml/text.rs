//! The text of an element, put together from its pieces: literal text, references, CDATA.
//!
//! White space around a text is cut where it holds a line break, as pretty printers put it there. What came by
//! a reference or in CDATA was meant, and stays.

use crate::notice::{Notice, Notices};

/// The pieces so far.
#[derive(Default)]
pub(crate) struct Collected {
    text: String,
    /// Where the last literal piece begins.
    literal_from: usize,
    /// Whether there was any piece but white space that was cut.
    begun: bool,
}

impl Collected {
    /// A piece of literal text. Line ends become what XML makes of them.
    pub(crate) fn literal(&mut self, piece: &str, notices: &mut Notices) {
        let lines;
        let mut piece = piece;
        if piece.contains('\r') {
            lines = piece.replace("\r\n", "\n").replace('\r', "\n");
            piece = &lines;
        }
        if !self.begun {
            let rest = piece.trim_start_matches(white);
            if piece[..piece.len() - rest.len()].contains('\n') {
                notices.add(Notice::Padding);
                piece = rest;
            }
            if piece.is_empty() {
                return;
            }
            self.begun = true;
        }
        if piece.starts_with('&') {
            notices.add(Notice::LoneAmpersand);
        }
        self.text.push_str(piece);
    }

    /// A CDATA section.
    pub(crate) fn cdata(&mut self, piece: &str, notices: &mut Notices) {
        notices.add(Notice::CData);
        self.fixed(piece);
    }

    /// A reference, by what stands between `&` and `;`.
    pub(crate) fn reference(&mut self, name: &str, notices: &mut Notices) {
        let predefined = match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" => "'",
            _ => return self.numeric(name, notices),
        };
        self.fixed(predefined);
    }

    fn numeric(&mut self, name: &str, notices: &mut Notices) {
        let digits = name.strip_prefix('#').map(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => digits.parse(),
        });
        match digits {
            Some(Ok(number)) => match char::from_u32(number).filter(|c| legal(*c)) {
                Some(character) => self.fixed(character.encode_utf8(&mut [0; 4])),
                None => notices.add(Notice::IllegalCharacters),
            },
            _ => {
                notices.add(Notice::UnknownEntity);
                for piece in ["&", name, ";"] {
                    self.fixed(piece);
                }
            }
        }
    }

    fn fixed(&mut self, piece: &str) {
        self.begun = true;
        self.text.push_str(piece);
        self.literal_from = self.text.len();
    }

    /// The whole text.
    pub(crate) fn finish(mut self, notices: &mut Notices) -> String {
        let last = &self.text[self.literal_from..];
        let kept = last.trim_end_matches(white).len();
        if last[kept..].contains('\n') {
            notices.add(Notice::Padding);
            self.text.truncate(self.literal_from + kept);
        }
        let escaped = self.text.contains('&');
        if escaped
            && ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"].iter().any(|escape| self.text.contains(escape))
        {
            notices.add(Notice::EscapedTwice);
        }
        self.text
    }
}

/// White space of XML.
pub(crate) fn white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Whether XML 1.0 allows the character.
pub(crate) fn legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether every character is allowed, told by bytes where that is enough: U+FFFE and U+FFFF begin with EF.
pub(crate) fn all_legal(text: &str) -> bool {
    let doubtful = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0xef;
    !text.bytes().any(doubtful) || text.chars().all(legal)
}

/// Appends a text so that it can stand in an element or an attribute, and is read back as it is. Characters that
/// XML forbids are left out.
pub(crate) fn escape(out: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && byte != 0xef && !matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    if text.bytes().all(plain) {
        return out.push_str(text);
    }
    let first = text.len() - text.trim_start_matches(white).len();
    let last = text.trim_end_matches(white).len();
    for (at, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            // In between a line break is safe; at the edges it would be taken for padding.
            '\n' if at < first || at >= last => out.push_str("&#10;"),
            c if legal(c) => out.push(c),
            _ => {}
        }
    }
}

/// The value of an attribute, whose references are resolved as in a text; white space stays.
pub(crate) fn unescape(raw: &str) -> String {
    let (mut collected, mut notices) =
        (Collected { begun: true, ..Collected::default() }, Notices::default());
    let mut pieces = raw.split('&');
    collected.fixed(pieces.next().unwrap_or_default());
    for piece in pieces {
        match piece.split_once(';') {
            Some((name, rest)) => {
                collected.reference(name, &mut notices);
                collected.fixed(rest);
            }
            None => {
                collected.fixed("&");
                collected.fixed(piece);
            }
        }
    }
    collected.finish(&mut notices)
}
