//! Texts as booleans and numbers, also where devices write them in their own way.

/// How a text was understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading<T> {
    /// As the type wants it.
    Exact(T),
    /// Otherwise, and the meaning is plain.
    Lenient(T),
    /// Not at all.
    Unreadable,
}

impl<T> Reading<T> {
    /// What it means, if it means anything.
    pub fn value(self) -> Option<T> {
        match self {
            Reading::Exact(value) | Reading::Lenient(value) => Some(value),
            Reading::Unreadable => None,
        }
    }

    /// What it means, if it was written as the type wants it.
    pub fn exact(self) -> Option<T> {
        match self {
            Reading::Exact(value) => Some(value),
            Reading::Lenient(_) | Reading::Unreadable => None,
        }
    }
}

/// `0`, `1`, `true`, `false`; also in any case, with spaces, as yes and no, on and off, enabled and disabled.
pub fn read_boolean(text: &str) -> Reading<bool> {
    match text {
        "1" | "true" => return Reading::Exact(true),
        "0" | "false" => return Reading::Exact(false),
        _ => {}
    }
    let text = text.trim();
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["1", "true", "yes", "on", "enabled"]) {
        Reading::Lenient(true)
    } else if is(&["0", "false", "no", "off", "disabled"]) {
        Reading::Lenient(false)
    } else {
        Reading::Unreadable
    }
}

/// A whole number; also with spaces around, or a plus in front of what is signed or not.
pub fn read_integer(text: &str) -> Reading<i128> {
    let trimmed = text.trim();
    match trimmed.parse() {
        Ok(number) if trimmed.len() == text.len() && !text.starts_with('+') => Reading::Exact(number),
        Ok(number) => Reading::Lenient(number),
        Err(_) => Reading::Unreadable,
    }
}
