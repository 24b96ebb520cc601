//! Text to rows.

use super::token::{split, unquote, unquote_all};
use crate::path::SchemaPath;
use crate::schema::SchemaError;
use crate::schema::facets::{EnumRef, EnumValue, Facets, ListFacet, Range, Reference, Size, Status};
use crate::schema::layout::Coded;
use crate::schema::row::{
    ArgFacts, CommandFacts, DefaultValue, Direction, EventFacts, Facts, KeyFacts, ObjectFacts, ObjectRows,
    ParamFacts, Row, Rows, Since, Version,
};
use crate::value::Type;

/// Reads a whole table; every line must be understood whole, and rows must be in order.
pub fn parse(text: &str) -> Result<Rows, SchemaError> {
    let mut rows = Rows::default();
    for (at, line) in text.lines().enumerate() {
        if !line.is_empty() && !line.starts_with('#') {
            read(line, &mut rows).map_err(|reason| SchemaError::Text { line: at + 1, reason })?;
        }
    }
    Ok(rows)
}

fn read(line: &str, rows: &mut Rows) -> Result<(), String> {
    let words = split(line, ' ');
    let (start, rest) = words.split_first().ok_or("an empty line")?;
    if *start == "model" {
        for word in rest {
            match word.split_once('=') {
                Some(("name", name)) => rows.name = unquote(name),
                Some(("usp", uri)) => rows.usp = unquote(uri),
                Some(("cwmp", uri)) => rows.cwmp = unquote(uri),
                _ => return Err(format!("unknown word {word}")),
            }
        }
        return Ok(());
    }
    let (kind, mut rest) = rest.split_first().ok_or("a path without a kind")?;
    let dot = start.rfind('.').ok_or("the path has no dot")?;
    let (object, last) = start.split_at(dot + 1);
    let mut name = last.trim_end_matches("()").trim_end_matches('!');
    if matches!(*kind, "in" | "out" | "arg") {
        let (arg, words) = rest.split_first().ok_or("an argument without a name")?;
        (name, rest) = (arg, words);
    }
    let mut draft = Draft::new(name);
    for word in rest {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        draft.take(key, value).ok_or_else(|| format!("{word} is not understood"))?;
    }
    let row = draft.row(kind)?;
    if matches!(row.facts, Facts::Arg(_)) {
        return put_arg(rows, start, row);
    }
    put(rows, object, row)
}

fn put(rows: &mut Rows, object: &str, row: Row) -> Result<(), String> {
    let last = rows.objects.last_mut().filter(|last| last.path.as_str() == object);
    if let Some(last) = last {
        if last.rows.last().is_some_and(|before| before.order() >= row.order()) {
            return Err("the row is out of order".to_owned());
        }
        last.rows.push(row);
        return Ok(());
    }
    if rows.objects.last().is_some_and(|last| last.path.as_str() >= object) {
        return Err("the object is out of order".to_owned());
    }
    let path = SchemaPath::parse(object).map_err(|error| format!("{object}: {error}"))?;
    rows.objects.push(ObjectRows { path, rows: vec![row] });
    Ok(())
}

fn put_arg(rows: &mut Rows, owner: &str, arg: Row) -> Result<(), String> {
    let object = rows.objects.last_mut().ok_or("an argument of nothing")?;
    let path = object.path.as_str();
    let last = object.rows.last_mut().ok_or("an argument of nothing")?;
    let named = match &last.facts {
        Facts::Command(_) => format!("{path}{}()", last.name),
        _ => format!("{path}{}!", last.name),
    };
    if named != owner {
        return Err("an argument away from its command or event".to_owned());
    }
    let args = match &mut last.facts {
        Facts::Command(facts) => &mut facts.args,
        Facts::Event(facts) => &mut facts.args,
        _ => return Err("an argument of nothing".to_owned()),
    };
    if args.last().is_some_and(|before| before.order() >= arg.order()) {
        return Err("the argument is out of order".to_owned());
    }
    args.push(arg);
    Ok(())
}

/// Everything that any kind of line can say.
struct Draft {
    row: Row,
    object: ObjectFacts,
    param: ParamFacts,
    ty: Option<Type>,
    access: Option<String>,
    is_async: bool,
    mandatory: bool,
}

impl Draft {
    fn new(name: &str) -> Draft {
        let object = ObjectFacts { min_entries: 1, max_entries: Some(1), ..ObjectFacts::default() };
        let param = ParamFacts::of(Type::String);
        let row = Row {
            name: name.to_owned(),
            since: Since::default(),
            status: Status::Current,
            facts: Facts::Event(EventFacts::default()),
            description: None,
        };
        Draft { row, object, param, ty: None, access: None, is_async: false, mandatory: false }
    }

