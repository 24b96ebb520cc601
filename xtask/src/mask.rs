//! Rust source split into what is code and what is comment, at unchanged offsets.
//!
//! Both halves have the length and the lines of the source; what belongs to the other half is blank.
//! String and character contents are blank in both, so that a rule never trips over a text. It is a
//! lexer and no parser: macros, attributes and items mean nothing to it.

/// The two halves.
pub(crate) struct Masked {
    /// Code, with the contents of literals blanked.
    pub(crate) code: String,
    /// Comments, their slashes included.
    pub(crate) comments: String,
}

impl Masked {
    /// Offset at which the file's own test module begins, else the end of the file.
    pub(crate) fn tests_from(&self) -> usize {
        const ATTRIBUTE: &str = "#[cfg(test)]";
        let mut at = 0;
        while let Some(found) = self.code[at..].find(ATTRIBUTE) {
            let after = at + found + ATTRIBUTE.len();
            let rest = self.code[after..].trim_start();
            if rest.starts_with("mod ") || rest.starts_with("#[") {
                return at + found;
            }
            at = after;
        }
        self.code.len()
    }
}

/// Line number, counted from 1, of an offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Offsets at which `word` stands as a whole word: no identifier character on either side.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    let open = word.bytes().next_back().is_some_and(is_identifier);
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(at + word.len()).copied();
        !(before.is_some_and(is_identifier) || open && after.is_some_and(is_identifier))
    })
}

/// Splits `text`.
pub(crate) fn mask(text: &str) -> Masked {
    let bytes = text.as_bytes();
    let mut split = Split { code: blank(bytes), comments: blank(bytes), bytes };
    let mut at = 0;
    while at < bytes.len() {
        at = split.step(at);
    }
    let text = |bytes| String::from_utf8(bytes).expect("each half holds whole characters or blanks");
    Masked { code: text(split.code), comments: text(split.comments) }
}

fn blank(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }).collect()
}

fn is_identifier(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

struct Split<'a> {
    bytes: &'a [u8],
    code: Vec<u8>,
    comments: Vec<u8>,
}

impl Split<'_> {
    /// Takes one token that begins at `at`; returns where the next begins.
    fn step(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            self.comments[at..end].copy_from_slice(&self.bytes[at..end]);
            return end;
        }
        if rest.starts_with(b"/*") {
            let end = at + block_comment(rest);
            self.comments[at..end].copy_from_slice(&self.bytes[at..end]);
            return end;
        }
        let in_word = at > 0 && is_identifier(self.bytes[at - 1]);
        let literal = match rest[0] {
            b'"' => string(rest),
            b'\'' => character(rest),
            b'r' if !in_word || matches!(self.bytes[at - 1], b'b' | b'c') => raw_string(rest),
            _ => 1,
        };
        let end = at + literal.min(rest.len());
        if literal == 1 {
            self.code[at] = self.bytes[at];
        } else {
            // The quotes stay, so that `f("x")` is still seen to have an argument.
            self.code[at] = b'"';
            self.code[end - 1] = b'"';
        }
        end
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        match &rest[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a raw string that begins with `r`, else 1.
fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 1;
    }
    let mut at = 2 + hashes;
    while at < rest.len() {
        let closes =
            rest[at] == b'"' && rest[at + 1..].iter().take(hashes).filter(|b| **b == b'#').count() == hashes;
        if closes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

/// Length of a character literal, or 1 where the quote begins a lifetime or label.
fn character(rest: &[u8]) -> usize {
    match rest.get(1) {
        Some(b'\\') => rest[2..].iter().skip(1).position(|byte| *byte == b'\'').map_or(1, |end| end + 4),
        Some(first) => {
            let width = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 1 }
        }
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, code: &str, comments: &str) {
        let masked = mask(source);
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&masked.code), code, "code of {source}");
        assert_eq!(squeeze(&masked.comments), comments, "comments of {source}");
        assert_eq!(masked.code.len(), source.len());
        assert_eq!(masked.code.matches('\n').count(), source.matches('\n').count());
    }

    #[test]
    fn halves() {
        check("let a = 1; // one", "let a = 1;", "// one");
        check("a /* x /* y */ z */ b", "a b", "/* x /* y */ z */");
        check("f(\"// no \\\" comment\") // yes", "f(\" \")", "// yes");
        check("f(r#\"a \" // b\"#); g(br\"\\\")", "f(\" \"); g(b\" \")", "");
        check(
            "let q = '\"'; let l: &'a str; '\\''; '\\u{2f}' // c",
            "let q = \" \"; let l: &'a str; \" \"; \" \"",
            "// c",
        );
        check("let é = 'é'; // ü", "let é = \" \";", "// ü");
        check("r#fn(); // raw name", "r#fn();", "// raw name");
        check("\"never closed // x", "\" \"", "");
    }

    #[test]
    fn whole_words_only() {
        let at = |text: &str, word: &str| words(text, word).collect::<Vec<_>>();
        assert_eq!(at("HashMap MyHashMap HashMaps x::HashMap<", "HashMap"), [0, 30]);
        assert_eq!(at("dbg!(x) my_dbg!(y)", "dbg!"), [0]);
    }

    #[test]
    fn the_test_module_is_found_and_a_test_helper_is_not() {
        let source = "fn a() {}\n#[cfg(test)]\nfn b() {}\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(line_of(source, mask(source).tests_from()), 4);
        assert_eq!(mask("fn a() {}").tests_from(), 9);
    }
}
