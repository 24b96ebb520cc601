//! The forms in which operations, outcomes, models and job states stand in rows and bus messages.
//!
//! Each is JSON led by its version (`{"v":1,…}`). The core types themselves carry no serde, so that they
//! can change without a stored row noticing; REST has its own forms.

use dm::operation::{Operation, Outcome, SchemaResult};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::job::Accepted;

mod operation;
mod outcome;
mod schema;

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u8,
    #[serde(rename = "is")]
    body: T,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u8,
}

fn encode<T: Serialize>(body: T) -> Vec<u8> {
    serde_json::to_vec(&Versioned { v: VERSION, body })
        .expect("plain structs of texts and numbers always encode")
}

fn decode<T: DeserializeOwned>(what: &'static str, row: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice::<Versioned<T>>(row) {
        Ok(versioned) if versioned.v == VERSION => Ok(versioned.body),
        Ok(Versioned { v, .. }) => Err(Error::row(what, format!("version {v}"))),
        // What another version holds need not fit into what this one knows.
        Err(why) => match serde_json::from_slice(row) {
            Ok(VersionOnly { v }) if v != VERSION => Err(Error::row(what, format!("version {v}"))),
            _ => Err(Error::row(what, why)),
        },
    }
}

/// An operation for a row.
pub fn encode_operation(operation: &Operation) -> Vec<u8> {
    encode(operation::OperationDto::from(operation.clone()))
}

/// From what [`encode_operation`] gave.
///
/// # Errors
/// [`Error::BadRow`] for damage or a later version.
pub fn decode_operation(row: &[u8]) -> Result<Operation, Error> {
    decode::<operation::OperationDto>("operation", row).map(Into::into)
}

/// An outcome for a row.
pub fn encode_outcome(outcome: &Outcome) -> Vec<u8> {
    encode(outcome::OutcomeDto::from(outcome.clone()))
}

/// From what [`encode_outcome`] gave.
///
/// # Errors
/// [`Error::BadRow`] for damage or a later version.
pub fn decode_outcome(row: &[u8]) -> Result<Outcome, Error> {
    decode::<outcome::OutcomeDto>("outcome", row).map(Into::into)
}

/// A supported model for a row; equal models have equal encodings.
pub fn encode_model(schema: &SchemaResult) -> Vec<u8> {
    encode(schema::SchemaDto::from(schema.clone()))
}

/// From what [`encode_model`] gave.
///
/// # Errors
/// [`Error::BadRow`] for damage or a later version.
pub fn decode_model(row: &[u8]) -> Result<SchemaResult, Error> {
    decode::<schema::SchemaDto>("model", row).map(Into::into)
}

#[derive(Serialize, Deserialize)]
struct AcceptedDto {
    requests: Vec<String>,
    command_key: String,
}

/// What an accepted command is known by, for a row.
pub fn encode_accepted(accepted: &Accepted) -> Vec<u8> {
    encode(AcceptedDto { requests: accepted.requests.clone(), command_key: accepted.command_key.clone() })
}

/// From what [`encode_accepted`] gave.
///
/// # Errors
/// [`Error::BadRow`] for damage or a later version.
pub fn decode_accepted(row: &[u8]) -> Result<Accepted, Error> {
    let AcceptedDto { requests, command_key } = decode("accepted command", row)?;
    Ok(Accepted { requests, command_key })
}

/// Names and values of an event, for a row.
pub fn encode_params(params: &[(String, String)]) -> Vec<u8> {
    encode(params)
}

/// From what [`encode_params`] gave.
///
/// # Errors
/// [`Error::BadRow`] for damage or a later version.
pub fn decode_params(row: &[u8]) -> Result<Vec<(String, String)>, Error> {
    decode("event", row)
}

/// Both directions between a core type and a form with the same fields.
macro_rules! mirror {
    ($dto:ident = $core:path { $($field:ident),* $(,)? }) => {
        impl From<$core> for $dto {
            fn from(core: $core) -> Self {
                let $core { $($field),* } = core;
                $dto { $($field: $crate::dto::Convert::convert($field)),* }
            }
        }
        impl From<$dto> for $core {
            fn from(dto: $dto) -> Self {
                let $dto { $($field),* } = dto;
                $core { $($field: $crate::dto::Convert::convert($field)),* }
            }
        }
    };
}
use mirror;

/// `Into`, that also reaches into lists, pairs, options and results.
trait Convert<T> {
    fn convert(self) -> T;
}

macro_rules! same {
    ($($kind:ty),*) => { $(impl Convert<$kind> for $kind { fn convert(self) -> $kind { self } })* };
}
same!(String, bool, u32);

impl<A: Convert<B>, B> Convert<Vec<B>> for Vec<A> {
    fn convert(self) -> Vec<B> {
        self.into_iter().map(Convert::convert).collect()
    }
}

impl<A: Convert<B>, B> Convert<Option<B>> for Option<A> {
    fn convert(self) -> Option<B> {
        self.map(Convert::convert)
    }
}

impl<A: Convert<C>, B: Convert<D>, C, D> Convert<(C, D)> for (A, B) {
    fn convert(self) -> (C, D) {
        (self.0.convert(), self.1.convert())
    }
}

impl<A: Convert<C>, B: Convert<D>, C, D> Convert<Result<C, D>> for Result<A, B> {
    fn convert(self) -> Result<C, D> {
        self.map(Convert::convert).map_err(Convert::convert)
    }
}

/// A form and its core type convert as fields of others.
macro_rules! convertible {
    ($($dto:ty = $core:ty),* $(,)?) => {
        $(
            impl $crate::dto::Convert<$core> for $dto { fn convert(self) -> $core { self.into() } }
            impl $crate::dto::Convert<$dto> for $core { fn convert(self) -> $dto { self.into() } }
        )*
    };
}
use convertible;
