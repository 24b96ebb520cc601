//! A small tree of elements: the arguments of methods that we don't know.

use crate::error::Error;
use crate::limits::{MAX_DEPTH, MAX_NODES};
use crate::xml::out::xml_name;
use crate::xml::{Element, Out, Pull};

/// An element with its text, or with elements inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Node {
    /// Its name, without a prefix.
    pub name: String,
    /// The local name of its `xsi:type`, if it has one.
    pub kind: Option<String>,
    /// Its text; empty where it holds elements.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Node>,
}

impl Node {
    /// An element with a text.
    pub fn leaf(name: &str, text: &str) -> Node {
        Node { name: name.to_owned(), kind: None, text: text.to_owned(), children: Vec::new() }
    }

    /// An element with others inside.
    pub fn branch(name: &str, children: Vec<Node>) -> Node {
        Node { name: name.to_owned(), kind: None, text: String::new(), children }
    }
}

/// What is left of the element that is open, as a tree. The bounds of depth and nodes hold.
pub(crate) fn read_children(x: &mut Pull<'_>, left: &mut usize) -> Result<Vec<Node>, Error> {
    let mut nodes = Vec::new();
    while let Some(element) = x.child()? {
        nodes.push(read(x, &element, left)?);
    }
    Ok(nodes)
}

fn read(x: &mut Pull<'_>, element: &Element<'_>, left: &mut usize) -> Result<Node, Error> {
    *left = left.checked_sub(1).ok_or(Error::TooMany { what: "nodes", limit: MAX_NODES })?;
    let kind = element.attribute("type").map(|kind| kind.rsplit(':').next().unwrap_or_default().to_owned());
    let mut node = Node { name: element.name().to_owned(), kind, ..Node::default() };
    let text = x.mixed(&mut |x, inner| {
        node.children.push(read(x, inner, left)?);
        Ok(())
    })?;
    if node.children.is_empty() {
        node.text = text;
    }
    Ok(node)
}

/// Writes trees. What lies deeper than a reader would go is left out.
pub(crate) fn write_children(out: &mut Out<'_>, nodes: &[Node], depth: usize) {
    for node in nodes {
        let name = xml_name(&node.name);
        let kind = node.kind.as_deref().map(|kind| format!("xsd:{}", xml_name(kind)));
        let attributes: Vec<(&str, &str)> = kind.iter().map(|kind| ("xsi:type", kind.as_str())).collect();
        if node.children.is_empty() || depth >= MAX_DEPTH {
            out.leaf(&name, &attributes, &node.text);
        } else {
            out.open(&name, &attributes);
            write_children(out, &node.children, depth + 1);
            out.close(&name);
        }
    }
}
