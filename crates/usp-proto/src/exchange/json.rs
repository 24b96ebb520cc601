//! As much JSON as a recording needs: one flat object of strings, whole numbers and truths on one line.

type Fault = &'static str;

/// A value of the object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Scalar {
    /// A string, unescaped.
    Text(String),
    /// A whole number, not negative.
    Number(u64),
    /// `true` or `false`.
    Truth(bool),
}

/// Reads an object and nothing after it.
pub(super) fn object(line: &str) -> Result<Vec<(String, Scalar)>, Fault> {
    let mut reader = Reader { rest: line };
    reader.token('{')?;
    let mut members = Vec::new();
    if !reader.skip('}') {
        loop {
            let key = reader.string()?;
            reader.token(':')?;
            members.push((key, reader.scalar()?));
            if reader.skip('}') {
                break;
            }
            reader.token(',')?;
        }
    }
    if reader.rest.trim_start().is_empty() { Ok(members) } else { Err("text after the object") }
}

/// Appends the text as a JSON string.
pub(super) fn quote(text: &str, line: &mut String) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            c if c.is_control() => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
    }
    line.push('"');
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Takes the character after blanks, if it is the next one.
    fn skip(&mut self, token: char) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => {
                self.rest = rest;
                false
            }
        }
    }

    fn token(&mut self, token: char) -> Result<(), Fault> {
        if self.skip(token) { Ok(()) } else { Err("not a JSON object") }
    }

    fn scalar(&mut self) -> Result<Scalar, Fault> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        if self.rest.starts_with('"') {
            return self.string().map(Scalar::Text);
        }
        for (word, truth) in [("true", true), ("false", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(Scalar::Truth(truth));
            }
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().map(Scalar::Number).map_err(|_| "neither a string nor a whole number nor a truth")
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.token('"')?;
        let mut text = String::new();
        loop {
            // Long runs of plain characters, as in a Record of megabytes, are copied at once.
            let end = self
                .rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .ok_or("a string without an end")?;
            text.push_str(&self.rest[..end]);
            let mut rest = self.rest[end..].chars();
            let found = rest.next();
            self.rest = rest.as_str();
            match found {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                _ => return Err("a control character in a string"),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        let mut rest = self.rest.chars();
        let c = rest.next().ok_or("a string without an end")?;
        self.rest = rest.as_str();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode()?,
            _ => return Err("an unknown escape"),
        })
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let unit = self.unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or("half a surrogate pair");
        }
        self.rest = self.rest.strip_prefix("\\u").ok_or("half a surrogate pair")?;
        let low = self.unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err("half a surrogate pair");
        }
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or("half a surrogate pair")
    }

    fn unit(&mut self) -> Result<u32, Fault> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or("an escape without four digits")?;
        self.rest = rest;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("an escape without four digits");
        }
        u32::from_str_radix(digits, 16).map_err(|_| "an escape without four digits")
    }
}
