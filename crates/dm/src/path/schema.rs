//! Paths of the Supported Data Model.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::cursor::Cursor;
use super::error::{PathError, PathErrorKind};
use super::parse::action;
use super::{Name, Target};
use crate::limits::MAX_PATH_SEGMENTS;

/// A path of the Supported Data Model: `Device.WiFi.SSID.{i}.Enable`, `Device.Reboot()`, `Device.Boot!`.
///
/// Instance numbers may stand before the first `{i}`, because a row under a mount point is asked for
/// by its own path. A table may be written with or without its last `{i}.`; the text keeps what was
/// written, [`SchemaPath::as_table`] and [`SchemaPath::as_row`] make either form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaPath(Arc<str>);

/// What a [`SchemaPath`] names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SchemaKind {
    /// An object or table; the text ends in a dot.
    Object,
    /// A parameter.
    Param,
    /// A command; the text ends in `()`.
    Command,
    /// An event; the text ends in `!`.
    Event,
}

/// One segment of a [`SchemaPath`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SchemaSegment<'a> {
    /// The name of an object, or the last name without its `()` or `!`.
    Name(&'a str),
    /// `{i}`, any row.
    Any,
    /// One row.
    Row(u32),
}

impl SchemaPath {
    /// Reads the path of a supported object, parameter, command or event.
    ///
    /// # Errors
    /// Where and why the text is not such a path.
    // R-ARC.7; the grammar of TR-369 leaves out commands and events, which GetSupportedDM accepts.
    pub fn parse(text: &str) -> Result<SchemaPath, PathError> {
        let mut cursor = Cursor::new(text)?;
        cursor.name()?;
        let (mut segments, mut after_name, mut placeholder) = (1, false, false);
        loop {
            cursor.expect(".", PathErrorKind::DotExpected)?;
            if cursor.at_end() {
                return Ok(SchemaPath(Arc::from(text)));
            }
            if segments == MAX_PATH_SEGMENTS {
                return Err(cursor.error(PathErrorKind::TooManySegments));
            }
            segments += 1;
            match cursor.peek() {
                Some(b'{' | b'0'..=b'9') => {
                    if !after_name {
                        return Err(cursor.error(PathErrorKind::RowNotAllowed));
                    }
                    row(&mut cursor, &mut placeholder)?;
                    after_name = false;
                }
                Some(b'*' | b'[') => return Err(cursor.error(PathErrorKind::NotConcrete)),
                _ => {
                    if target(&mut cursor)? {
                        return Ok(SchemaPath(Arc::from(text)));
                    }
                    after_name = true;
                }
            }
        }
    }

    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it names.
    pub fn kind(&self) -> SchemaKind {
        match self.0.as_bytes().last() {
            Some(b'.') => SchemaKind::Object,
            Some(b')') => SchemaKind::Command,
            Some(b'!') => SchemaKind::Event,
            _ => SchemaKind::Param,
        }
    }

