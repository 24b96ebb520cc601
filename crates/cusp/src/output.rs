//! Where results go: tables for people, JSON for programs, both to standard output.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::client::Failure;
use crate::table::Table;

/// Standard output, and what it is to be given.
pub(crate) struct Output {
    /// JSON instead of tables.
    pub(crate) json: bool,
    width: Option<usize>,
}

impl Output {
    /// Standard output; lines are cut to its width if it is a terminal.
    pub(crate) fn stdout(json: bool) -> Self {
        let stdout = io::stdout();
        let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten();
        let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        Output { json, width }
    }

    /// One JSON value, over several lines.
    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(&format!("{value:#}"))
    }

    /// One JSON value on a line of its own.
    pub(crate) fn json_line(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(&value.to_string())
    }

    /// A table.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        self.text(&table.render(self.width))
    }

    /// A line. What it says of devices must have been cleaned.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.text(&format!("{line}\n"))
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }
}

/// Says something beside the results, on standard error.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell if even this can't be written.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The text of a member; empty if there is none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The members of a list; none if there is no list.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Names and values of an object of texts.
pub(crate) fn pairs<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let object = value.get(name).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
}

/// `yes` or `no`.
pub(crate) fn yes(value: &Value, name: &str) -> &'static str {
    if value.get(name).and_then(Value::as_bool).unwrap_or(false) { "yes" } else { "no" }
}
