//! Rows to text.

use std::fmt::Write;

use super::token::{quote, quote_all};
use crate::schema::facets::{EnumValue, Facets, ListFacet, Range, Size, Status};
use crate::schema::layout::Coded;
use crate::schema::row::{
    ActiveNotify, ArgFacts, DefaultValue, Direction, Facts, ObjectFacts, ParamFacts, Row, Rows,
};
use crate::value::Type;

/// The whole table. Descriptions are printed where rows have them.
pub fn print(rows: &Rows) -> String {
    let mut out = Line(String::new());
    let heading = [("name", &rows.name), ("usp", &rows.usp), ("cwmp", &rows.cwmp)];
    if heading.iter().any(|(_, text)| text.is_some()) {
        out.0.push_str("model");
        for (key, text) in heading {
            if let Some(text) = text {
                out.word(key, &quote(text));
            }
        }
        out.0.push('\n');
    }
    for object in &rows.objects {
        for row in &object.rows {
            let path = object.path.as_str();
            let (path, kind) = match &row.facts {
                Facts::Object(_) => (path.to_owned(), "object"),
                Facts::Command(_) => (format!("{path}{}()", row.name), "command"),
                Facts::Event(_) => (format!("{path}{}!", row.name), "event"),
                Facts::Param(_) | Facts::Arg(_) => (format!("{path}{}", row.name), "param"),
            };
            out.row(&format!("{path} {kind}"), row);
            for arg in row.args() {
                let kind = match &arg.facts {
                    Facts::Arg(ArgFacts { direction: Direction::Input, .. }) => "in",
                    Facts::Arg(ArgFacts { direction: Direction::Output, .. }) => "out",
                    _ => "arg",
                };
                out.row(&format!("{path} {kind} {}", arg.name), arg);
            }
        }
    }
    out.0
}

struct Line(String);

impl Line {
    fn row(&mut self, start: &str, row: &Row) {
        self.0.push_str(start);
        for (key, version) in [("usp", row.since.usp), ("cwmp", row.since.cwmp)] {
            if let Some(version) = version {
                self.word(key, &version.to_string());
            }
        }
        if row.status != Status::Current {
            self.word("status", row.status.word());
        }
        match &row.facts {
            Facts::Object(facts) => self.object(facts),
            Facts::Param(facts) => self.param(facts),
            Facts::Command(facts) => self.flag("async", facts.is_async),
            Facts::Event(_) => {}
            Facts::Arg(facts) => {
                self.flag("mandatory", facts.mandatory);
                self.value(facts.ty, &facts.facets, facts.default.as_ref());
            }
        }
        if let Some(description) = &row.description {
            self.word("description", &quote(description));
        }
        self.0.push('\n');
    }

    fn object(&mut self, facts: &ObjectFacts) {
        if facts.access != crate::operation::ObjectAccess::ReadOnly {
            self.word("access", facts.access.word());
        }
        let entries = Size { min: facts.min_entries, max: facts.max_entries };
        if (entries.min, entries.max) != (1, Some(1)) {
            self.word("entries", &size(&entries));
        }
        let names =
            [("count", &facts.entries_param), ("enable", &facts.enable_param), ("by", &facts.discriminator)];
        for (key, name) in names {
            if let Some(name) = name {
                self.word(key, &quote(name));
            }
        }
        self.flag("mount", facts.mount_point);
        self.flag("fixed", facts.fixed);
        for key in &facts.unique_keys {
            let kind = if key.functional { "functional" } else { "key" };
            self.word(kind, &quote_all(key.params.iter().map(String::as_str)));
        }
    }

    fn param(&mut self, facts: &ParamFacts) {
        self.word("access", facts.access.word());
        if facts.notify != ActiveNotify::Normal {
            self.word("notify", facts.notify.word());
        }
        self.flag("forcedInform", facts.forced_inform);
        self.flag("secured", facts.secured);
        self.flag("hidden", facts.hidden);
        self.flag("command", facts.command);
        self.value(facts.ty, &facts.facets, facts.default.as_ref());
    }

    fn value(&mut self, ty: Type, facets: &Facets, default: Option<&DefaultValue>) {
        self.word("type", ty.name());
        if let Some(named) = &facets.named {
            self.word("named", &quote(named));
        }
        self.list("list", "listsize", facets.list.as_ref());
        self.list("inner", "innersize", facets.inner_list.as_ref());
        self.sizes("size", &facets.sizes);
        if !facets.ranges.is_empty() {
            let ranges: Vec<String> = facets.ranges.iter().map(range).collect();
            self.word("range", &ranges.join(","));
        }
        if !facets.patterns.is_empty() {
            self.word("pattern", &quote_all(facets.patterns.iter().map(String::as_str)));
        }
        if !facets.enumeration.is_empty() {
            let words: Vec<String> = facets.enumeration.iter().map(enum_value).collect();
            self.word("enum", &words.join(","));
        }
        if let Some(units) = &facets.units {
            self.word("units", &quote(units));
        }
        if let Some(reference) = &facets.reference {
            let strength = if reference.strong { "strong" } else { "weak" };
            let targets = quote_all(reference.targets.iter().map(|target| target.as_str()));
            self.word("ref", &format!("{strength}:{}:{targets}", reference.kind.word()));
        }
        if let Some(source) = &facets.enum_ref {
            self.word("enumref", &quote(source.param.as_str()));
            if let Some(null) = &source.null {
                self.word("enumnull", &quote(null));
            }
        }
        if let Some(default) = default {
            self.word("default", &format!("{}:{}", default.kind.word(), quote(&default.value)));
        }
    }

    fn list(&mut self, key: &str, size_key: &str, list: Option<&ListFacet>) {
        if let Some(list) = list {
            self.word(key, &size(&Size { min: list.min_items, max: list.max_items }));
            self.sizes(size_key, &list.sizes);
        }
    }

    fn sizes(&mut self, key: &str, sizes: &[Size]) {
        if !sizes.is_empty() {
            let sizes: Vec<String> = sizes.iter().map(size).collect();
            self.word(key, &sizes.join(","));
        }
    }

    fn flag(&mut self, word: &str, on: bool) {
        if on {
            self.0.push(' ');
            self.0.push_str(word);
        }
    }

    fn word(&mut self, key: &str, value: &str) {
        write!(self.0, " {key}={value}").expect("a String takes all");
    }
}

fn size(size: &Size) -> String {
    match size.max {
        Some(max) => format!("{}:{max}", size.min),
        None => format!("{}:", size.min),
    }
}

pub(in crate::schema) fn range(range: &Range) -> String {
    let end = |end: Option<i128>| end.map(|end| end.to_string()).unwrap_or_default();
    let step = range.step.map(|step| format!("/{step}")).unwrap_or_default();
    format!("{}:{}{step}", end(range.min), end(range.max))
}

fn enum_value(word: &EnumValue) -> String {
    let mut marks = String::new();
    if word.read_only {
        marks.push('r');
    }
    if word.optional {
        marks.push('o');
    }
    match word.status {
        Status::Current => {}
        Status::Deprecated => marks.push('d'),
        Status::Obsoleted => marks.push('b'),
        Status::Deleted => marks.push('x'),
    }
    let colon = if marks.is_empty() { "" } else { ":" };
    format!("{}{colon}{marks}", quote(&word.value))
}
