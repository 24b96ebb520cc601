//! The writer: always well formed, escaped, and within what `Style` leaves open.

use crate::quirk::Style;
use crate::value::{Value, ValueType};
use crate::xml::text::escape;

/// One document on its way out.
pub(crate) struct Out<'s> {
    text: String,
    style: &'s Style,
    depth: usize,
}

impl<'s> Out<'s> {
    /// Begins with the declaration.
    pub(crate) fn new(style: &'s Style) -> Out<'s> {
        let text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Out { text, style, depth: 0 }
    }

    pub(crate) fn style(&self) -> &'s Style {
        self.style
    }

    /// Opens an element that holds others.
    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.start(name, attributes);
        self.text.push('>');
        self.depth += 1;
        self.line();
    }

    /// Closes what `open` opened.
    pub(crate) fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.indent();
        self.end(name);
        self.line();
    }

    /// An element that holds text.
    pub(crate) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.indent();
        self.start(name, attributes);
        if text.is_empty() && !self.style.no_self_closing {
            self.text.push_str("/>");
        } else {
            self.text.push('>');
            escape(&mut self.text, text);
            self.end(name);
        }
        self.line();
    }

    /// A boolean, as digit or word.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        let words = self.style.boolean_words && !(name == "NextLevel" && self.style.next_level_digit);
        let text = match (words, value) {
            (true, true) => "true",
            (true, false) => "false",
            (false, true) => "1",
            (false, false) => "0",
        };
        self.leaf(name, &[], text);
    }

    /// A value with its type. Booleans that can be read are written in the style.
    pub(crate) fn value(&mut self, name: &str, value: &Value) {
        let type_name = format!("xsd:{}", xml_name(value.type_name()));
        let attributes = [("xsi:type", type_name.as_str())];
        let text = match (value.kind, value.boolean().exact()) {
            (ValueType::Boolean, Some(true)) if self.style.boolean_words => "true",
            (ValueType::Boolean, Some(true)) => "1",
            (ValueType::Boolean, Some(false)) if self.style.boolean_words => "false",
            (ValueType::Boolean, Some(false)) => "0",
            _ => &value.text,
        };
        self.leaf(name, &attributes, text);
    }

    /// The attribute that begins a list.
    pub(crate) fn array_attribute(&self) -> &'static str {
        self.style.prefixes.array_type()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut text = self.text;
        if self.style.final_newline && !text.ends_with('\n') {
            text.push('\n');
        }
        text.into_bytes()
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            [" ", name, "=\""].into_iter().for_each(|piece| self.text.push_str(piece));
            escape(&mut self.text, value);
            self.text.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        ["</", name, ">"].into_iter().for_each(|piece| self.text.push_str(piece));
    }

    fn indent(&mut self) {
        if self.style.pretty {
            self.text.extend(std::iter::repeat_n(' ', 2 * self.depth));
        }
    }

    fn line(&mut self) {
        if self.style.pretty {
            self.text.push('\n');
        }
    }
}

/// A name that XML allows: what it doesn't becomes an underscore. Colons are for prefixes, and not in it.
pub(crate) fn xml_name(name: &str) -> String {
    let first = |c: char| c == '_' || c.is_ascii_alphabetic();
    let other = |c: char| first(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    let mut out: String = name.chars().map(|c| if other(c) { c } else { '_' }).collect();
    if !out.starts_with(first) {
        out.insert(0, '_');
    }
    out
}
