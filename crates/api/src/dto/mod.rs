//! What stands in bodies and answers. Core types carry no serde; each form here is made from one, and
//! names what REST promises.

pub mod access;
pub mod certificate;
pub mod datamodel;
pub mod device;
pub mod enrolment;
pub mod event;
pub mod expected;
pub mod job;
pub mod login;
pub mod model;
pub mod operation;
pub mod outcome;
pub mod tenant;
pub mod words;

use std::collections::BTreeMap;

use dm::UtcTime;

/// RFC 3339, in UTC.
pub(crate) fn time(at: UtcTime) -> String {
    at.to_string()
}

/// An empty text is one that is not known.
pub(crate) fn known(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Names and values as an object.
pub(crate) fn object(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    pairs.into_iter().collect()
}
