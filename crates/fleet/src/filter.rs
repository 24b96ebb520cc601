//! The filter language of lists and streams: `model == "hAP ax3" && online && "pilot" in tags`.
//!
//! [`Filter::parse`] gives a checked tree: every comparison has a column of [`Column`], an operator and a
//! literal of the column's kind. A store compiles the tree; [`Filter::matches`] evaluates it on one
//! device. A parameter path parses, and is then the error `not-indexed`.

use dm::UtcTime;

use crate::Error;
use crate::device::Device;

mod lex;
mod parse;
mod regex;
mod version;

pub use regex::Regex;
pub use version::Version;

/// A checked filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    text: String,
    expr: Expr,
}

/// Its tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expr {
    /// All of them; at least two.
    And(Vec<Expr>),
    /// Any of them; at least two.
    Or(Vec<Expr>),
    /// Not that.
    Not(Box<Expr>),
    /// The device is online (`online`, `online == true`), or is not.
    Online(bool),
    /// It has a tag.
    Tag(String),
    /// One of its endpoint ids compares so.
    Endpoint(TextTest),
    /// A text column compares so.
    Text(TextColumn, TextTest),
    /// When it was last heard; a device that never was matches no comparison but `!=`.
    LastSeen(Order, When),
}

/// A time in a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// `2026-11-21`, `2026-11-21T09:30:00Z`; with or without quotes.
    At(UtcTime),
    /// `-10m`: so many microseconds before the present of whoever asks.
    Ago(i64),
}

impl When {
    /// The time that it is for somebody to whom it is `now`.
    pub fn at(self, now: UtcTime) -> UtcTime {
        match self {
            When::At(time) => time,
            When::Ago(micros) => UtcTime(now.0.saturating_sub(micros)),
        }
    }
}

/// Columns that hold one text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum TextColumn {
    /// `name`
    Name,
    /// `model`
    Model,
    /// `manufacturer`
    Manufacturer,
    /// `serial`
    Serial,
    /// `software`
    Software,
    /// `address`
    Address,
}

/// How a text compares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextTest {
    /// By order of code points.
    Order(Order, String),
    /// It is one of these.
    OneOf(Vec<String>),
    /// It contains this, whatever the case (of ASCII).
    Contains(String),
    /// All of it matches.
    Matches(Regex),
    /// By the parts of a version. A text that is none matches no comparison but `!=`.
    Version(Order, Version),
}

/// Comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Order {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Filter {
    /// Parses and checks a filter.
    ///
    /// # Errors
    /// [`Error::BadFilter`] with the place, [`Error::NotIndexed`] for a parameter path.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Ok(Filter { text: text.to_owned(), expr: parse::parse(text)? })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its tree.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Whether a device matches at this time.
    pub fn matches(&self, device: &Device, now: UtcTime) -> bool {
        self.expr.matches(device, now)
    }
}

impl Expr {
    fn matches(&self, device: &Device, now: UtcTime) -> bool {
        match self {
            Expr::And(all) => all.iter().all(|one| one.matches(device, now)),
            Expr::Or(any) => any.iter().any(|one| one.matches(device, now)),
            Expr::Not(one) => !one.matches(device, now),
            Expr::Online(online) => device.online == *online,
            Expr::Tag(tag) => device.tags.contains(tag),
            Expr::Endpoint(test) => device.endpoints().any(|endpoint| test.matches(endpoint)),
            Expr::Text(column, test) => test.matches(column.of(device)),
            Expr::LastSeen(order, when) => match device.last_seen {
                Some(seen) => order.holds(seen.cmp(&when.at(now))),
                None => *order == Order::NotEqual,
            },
        }
    }
}

impl TextColumn {
    /// Every column.
    pub const ALL: [TextColumn; 6] = [
        TextColumn::Name,
        TextColumn::Model,
        TextColumn::Manufacturer,
        TextColumn::Serial,
        TextColumn::Software,
        TextColumn::Address,
    ];

    /// Its name in the language.
    pub const fn as_str(self) -> &'static str {
        match self {
            TextColumn::Name => "name",
            TextColumn::Model => "model",
            TextColumn::Manufacturer => "manufacturer",
            TextColumn::Serial => "serial",
            TextColumn::Software => "software",
            TextColumn::Address => "address",
        }
    }

    fn of(self, device: &Device) -> &str {
        match self {
            TextColumn::Name => &device.name,
            TextColumn::Model => &device.facts.model,
            TextColumn::Manufacturer => &device.facts.manufacturer,
            TextColumn::Serial => &device.facts.serial,
            TextColumn::Software => &device.facts.software,
            TextColumn::Address => &device.address,
        }
    }
}

impl TextTest {
    /// Whether a text compares so.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            TextTest::Order(order, with) => order.holds(text.cmp(with.as_str())),
            TextTest::OneOf(list) => list.iter().any(|one| one == text),
            TextTest::Contains(part) => text.to_ascii_lowercase().contains(&part.to_ascii_lowercase()),
            TextTest::Matches(regex) => regex.is_match(text),
            TextTest::Version(order, version) => match version.compare(text) {
                Some(found) => order.holds(found),
                None => *order == Order::NotEqual,
            },
        }
    }
}

impl Order {
    /// Whether two things that compare so stand in this relation.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Order::Equal => order.is_eq(),
            Order::NotEqual => order.is_ne(),
            Order::Less => order.is_lt(),
            Order::LessOrEqual => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::GreaterOrEqual => order.is_ge(),
        }
    }
}
