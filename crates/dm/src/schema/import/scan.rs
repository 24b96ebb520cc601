//! A look at a file's tags before it is parsed: how deep, how wide, how long.
//!
//! The parser's time and memory grow faster than the file where elements have thousands of attributes
//! or each declares a namespace; and what reads the tree descends with it. This pass takes linear time
//! and no memory, and judges shape alone: what is not well-formed is the parser's to find.

use super::{ImportError, ImportLimits};
use crate::limits::MAX_IMPORT_NAMESPACES;

/// Refuses document types, and tags beyond the limits.
pub(super) fn scan(xml: &str, limits: &ImportLimits) -> Result<(), ImportError> {
    let (mut depth, mut namespaces) = (0_usize, 0_usize);
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let Some(end) = end(rest)? else { return Ok(()) };
        let (tag, after) = rest.split_at(end);
        rest = after;
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !tag.starts_with("<!") && !tag.starts_with("<?") {
            too_big("bytes of one tag", tag.len(), limits.tag_bytes)?;
            too_big("attributes of one element", attributes(tag), limits.attributes)?;
            too_big("levels of elements", depth + 1, limits.depth)?;
            namespaces += tag.matches("xmlns").count();
            too_big("namespaces", namespaces, MAX_IMPORT_NAMESPACES)?;
            depth += usize::from(!tag.ends_with("/>"));
        }
    }
    Ok(())
}

/// Where the markup at the start of `text` ends, or nothing if it does not.
fn end(text: &str) -> Result<Option<usize>, ImportError> {
    let after = |start: &str, end: &str| {
        let body = text.strip_prefix(start)?;
        body.find(end).map(|at| start.len() + at + end.len())
    };
    if text.starts_with("<!--") {
        Ok(after("<!--", "-->"))
    } else if text.starts_with("<![CDATA[") {
        Ok(after("<![CDATA[", "]]>"))
    } else if text.starts_with("<!") {
        Err(ImportError::Xml("a document type or entity is not allowed".to_owned()))
    } else if text.starts_with("<?") && !text.starts_with("<?xml ") {
        Ok(after("<?", "?>"))
    } else {
        Ok(unquoted(text).find(|(_, byte)| *byte == b'>').map(|(at, _)| at + 1))
    }
}

fn attributes(tag: &str) -> usize {
    unquoted(tag).filter(|(_, byte)| *byte == b'=').count()
}

/// The bytes of a tag that stand outside its attributes' values.
fn unquoted(tag: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut quote = None;
    tag.bytes().enumerate().filter(move |(_, byte)| match quote {
        Some(open) => {
            if *byte == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(byte, b'"' | b'\'') {
                quote = Some(*byte);
            }
            true
        }
    })
}

fn too_big(what: &'static str, size: usize, limit: usize) -> Result<(), ImportError> {
    if size > limit { Err(ImportError::TooBig { what, limit }) } else { Ok(()) }
}
