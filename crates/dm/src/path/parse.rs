//! Reading a [`Path`]: one pass from left to right, one step per segment, no recursion.

use std::str::FromStr;

use super::cursor::Cursor;
use super::error::{PathError, PathErrorKind};
use super::expr::{self, Used};
use super::{Follow, Item, Name, Operator, Path, Segment, Selector, Target};
use crate::limits::MAX_PATH_SEGMENTS;

impl Path {
    /// Reads an object, instance, parameter, command, event or search path.
    ///
    /// # Errors
    /// Where and why the text is not a path; always [`Code::INVALID_PATH_SYNTAX`](crate::Code::INVALID_PATH_SYNTAX).
    // R-ARC.7
    pub fn parse(text: &str) -> Result<Path, PathError> {
        Path::parse_as(text, Dialect::Request)
    }

    pub(super) fn parse_as(text: &str, dialect: Dialect) -> Result<Path, PathError> {
        let mut cursor = Cursor::new(text)?;
        // A dot follows each segment: parsed paths are kept by the thousand, without room to grow.
        let dots = text.bytes().filter(|byte| *byte == b'.').count();
        let mut segments = Vec::with_capacity(dots.clamp(1, MAX_PATH_SEGMENTS));
        segments.push(Segment::Object(cursor.name()?));
        let mut reader = Reader { dialect, segments, used: Used::default() };
        loop {
            cursor.expect(".", PathErrorKind::DotExpected)?;
            if cursor.at_end() {
                return Ok(Path { segments: reader.segments, target: Target::Object });
            }
            if reader.segments.len() == MAX_PATH_SEGMENTS {
                return Err(cursor.error(PathErrorKind::TooManySegments));
            }
            match reader.step(&mut cursor)? {
                Step::Segment(segment) => reader.segments.push(segment),
                Step::Target(target) => return Ok(Path { segments: reader.segments, target }),
            }
        }
    }
}

impl FromStr for Path {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Path, PathError> {
        Path::parse(text)
    }
}

/// What a path may hold beside names and numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Everything.
    Request,
    /// Unique keys alone: the path names one object.
    Reference,
}

/// What has been read, as far as the next step depends on it.
struct Reader {
    dialect: Dialect,
    segments: Vec<Segment>,
    used: Used,
}

/// What one step finds.
enum Step {
    Segment(Segment),
    Target(Target),
}

impl Reader {
    /// Reads from behind one dot up to the next dot or the end.
    fn step(&mut self, cursor: &mut Cursor<'_>) -> Result<Step, PathError> {
        if matches!(cursor.peek(), Some(b'0'..=b'9' | b'*' | b'[')) {
            return Ok(Step::Segment(Segment::Rows(self.selector(cursor)?)));
        }
        let name = cursor.name()?;
        Ok(match cursor.peek() {
            None => Step::Target(Target::Param(name)),
            Some(b'.') => Step::Segment(Segment::Object(name)),
            Some(b'#' | b'+' | b'(' | b'!') if self.dialect == Dialect::Reference => {
                return Err(cursor.error(PathErrorKind::NotConcrete));
            }
            Some(b'#' | b'+') => Step::Segment(Segment::Follow(follow(cursor, name)?)),
            Some(b'(' | b'!') => Step::Target(action(cursor, name)?),
            Some(_) => return Err(cursor.error(PathErrorKind::AfterName)),
        })
    }

    fn selector(&mut self, cursor: &mut Cursor<'_>) -> Result<Selector, PathError> {
        // The root is no table, and neither a row nor a referenced object has rows of its own.
        if self.segments.len() == 1 || !matches!(self.segments.last(), Some(Segment::Object(_))) {
            return Err(cursor.error(PathErrorKind::RowNotAllowed));
        }
        match cursor.peek() {
            Some(b'*') if self.dialect == Dialect::Reference => Err(cursor.error(PathErrorKind::NotConcrete)),
            Some(b'*') => {
                cursor.skip(1);
                Ok(Selector::All)
            }
            Some(b'[') => {
                let start = cursor.offset();
                let expr = expr::parse(cursor, &mut self.used)?;
                if self.dialect == Dialect::Reference
                    && expr.all.iter().any(|c| c.operator != Operator::Equal)
                {
                    return Err(PathError::new(start, PathErrorKind::NotAKey));
                }
                Ok(Selector::Matching(expr))
            }
            _ => Ok(Selector::Number(cursor.number()?)),
        }
    }
}

/// `()` or `!`, and the end.
pub(super) fn action(cursor: &mut Cursor<'_>, name: Name) -> Result<Target, PathError> {
    let target = if cursor.eat("!") {
        Target::Event(name)
    } else {
        cursor.expect("()", PathErrorKind::CommandExpected)?;
        Target::Command(name)
    };
    if cursor.at_end() { Ok(target) } else { Err(cursor.error(PathErrorKind::AfterTarget)) }
}

/// `+`, `#n+` or `#*+` behind the name of a reference parameter.
pub(super) fn follow(cursor: &mut Cursor<'_>, param: Name) -> Result<Follow, PathError> {
    let item = match () {
        () if !cursor.eat("#") => Item::First,
        () if cursor.eat("*") => Item::All,
        () if cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) => Item::Number(cursor.number()?),
        () => return Err(cursor.error(PathErrorKind::FollowExpected)),
    };
    cursor.expect("+", PathErrorKind::FollowExpected)?;
    Ok(Follow { param, item })
}
