//! Search expressions and unique-key addresses, `[Name=="x"&&Stats.Errors>0]`.
//!
//! Whether the comparisons make an address (all parameters of a unique key) or a search is for whoever
//! knows the model; the syntax is the same.

use std::borrow::Cow;
use std::sync::Arc;

use super::cursor::Cursor;
use super::error::{PathError, PathErrorKind};
use super::parse::follow;
use super::{Comparison, Expr, Literal, Operator, Step};
use crate::limits::{MAX_COMPARISON_STEPS, MAX_COMPARISONS, MAX_PATH_BYTES};
use crate::value::{Type, Value};

/// What all expressions of one path have used up of its limits.
#[derive(Default)]
pub(super) struct Used {
    comparisons: usize,
    /// Bytes by which constants grow when they are printed, because they hold bare percent signs.
    growth: usize,
}

/// Reads `[…]`.
pub(super) fn parse(cursor: &mut Cursor<'_>, used: &mut Used) -> Result<Expr, PathError> {
    cursor.expect("[", PathErrorKind::BracketExpected)?;
    let mut all = Vec::new();
    loop {
        if used.comparisons == MAX_COMPARISONS {
            return Err(cursor.error(PathErrorKind::TooManyComparisons));
        }
        used.comparisons += 1;
        // R-ARC.9a: blanks are accepted on both sides of every operator, `&&` included.
        cursor.skip_blanks();
        all.push(comparison(cursor, used)?);
        cursor.skip_blanks();
        if cursor.eat("]") {
            return Ok(Expr { all });
        }
        cursor.expect("&&", PathErrorKind::BracketExpected)?;
    }
}

fn comparison(cursor: &mut Cursor<'_>, used: &mut Used) -> Result<Comparison, PathError> {
    let mut steps = Vec::new();
    let param = loop {
        let name = cursor.name()?;
        let step = match cursor.peek() {
            Some(b'.') => Step::Child(name),
            Some(b'#' | b'+') => Step::Follow(follow(cursor, name)?),
            _ => break name,
        };
        if steps.len() == MAX_COMPARISON_STEPS {
            return Err(cursor.error(PathErrorKind::TooManySteps));
        }
        steps.push(step);
        cursor.expect(".", PathErrorKind::DotExpected)?;
    };
    cursor.skip_blanks();
    let operator = operator(cursor)?;
    cursor.skip_blanks();
    Ok(Comparison { steps, param, operator, literal: literal(cursor, used)? })
}

fn operator(cursor: &mut Cursor<'_>) -> Result<Operator, PathError> {
    Operator::ALL
        .into_iter()
        .find(|operator| cursor.eat(operator.as_str()))
        .ok_or_else(|| cursor.error(PathErrorKind::OperatorExpected))
}

fn literal(cursor: &mut Cursor<'_>, used: &mut Used) -> Result<Literal, PathError> {
    if cursor.eat("\"") {
        let length = cursor.rest().find('"').ok_or_else(|| cursor.error(PathErrorKind::QuoteExpected))?;
        let text = &cursor.rest()[..length];
        let constant = decode(text);
        used.growth += printed_length(&constant).saturating_sub(text.len());
        if cursor.length() + used.growth > MAX_PATH_BYTES {
            return Err(cursor.error(PathErrorKind::TooLong));
        }
        cursor.skip(length + 1);
        return Ok(Literal::Quoted(Arc::from(constant)));
    }
    let start = cursor.offset();
    let text =
        cursor.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b':'));
    if is_bare_constant(text) {
        Ok(Literal::Bare(Arc::from(text)))
    } else {
        Err(PathError::new(start, PathErrorKind::ConstantExpected))
    }
}

/// The grammar of TR-369 lists only numbers, but its examples have booleans, times and hexadecimal
/// text without quotes too.
fn is_bare_constant(text: &str) -> bool {
    let hexadecimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal
        || [Type::Boolean, Type::Decimal, Type::DateTime].into_iter().any(|ty| Value::parse(ty, text).is_ok())
}

/// The length of a constant between its quotes with every quote and percent sign escaped.
fn printed_length(constant: &str) -> usize {
    constant.bytes().map(|byte| if matches!(byte, b'"' | b'%') { 3 } else { 1 }).sum()
}

/// `%22` is a quote and `%25` a percent sign; any other percent sign stands for itself.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (character, used) = match escape.as_bytes().get(1..3) {
            Some(b"22") => ('"', 3),
            Some(b"25") => ('%', 3),
            _ => ('%', 1),
        };
        decoded.push(character);
        rest = &escape[used..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

impl Operator {
    /// All of them, those first that begin like another.
    pub const ALL: [Operator; 7] = [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Contains,
        Operator::LessOrEqual,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::Greater,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Contains => "~=",
            Operator::Less => "<",
            Operator::Greater => ">",
            Operator::LessOrEqual => "<=",
            Operator::GreaterOrEqual => ">=",
        }
    }
}

impl Literal {
    /// A text constant; it may hold any character.
    pub fn quoted(text: &str) -> Literal {
        Literal::Quoted(Arc::from(text))
    }

    /// A constant without quotes, if `text` is a number, boolean, time or hexadecimal text.
    pub fn bare(text: &str) -> Option<Literal> {
        is_bare_constant(text).then(|| Literal::Bare(Arc::from(text)))
    }

    /// The constant without its quotes.
    pub fn text(&self) -> &str {
        match self {
            Literal::Quoted(text) | Literal::Bare(text) => text,
        }
    }
}
