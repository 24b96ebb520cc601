//! A device's own supported model as it is stored: by the hash of its encoding.

use dm::operation::SchemaResult;
use sha2::{Digest as _, Sha256};

use crate::ids::ModelHash;
use crate::{Error, dto, limits};

/// A supported model with its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredModel {
    /// SHA-256 of the encoding.
    pub hash: ModelHash,
    /// What the device said that it supports, parents before children.
    pub schema: SchemaResult,
    encoded: Vec<u8>,
}

impl StoredModel {
    /// Encodes what a device said.
    ///
    /// # Errors
    /// [`Error::Full`] beyond [`limits::MODEL_BYTES`].
    pub fn new(schema: SchemaResult) -> Result<Self, Error> {
        let encoded = dto::encode_model(&schema);
        if encoded.len() > limits::MODEL_BYTES {
            return Err(Error::Full {
                what: "the supported model of this device",
                limit: limits::MODEL_BYTES,
            });
        }
        Ok(StoredModel { hash: ModelHash(Sha256::digest(&encoded).into()), schema, encoded })
    }

    /// Reads an encoding back.
    ///
    /// # Errors
    /// [`Error::BadRow`] for damage.
    pub fn decode(encoded: Vec<u8>) -> Result<Self, Error> {
        let schema = dto::decode_model(&encoded)?;
        Ok(StoredModel { hash: ModelHash(Sha256::digest(&encoded).into()), schema, encoded })
    }

    /// What is stored.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }
}
