//! A path of a twin, ordered by elements, with row numbers as numbers: `X.2.` before `X.10.`.
//!
//! It is not [`dm::Path`]: it was answered by a device and is only ever compared, stored and shown.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::limits;

/// A full path: a parameter, or a row or object that ends in a dot.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TwinPath(Arc<str>);

impl TwinPath {
    /// Takes a path that a device answered. `None` if it is longer than [`limits::TWIN_PATH`], deeper than
    /// [`limits::TWIN_PATH_ELEMENTS`], empty, or holds what no path holds.
    pub fn parse(text: &str) -> Option<Self> {
        let sound = !text.is_empty()
            && text.len() <= limits::TWIN_PATH
            && text.split('.').count() <= limits::TWIN_PATH_ELEMENTS
            && !text.contains("..")
            && !text.starts_with('.')
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '{' | '}'));
        sound.then(|| TwinPath(text.into()))
    }

    /// A path for looking up only.
    pub(super) fn unchecked(text: &str) -> Self {
        TwinPath(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a row or object, not a parameter.
    pub fn is_row(&self) -> bool {
        self.0.ends_with('.')
    }

    /// The path up to and with the last dot, and the name after it.
    pub fn split(&self) -> (&str, &str) {
        let cut = self.0.rfind('.').map_or(0, |dot| dot + 1);
        self.0.split_at(cut)
    }

    /// Whether it is at or below `prefix`.
    pub(super) fn is_within(&self, prefix: &str) -> bool {
        match self.0.strip_prefix(prefix) {
            Some(rest) => prefix.is_empty() || prefix.ends_with('.') || rest.is_empty(),
            None => false,
        }
    }

    /// How many elements follow `prefix`, which it is within.
    pub(super) fn elements_below(&self, prefix: &str) -> usize {
        let rest = self.0.get(prefix.len()..).unwrap_or_default();
        rest.split('.').filter(|element| !element.is_empty()).count()
    }

    /// The row number right after the table's path.
    pub(super) fn row_below(&self, table: &str) -> Option<u32> {
        self.0.strip_prefix(table)?.split('.').next()?.parse().ok()
    }

    /// The path with `{i}` for each row number, and the numbers.
    pub(super) fn generalise(&self) -> (String, Vec<u32>) {
        let mut rows = Vec::new();
        let mut schema = String::with_capacity(self.0.len());
        for (index, element) in self.0.split('.').enumerate() {
            if index > 0 {
                schema.push('.');
            }
            match row_number(element) {
                Some(row) => {
                    rows.push(row);
                    schema.push_str("{i}");
                }
                None => schema.push_str(element),
            }
        }
        (schema, rows)
    }

    /// The reverse of [`Self::generalise`]; `None` if the numbers do not fit.
    pub(super) fn instantiate(schema: &str, rows: &[u32]) -> Option<Self> {
        let mut rows = rows.iter();
        let mut text = String::with_capacity(schema.len());
        for (index, element) in schema.split('.').enumerate() {
            if index > 0 {
                text.push('.');
            }
            match element {
                "{i}" => text.push_str(&rows.next()?.to_string()),
                name => text.push_str(name),
            }
        }
        rows.next().is_none().then(|| TwinPath(text.into()))
    }
}

/// A row number in its canonical form; anything else stays text.
fn row_number(element: &str) -> Option<u32> {
    let canonical =
        !element.is_empty() && !element.starts_with('0') && element.bytes().all(|b| b.is_ascii_digit());
    canonical.then(|| element.parse().ok())?
}

impl Ord for TwinPath {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.0.split('.'), other.0.split('.'));
        loop {
            let order = match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(left), Some(right)) => compare_elements(left, right),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
    }
}

fn compare_elements(left: &str, right: &str) -> Ordering {
    match (row_number(left), row_number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        // The empty element of a row or object comes before its rows and parameters.
        (Some(_), None) if right.is_empty() => Ordering::Greater,
        (None, Some(_)) if left.is_empty() => Ordering::Less,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

impl PartialOrd for TwinPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TwinPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TwinPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
