//! Imported data models.

use fleet::datamodel::DataModel as Stored;
use serde::Serialize;
use utoipa::ToSchema;

use super::{known, time};

/// A data model that a person imported.
#[derive(Serialize, ToSchema)]
pub struct DataModel {
    /// SHA-256 of its text form.
    pub id: String,
    /// Name without a version, such as `Device`.
    pub name: String,
    /// Version, such as `2.19`.
    pub version: Option<String>,
    /// `usp` or `cwmp`.
    pub protocol: String,
    /// The URI of its file.
    pub uri: Option<String>,
    /// How many objects, parameters, commands, events and arguments it defines.
    pub definitions: u64,
    /// When it was imported last.
    pub imported: String,
    /// Who imported it.
    pub actor: String,
}

impl From<Stored> for DataModel {
    fn from(stored: Stored) -> Self {
        DataModel {
            id: stored.id.to_string(),
            name: stored.name,
            version: known(stored.version),
            protocol: stored.protocol,
            uri: stored.uri,
            definitions: stored.definitions,
            imported: time(stored.at),
            actor: stored.actor.as_str().to_owned(),
        }
    }
}
