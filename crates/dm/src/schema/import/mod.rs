//! Reads a data model of the Broadband Forum (`cwmp-datamodel` XML, the `-full` form) into rows.
//!
//! It takes bytes and gives rows: no files, no network, no imports of other files. Data types are
//! resolved and references made absolute; descriptions come along as they are. The file may be a
//! stranger's: time and memory are bounded by [`ImportLimits`].

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use self::bounds::Budget;
pub use self::bounds::{ImportError, ImportLimits};
use self::paths::Paths;
use self::syntax::Types;
use super::facets::Status;
use super::imported::ImportedModel;
use super::layout::Coded;
use super::row::{
    ArgFacts, CommandFacts, Direction, EventFacts, Facts, KeyFacts, ObjectFacts, ObjectRows, ParamFacts,
    Protocol, Row, Rows, Since, Version,
};
use crate::limits::MAX_NAME_BYTES;
use crate::path::{Name, SchemaPath};

mod bounds;
mod paths;
mod scan;
mod syntax;

/// Reads one file's model. A model whose URI ends in `-usp` is the USP form, any other the CWMP form.
///
/// # Errors
/// If the bytes are no such file, refer to other files, or go beyond the limits.
pub fn import(xml: &[u8], limits: &ImportLimits) -> Result<ImportedModel, ImportError> {
    if xml.len() > limits.bytes {
        return Err(ImportError::TooBig { what: "bytes", limit: limits.bytes });
    }
    let xml = std::str::from_utf8(xml).map_err(|_| ImportError::NotUtf8)?;
    scan::scan(xml, limits)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: limits.nodes, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => {
            ImportError::TooBig { what: "XML nodes", limit: limits.nodes as usize }
        }
        other => ImportError::Xml(other.to_string()),
    })?;
    let root = document.root_element();
    if root.tag_name().name() != "document" {
        return Err(ImportError::NotAModel("its root is not a document"));
    }
    let model = child(root, "model").ok_or(ImportError::NotAModel("it has no model"))?;
    let title = Some(name(model)).filter(|name| !name.is_empty());
    let title = title.ok_or(ImportError::NotAModel("its model has no name"))?;
    if model.attribute("base").is_some() && child(root, "import").is_some() {
        return Err(ImportError::Incomplete(title.to_owned()));
    }
    let uri = root.attribute("spec").unwrap_or_default().trim().to_owned();
    let protocol = if uri.ends_with("-usp") { Protocol::Usp } else { Protocol::Cwmp };
    let facts = Budget::new("bytes of facts", limits.facts);
    let paths = Paths::new(model, &facts)?;
    let definitions = Budget::new("definitions", limits.definitions);
    let reader = Reader { types: Types::new(root, facts), paths, protocol, definitions };
    let objects = reader.objects(model)?;
    let uri = Some(uri).filter(|uri| !uri.is_empty());
    let (usp, cwmp) = match protocol {
        Protocol::Usp => (uri, None),
        Protocol::Cwmp => (None, uri),
    };
    let rows = Rows { name: Some(title.to_owned()), usp, cwmp, objects };
    ImportedModel::new(rows).map_err(|_| ImportError::NotAModel("its model has no objects"))
}

struct Reader<'a> {
    types: Types<'a>,
    paths: Paths,
    protocol: Protocol,
    definitions: Budget,
}

/// What a nested definition takes from what is around it.
#[derive(Clone, Copy)]
struct Around<'p> {
    object: &'p str,
    version: Version,
}

impl<'a> Reader<'a> {
    fn objects(&self, model: Node<'a, 'a>) -> Result<Vec<ObjectRows>, ImportError> {
        let mut objects: BTreeMap<SchemaPath, Vec<Row>> = BTreeMap::new();
        for node in children(model, "object") {
            let text = name(node);
            let path = SchemaPath::parse(text).map_err(|error| fail(text, error))?;
            if !text.ends_with('.') || path.has_numbers() {
                return Err(fail(text, "this is no path of an object"));
            }
            let around = Around { object: text, version: version(node).unwrap_or_default() };
            let rows = objects.entry(path).or_default();
            rows.push(self.row(node, around, String::new(), Facts::Object(object(node)))?);
            self.members(node, around, rows)?;
        }
        let objects = objects.into_iter().map(|(path, mut rows)| {
            sort(&mut rows);
            ObjectRows { path, rows }
        });
        Ok(objects.collect())
    }

    fn members(
        &self,
        object: Node<'a, 'a>,
        around: Around<'_>,
        rows: &mut Vec<Row>,
    ) -> Result<(), ImportError> {
        for node in object.children().filter(Node::is_element) {
            let kind = node.tag_name().name();
            if !matches!(kind, "parameter" | "command" | "event") {
                continue;
            }
            let bare = name(node).trim_end_matches(['(', ')', '!']).to_owned();
            Name::parse(&bare).map_err(|error| fail(format!("{}{bare}", around.object), error))?;
            let inside = Around { version: version(node).unwrap_or(around.version), ..around };
            let facts = match kind {
                "parameter" => Facts::Param(self.param(node, around).map_err(|e| e.at(around.object))?),
                "command" => {
                    let mut args = Vec::new();
                    for (tag, direction) in [("input", Direction::Input), ("output", Direction::Output)] {
                        if let Some(list) = child(node, tag) {
                            self.args(list, inside, direction, "", &mut args)
                                .map_err(|e| e.at(&format!("{}{bare}() ", around.object)))?;
                        }
                    }
                    sort(&mut args);
                    Facts::Command(CommandFacts { is_async: flag(node, "async"), args })
                }
                _ => {
                    let mut args = Vec::new();
                    self.args(node, inside, Direction::Event, "", &mut args)
                        .map_err(|e| e.at(&format!("{}{bare}! ", around.object)))?;
                    sort(&mut args);
                    Facts::Event(EventFacts { args })
                }
            };
            rows.push(self.row(node, around, bare, facts)?);
        }
        Ok(())
    }

