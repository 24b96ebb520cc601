//! The `syntax` of a parameter: base type, data-type chain and facets.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::bounds::{Budget, ImportError};
use super::{child, children, fail, flag, status};
use crate::path::SchemaPath;
use crate::schema::facets::{
    EnumRef, EnumValue, Facets, ListFacet, Range, Reference, ReferenceKind, Size, Status,
};
use crate::schema::layout::Coded;
use crate::schema::row::DefaultValue;
use crate::value::Type;

/// Longest chain of data types that build on each other.
const MAX_CHAIN: usize = 16;

/// What resolving one path counts as, in bytes.
const PATH_COST: usize = 128;

/// The data types that a file defines, and what may still be made of them.
pub(super) struct Types<'a> {
    named: BTreeMap<&'a str, Node<'a, 'a>>,
    facts: Budget,
}

impl<'a> Types<'a> {
    pub(super) fn new(root: Node<'a, 'a>, facts: Budget) -> Types<'a> {
        let named = children(root, "dataType").filter_map(|node| Some((node.attribute("name")?, node)));
        Types { named: named.collect(), facts }
    }

    /// Type, facets and default of a parameter or argument; `absolute` resolves path names.
    pub(super) fn read(
        &self,
        param: Node<'a, 'a>,
        absolute: impl Fn(&str) -> Option<SchemaPath>,
    ) -> Result<(Type, Facets, Option<DefaultValue>), ImportError> {
        let name = super::name(param);
        let syntax = child(param, "syntax").ok_or_else(|| fail(name, "it has no syntax"))?;
        let mut facets = Facets { list: child(syntax, "list").map(list), ..Facets::default() };
        let default = children(syntax, "default").find(|node| status(*node) != Status::Deleted);
        let default = default.map(|node| DefaultValue {
            kind: super::coded(node, "type"),
            value: node.attribute("value").unwrap_or_default().to_owned(),
        });
        let node = syntax.children().find(|node| {
            node.is_element() && !matches!(node.tag_name().name(), "list" | "default" | "description")
        });
        let node = node.ok_or_else(|| fail(name, "it has no type"))?;
        let ty = if node.tag_name().name() == "dataType" {
            let named = node.attribute("ref").or(node.attribute("base")).unwrap_or_default();
            facets.named = Some(public_name(named));
            let ty = self.data_type(named, &mut facets, 0)?;
            self.narrow(node, &mut facets, &absolute)?;
            ty
        } else {
            self.narrow(node, &mut facets, &absolute)?;
            base_type(node)?
        };
        Ok((ty, facets, default))
    }

    /// Follows a data type to its base, then lets each one from the base on replace what it narrows.
    fn data_type(&self, name: &str, facets: &mut Facets, depth: usize) -> Result<Type, ImportError> {
        let node = self.named.get(name).filter(|_| depth < MAX_CHAIN);
        let node = *node.ok_or_else(|| fail(name, "this data type is not defined"))?;
        let none = |_: &str| None;
        let ty = match node.attribute("base") {
            Some(base) => self.data_type(base, facets, depth + 1)?,
            None => {
                let primitive =
                    node.children().find(|node| Type::from_name(node.tag_name().name()).is_some());
                let primitive = primitive.ok_or_else(|| fail(name, "this data type has no base"))?;
                self.narrow(primitive, facets, &none)?;
                base_type(primitive)?
            }
        };
        if let Some(own) = child(node, "list").map(list) {
            let place = if facets.list.is_some() { &mut facets.inner_list } else { &mut facets.list };
            *place = Some(own);
        }
        self.narrow(node, facets, &none)?;
        Ok(ty)
    }

    /// Takes the facets directly in a node, and pays for what was looked at and what came of it.
    fn narrow(
        &self,
        node: Node<'a, 'a>,
        facets: &mut Facets,
        absolute: &impl Fn(&str) -> Option<SchemaPath>,
    ) -> Result<(), ImportError> {
        let attributes = node.children().flat_map(|child| child.attributes());
        // Most are texts that are copied; each word of a reference is a path to resolve.
        let costs = attributes.map(|attribute| match attribute.name() {
            "targetParent" | "targetParam" => attribute.value().split_whitespace().count() * PATH_COST,
            _ => attribute.value().len() + size_of::<EnumValue>(),
        });
        self.facts.spend(costs.sum())?;
        narrow(node, facets, absolute);
        let targets = facets.reference.iter().flat_map(|reference| &reference.targets);
        self.facts.spend(targets.map(|target| target.as_str().len()).sum())
    }
}

