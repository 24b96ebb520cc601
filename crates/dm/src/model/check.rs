//! Checking a text against a parameter's or argument's definition.
//!
//! Wrong type is 7011, anything else that the definition forbids is 7012. What needs instances to
//! judge (unique keys, whether a reference's target exists, words listed by another parameter) is not
//! judged here. Faults say what would be right, never the value, which may be a secret.

use super::{Arg, Param};
use crate::fault::{Code, Fault};
use crate::schema::{EnumValue, Facets, ListFacet, Size, Status, matches_pattern};
use crate::value::{Type, Value, join_list, split_list};

impl Param {
    /// The value of a text, if the definition allows it; a list comes back as one text in canonical
    /// form, and a secured or hidden parameter's value as a secret.
    ///
    /// # Errors
    /// 7011 if the text is not of the type, 7012 if the value is not allowed.
    pub fn check(&self, text: &str) -> Result<Value, Fault> {
        let value = check(self.ty, &self.facets, text)?;
        Ok(if self.is_secret() { value.into_secret() } else { value })
    }
}

impl Param {
    /// What it begins with where nobody says anything: the definition's default, or the null value of its type; where that
    /// is out of range, the nearest number that is not.
    pub fn initial(&self) -> Value {
        let value = match &self.default {
            Some(value) => value.clone(),
            None if self.is_list() => return Value::text(""),
            None => Value::null(self.ty),
        };
        let Some(number) = number(&value) else { return value };
        let ranges = &self.facets.ranges;
        if self.is_list() || ranges.is_empty() || ranges.iter().any(|range| range.holds(number)) {
            return value;
        }
        let ends = ranges.iter().flat_map(|range| [range.min, range.max]).flatten();
        let allowed = ends.filter(|end| ranges.iter().any(|range| range.holds(*end)));
        let nearest = allowed.min_by_key(|end| end.abs_diff(number));
        let fitting = nearest.and_then(|number| match value {
            Value::Int(_) => i64::try_from(number).ok().map(Value::Int),
            _ => u64::try_from(number).ok().map(Value::Uint),
        });
        fitting.unwrap_or(value)
    }
}

impl Arg {
    /// The value of a text, if the definition allows it.
    ///
    /// # Errors
    /// 7011 if the text is not of the type, 7012 if the value is not allowed.
    pub fn check(&self, text: &str) -> Result<Value, Fault> {
        check(self.ty, &self.facets, text)
    }
}

fn check(ty: Type, facets: &Facets, text: &str) -> Result<Value, Fault> {
    let Some(list) = &facets.list else {
        return scalar(ty, facets, text);
    };
    if !fits(&list.sizes, text.chars().count()) {
        return Err(refused(format!("the list has to be {} characters long", sizes(&list.sizes))));
    }
    let items: Vec<String> = match &facets.inner_list {
        Some(inner) => nested(ty, facets, inner, text)?,
        None => {
            let mut items = Vec::new();
            for item in split_list(text) {
                items.push(scalar(ty, facets, &item)?.expose().into_owned());
            }
            items
        }
    };
    count(list, items.len())?;
    let joined = if facets.inner_list.is_some() { items.join(",") } else { join_list(items) };
    Ok(Value::text(joined))
}

/// Lists of lists: `[1,2],[3,4]`.
fn nested(ty: Type, facets: &Facets, inner: &ListFacet, text: &str) -> Result<Vec<String>, Fault> {
    let wrong = || Fault::new(Code::INVALID_TYPE, "not a list of lists in square brackets");
    let mut lists = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (list, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(wrong)?;
        let mut items = Vec::new();
        for item in split_list(list) {
            items.push(scalar(ty, facets, &item)?.expose().into_owned());
        }
        count(inner, items.len())?;
        lists.push(format!("[{}]", join_list(items)));
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
            if rest.is_empty() {
                return Err(wrong());
            }
        } else if !rest.is_empty() {
            return Err(wrong());
        }
    }
    Ok(lists)
}

fn count(list: &ListFacet, items: usize) -> Result<(), Fault> {
    let allowed = Size { min: list.min_items, max: list.max_items };
    if allowed.holds(items) {
        return Ok(());
    }
    Err(refused(format!("the list has to have {} items", sizes(&[allowed]))))
}

fn scalar(ty: Type, facets: &Facets, text: &str) -> Result<Value, Fault> {
    let value = Value::parse(ty, text)?;
    if let Some(number) = number(&value)
        && !facets.ranges.is_empty()
        && !facets.ranges.iter().any(|range| range.holds(number))
    {
        return Err(refused("the number is out of range"));
    }
    let canonical = value.expose();
    let length = match ty {
        Type::String => canonical.chars().count(),
        Type::HexBinary => canonical.len() / 2,
        Type::Base64 => base64_octets(&canonical),
        _ => return Ok(value),
    };
    if ty == Type::String && is_word(facets, &canonical)? {
        return Ok(value);
    }
    // A reference to nothing is the empty text, whatever lengths are asked of paths.
    let no_target = facets.reference.is_some() && length == 0;
    if !no_target && !fits(&facets.sizes, length) {
        return Err(refused(format!("the length has to be {}", sizes(&facets.sizes))));
    }
    if !facets.patterns.is_empty() {
        let hit = facets.patterns.iter().any(|pattern| matches_pattern(pattern, &canonical).unwrap_or(true));
        if !hit {
            return Err(refused("the text does not match the pattern"));
        }
    }
    Ok(value)
}

/// Whether the text is one of the enumeration's words. With words but no patterns, nothing else is
/// allowed; with both, either will do.
fn is_word(facets: &Facets, text: &str) -> Result<bool, Fault> {
    let usable = |word: &&EnumValue| !word.read_only && word.status != Status::Deleted;
    if facets.enumeration.iter().filter(usable).any(|word| word.value == text) {
        return Ok(true);
    }
    if facets.enumeration.is_empty() || !facets.patterns.is_empty() {
        return Ok(false);
    }
    let words: Vec<&str> = facets.enumeration.iter().filter(usable).map(|word| word.value.as_str()).collect();
    Err(refused(format!("not one of: {}", words.join(", "))))
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    }
}

fn base64_octets(canonical: &str) -> usize {
    canonical.len() / 4 * 3 - canonical.bytes().rev().take_while(|b| *b == b'=').count()
}

fn fits(sizes: &[Size], length: usize) -> bool {
    sizes.is_empty() || sizes.iter().any(|size| size.holds(length))
}

fn sizes(sizes: &[Size]) -> String {
    let one = |size: &Size| match (size.min, size.max) {
        (min, Some(max)) if min == max => format!("{min}"),
        (0, Some(max)) => format!("at most {max}"),
        (min, Some(max)) => format!("{min} to {max}"),
        (min, None) => format!("at least {min}"),
    };
    sizes.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn refused(message: impl Into<String>) -> Fault {
    Fault::new(Code::INVALID_VALUE, message)
}
