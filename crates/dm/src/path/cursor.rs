//! The reading position that all path parsers share: bytes seen once, from left to right.

use std::num::NonZeroU32;

use super::error::{PathError, PathErrorKind};
use super::name::Name;
use crate::limits::{MAX_NAME_BYTES, MAX_PATH_BYTES};

/// A text and how far it has been read. It only ever stops at a character boundary: what it steps
/// over is ASCII, or the inside of a quoted constant up to its quote.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`, which is neither empty nor over the limit.
    pub(super) fn new(text: &'a str) -> Result<Cursor<'a>, PathError> {
        match text.len() {
            0 => Err(PathError::new(0, PathErrorKind::Empty)),
            length if length > MAX_PATH_BYTES => Err(PathError::new(MAX_PATH_BYTES, PathErrorKind::TooLong)),
            _ => Ok(Cursor { text, at: 0 }),
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Bytes of the whole text.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// An error at the present place.
    pub(super) fn error(&self, kind: PathErrorKind) -> PathError {
        PathError::new(self.at, kind)
    }

    /// Steps over `token` if it stands here.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let here = self.rest().starts_with(token);
        if here {
            self.at += token.len();
        }
        here
    }

    /// Steps over `token`, or fails with `kind`.
    pub(super) fn expect(&mut self, token: &str, kind: PathErrorKind) -> Result<(), PathError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(kind)) }
    }

    /// Steps over `length` bytes, which end at a character boundary of the text.
    pub(super) fn skip(&mut self, length: usize) {
        self.at += length;
    }

    /// Steps over the longest run of bytes that `wanted` accepts; all of them must be ASCII.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Steps over blanks, which are allowed around the operators of an expression.
    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    }

    pub(super) fn name(&mut self) -> Result<Name, PathError> {
        if !self.peek().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_') {
            return Err(self.error(PathErrorKind::NameExpected));
        }
        let start = self.at;
        let text = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if text.len() > MAX_NAME_BYTES {
            return Err(PathError::new(start, PathErrorKind::NameTooLong));
        }
        Ok(Name::of_valid_text(text))
    }

    /// A positive number without leading zeros.
    pub(super) fn number(&mut self) -> Result<NonZeroU32, PathError> {
        let start = self.at;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.starts_with('0') {
            return Err(PathError::new(start, PathErrorKind::BadNumber));
        }
        digits.parse().map_err(|_| PathError::new(start, PathErrorKind::NumberTooLarge))
    }
}
