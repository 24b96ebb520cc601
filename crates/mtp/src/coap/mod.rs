//! CoAP (TR-369 1.0 to 1.2, withdrawn with 1.3; RFC 7252, blocks by RFC 7959): for devices in the field that speak
//! nothing else. UDP without DTLS: whoever can reach the port can take any name, so it belongs into a network
//! that can be trusted.

pub mod limits;
pub mod machine;
pub mod message;
pub mod option;
mod socket;
pub mod uri;

pub use machine::Failure;
pub use socket::{Gate, Settings, Socket};
pub use uri::CoapUri;
