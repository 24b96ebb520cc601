//! The framing of end-to-end sessions: how a Message is cut into Records and joined again, which bytes of
//! a Record its signature covers, and what a session asks of keys and certificates.
//!
//! It holds no sequence numbers, buffers no Records and knows no time: that is the session's own machine.

mod crypto;
mod mac;
mod sar;

pub use crypto::{Crypto, CryptoError, PayloadTls, TlsRole};
pub use mac::mac_input;
pub use sar::{Reassembler, SarFault, Segment, segment};
