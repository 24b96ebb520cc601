//! USP (TR-369) on the wire: Record and Msg codec, validation, error table, endpoint ids.
//!
//! It turns bytes into checked values and back. It holds no state and knows no transport; who may do
//! what, and what a message means for a data model, is decided elsewhere.

pub mod endpoint_id;
pub mod link;

pub use endpoint_id::EndpointId;
