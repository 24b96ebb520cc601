//! Rows to blob. The same rows always give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::SchemaError;
use super::facets::{Facets, ListFacet, Size};
use super::layout::{
    Coded, HEADER, ITEM, KIND_COMMAND, KIND_EVENT, KIND_OBJECT, KIND_PARAM, MAGIC, OBJECT, UNBOUNDED,
    direction_kind, flag, type_number, version_number,
};
use super::row::{Facts, ObjectFacts, Row, Rows};
use super::text::format_range;

/// Encodes rows as a blob for [`super::Catalogue`]; descriptions are left out.
pub fn encode(rows: &Rows) -> Result<Vec<u8>, SchemaError> {
    let mut strings = Strings::Collect(BTreeSet::new());
    Encoder::run(rows, &mut strings)?;
    strings.freeze()?;
    let encoder = Encoder::run(rows, &mut strings)?;
    encoder.assemble(rows, &mut strings)
}

/// The string table: the first pass collects, the second one looks up, so that ids follow the order
/// of the strings.
enum Strings {
    Collect(BTreeSet<String>),
    Frozen(Vec<String>),
}

impl Strings {
    fn id(&mut self, text: &str) -> u16 {
        match self {
            Strings::Collect(set) => {
                if !set.contains(text) {
                    set.insert(text.to_owned());
                }
                0
            }
            Strings::Frozen(sorted) => {
                let at = sorted.binary_search_by(|known| known.as_str().cmp(text));
                u16::try_from(at.expect("the first pass saw every string")).expect("freeze bounds the ids")
            }
        }
    }

    fn optional(&mut self, text: Option<&str>) -> u16 {
        text.map_or(0, |text| self.id(text) + 1)
    }

