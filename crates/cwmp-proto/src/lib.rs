//! CWMP (TR-069) on the wire: SOAP and RPC codec, tables of faults, events and quirks, digest authentication,
//! connection requests.
//!
//! It turns bytes into plain values and back. It holds no state and knows no transport, and what a method means for
//! a device is decided elsewhere. What peers send is read as far as it can be understood: each deviation becomes a
//! [`Notice`] beside the value, and only what can't be read is an [`Error`]. What is written is always well formed.
//!
//! [`FromCpe`] and [`FromAcs`] are the two directions of an [`Envelope`]; the structs of the methods are in [`rpc`].

pub mod charset;
pub mod connreq;
pub mod digest;
pub mod envelope;
mod error;
pub mod event;
pub mod fault;
pub mod limits;
mod notice;
pub mod quirk;
pub mod rpc;
mod secret;
pub mod value;
pub mod version;
mod xml;

pub use envelope::{Body, Decoded, Envelope, FromAcs, FromCpe, Header, is_blank};
pub use error::Error;
pub use event::EventCode;
pub use fault::{Fault, FaultCode};
pub use notice::Notice;
pub use quirk::{Quirk, Style};
pub use secret::Secret;
pub use value::{DateTime, Time, Value, ValueType};
pub use version::{CwmpVersion, Namespace};
pub use xml::tree::Node;
