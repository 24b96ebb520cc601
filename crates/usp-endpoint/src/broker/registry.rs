//! Whose which part of the data model is (TR-369 section 9.4.6, Register and Deregister).
//!
//! A part is one object with all below it. Parts of the agent itself, and of other services, are taken; so is
//! what lies above or below another's part.

use std::collections::BTreeMap;
use std::sync::Arc;

use dm::Code;
use dm::model::Model;
use dm::path::{SchemaKind, SchemaPath, SchemaSegment};
use usp_proto::error_code::code;
use usp_proto::link::LinkId;

use crate::limits::MAX_REGISTERED_PATHS;

/// Why a path is refused: code and text.
pub(super) type Refusal = (u32, String);

/// Subtrees that steer the agent, of which no service gets any part.
const RESERVED: [&str; 3] = ["Device.LocalAgent.", "Device.USPServices.", "Device.UnixDomainSockets."];

/// The registered paths.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    /// The agent's own model.
    own: Arc<Model>,
    owners: BTreeMap<SchemaPath, LinkId>,
}

impl Registry {
    pub(super) fn new(own: Arc<Model>) -> Registry {
        Registry { own, owners: BTreeMap::new() }
    }

    /// Gives a path to a service. Registered once more it stays as it is.
    /// `trusted` are the parts that it may have; `None`: any.
    pub(super) fn register(
        &mut self,
        service: LinkId,
        text: &str,
        trusted: Option<&[SchemaPath]>,
    ) -> Result<SchemaPath, Refusal> {
        let path = object(text)?;
        let may = |paths: &[SchemaPath]| paths.iter().any(|part| path.as_str().starts_with(part.as_str()));
        if !trusted.is_none_or(may) {
            return Err((Code::PERMISSION_DENIED.0, format!("{text} is not allowed to this service")));
        }
        if self.owners.get(&path) == Some(&service) {
            return Ok(path);
        }
        let taken = |by: &str| (code::ALREADY_IN_USE, format!("{text} is {by}"));
        let reserved = RESERVED.iter().any(|own| path.as_str().starts_with(own));
        if reserved || self.own.locate(&path).is_some() {
            return Err(taken("the agent's own"));
        }
        let in_table =
            |object: &SchemaPath| self.own.find(object).is_none() && self.own.locate(object).is_some();
        if std::iter::successors(path.parent(), SchemaPath::parent).any(|object| in_table(&object)) {
            return Err(taken("within a table of the agent"));
        }
        let overlap = self.owners.iter().find(|(known, _)| {
            known.as_str().starts_with(path.as_str()) || path.as_str().starts_with(known.as_str())
        });
        match overlap {
            Some((known, owner)) if *owner == service => {
                return Err((code::REGISTER_FAILURE, format!("{text} overlaps {known}")));
            }
            Some(_) => return Err(taken("another service's")),
            None => {}
        }
        if self.paths(service).len() >= MAX_REGISTERED_PATHS {
            let text = format!("a service may register {MAX_REGISTERED_PATHS} paths");
            return Err((code::RESOURCES_EXCEEDED, text));
        }
        self.owners.insert(path.clone(), service);
        Ok(path)
    }

    /// Takes a path from a service: what was its.
    pub(super) fn deregister(&mut self, service: LinkId, text: &str) -> Result<Vec<SchemaPath>, Refusal> {
        // R-DEREG.2
        if text.is_empty() {
            return Ok(self.forget(service));
        }
        let unknown = || (code::DEREGISTER_FAILURE, format!("{text} is not registered"));
        let path = object(text).map_err(|_| unknown())?;
        match self.owners.get(&path) {
            Some(owner) if *owner == service => {
                self.owners.remove(&path);
                Ok(vec![path])
            }
            Some(_) => Err((code::REGISTERED_BY_ANOTHER, format!("{text} is another service's"))),
            None => Err(unknown()),
        }
    }

    /// Takes everything from a service.
    pub(super) fn forget(&mut self, service: LinkId) -> Vec<SchemaPath> {
        let all = self.paths(service);
        self.owners.retain(|_, owner| *owner != service);
        all
    }

    pub(super) fn paths(&self, service: LinkId) -> Vec<SchemaPath> {
        let own = self.owners.iter().filter(|(_, owner)| **owner == service);
        own.map(|(path, _)| path.clone()).collect()
    }
}

/// R-REG.2: an object below `Device.`, without instance numbers and `{i}`.
fn object(text: &str) -> Result<SchemaPath, Refusal> {
    let refused = |why: &str| (code::REGISTER_FAILURE, format!("{text} {why}"));
    let path = SchemaPath::parse(text).map_err(|error| refused(&format!("is no path: {error}")))?;
    if path.kind() != SchemaKind::Object {
        return Err(refused("is no object: only objects can be registered here"));
    }
    if !path.as_str().starts_with("Device.") {
        return Err(refused("does not begin with Device."));
    }
    if path.segments().any(|segment| !matches!(segment, SchemaSegment::Name(_))) {
        return Err(refused("has row numbers or {i}"));
    }
    Ok(path)
}