    fn freeze(&mut self) -> Result<(), SchemaError> {
        if let Strings::Collect(set) = self {
            let sorted: Vec<String> = std::mem::take(set).into_iter().collect();
            if sorted.len() >= usize::from(u16::MAX) {
                return Err(SchemaError::TooMany("strings"));
            }
            *self = Strings::Frozen(sorted);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Encoder {
    objects: Vec<u8>,
    items: Vec<u8>,
    args: Vec<u8>,
    words: Vec<u16>,
    known: BTreeMap<Vec<u16>, u32>,
}

impl Encoder {
    fn run(rows: &Rows, strings: &mut Strings) -> Result<Encoder, SchemaError> {
        let mut encoder = Encoder::default();
        strings.optional(rows.usp.as_deref());
        strings.optional(rows.cwmp.as_deref());
        for object in &rows.objects {
            let first = short(encoder.items.len() / ITEM, "rows")?;
            for row in &object.rows {
                let item = encoder.item(row, strings)?;
                encoder.items.extend_from_slice(&item);
            }
            let path = strings.id(object.path.as_str());
            let count = short(object.rows.len(), "rows")?;
            for number in [path, first, count] {
                encoder.objects.extend_from_slice(&number.to_le_bytes());
            }
        }
        Ok(encoder)
    }

    fn item(&mut self, row: &Row, strings: &mut Strings) -> Result<[u8; ITEM], SchemaError> {
        let args = row.args();
        let mut encoded = Vec::with_capacity(args.len() * ITEM);
        for arg in args {
            encoded.extend_from_slice(&self.item(arg, strings)?);
        }
        let first_arg = short(self.args.len() / ITEM, "arguments")?;
        self.args.extend_from_slice(&encoded);

        let mut flags = row.status.number() << flag::STATUS;
        let mut words = Vec::new();
        let mut ty = 0;
        let mut default = None;
        let kind = match &row.facts {
            Facts::Object(facts) => {
                flags |= facts.access.number() << flag::ACCESS;
                object_words(facts, &mut words, strings);
                KIND_OBJECT
            }
            Facts::Param(facts) => {
                flags |= facts.access.number() << flag::ACCESS;
                flags |= facts.notify.number() << flag::NOTIFY;
                flags |= bit(facts.forced_inform, flag::FORCED_INFORM) | bit(facts.secured, flag::SECURED);
                flags |= bit(facts.hidden, flag::HIDDEN) | bit(facts.command, flag::COMMAND);
                ty = type_number(facts.ty);
                default = facts.default.as_ref();
                facet_words(&facts.facets, &mut words, strings);
                KIND_PARAM
            }
            Facts::Command(facts) => {
                flags |= bit(facts.is_async, flag::ASYNC);
                KIND_COMMAND
            }
            Facts::Event(_) => KIND_EVENT,
            Facts::Arg(facts) => {
                flags |= bit(facts.mandatory, flag::MANDATORY);
                ty = type_number(facts.ty);
                default = facts.default.as_ref();
                facet_words(&facts.facets, &mut words, strings);
                direction_kind(facts.direction)
            }
        };
        flags |= default.map_or(0, |default| default.kind.number()) << flag::DEFAULT;

        let [name_low, name_high] = strings.id(&row.name).to_le_bytes();
        let mut item = Vec::with_capacity(ITEM);
        item.extend_from_slice(&[name_low, name_high, kind, ty]);
        let default = strings.optional(default.map(|default| default.value.as_str()));
        for number in [flags, version_number(row.since.usp), version_number(row.since.cwmp), default] {
            item.extend_from_slice(&number.to_le_bytes());
        }
        item.extend_from_slice(&self.pool(words)?.to_le_bytes());
        item.extend_from_slice(&first_arg.to_le_bytes());
        item.extend_from_slice(&short(args.len(), "arguments")?.to_le_bytes());
        Ok(item.try_into().expect("the fields above are 20 bytes"))
    }

    /// Puts words into the pool, once for each content.
    fn pool(&mut self, words: Vec<u16>) -> Result<u32, SchemaError> {
        if let Some(at) = self.known.get(&words) {
            return Ok(*at);
        }
        let at = u32::try_from(self.words.len()).map_err(|_| SchemaError::TooMany("facets"))?;
        self.words.extend_from_slice(&words);
        self.known.insert(words, at);
        Ok(at)
    }

    fn assemble(self, rows: &Rows, strings: &mut Strings) -> Result<Vec<u8>, SchemaError> {
        let usp = strings.optional(rows.usp.as_deref());
        let cwmp = strings.optional(rows.cwmp.as_deref());
        let Strings::Frozen(sorted) = strings else {
            return Err(SchemaError::Blob("the string table is not frozen"));
        };
        let bytes: usize = sorted.iter().map(String::len).sum();
        let counts = [
            sorted.len(),
            bytes,
            self.objects.len() / OBJECT,
            self.items.len() / ITEM,
            self.args.len() / ITEM,
            self.words.len(),
            usize::from(usp),
            usize::from(cwmp),
        ];
        let mut blob = Vec::with_capacity(HEADER + bytes + self.items.len());
        blob.extend_from_slice(MAGIC);
        for count in counts {
            let count = u32::try_from(count).map_err(|_| SchemaError::TooMany("bytes"))?;
            blob.extend_from_slice(&count.to_le_bytes());
        }
        let mut offset = 0_u32;
        blob.extend_from_slice(&offset.to_le_bytes());
        for text in sorted.iter() {
            offset += u32::try_from(text.len()).map_err(|_| SchemaError::TooMany("bytes"))?;
            blob.extend_from_slice(&offset.to_le_bytes());
        }
        for text in sorted.iter() {
            blob.extend_from_slice(text.as_bytes());
        }
        blob.extend_from_slice(&self.objects);
        blob.extend_from_slice(&self.items);
        blob.extend_from_slice(&self.args);
        for word in &self.words {
            blob.extend_from_slice(&word.to_le_bytes());
        }
        Ok(blob)
    }
}

fn object_words(facts: &ObjectFacts, words: &mut Vec<u16>, strings: &mut Strings) {
    wide(words, facts.min_entries);
    wide(words, facts.max_entries.unwrap_or(UNBOUNDED));
    words.push(strings.optional(facts.entries_param.as_deref()));
    words.push(strings.optional(facts.enable_param.as_deref()));
    words.push(strings.optional(facts.discriminator.as_deref()));
    words.push(u16::from(facts.mount_point) | u16::from(facts.fixed) << 1);
    words.push(count(facts.unique_keys.len()));
    for key in &facts.unique_keys {
        words.push(u16::from(key.functional));
        string_words(key.params.iter().map(String::as_str), words, strings);
    }
}

fn facet_words(facets: &Facets, words: &mut Vec<u16>, strings: &mut Strings) {
    words.push(strings.optional(facets.named.as_deref()));
    list_words(facets.list.as_ref(), words);
    list_words(facets.inner_list.as_ref(), words);
    size_words(&facets.sizes, words);
    let ranges: Vec<String> = facets.ranges.iter().map(format_range).collect();
    string_words(ranges.iter().map(String::as_str), words, strings);
    string_words(facets.patterns.iter().map(String::as_str), words, strings);
    words.push(count(facets.enumeration.len()));
    for word in &facets.enumeration {
        words.push(strings.id(&word.value));
        words.push(word.status.number() | u16::from(word.read_only) << 2 | u16::from(word.optional) << 3);
    }
    words.push(strings.optional(facets.units.as_deref()));
    match &facets.reference {
        None => words.push(0),
        Some(reference) => {
            words.push(1 | u16::from(reference.strong) << 1 | reference.kind.number() << 2);
            string_words(reference.targets.iter().map(|target| target.as_str()), words, strings);
        }
    }
    let (param, null) = match &facets.enum_ref {
        None => (None, None),
        Some(source) => (Some(source.param.as_str()), source.null.as_deref()),
    };
    words.push(strings.optional(param));
    words.push(strings.optional(null));
}

fn list_words(list: Option<&ListFacet>, words: &mut Vec<u16>) {
    words.push(u16::from(list.is_some()));
    if let Some(list) = list {
        wide(words, list.min_items);
        wide(words, list.max_items.unwrap_or(UNBOUNDED));
        size_words(&list.sizes, words);
    }
}

fn size_words(sizes: &[Size], words: &mut Vec<u16>) {
    words.push(count(sizes.len()));
    for size in sizes {
        wide(words, size.min);
        wide(words, size.max.unwrap_or(UNBOUNDED));
    }
}

fn string_words<'a>(
    texts: impl ExactSizeIterator<Item = &'a str>,
    words: &mut Vec<u16>,
    strings: &mut Strings,
) {
    words.push(count(texts.len()));
    for text in texts {
        words.push(strings.id(text));
    }
}

fn wide(words: &mut Vec<u16>, number: u32) {
    let [a, b, c, d] = number.to_le_bytes();
    words.push(u16::from_le_bytes([a, b]));
    words.push(u16::from_le_bytes([c, d]));
}

fn bit(on: bool, bit: u16) -> u16 {
    if on { bit } else { 0 }
}

fn count(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

fn short(number: usize, what: &'static str) -> Result<u16, SchemaError> {
    u16::try_from(number).map_err(|_| SchemaError::TooMany(what))
}
