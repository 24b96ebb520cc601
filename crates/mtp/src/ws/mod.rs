//! USP over WebSocket (TR-369 section 4.3): opening handshake, frames, keep-alive, on both sides of a
//! connection and for both roles.
//!
//! The HTTP part is parsed here ([`handshake`]); framing is `tungstenite`'s sans-IO core, driven by one
//! task per connection.

pub mod client;
mod conn;
pub(crate) mod enrol;
pub mod handshake;
pub mod keepalive;
pub mod server;
pub mod url;
pub(crate) mod wire;

pub use client::{Dialer, Dialled};
pub use keepalive::KeepAlive;
pub use server::{ListenConfig, Listener};
pub use url::WsUrl;

/// The subprotocol of USP (R-WS.9).
pub const SUBPROTOCOL: &str = "v1.usp";
/// The extension by which old endpoints tell their id (R-WS.10a).
pub const EXTENSION: &str = "bbf-usp-protocol";

/// RFC 6455 close codes that this transport uses.
pub mod close_code {
    /// The purpose is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// This side goes away.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// A text frame, or a Record that can't be decoded (R-WS.16).
    pub const UNACCEPTABLE: u16 = 1003;
    /// The peer's close frame had no code.
    pub const NONE: u16 = 1005;
    /// Policy forbids to go on.
    pub const POLICY: u16 = 1008;
    /// A message over the limit.
    pub const TOO_LONG: u16 = 1009;
}
