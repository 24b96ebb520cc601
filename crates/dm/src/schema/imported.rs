//! One imported model: its rows with their descriptions, who it says it is, and lookups by path.
//!
//! It is kept as text ([`ImportedModel::to_text`], the form of [`super::text`]) and loaded again from
//! there, without the XML and without the `import` feature.

use std::borrow::Cow;

use super::facets::Status;
use super::row::{Facts, ObjectRows, Protocol, Row, Rows, Version};
use super::{SchemaError, text};
use crate::limits::MAX_IMPORT_TEXT_BYTES;
use crate::path::{Path, SchemaPath, SchemaSegment};

/// A vendor's or standard model that was read from a file. It has a name and at least one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedModel {
    rows: Rows,
    protocol: Protocol,
}

impl ImportedModel {
    /// Takes rows as they are.
    ///
    /// # Errors
    /// If they have no name, no object, or are rows of two models.
    pub fn new(rows: Rows) -> Result<ImportedModel, SchemaError> {
        if rows.name.is_none() {
            return Err(SchemaError::Model("it has no name"));
        }
        let mut all = rows.objects.iter().flat_map(|object| &object.rows);
        let first = all.next().ok_or(SchemaError::Model("it has no objects"))?.since;
        let protocol = if first.usp.is_some() { Protocol::Usp } else { Protocol::Cwmp };
        let (own, other) = match protocol {
            Protocol::Usp => (&rows.usp, &rows.cwmp),
            Protocol::Cwmp => (&rows.cwmp, &rows.usp),
        };
        let foreign = |row: &Row| row.since.usp.is_some() == row.since.cwmp.is_some();
        if (own.is_none() && other.is_some()) || foreign(&rows.objects[0].rows[0]) || all.any(foreign) {
            return Err(SchemaError::Model("it is more than one protocol's"));
        }
        Ok(ImportedModel { rows, protocol })
    }

    /// Reads what [`ImportedModel::to_text`] wrote.
    ///
    /// # Errors
    /// If the text is longer than [`MAX_IMPORT_TEXT_BYTES`], is no table, or not that of one named model.
    pub fn from_text(text: &str) -> Result<ImportedModel, SchemaError> {
        if text.len() > MAX_IMPORT_TEXT_BYTES {
            return Err(SchemaError::TooMany("bytes"));
        }
        ImportedModel::new(text::parse(text)?)
    }

    /// The rows as sorted text, descriptions included. The same model always gives the same text.
    pub fn to_text(&self) -> String {
        text::print(&self.rows)
    }

    /// The model's name without its version: `Device`.
    pub fn name(&self) -> &str {
        let name = self.rows.name.as_deref().unwrap_or_default();
        name.split_once(':').map_or(name, |(name, _)| name)
    }

    /// The version that follows the name, if it is one: 2.19.
    pub fn version(&self) -> Option<Version> {
        Version::parse(self.rows.name.as_deref()?.split_once(':')?.1)
    }

    /// Whose model it is.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The URI of the file (`urn:broadband-forum-org:tr-181-2-19-1-usp`), if it gave one.
    pub fn uri(&self) -> Option<&str> {
        match self.protocol {
            Protocol::Usp => self.rows.usp.as_deref(),
            Protocol::Cwmp => self.rows.cwmp.as_deref(),
        }
    }

    /// How many objects, parameters, commands, events and arguments it defines.
    pub fn len(&self) -> usize {
        self.rows.objects.iter().flat_map(|object| &object.rows).map(|row| 1 + row.args().len()).sum()
    }

    /// Whether it defines nothing; no imported model does.
    pub fn is_empty(&self) -> bool {
        self.rows.objects.is_empty()
    }

    /// All rows, sorted.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// All rows, for encoding or building a run-time model.
    pub fn into_rows(self) -> Rows {
        self.rows
    }

    /// An object with all that is directly in it, by its supported path or by the path of one instance
    /// or a search (numbers, `*` and expressions stand for `{i}`); a table may lack its last `{i}.`.
    pub fn object(&self, path: &str) -> Option<&ObjectRows> {
        let path = supported(path)?;
        self.object_at(&path).or_else(|| self.object_at(&format!("{path}{{i}}.")))
    }

    /// The definition of an object, parameter, command (`…Reset()`) or event (`…Boot!`), by the same
    /// kinds of path. A deleted definition is given only if there is no other.
    pub fn row(&self, path: &str) -> Option<&Row> {
        let path = supported(path)?;
        let (object, leaf) = path.split_at(path.rfind('.')? + 1);
        let rows = match leaf {
            "" => &self.object(object)?.rows,
            _ => &self.object_at(object)?.rows,
        };
        let named = |row: &&Row| match &row.facts {
            Facts::Object(_) => leaf.is_empty(),
            Facts::Param(_) => leaf == row.name,
            Facts::Command(_) => leaf.strip_suffix("()") == Some(&row.name),
            Facts::Event(_) => leaf.strip_suffix('!') == Some(&row.name),
            Facts::Arg(_) => false,
        };
        let mut found = rows.iter().filter(named);
        let first = found.next()?;
        if first.status != Status::Deleted {
            return Some(first);
        }
        found.find(|row| row.status != Status::Deleted).or(Some(first))
    }

    fn object_at(&self, path: &str) -> Option<&ObjectRows> {
        let objects = &self.rows.objects;
        let at = objects.binary_search_by(|object| object.path.as_str().cmp(path)).ok()?;
        Some(&objects[at])
    }
}

/// A path with `{i}` wherever it names, counts or searches rows.
fn supported(path: &str) -> Option<Cow<'_, str>> {
    let parsed = SchemaPath::parse(path);
    if let Ok(parsed) = &parsed
        && !parsed.has_numbers()
    {
        return Some(Cow::Borrowed(path));
    }
    if let Ok(searched) = Path::parse(path) {
        return searched.to_schema().map(|path| Cow::Owned(path.as_str().to_owned()));
    }
    // Numbers and `{i}` in one path.
    let parsed = parsed.ok()?;
    let end = &path[path.trim_end_matches(['.', '(', ')', '!']).len()..];
    let mut text = String::with_capacity(path.len());
    for (at, segment) in parsed.segments().enumerate() {
        if at > 0 {
            text.push('.');
        }
        text.push_str(match segment {
            SchemaSegment::Name(name) => name,
            SchemaSegment::Any | SchemaSegment::Row(_) => "{i}",
        });
    }
    text.push_str(end);
    Some(Cow::Owned(text))
}
