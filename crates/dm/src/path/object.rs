//! One concrete object of the Instantiated Data Model.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::cursor::Cursor;
use super::error::{PathError, PathErrorKind};
use super::{Name, SchemaPath};
use crate::limits::MAX_PATH_SEGMENTS;

/// One concrete object, table or row: names and instance numbers, printed with a dot at the end.
///
/// It begins with a name, and a number stands only behind a name other than the first. The order
/// is that of the tree: numbers by value, and everything inside an object right behind it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectPath {
    elements: Vec<Element>,
}

/// One element of an [`ObjectPath`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Element {
    /// An object's name.
    Name(Name),
    /// A row's number.
    Row(NonZeroU32),
}

impl ObjectPath {
    /// Reads `Device.WiFi.SSID.3.`; the last dot is needed.
    ///
    /// # Errors
    /// Where and why the text is not the path of one object.
    pub fn parse(text: &str) -> Result<ObjectPath, PathError> {
        let mut cursor = Cursor::new(text)?;
        let mut elements = vec![Element::Name(cursor.name()?)];
        loop {
            if cursor.at_end() {
                return Err(cursor.error(PathErrorKind::ObjectExpected));
            }
            cursor.expect(".", PathErrorKind::NotConcrete)?;
            if cursor.at_end() {
                return Ok(ObjectPath { elements });
            }
            if elements.len() == MAX_PATH_SEGMENTS {
                return Err(cursor.error(PathErrorKind::TooManySegments));
            }
            let element = match cursor.peek() {
                Some(b'0'..=b'9') if !takes_row(&elements) => {
                    return Err(cursor.error(PathErrorKind::RowNotAllowed));
                }
                Some(b'0'..=b'9') => Element::Row(cursor.number()?),
                Some(b'*' | b'[') => return Err(cursor.error(PathErrorKind::NotConcrete)),
                _ => Element::Name(cursor.name()?),
            };
            elements.push(element);
        }
    }

    /// `Device.`, the root of TR-181.
    pub fn root() -> ObjectPath {
        ObjectPath::with_root(Name::of_valid_text("Device"))
    }

    /// A root of another name, e.g. `InternetGatewayDevice.`.
    pub fn with_root(name: Name) -> ObjectPath {
        ObjectPath { elements: vec![Element::Name(name)] }
    }

    /// Names and numbers from the root on, never empty.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The object or table `name` inside this object.
    #[must_use]
    pub fn child(&self, name: Name) -> ObjectPath {
        self.with(Element::Name(name))
    }

    /// The row `number` of this table.
    ///
    /// # Panics
    /// If this is the root or itself a row, which no schema calls a table.
    #[must_use]
    pub fn row(&self, number: NonZeroU32) -> ObjectPath {
        assert!(takes_row(&self.elements), "rows are asked only of tables");
        self.with(Element::Row(number))
    }

    /// The object around this one: a row's table, a table's or object's owner; `None` for the root.
    pub fn parent(&self) -> Option<ObjectPath> {
        let (_, around) = self.elements.split_last()?;
        if around.is_empty() { None } else { Some(ObjectPath { elements: around.to_vec() }) }
    }

    /// The instance number, if this is a row.
    pub fn row_number(&self) -> Option<NonZeroU32> {
        match self.elements.last() {
            Some(Element::Row(number)) => Some(*number),
            _ => None,
        }
    }

    /// Whether this is `ancestor` or lies inside it.
    pub fn starts_with(&self, ancestor: &ObjectPath) -> bool {
        self.elements.starts_with(&ancestor.elements)
    }

    /// The same object in the Supported Data Model, every number as `{i}`.
    pub fn to_schema(&self) -> SchemaPath {
        let mut text = String::new();
        for element in &self.elements {
            text.push_str(match element {
                Element::Name(name) => name.as_str(),
                Element::Row(_) => "{i}",
            });
            text.push('.');
        }
        SchemaPath::of_valid_text(&text)
    }

    /// The full path of a parameter of this object.
    pub fn param_text(&self, param: &Name) -> String {
        format!("{self}{param}")
    }

    /// The path as it stands in the value of a reference parameter: without the last dot.
    pub fn reference_text(&self) -> String {
        let mut text = self.to_string();
        text.pop();
        text
    }

    fn with(&self, element: Element) -> ObjectPath {
        let mut elements = Vec::with_capacity(self.elements.len() + 1);
        elements.extend_from_slice(&self.elements);
        elements.push(element);
        ObjectPath { elements }
    }

    /// Wraps elements that a parser has already found in the right order.
    pub(super) fn of_valid_elements(elements: Vec<Element>) -> ObjectPath {
        ObjectPath { elements }
    }
}

fn takes_row(elements: &[Element]) -> bool {
    elements.len() > 1 && matches!(elements.last(), Some(Element::Name(_)))
}

impl FromStr for ObjectPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<ObjectPath, PathError> {
        ObjectPath::parse(text)
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for element in &self.elements {
            match element {
                Element::Name(name) => write!(f, "{name}.")?,
                Element::Row(number) => write!(f, "{number}.")?,
            }
        }
        Ok(())
    }
}
