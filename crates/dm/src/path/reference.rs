//! Paths inside parameters and settings: values of reference parameters, and relative names.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::cursor::Cursor;
use super::error::{PathError, PathErrorKind};
use super::parse::Dialect;
use super::{Name, ObjectPath, Path, Segment, Target};
use crate::limits::MAX_COMPARISON_STEPS;

/// The value of a reference parameter: nothing, or the path of an object (or parameter), which has no
/// dot at the end there.
///
/// Rows are named by number, or when writing by the values of a unique key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ReferenceValue(Option<Path>);

impl ReferenceValue {
    /// Reads the value; the empty text is the null reference. A dot at the end is tolerated.
    ///
    /// # Errors
    /// Where and why the text is neither empty nor the path of one object or parameter.
    // R-ARC.11
    pub fn parse(text: &str) -> Result<ReferenceValue, PathError> {
        if text.is_empty() {
            return Ok(ReferenceValue(None));
        }
        let whole = if text.ends_with('.') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}.")) };
        match Path::parse_as(&whole, Dialect::Reference) {
            Ok(path) => Ok(ReferenceValue(Some(path))),
            // The dot that was not written is no place to point at.
            Err(error) => Err(PathError::new(error.offset.min(text.len()), error.kind)),
        }
    }

    /// Whether it points at nothing.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The path, read as that of an object.
    pub fn object(&self) -> Option<&Path> {
        self.0.as_ref()
    }

    /// The path as one concrete object, if rows are named by number alone.
    pub fn concrete_object(&self) -> Option<ObjectPath> {
        self.0.as_ref()?.concrete_object()
    }

    /// The path, read as that of a parameter: only the model knows which of the two it is.
    pub fn param(&self) -> Option<Path> {
        let (last, segments) = self.0.as_ref()?.segments.split_last()?;
        match last {
            Segment::Object(name) if !segments.is_empty() => {
                Some(Path { segments: segments.to_vec(), target: Target::Param(name.clone()) })
            }
            _ => None,
        }
    }
}

impl From<&ObjectPath> for ReferenceValue {
    fn from(object: &ObjectPath) -> ReferenceValue {
        ReferenceValue(Some(Path::from(object)))
    }
}

impl FromStr for ReferenceValue {
    type Err = PathError;
    fn from_str(text: &str) -> Result<ReferenceValue, PathError> {
        ReferenceValue::parse(text)
    }
}

impl fmt::Display for ReferenceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => Ok(()),
            Some(path) => f.write_str(path.to_string().trim_end_matches('.')),
        }
    }
}

/// A parameter relative to an object, through single-instance children: `Enable`, `WebSocket.Port`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RelativePath {
    /// The children on the way, outermost first.
    pub children: Vec<Name>,
    /// The parameter.
    pub param: Name,
}

impl RelativePath {
    /// Reads names with dots between them.
    ///
    /// # Errors
    /// Where and why the text is something else, or deeper than
    /// [`MAX_COMPARISON_STEPS`](crate::limits::MAX_COMPARISON_STEPS).
    pub fn parse(text: &str) -> Result<RelativePath, PathError> {
        let mut cursor = Cursor::new(text)?;
        let mut children = Vec::new();
        loop {
            let name = cursor.name()?;
            if cursor.at_end() {
                return Ok(RelativePath { children, param: name });
            }
            if children.len() == MAX_COMPARISON_STEPS {
                return Err(cursor.error(PathErrorKind::TooManySteps));
            }
            children.push(name);
            cursor.expect(".", PathErrorKind::AfterName)?;
        }
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for child in &self.children {
            write!(f, "{child}.")?;
        }
        write!(f, "{}", self.param)
    }
}