    fn take(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "usp" => self.row.since.usp = Some(Version::parse(value)?),
            "cwmp" => self.row.since.cwmp = Some(Version::parse(value)?),
            "status" => self.row.status = Status::from_word(value)?,
            "description" => self.row.description = Some(unquote(value)?),
            "access" => self.access = Some(value.to_owned()),
            "type" => self.ty = Some(Type::from_name(value)?),
            "async" => self.is_async = flag(value)?,
            "mandatory" => self.mandatory = flag(value)?,
            "notify" => self.param.notify = Coded::from_word(value)?,
            "forcedInform" => self.param.forced_inform = flag(value)?,
            "secured" => self.param.secured = flag(value)?,
            "hidden" => self.param.hidden = flag(value)?,
            "command" => self.param.command = flag(value)?,
            "default" => {
                let (kind, value) = value.split_once(':')?;
                self.param.default =
                    Some(DefaultValue { kind: Coded::from_word(kind)?, value: unquote(value)? });
            }
            "entries" => {
                (self.object.min_entries, self.object.max_entries) = size(value).map(|s| (s.min, s.max))?;
            }
            "count" => self.object.entries_param = Some(unquote(value)?),
            "enable" => self.object.enable_param = Some(unquote(value)?),
            "by" => self.object.discriminator = Some(unquote(value)?),
            "mount" => self.object.mount_point = flag(value)?,
            "fixed" => self.object.fixed = flag(value)?,
            "key" | "functional" => {
                let key = KeyFacts { functional: key == "functional", params: unquote_all(value)? };
                self.object.unique_keys.push(key);
            }
            _ => facet(&mut self.param.facets, key, value)?,
        }
        Some(())
    }

    fn row(mut self, kind: &str) -> Result<Row, String> {
        let access = self.access.take();
        let typed = self.ty.ok_or_else(|| "no type".to_owned());
        let wrong = |word: &str| format!("access {word} is unknown");
        self.row.facts = match kind {
            "object" => {
                if let Some(word) = access {
                    self.object.access = Coded::from_word(&word).ok_or_else(|| wrong(&word))?;
                }
                Facts::Object(self.object)
            }
            "param" => {
                if let Some(word) = access {
                    self.param.access = Coded::from_word(&word).ok_or_else(|| wrong(&word))?;
                }
                self.param.ty = typed?;
                Facts::Param(self.param)
            }
            "command" => Facts::Command(CommandFacts { is_async: self.is_async, args: Vec::new() }),
            "event" => Facts::Event(EventFacts::default()),
            "in" | "out" | "arg" => Facts::Arg(ArgFacts {
                direction: match kind {
                    "in" => Direction::Input,
                    "out" => Direction::Output,
                    _ => Direction::Event,
                },
                mandatory: self.mandatory,
                ty: typed?,
                facets: self.param.facets,
                default: self.param.default,
            }),
            other => return Err(format!("unknown kind {other}")),
        };
        Ok(self.row)
    }
}

fn facet(facets: &mut Facets, key: &str, value: &str) -> Option<()> {
    match key {
        "named" => facets.named = Some(unquote(value)?),
        "list" => facets.list = Some(list(value)?),
        "listsize" => facets.list.as_mut()?.sizes = sizes(value)?,
        "inner" => facets.inner_list = Some(list(value)?),
        "innersize" => facets.inner_list.as_mut()?.sizes = sizes(value)?,
        "size" => facets.sizes = sizes(value)?,
        "range" => facets.ranges = value.split(',').map(range).collect::<Option<_>>()?,
        "pattern" => facets.patterns = unquote_all(value)?,
        "enum" => {
            facets.enumeration = split(value, ',').into_iter().map(enum_value).collect::<Option<_>>()?;
        }
        "units" => facets.units = Some(unquote(value)?),
        "ref" => {
            let mut parts = value.splitn(3, ':');
            let strong = match parts.next()? {
                "strong" => true,
                "weak" => false,
                _ => return None,
            };
            let kind = Coded::from_word(parts.next()?)?;
            let targets = parts.next().filter(|targets| !targets.is_empty()).map(unquote_all);
            let targets = targets.unwrap_or_else(|| Some(Vec::new()))?;
            let targets =
                targets.iter().map(|target| SchemaPath::parse(target).ok()).collect::<Option<_>>()?;
            facets.reference = Some(Reference { strong, kind, targets });
        }
        "enumref" => {
            facets.enum_ref = Some(EnumRef { param: SchemaPath::parse(&unquote(value)?).ok()?, null: None });
        }
        "enumnull" => facets.enum_ref.as_mut()?.null = Some(unquote(value)?),
        _ => return None,
    }
    Some(())
}

fn flag(value: &str) -> Option<bool> {
    value.is_empty().then_some(true)
}

fn list(text: &str) -> Option<ListFacet> {
    let Size { min, max } = size(text)?;
    Some(ListFacet { min_items: min, max_items: max, sizes: Vec::new() })
}

fn sizes(text: &str) -> Option<Vec<Size>> {
    text.split(',').map(size).collect()
}

fn size(text: &str) -> Option<Size> {
    let (min, max) = text.split_once(':')?;
    let max = if max.is_empty() { None } else { Some(max.parse().ok()?) };
    Some(Size { min: min.parse().ok()?, max })
}

pub(in crate::schema) fn range(text: &str) -> Option<Range> {
    let (ends, step) = match text.split_once('/') {
        Some((ends, step)) => (ends, Some(step.parse().ok()?)),
        None => (text, None),
    };
    let (min, max) = ends.split_once(':')?;
    let end = |end: &str| if end.is_empty() { Some(None) } else { end.parse().ok().map(Some) };
    Some(Range { min: end(min)?, max: end(max)?, step })
}

fn enum_value(text: &str) -> Option<EnumValue> {
    let (value, marks) = match *split(text, ':').as_slice() {
        [value] => (value, ""),
        [value, marks] => (value, marks),
        _ => return None,
    };
    let mut word = EnumValue { value: unquote(value)?, ..EnumValue::default() };
    for mark in marks.chars() {
        match mark {
            'r' => word.read_only = true,
            'o' => word.optional = true,
            'd' => word.status = Status::Deprecated,
            'b' => word.status = Status::Obsoleted,
            'x' => word.status = Status::Deleted,
            _ => return None,
        }
    }
    Some(word)
}
