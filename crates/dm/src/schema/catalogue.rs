//! The catalogue blob, used in place: lookups by binary search, nothing parsed at start, nothing
//! allocated until a row's facets are asked for.

use std::cmp::Ordering;

use super::SchemaError;
use super::facets::Status;
use super::layout::{
    Coded, HEADER, ITEM, KIND_COMMAND, KIND_EVENT, KIND_OBJECT, KIND_PARAM, MAGIC, OBJECT, flag, item,
    type_from_number, version_from_number,
};
use super::row::{Protocol, Row, Rows, Since};
use crate::operation::ParamAccess;
use crate::value::Type;

mod decode;

/// A catalogue over its blob.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue<'a> {
    offsets: &'a [u8],
    bytes: &'a [u8],
    objects: &'a [u8],
    items: &'a [u8],
    args: &'a [u8],
    words: &'a [u8],
    usp: u16,
    cwmp: u16,
}

/// One object of a catalogue.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRef<'a> {
    catalogue: Catalogue<'a>,
    path: &'a str,
    items: &'a [u8],
}

/// One row of a catalogue: an object's own, a parameter, a command, an event or an argument.
#[derive(Clone, Copy, Debug)]
pub struct ItemRef<'a> {
    catalogue: Catalogue<'a>,
    row: &'a [u8],
}

impl<'a> Catalogue<'a> {
    /// Looks at a blob; an error if it is not one, or not whole. Contents are not read.
    pub fn open(blob: &'a [u8]) -> Result<Catalogue<'a>, SchemaError> {
        if blob.get(..8) != Some(MAGIC.as_slice()) {
            return Err(SchemaError::Blob("wrong magic number or version"));
        }
        let header = blob.get(8..HEADER).ok_or(SchemaError::Blob("cut inside the header"))?;
        let number = |at: usize| wide_at(header, at * 4) as usize;
        let mut rest = &blob[HEADER..];
        let mut take = |count: usize, size: usize| {
            let len = count.checked_mul(size).ok_or(SchemaError::Blob("a count is out of range"))?;
            let (head, tail) = rest.split_at_checked(len).ok_or(SchemaError::Blob("cut short"))?;
            rest = tail;
            Ok(head)
        };
        let offsets = take(number(0).saturating_add(1), 4)?;
        let bytes = take(number(1), 1)?;
        let objects = take(number(2), OBJECT)?;
        let items = take(number(3), ITEM)?;
        let args = take(number(4), ITEM)?;
        let words = take(number(5), 2)?;
        if !rest.is_empty() {
            return Err(SchemaError::Blob("bytes after the end"));
        }
        let uri = |at: usize| u16::try_from(number(at)).unwrap_or(0);
        Ok(Catalogue { offsets, bytes, objects, items, args, words, usp: uri(6), cwmp: uri(7) })
    }

    /// The URI of a protocol's model, if the catalogue has one.
    pub fn model_uri(&self, protocol: Protocol) -> Option<&'a str> {
        self.optional_string(match protocol {
            Protocol::Usp => self.usp,
            Protocol::Cwmp => self.cwmp,
        })
    }

    /// How many objects there are, of both protocols.
    pub fn len(&self) -> usize {
        self.objects.len() / OBJECT
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// All objects, sorted by path.
    pub fn objects(self) -> impl ExactSizeIterator<Item = ObjectRef<'a>> {
        (0..self.len()).map(move |at| self.object_at(at))
    }

    /// The object of a path in `{i}` form, ending in a dot.
    pub fn object(&self, path: &str) -> Option<ObjectRef<'a>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let found = self.object_at(middle);
            match found.path.cmp(path) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(found),
            }
        }
        None
    }

    /// The parameter (`Device.Time.Enable`), command (`Device.Reboot()`) or event (`Device.Boot!`) of a path.
    pub fn item(&self, path: &str, protocol: Protocol) -> Option<ItemRef<'a>> {
        let (object, name) = path.split_at(path.rfind('.')? + 1);
        let object = self.object(object)?;
        if let Some(command) = name.strip_suffix("()") {
            return object.command(command, protocol);
        }
        if let Some(event) = name.strip_suffix('!') {
            return object.event(event, protocol);
        }
        object.param(name, protocol)
    }

    /// All rows in their owned form.
    pub fn rows(&self) -> Rows {
        Rows {
            name: None,
            usp: self.model_uri(Protocol::Usp).map(str::to_owned),
            cwmp: self.model_uri(Protocol::Cwmp).map(str::to_owned),
            objects: self.objects().filter_map(|object| object.to_rows()).collect(),
        }
    }

    fn object_at(&self, at: usize) -> ObjectRef<'a> {
        let row = &self.objects[at * OBJECT..(at + 1) * OBJECT];
        let first = usize::from(short_at(row, 2)) * ITEM;
        let len = usize::from(short_at(row, 4)) * ITEM;
        let items = self.items.get(first..first + len).unwrap_or_default();
        ObjectRef { catalogue: *self, path: self.string(short_at(row, 0)), items }
    }

    fn string(&self, id: u16) -> &'a str {
        let at = usize::from(id) * 4;
        let range = wide_at(self.offsets, at) as usize..wide_at(self.offsets, at + 4) as usize;
        self.bytes.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    fn optional_string(&self, id: u16) -> Option<&'a str> {
        id.checked_sub(1).map(|id| self.string(id))
    }
}

