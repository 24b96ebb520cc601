//! CoAP (TR-369 1.0 to 1.2, withdrawn with 1.3; RFC 7252, blocks by RFC 7959): for devices in the field that speak
//! nothing else. Without DTLS, which is a feature of its own, whoever can reach the port can take any name: that
//! belongs into a network that can be trusted.

#[cfg_attr(feature = "coap-dtls", path = "below/dtls.rs")]
#[cfg_attr(not(feature = "coap-dtls"), path = "below/none.rs")]
mod below;
#[cfg(feature = "coap-dtls")]
pub mod dtls;
pub mod limits;
pub mod machine;
pub mod message;
pub mod option;
mod socket;
pub mod uri;

#[cfg(feature = "coap-dtls")]
pub use below::Caller;
pub use machine::Failure;
pub use socket::{Gate, Settings, Socket};
pub use uri::CoapUri;
