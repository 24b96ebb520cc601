//! USP (TR-369) on the wire: Record and Msg codec, validation, error table, endpoint ids.
//!
//! It turns bytes into checked values and back. It holds no state and knows no transport; who may do
//! what, and what a message means for a data model, is decided elsewhere.
//!
//! [`Record`] is the envelope, [`Msg`] what it carries. Both decode in two steps: a shallow scan of the
//! fields (`wire.rs`), which finds what protobuf hides (repeated and unknown alternatives, and the ids
//! that an error answer needs), then prost, then the rules that protobuf can't express. The body of a
//! Msg is made of the generated structs themselves: they are plain data that mirror the standard field
//! by field, and copying a data model of megabytes into twins of them would only cost.

pub mod add;
mod debug;
pub mod delete;
mod describe;
pub mod discovery;
pub mod endpoint_id;
pub mod error;
pub mod error_code;
pub mod exchange;
#[rustfmt::skip]
pub mod generated;
pub mod get;
pub mod get_instances;
pub mod get_supported_dm;
pub mod get_supported_protocol;
pub mod limits;
pub mod link;
mod malformed;
pub mod mask;
pub mod msg;
pub mod notify;
pub mod operate;
pub mod record;
pub mod register;
pub mod session;
pub mod set;
mod shape;
mod version;
mod wire;

pub use describe::{describe_msg, describe_record};
pub use endpoint_id::EndpointId;
pub use malformed::Malformed;
pub use msg::{Body, ErrorBody, Msg, MsgError, Request, Response};
pub use record::{Record, RecordError, RecordType};
pub use version::Version;
