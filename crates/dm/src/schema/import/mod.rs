//! Reads a data model of the Broadband Forum (`cwmp-datamodel` XML, the `-full` form) into rows.
//!
//! It takes text and gives rows: no files, no network, no imports of other files. Data types are
//! resolved and references made absolute; descriptions come along as they are.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use self::paths::Paths;
use self::syntax::Types;
use super::SchemaError;
use super::facets::Status;
use super::layout::Coded;
use super::row::{
    ArgFacts, CommandFacts, Direction, EventFacts, Facts, KeyFacts, ObjectFacts, ObjectRows, ParamFacts,
    Protocol, Row, Rows, Since, Version,
};
use crate::limits::{MAX_IMPORT_BYTES, MAX_IMPORT_NODES};
use crate::path::{Name, SchemaPath};

mod paths;
mod syntax;

/// Reads one file's model. A model whose URI ends in `-usp` is the USP form, any other the CWMP form.
///
/// # Errors
/// If the text is no such file, refers to other files, or is too big.
pub fn import(xml: &str) -> Result<Rows, SchemaError> {
    if xml.len() > MAX_IMPORT_BYTES {
        return Err(fail(format!("the file has more than {MAX_IMPORT_BYTES} bytes")));
    }
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: MAX_IMPORT_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| fail(error.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "document" {
        return Err(fail("not a data-model document"));
    }
    let model = child(root, "model").ok_or_else(|| fail("the document has no model"))?;
    if model.attribute("base").is_some() && child(root, "import").is_some() {
        return Err(fail("the model builds on another file; take the full form"));
    }
    let uri = root.attribute("spec").unwrap_or_default().trim().to_owned();
    let protocol = if uri.ends_with("-usp") { Protocol::Usp } else { Protocol::Cwmp };
    let reader = Reader { types: Types::new(root), paths: Paths::new(model), protocol };
    let objects = reader.objects(model)?;
    let named = Some(uri).filter(|uri| !uri.is_empty());
    Ok(match protocol {
        Protocol::Usp => Rows { usp: named, cwmp: None, objects },
        Protocol::Cwmp => Rows { usp: None, cwmp: named, objects },
    })
}

struct Reader<'a> {
    types: Types<'a>,
    paths: Paths,
    protocol: Protocol,
}

/// What a nested definition takes from what is around it.
#[derive(Clone, Copy)]
struct Around<'p> {
    object: &'p str,
    version: Version,
}

impl<'a> Reader<'a> {
    fn objects(&self, model: Node<'a, 'a>) -> Result<Vec<ObjectRows>, SchemaError> {
        let mut objects: BTreeMap<SchemaPath, Vec<Row>> = BTreeMap::new();
        for node in children(model, "object") {
            let text = name(node);
            let path = SchemaPath::parse(text).map_err(|error| fail(format!("object {text:?}: {error}")))?;
            if !text.ends_with('.') {
                return Err(fail(format!("object {text:?} does not end in a dot")));
            }
            let around = Around { object: text, version: version(node).unwrap_or_default() };
            let rows = objects.entry(path).or_default();
            rows.push(self.row(node, around, String::new(), Facts::Object(object(node)))?);
            self.members(node, around, rows)?;
            rows.sort_by(|a, b| a.order().cmp(&b.order()));
            rows.dedup_by(|a, b| a.order() == b.order());
        }
        Ok(objects.into_iter().map(|(path, rows)| ObjectRows { path, rows }).collect())
    }

    fn members(
        &self,
        object: Node<'a, 'a>,
        around: Around<'_>,
        rows: &mut Vec<Row>,
    ) -> Result<(), SchemaError> {
        for node in object.children().filter(Node::is_element) {
            let bare = name(node).trim_end_matches(['(', ')', '!']).to_owned();
            let inside = Around { version: version(node).unwrap_or(around.version), ..around };
            let facts = match node.tag_name().name() {
                "parameter" => Facts::Param(self.param(node, around)?),
                "command" => {
                    let mut args = Vec::new();
                    for (tag, direction) in [("input", Direction::Input), ("output", Direction::Output)] {
                        if let Some(list) = child(node, tag) {
                            self.args(list, inside, direction, "", &mut args)?;
                        }
                    }
                    sort(&mut args);
                    Facts::Command(CommandFacts { is_async: flag(node, "async"), args })
                }
                "event" => {
                    let mut args = Vec::new();
                    self.args(node, inside, Direction::Event, "", &mut args)?;
                    sort(&mut args);
                    Facts::Event(EventFacts { args })
                }
                _ => continue,
            };
            Name::parse(&bare).map_err(|error| fail(format!("{}{bare}: {error}", around.object)))?;
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
    ) -> Result<(), SchemaError> {
        for node in children(list, "parameter") {
            let name = format!("{prefix}{}", name(node));
            let (ty, facets, default) =
                self.types.read(node, |target| self.paths.of_arg(around.object, target))?;
            let facts =
                Facts::Arg(ArgFacts { direction, mandatory: flag(node, "mandatory"), ty, facets, default });
            args.push(self.row(node, around, name, facts)?);
        }
        for node in children(list, "object") {
            let inside = Around { version: version(node).unwrap_or(around.version), ..around };
            self.args(node, inside, direction, &format!("{prefix}{}", name(node)), args)?;
        }
        Ok(())
    }

    fn param(&self, node: Node<'a, 'a>, around: Around<'_>) -> Result<ParamFacts, SchemaError> {
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
    ) -> Result<Row, SchemaError> {
        let since = Since::only(self.protocol, version(node).unwrap_or(around.version));
        let description = child(node, "description").and_then(|node| node.text()).map(tidy);
        let row = Row { name, since, status: status(node), facts, description };
        if row.name.len() > crate::limits::MAX_NAME_BYTES {
            return Err(fail(format!("a name in {} is too long", around.object)));
        }
        Ok(row)
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

fn sort(args: &mut Vec<Row>) {
    args.sort_by(|a, b| a.order().cmp(&b.order()));
    args.dedup_by(|a, b| a.order() == b.order());
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

fn fail(reason: impl Into<String>) -> SchemaError {
    SchemaError::Import(reason.into())
}
