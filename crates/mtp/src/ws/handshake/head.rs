//! Header lines of a parsed HTTP head, and the list syntax in their values.

use httparse::Header;

/// Where the head of a request or response ends: the index after the blank line.
pub fn find_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The header lines.
#[derive(Clone, Copy)]
pub(crate) struct Head<'h>(pub(crate) &'h [Header<'h>]);

impl<'h> Head<'h> {
    /// Every value of a header that is text, in order.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = &'h str> {
        let lines = self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.filter_map(|line| std::str::from_utf8(line.value).ok()).map(str::trim)
    }

    /// The value of a header that may stand once. `Err` when it stands twice or is not text.
    pub(crate) fn single(self, name: &'static str) -> Result<Option<&'h str>, ()> {
        let lines = self.0.iter().filter(|line| line.name.eq_ignore_ascii_case(name)).count();
        match (lines, self.values(name).next()) {
            (0, _) => Ok(None),
            (1, Some(value)) => Ok(Some(value)),
            _ => Err(()),
        }
    }

    /// Whether a comma-separated list, possibly over several lines, has this token.
    pub(crate) fn has_token(self, name: &str, token: &str) -> bool {
        self.tokens(name).any(|found| found.eq_ignore_ascii_case(token))
    }

    /// The tokens of a comma-separated list, as written.
    pub(crate) fn tokens(self, name: &str) -> impl Iterator<Item = &'h str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
    }
}