impl<'a> ObjectRef<'a> {
    /// Path in `{i}` form, ending in a dot.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The object's own row, if it is in the protocol's model.
    pub fn facts(&self, protocol: Protocol) -> Option<ItemRef<'a>> {
        self.find(KIND_OBJECT, "", protocol)
    }

    /// All rows, those of both protocols.
    pub fn items(&self) -> impl Iterator<Item = ItemRef<'a>> {
        let catalogue = self.catalogue;
        self.items.chunks_exact(ITEM).map(move |row| ItemRef { catalogue, row })
    }

    /// The parameters in a protocol's model, sorted by name.
    pub fn params(&self, protocol: Protocol) -> impl Iterator<Item = ItemRef<'a>> {
        self.of_kind(KIND_PARAM, protocol)
    }

    /// The commands in a protocol's model, sorted by name.
    pub fn commands(&self, protocol: Protocol) -> impl Iterator<Item = ItemRef<'a>> {
        self.of_kind(KIND_COMMAND, protocol)
    }

    /// The events in a protocol's model, sorted by name.
    pub fn events(&self, protocol: Protocol) -> impl Iterator<Item = ItemRef<'a>> {
        self.of_kind(KIND_EVENT, protocol)
    }

    /// The parameter of a bare name.
    pub fn param(&self, name: &str, protocol: Protocol) -> Option<ItemRef<'a>> {
        self.find(KIND_PARAM, name, protocol)
    }

    /// The command of a name without `()`.
    pub fn command(&self, name: &str, protocol: Protocol) -> Option<ItemRef<'a>> {
        self.find(KIND_COMMAND, name, protocol)
    }

    /// The event of a name without `!`.
    pub fn event(&self, name: &str, protocol: Protocol) -> Option<ItemRef<'a>> {
        self.find(KIND_EVENT, name, protocol)
    }

    fn of_kind(&self, kind: u8, protocol: Protocol) -> impl Iterator<Item = ItemRef<'a>> {
        self.items().filter(move |item| item.kind() == kind && item.since().of(protocol).is_some())
    }

    fn find(&self, kind: u8, name: &str, protocol: Protocol) -> Option<ItemRef<'a>> {
        let at =
            |at: usize| ItemRef { catalogue: self.catalogue, row: &self.items[at * ITEM..(at + 1) * ITEM] };
        let (mut low, mut high) = (0, self.items.len() / ITEM);
        while low < high {
            let middle = usize::midpoint(low, high);
            let found = at(middle);
            if (found.kind(), found.name()) < (kind, name) { low = middle + 1 } else { high = middle }
        }
        let end = self.items.len() / ITEM;
        (low..end)
            .map(at)
            .take_while(|found| found.kind() == kind && found.name() == name)
            .find(|found| found.since().of(protocol).is_some())
    }
}

impl<'a> ItemRef<'a> {
    /// Bare name; empty for an object's own row.
    pub fn name(&self) -> &'a str {
        self.catalogue.string(self.short(item::NAME))
    }

    /// In which protocols' models it stands, and since when.
    pub fn since(&self) -> Since {
        Since {
            usp: version_from_number(self.short(item::USP)),
            cwmp: version_from_number(self.short(item::CWMP)),
        }
    }

    /// Where it stands in its life.
    pub fn status(&self) -> Status {
        Status::from_number(self.flags() >> flag::STATUS & 3)
    }

    /// Base type of a parameter or argument.
    pub fn ty(&self) -> Type {
        type_from_number(self.row.get(item::TYPE).copied().unwrap_or_default())
    }

    /// How a parameter may be accessed.
    pub fn access(&self) -> ParamAccess {
        ParamAccess::from_number(self.flags() >> flag::ACCESS & 3)
    }

    /// Whether a command is asynchronous.
    pub fn is_async(&self) -> bool {
        self.flags() & flag::ASYNC != 0
    }

    /// Whether a parameter is secured or hidden.
    pub fn is_secret(&self) -> bool {
        self.flags() & (flag::SECURED | flag::HIDDEN) != 0
    }

    /// The arguments of a command (inputs, then outputs) or event.
    pub fn args(&self) -> impl Iterator<Item = ItemRef<'a>> {
        let first = usize::from(self.short(item::ARGS)) * ITEM;
        let len = usize::from(self.short(item::ARG_COUNT)) * ITEM;
        let rows = self.catalogue.args.get(first..first + len).unwrap_or_default();
        let catalogue = self.catalogue;
        rows.chunks_exact(ITEM).map(move |row| ItemRef { catalogue, row })
    }

    /// The whole row in its owned form.
    pub fn to_row(&self) -> Row {
        decode::row(self)
    }

    fn kind(&self) -> u8 {
        self.row.get(item::KIND).copied().unwrap_or_default()
    }

    fn flags(&self) -> u16 {
        self.short(item::FLAGS)
    }

    fn short(&self, at: usize) -> u16 {
        short_at(self.row, at)
    }
}

/// A little-endian number, zero beyond the end: a damaged blob gives wrong facts, never a panic.
fn short_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn wide_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
