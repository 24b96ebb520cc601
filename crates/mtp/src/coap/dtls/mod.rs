//! DTLS 1.2 (RFC 6347) between the socket and the machine of CoAP, in the mode with certificates (R-COAP.14,
//! R-COAP.16), sans IO: datagrams and times in; datagrams, what they held, and who is there out.
//!
//! The protocol itself is a library's, with `ring` below it. Ours is what it leaves open: that nothing is remembered
//! of an address before it has shown that it reads what is sent there, whose certificate counts, and which
//! association an address has.

mod association;
mod cookie;
mod crypto;
mod event;
pub mod hello;
mod layer;
mod suites;

pub use association::Proof;
pub use event::{Event, Trust};
pub use layer::Layer;