    /// Names, `{i}` and numbers from the root on.
    pub fn segments(&self) -> impl Iterator<Item = SchemaSegment<'_>> {
        self.0.trim_end_matches(['.', '(', ')', '!']).split('.').map(|segment| match segment.as_bytes()[0] {
            b'{' => SchemaSegment::Any,
            b'0'..=b'9' => SchemaSegment::Row(segment.parse().expect("the parser has read this number")),
            _ => SchemaSegment::Name(segment),
        })
    }

    /// The names alone, from the root on; commands and events without `()` and `!`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments().filter_map(|segment| match segment {
            SchemaSegment::Name(name) => Some(name),
            SchemaSegment::Any | SchemaSegment::Row(_) => None,
        })
    }

    /// The last name: the object's, parameter's, command's or event's own.
    pub fn name(&self) -> Name {
        let own = self.0.trim_end_matches(['.', '(', ')', '!']);
        let own = own.rsplit('.').find(|segment| is_name(segment)).unwrap_or(own);
        Name::of_valid_text(own)
    }

    /// Whether it names one row or something inside one row by number.
    pub fn has_numbers(&self) -> bool {
        self.segments().any(|segment| matches!(segment, SchemaSegment::Row(_)))
    }

    /// Whether it is an object path that ends in `{i}.`.
    pub fn is_row(&self) -> bool {
        self.0.ends_with(".{i}.")
    }

    /// The object that holds this parameter, command or event, or the object around this object;
    /// `None` for the root. A table and its `{i}` are one object: the parent of
    /// `Device.WiFi.SSID.{i}.` is `Device.WiFi.`.
    pub fn parent(&self) -> Option<SchemaPath> {
        let own = self.0.strip_suffix('.').unwrap_or(&self.0);
        let (around, last) = own.rsplit_once('.')?;
        let around = if is_name(last) { around } else { around.rsplit_once('.')?.0 };
        Some(SchemaPath::of_valid_text(&self.0[..=around.len()]))
    }

    /// This object path without a last `{i}.`; other paths as they are.
    #[must_use]
    pub fn as_table(&self) -> SchemaPath {
        match self.0.strip_suffix("{i}.") {
            Some(table) => SchemaPath::of_valid_text(table),
            None => self.clone(),
        }
    }

    /// This table's path with `{i}.` at the end; rows, the root and what is no object as they are.
    #[must_use]
    pub fn as_row(&self) -> SchemaPath {
        let own = self.0.strip_suffix('.').and_then(|own| own.rsplit_once('.'));
        match own {
            Some((_, last)) if is_name(last) => SchemaPath::of_valid_text(&format!("{}{{i}}.", self.0)),
            _ => self.clone(),
        }
    }

    /// The object `name` inside this object.
    ///
    /// # Panics
    /// If this is not the path of an object; so do the three below.
    #[must_use]
    pub fn child(&self, name: &Name) -> SchemaPath {
        self.with(name, ".")
    }

    /// The parameter `name` of this object.
    #[must_use]
    pub fn param(&self, name: &Name) -> SchemaPath {
        self.with(name, "")
    }

    /// The command `name` of this object.
    #[must_use]
    pub fn command(&self, name: &Name) -> SchemaPath {
        self.with(name, "()")
    }

    /// The event `name` of this object.
    #[must_use]
    pub fn event(&self, name: &Name) -> SchemaPath {
        self.with(name, "!")
    }

    fn with(&self, name: &Name, end: &str) -> SchemaPath {
        assert_eq!(self.kind(), SchemaKind::Object, "only an object holds something");
        SchemaPath::of_valid_text(&format!("{}{name}{end}", self.0))
    }

    /// Wraps text that was made from parts which a parser has read.
    pub(super) fn of_valid_text(text: &str) -> SchemaPath {
        SchemaPath(Arc::from(text))
    }
}

/// `{i}`, or an instance number as long as no `{i}` came before it.
fn row(cursor: &mut Cursor<'_>, placeholder: &mut bool) -> Result<(), PathError> {
    if cursor.peek() == Some(b'{') {
        cursor.expect("{i}", PathErrorKind::PlaceholderExpected)?;
        *placeholder = true;
    } else if *placeholder {
        return Err(cursor.error(PathErrorKind::NumberAfterPlaceholder));
    } else {
        cursor.number()?;
    }
    Ok(())
}

/// One name, and whether the path ends with it as a parameter, command or event.
fn target(cursor: &mut Cursor<'_>) -> Result<bool, PathError> {
    let name = cursor.name()?;
    match cursor.peek() {
        None => Ok(true),
        Some(b'.') => Ok(false),
        Some(b'(' | b'!') => action(cursor, name).map(|target| !matches!(target, Target::Object)),
        Some(b'+' | b'#') => Err(cursor.error(PathErrorKind::NotConcrete)),
        Some(_) => Err(cursor.error(PathErrorKind::AfterName)),
    }
}

fn is_name(segment: &str) -> bool {
    !segment.starts_with(|first: char| first == '{' || first.is_ascii_digit())
}

impl FromStr for SchemaPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<SchemaPath, PathError> {
        SchemaPath::parse(text)
    }
}

impl fmt::Display for SchemaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SchemaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl AsRef<str> for SchemaPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Lets a map keyed by paths be asked with a `&str`: order, equality and hash are those of the text.
impl Borrow<str> for SchemaPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}
