//! Data models that people imported: what vendors and standards say of parameters, beside the compiled-in
//! catalogue. The text is kept as it is; who reads it is not this crate's affair.

use dm::UtcTime;
use sha2::{Digest as _, Sha256};

use crate::audit::AuditEntry;
use crate::ids::{ModelHash, TenantId};
use crate::job::Actor;
use crate::{Error, limits};

/// An imported model, but for its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataModel {
    /// SHA-256 of the text.
    pub id: ModelHash,
    /// Name without a version, such as `Device`.
    pub name: String,
    /// Version, such as `2.19`; empty if it has none.
    pub version: String,
    /// `usp` or `cwmp`.
    pub protocol: String,
    /// The URI of its file, if it gave one.
    pub uri: Option<String>,
    /// How many objects, parameters, commands, events and arguments it defines.
    pub definitions: u64,
    /// When it was imported last.
    pub at: UtcTime,
    /// Who imported it.
    pub actor: Actor,
}

/// A model to keep. The same text again replaces its row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutDataModel {
    /// Whose.
    pub tenant: TenantId,
    /// It.
    pub model: DataModel,
    /// Its text.
    pub text: String,
    /// Who.
    pub audit: AuditEntry,
}

/// The name of a text.
///
/// # Errors
/// [`Error::Full`] beyond [`limits::DATA_MODEL_TEXT`].
pub fn id_of(text: &str) -> Result<ModelHash, Error> {
    if text.len() > limits::DATA_MODEL_TEXT {
        return Err(Error::Full { what: "the text of a data model", limit: limits::DATA_MODEL_TEXT });
    }
    Ok(ModelHash(Sha256::digest(text.as_bytes()).into()))
}
