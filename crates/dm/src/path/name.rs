//! One name of a path.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::cursor::Cursor;
use super::error::{PathError, PathErrorKind};

/// One name of a path, `[A-Za-z_][A-Za-z0-9_-]*`, without `()` or `!`.
///
/// TR-369's grammar has no hyphen, but TR-106 asks for it in vendor names
/// (`X_EXAMPLE-COM_MyConfig`). A clone shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads one whole name.
    ///
    /// # Errors
    /// When the text is not a name, or is longer than [`MAX_NAME_BYTES`](crate::limits::MAX_NAME_BYTES).
    pub fn parse(text: &str) -> Result<Name, PathError> {
        let mut cursor = Cursor::new(text)?;
        let name = cursor.name()?;
        if cursor.at_end() { Ok(name) } else { Err(cursor.error(PathErrorKind::AfterName)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Wraps text that the cursor has already found to be a name.
    pub(super) fn of_valid_text(text: &str) -> Name {
        Name(Arc::from(text))
    }
}

impl FromStr for Name {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Name, PathError> {
        Name::parse(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Lets a map keyed by names be asked with a `&str`: order, equality and hash are those of the text.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}