/// The aliases of the protocols are one type with two texts.
fn public_name(name: &str) -> String {
    let bare = name.strip_prefix('_').map(|name| name.trim_end_matches("USP").trim_end_matches("CWMP"));
    bare.unwrap_or(name).to_owned()
}

fn base_type(node: Node<'_, '_>) -> Result<Type, ImportError> {
    let name = node.tag_name().name();
    Type::from_name(name).ok_or_else(|| fail(name, "this type is unknown"))
}

/// Takes the facets directly in a node; each kind that is there replaces what was known of it.
fn narrow(node: Node<'_, '_>, facets: &mut Facets, absolute: &impl Fn(&str) -> Option<SchemaPath>) {
    replace(&mut facets.sizes, children_sizes(node));
    replace(&mut facets.ranges, children(node, "range").map(range).collect());
    let alive = |node: &Node<'_, '_>| status(*node) != Status::Deleted;
    let patterns = children(node, "pattern").filter(alive);
    replace(&mut facets.patterns, patterns.map(|node| text(node, "value")).collect());
    replace(&mut facets.enumeration, children(node, "enumeration").map(enum_value).collect());
    if let Some(units) = child(node, "units") {
        facets.units = Some(text(units, "value"));
    }
    if let Some(node) = child(node, "pathRef") {
        let targets = node.attribute("targetParent").or(node.attribute("targetParam")).unwrap_or_default();
        facets.reference = Some(Reference {
            strong: node.attribute("refType") == Some("strong"),
            kind: node
                .attribute("targetType")
                .and_then(ReferenceKind::from_word)
                .unwrap_or(ReferenceKind::Any),
            targets: targets.split_whitespace().filter_map(absolute).collect(),
        });
    }
    if let Some(node) = child(node, "enumerationRef") {
        let param = node.attribute("targetParam").and_then(absolute);
        let null = node.attribute("nullValue").map(str::to_owned);
        facets.enum_ref = param.map(|param| EnumRef { param, null });
    }
}

fn replace<T>(known: &mut Vec<T>, own: Vec<T>) {
    if !own.is_empty() {
        *known = own;
    }
}

fn list(node: Node<'_, '_>) -> ListFacet {
    ListFacet {
        min_items: number(node, "minItems").unwrap_or(0),
        max_items: number(node, "maxItems"),
        sizes: children_sizes(node),
    }
}

fn children_sizes(node: Node<'_, '_>) -> Vec<Size> {
    let sizes = children(node, "size").filter(|node| status(*node) != Status::Deleted);
    sizes
        .map(|node| Size { min: number(node, "minLength").unwrap_or(0), max: number(node, "maxLength") })
        .collect()
}

/// Ends that are no whole numbers are left open: only whole numbers are checked.
fn range(node: Node<'_, '_>) -> Range {
    let end = |attribute| node.attribute(attribute).and_then(|end| end.trim().parse().ok());
    Range {
        min: end("minInclusive"),
        max: end("maxInclusive"),
        step: node.attribute("step").and_then(|step| step.parse().ok()),
    }
}

fn enum_value(node: Node<'_, '_>) -> EnumValue {
    EnumValue {
        value: text(node, "value"),
        read_only: node.attribute("access") == Some("readOnly"),
        optional: flag(node, "optional"),
        status: status(node),
    }
}

fn number(node: Node<'_, '_>, attribute: &str) -> Option<u32> {
    node.attribute(attribute)?.parse().ok()
}

fn text(node: Node<'_, '_>, attribute: &str) -> String {
    node.attribute(attribute).unwrap_or_default().to_owned()
}
