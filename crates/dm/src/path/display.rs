//! Printing a [`Path`] in the one form that the parser reads back to the same path.

use std::fmt;

use super::{Comparison, Expr, Follow, Item, Literal, Operator, Path, Segment, Selector, Step, Target};

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Object(name) => write!(f, "{name}.")?,
                Segment::Rows(selector) => write!(f, "{selector}.")?,
                Segment::Follow(follow) => write!(f, "{follow}.")?,
            }
        }
        match &self.target {
            Target::Object => Ok(()),
            Target::Param(name) => write!(f, "{name}"),
            Target::Command(name) => write!(f, "{name}()"),
            Target::Event(name) => write!(f, "{name}!"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Number(number) => write!(f, "{number}"),
            Selector::All => f.write_str("*"),
            Selector::Matching(expr) => write!(f, "[{expr}]"),
        }
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Item::First => write!(f, "{}+", self.param),
            Item::Number(number) => write!(f, "{}#{number}+", self.param),
            Item::All => write!(f, "{}#*+", self.param),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, comparison) in self.all.iter().enumerate() {
            let and = if index == 0 { "" } else { "&&" };
            write!(f, "{and}{comparison}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    // R-ARC.9b: no blanks around operators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Child(name) => write!(f, "{name}.")?,
                Step::Follow(follow) => write!(f, "{follow}.")?,
            }
        }
        write!(f, "{}{}{}", self.param, self.operator, self.literal)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bare(text) => f.write_str(text),
            Literal::Quoted(text) => {
                f.write_str("\"")?;
                // Every percent sign is escaped: a peer that decodes more than `%22` and `%25` then
                // still reads what was meant.
                for piece in text.split_inclusive(['"', '%']) {
                    match piece.as_bytes().last() {
                        Some(b'"') => write!(f, "{}%22", &piece[..piece.len() - 1])?,
                        Some(b'%') => write!(f, "{}%25", &piece[..piece.len() - 1])?,
                        _ => f.write_str(piece)?,
                    }
                }
                f.write_str("\"")
            }
        }
    }
}