    /// Arguments; those of object arguments get dotted names.
    fn args(
        &self,
        list: Node<'a, 'a>,
        around: Around<'_>,
        direction: Direction,
        prefix: &str,
        args: &mut Vec<Row>,
    ) -> Result<(), ImportError> {
        for node in children(list, "parameter") {
            let name = arg_name(prefix, name(node))?;
            let (ty, facets, default) =
                self.types.read(node, |target| self.paths.of_arg(around.object, target))?;
            let facts =
                Facts::Arg(ArgFacts { direction, mandatory: flag(node, "mandatory"), ty, facets, default });
            args.push(self.row(node, around, name, facts)?);
        }
        for node in children(list, "object") {
            let inside = Around { version: version(node).unwrap_or(around.version), ..around };
            self.args(node, inside, direction, &arg_name(prefix, name(node))?, args)?;
        }
        Ok(())
    }

    fn param(&self, node: Node<'a, 'a>, around: Around<'_>) -> Result<ParamFacts, ImportError> {
        let (ty, facets, default) = self.types.read(node, |target| self.paths.of(around.object, target))?;
        let syntax = child(node, "syntax");
        let says = |attribute| syntax.is_some_and(|syntax| flag(syntax, attribute));
        Ok(ParamFacts {
            ty,
            facets,
            access: coded(node, "access"),
            notify: coded(node, "activeNotify"),
            forced_inform: flag(node, "forcedInform"),
            secured: says("secured"),
            hidden: says("hidden"),
            command: says("command"),
            default,
        })
    }

    fn row(
        &self,
        node: Node<'a, 'a>,
        around: Around<'_>,
        name: String,
        facts: Facts,
    ) -> Result<Row, ImportError> {
        self.definitions.spend(1)?;
        let since = Since::only(self.protocol, version(node).unwrap_or(around.version));
        let description = child(node, "description").and_then(|node| node.text()).map(tidy);
        Ok(Row { name, since, status: status(node), facts, description })
    }
}

fn object(node: Node<'_, '_>) -> ObjectFacts {
    let max = node.attribute("maxEntries").unwrap_or("1");
    let text = |attribute| node.attribute(attribute).map(str::to_owned);
    let keys = children(node, "uniqueKey").map(|key| KeyFacts {
        functional: key.attribute("functional") != Some("false"),
        params: children(key, "parameter")
            .filter_map(|param| param.attribute("ref"))
            .map(str::to_owned)
            .collect(),
    });
    let keys = keys.filter(|key: &KeyFacts| !key.params.is_empty());
    ObjectFacts {
        access: coded(node, "access"),
        min_entries: node.attribute("minEntries").and_then(|min| min.parse().ok()).unwrap_or(1),
        max_entries: max.parse().ok(),
        entries_param: text("numEntriesParameter"),
        enable_param: text("enableParameter"),
        discriminator: text("discriminatorParameter"),
        mount_point: node.attribute("mountType") == Some("mountPoint"),
        fixed: flag(node, "fixedObject"),
        unique_keys: keys.collect(),
    }
}

/// The name of an argument or object argument (`Result.{i}.`) in those around it.
fn arg_name(prefix: &str, name: &str) -> Result<String, ImportError> {
    let whole = format!("{prefix}{name}");
    let mut parts = name.strip_suffix('.').unwrap_or(name).split('.');
    let known = |part: &str| part == "{i}" || Name::parse(part).is_ok();
    if whole.len() > MAX_NAME_BYTES || !parts.all(known) {
        let shown: String = whole.chars().take(MAX_NAME_BYTES).collect();
        return Err(fail(shown, "this is no name of an argument"));
    }
    Ok(whole)
}

/// Sorted, and of several with one name the first.
fn sort(rows: &mut Vec<Row>) {
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    rows.dedup_by(|a, b| a.order() == b.order());
}

fn children<'a>(node: Node<'a, 'a>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.tag_name().name() == tag)
}

fn child<'a>(node: Node<'a, 'a>, tag: &'static str) -> Option<Node<'a, 'a>> {
    children(node, tag).next()
}

/// A definition's name; some files have blanks around it.
fn name<'a>(node: Node<'a, 'a>) -> &'a str {
    node.attribute("name").unwrap_or_default().trim()
}

fn flag(node: Node<'_, '_>, attribute: &str) -> bool {
    node.attribute(attribute) == Some("true")
}

fn coded<T: Coded>(node: Node<'_, '_>, attribute: &str) -> T {
    node.attribute(attribute).and_then(T::from_word).unwrap_or_default()
}

fn status(node: Node<'_, '_>) -> Status {
    coded(node, "status")
}

fn version(node: Node<'_, '_>) -> Option<Version> {
    Version::parse(node.attribute("version")?)
}

/// A description without the indentation that the XML gave it.
fn tidy(text: &str) -> String {
    text.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

fn fail(at: impl Into<String>, reason: impl ToString) -> ImportError {
    ImportError::Definition { at: at.into(), reason: reason.to_string() }
}
