//! A catalogue row to its owned form: reads the word pool that the encoder wrote.

use super::{Catalogue, ItemRef, ObjectRef, short_at};
use crate::path::SchemaPath;
use crate::schema::facets::{EnumRef, EnumValue, Facets, ListFacet, Reference, ReferenceKind, Size, Status};
use crate::schema::layout::{
    Coded, KIND_COMMAND, KIND_EVENT, KIND_OBJECT, KIND_PARAM, UNBOUNDED, flag, item, kind_direction,
};
use crate::schema::row::{
    ActiveNotify, ArgFacts, CommandFacts, DefaultKind, DefaultValue, EventFacts, Facts, KeyFacts,
    ObjectFacts, ObjectRows, ParamFacts, Row,
};
use crate::schema::text::parse_range;

impl ObjectRef<'_> {
    /// The object and its rows in their owned form; none if the blob's path does not parse.
    pub fn to_rows(&self) -> Option<ObjectRows> {
        let path = SchemaPath::parse(self.path()).ok()?;
        Some(ObjectRows { path, rows: self.items().map(|item| item.to_row()).collect() })
    }
}

pub(super) fn row(item: &ItemRef<'_>) -> Row {
    // An argument has no arguments, whatever a damaged blob says.
    let args = || item.args().map(|arg| named(&arg, Facts::Arg(arg_facts(&arg)))).collect();
    let facts = match item.kind() {
        KIND_OBJECT => Facts::Object(object(item)),
        KIND_PARAM => Facts::Param(param(item)),
        KIND_COMMAND => Facts::Command(CommandFacts { is_async: item.is_async(), args: args() }),
        KIND_EVENT => Facts::Event(EventFacts { args: args() }),
        _ => Facts::Arg(arg_facts(item)),
    };
    named(item, facts)
}

fn named(item: &ItemRef<'_>, facts: Facts) -> Row {
    Row { name: item.name().to_owned(), since: item.since(), status: item.status(), facts, description: None }
}

fn arg_facts(item: &ItemRef<'_>) -> ArgFacts {
    ArgFacts {
        direction: kind_direction(item.kind()),
        mandatory: item.flags() & flag::MANDATORY != 0,
        ty: item.ty(),
        facets: facets(item),
        default: default(item),
    }
}

fn object(item: &ItemRef<'_>) -> ObjectFacts {
    let mut words = Words::of(item);
    let min_entries = words.wide();
    let max_entries = words.bounded();
    let entries_param = words.optional_string();
    let enable_param = words.optional_string();
    let discriminator = words.optional_string();
    let flags = words.next();
    let keys = words.next();
    let mut unique_keys = Vec::new();
    for _ in 0..keys {
        unique_keys.push(KeyFacts { functional: words.next() != 0, params: words.strings() });
        if words.is_over() {
            break;
        }
    }
    ObjectFacts {
        access: Coded::from_number(item.flags() >> flag::ACCESS & 3),
        min_entries,
        max_entries,
        entries_param,
        enable_param,
        discriminator,
        mount_point: flags & 1 != 0,
        fixed: flags & 2 != 0,
        unique_keys,
    }
}

fn param(item: &ItemRef<'_>) -> ParamFacts {
    let flags = item.flags();
    ParamFacts {
        ty: item.ty(),
        facets: facets(item),
        access: item.access(),
        notify: ActiveNotify::from_number(flags >> flag::NOTIFY & 3),
        forced_inform: flags & flag::FORCED_INFORM != 0,
        secured: flags & flag::SECURED != 0,
        hidden: flags & flag::HIDDEN != 0,
        command: flags & flag::COMMAND != 0,
        default: default(item),
    }
}

fn default(item: &ItemRef<'_>) -> Option<DefaultValue> {
    let value = item.catalogue.optional_string(item.short(item::DEFAULT))?;
    let kind = DefaultKind::from_number(item.flags() >> flag::DEFAULT & 3);
    Some(DefaultValue { kind, value: value.to_owned() })
}

fn facets(item: &ItemRef<'_>) -> Facets {
    let mut words = Words::of(item);
    Facets {
        named: words.optional_string(),
        list: words.list(),
        inner_list: words.list(),
        sizes: words.sizes(),
        ranges: words.strings().iter().filter_map(|range| parse_range(range)).collect(),
        patterns: words.strings(),
        enumeration: words.enumeration(),
        units: words.optional_string(),
        reference: words.reference(),
        enum_ref: words.enum_ref(),
    }
}

/// A cursor over the word pool; beyond the end every word is zero.
struct Words<'a> {
    catalogue: Catalogue<'a>,
    at: usize,
}

impl<'a> Words<'a> {
    fn of(item: &ItemRef<'a>) -> Words<'a> {
        let at = super::wide_at(item.row, item::WORDS) as usize;
        Words { catalogue: item.catalogue, at: at.saturating_mul(2) }
    }

    fn is_over(&self) -> bool {
        self.at >= self.catalogue.words.len()
    }

    fn next(&mut self) -> u16 {
        let word = if self.is_over() { 0 } else { short_at(self.catalogue.words, self.at) };
        self.at = self.at.saturating_add(2);
        word
    }

    fn wide(&mut self) -> u32 {
        let low = u32::from(self.next());
        low | u32::from(self.next()) << 16
    }

    fn bounded(&mut self) -> Option<u32> {
        Some(self.wide()).filter(|number| *number != UNBOUNDED)
    }

    fn string(&mut self) -> String {
        let id = self.next();
        self.catalogue.string(id).to_owned()
    }

    fn optional_string(&mut self) -> Option<String> {
        let id = self.next();
        self.catalogue.optional_string(id).map(str::to_owned)
    }

    fn strings(&mut self) -> Vec<String> {
        self.many(Words::string)
    }

    fn sizes(&mut self) -> Vec<Size> {
        self.many(|words| Size { min: words.wide(), max: words.bounded() })
    }

    fn enumeration(&mut self) -> Vec<EnumValue> {
        self.many(|words| {
            let value = words.string();
            let flags = words.next();
            let status = Status::from_number(flags & 3);
            EnumValue { value, read_only: flags & 4 != 0, optional: flags & 8 != 0, status }
        })
    }

    fn many<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut all = Vec::new();
        for _ in 0..self.next() {
            if self.is_over() {
                break;
            }
            all.push(read(self));
        }
        all
    }

    fn list(&mut self) -> Option<ListFacet> {
        (self.next() != 0).then(|| ListFacet {
            min_items: self.wide(),
            max_items: self.bounded(),
            sizes: self.sizes(),
        })
    }

    fn reference(&mut self) -> Option<Reference> {
        let flags = self.next();
        (flags & 1 != 0).then(|| Reference {
            strong: flags & 2 != 0,
            kind: ReferenceKind::from_number(flags >> 2),
            targets: self.strings().iter().filter_map(|target| SchemaPath::parse(target).ok()).collect(),
        })
    }

    fn enum_ref(&mut self) -> Option<EnumRef> {
        let param = self.optional_string();
        let null = self.optional_string();
        Some(EnumRef { param: SchemaPath::parse(&param?).ok()?, null })
    }
}
