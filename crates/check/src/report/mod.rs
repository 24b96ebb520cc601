//! What is told of a run: TAP, JUnit, JSON, and a page with the exchanged messages.
//!
//! All text that an agent had a part in is escaped for its format.

mod about;
mod html;
mod json;
mod junit;
mod rule;
mod tap;

pub use about::About;
pub use html::html;
pub use json::json;
pub use junit::junit;
pub use tap::{plan, tap, tap_line};

/// Text for an element or an attribute of XML and HTML. What XML can't say at all becomes U+FFFD.
fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
