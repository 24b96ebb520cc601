//! XML as this crate needs it: a bounded pull reader over quick-xml, a writer of its own, and a small tree for
//! what is not known. No namespaces are resolved: elements are known by their local names.

pub(crate) mod out;
pub(crate) mod pull;
pub(crate) mod text;
pub(crate) mod tree;

pub(crate) use out::Out;
pub(crate) use pull::{Element, Pull};
