//! Comparing values with the constants of search expressions (TR-369 section 5).

use std::cmp::Ordering;
use std::fmt;

use super::lexical::Decimal;
use super::{Type, Value, split_list};
use crate::fault::{Code, Fault};
use crate::path::{Literal, Operator};

/// A comparison that has no meaning for the parameter's type, whatever its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CompareError {
    /// `~=` on a parameter that is no list.
    #[error("'~=' needs a list")]
    NotAList,
    /// An ordering of texts, booleans, lists, binary values, or with Unknown Time.
    #[error("this {0} can only be compared with '==' and '!='")]
    NotOrdered(Type),
    /// A constant of another type: text in quotes for anything but text, or the reverse, or a bare
    /// constant that does not convert.
    #[error("the constant is not a {0}")]
    Mismatch(Type),
}

impl CompareError {
    /// The code on the wire, always [`Code::INVALID_PATH_SYNTAX`].
    pub fn code(&self) -> Code {
        Code::INVALID_PATH_SYNTAX
    }
}

impl From<CompareError> for Fault {
    fn from(error: CompareError) -> Fault {
        Fault::new(error.code(), error.to_string())
    }
}

/// One comparison, checked against the parameter's type and ready to be asked of many values. `Debug`
/// leaves the constant out, which may be what somebody looks for a secret by.
#[derive(Clone, PartialEq, Eq)]
pub struct Condition {
    ty: Type,
    is_list: bool,
    operator: Operator,
    constant: Constant,
}

/// A converted constant.
#[derive(Clone, PartialEq, Eq)]
enum Constant {
    One(Comparable),
    List(Vec<Comparable>),
}

/// A value in the form in which values of its type compare.
#[derive(Clone, PartialEq, Eq)]
enum Comparable {
    Number(Decimal),
    Other(Value),
}

/// Whether `value` of a parameter of type `ty` (items of type `ty`, if it is a list) holds.
///
/// # Errors
/// When the comparison has no meaning for the type, see [`Condition::new`].
pub fn compare(
    value: &Value,
    ty: Type,
    is_list: bool,
    operator: Operator,
    literal: &Literal,
) -> Result<bool, CompareError> {
    Ok(Condition::new(ty, is_list, operator, literal)?.holds(value))
}

impl Condition {
    /// Checks the operator and converts the constant.
    ///
    /// Text and base64 take a constant in quotes, every other type one without. Lists take `~=` with
    /// one item, and `==` and `!=` with the whole list in quotes (or one bare item). Numbers take any
    /// number: `123`, `+123` and `0123` are equal, and `-1` is just less than every unsigned value.
    ///
    /// # Errors
    /// When the operator or the constant does not fit the type.
    pub fn new(
        ty: Type,
        is_list: bool,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Condition, CompareError> {
        let ordering = !matches!(operator, Operator::Equal | Operator::NotEqual | Operator::Contains);
        let unordered_type = !ty.is_number() && ty != Type::DateTime;
        match operator {
            Operator::Contains if !is_list => return Err(CompareError::NotAList),
            _ if ordering && (is_list || unordered_type) => return Err(CompareError::NotOrdered(ty)),
            _ => {}
        }
        let constant = match literal {
            Literal::Quoted(text) if is_list && operator != Operator::Contains => {
                Constant::List(comparable_items(ty, text).ok_or(CompareError::Mismatch(ty))?)
            }
            _ => {
                let one = Comparable::of_literal(ty, literal).ok_or(CompareError::Mismatch(ty))?;
                if is_list && operator != Operator::Contains {
                    Constant::List(vec![one])
                } else {
                    Constant::One(one)
                }
            }
        };
        if ordering && constant.is_unknown_time() {
            return Err(CompareError::NotOrdered(ty));
        }
        Ok(Condition { ty, is_list, operator, constant })
    }

    /// Whether the value holds. A secret is compared as the empty text that its readers see, so that
    /// a search cannot guess it; a value that is not of the type differs from every constant.
    pub fn holds(&self, value: &Value) -> bool {
        let lexical = value.to_lexical();
        match (&self.constant, self.operator) {
            (Constant::One(one), Operator::Contains) => {
                split_list(&lexical).any(|item| Comparable::of_text(self.ty, &item).as_ref() == Some(one))
            }
            (Constant::List(list), operator) => {
                (comparable_items(self.ty, &lexical).as_ref() == Some(list)) == (operator == Operator::Equal)
            }
            (Constant::One(one), operator) => {
                let order = Comparable::of_value(self.ty, value, &lexical).and_then(|held| held.order(one));
                match operator {
                    Operator::Equal | Operator::Contains => order == Some(Ordering::Equal),
                    Operator::NotEqual => order != Some(Ordering::Equal),
                    Operator::Less => order == Some(Ordering::Less) && !is_unknown_time(value),
                    Operator::Greater => order == Some(Ordering::Greater) && !is_unknown_time(value),
                    Operator::LessOrEqual => order.is_some_and(Ordering::is_le) && !is_unknown_time(value),
                    Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge) && !is_unknown_time(value),
                }
            }
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("ty", &self.ty)
            .field("operator", &self.operator)
            .finish_non_exhaustive()
    }
}

impl Constant {
    fn is_unknown_time(&self) -> bool {
        matches!(self, Constant::One(Comparable::Other(value)) if is_unknown_time(value))
    }
}

impl Comparable {
    fn of_literal(ty: Type, literal: &Literal) -> Option<Comparable> {
        let quoted = matches!(literal, Literal::Quoted(_));
        let wants_quotes = matches!(ty, Type::String | Type::Base64);
        if quoted == wants_quotes { Comparable::of_text(ty, literal.text()) } else { None }
    }

    fn of_text(ty: Type, text: &str) -> Option<Comparable> {
        if ty.is_number() {
            Decimal::parse(text).map(Comparable::Number)
        } else {
            Value::parse(ty, text).ok().map(Comparable::Other)
        }
    }

    /// The typed value itself; its text is only read when the value is not held in its type.
    fn of_value(ty: Type, value: &Value, lexical: &str) -> Option<Comparable> {
        match (ty, value) {
            (Type::Boolean, Value::Bool(_))
            | (Type::DateTime, Value::Time(_))
            | (Type::String, Value::Text(_)) => Some(Comparable::Other(value.clone())),
            _ => Comparable::of_text(ty, lexical),
        }
    }

    /// How two of one type compare; texts and booleans only tell equal from different.
    fn order(&self, other: &Comparable) -> Option<Ordering> {
        match (self, other) {
            (Comparable::Number(a), Comparable::Number(b)) => Some(a.cmp(b)),
            (Comparable::Other(Value::Time(a)), Comparable::Other(Value::Time(b))) => Some(a.cmp(b)),
            (Comparable::Other(a), Comparable::Other(b)) if a == b => Some(Ordering::Equal),
            _ => None,
        }
    }
}

fn comparable_items(ty: Type, list: &str) -> Option<Vec<Comparable>> {
    split_list(list).map(|item| Comparable::of_text(ty, &item)).collect()
}

fn is_unknown_time(value: &Value) -> bool {
    matches!(value, Value::Time(time) if time.is_unknown())
}
