//! USP over STOMP 1.2 (TR-369 section 4.4), the part without a socket: frames, the rules of one connection to
//! a STOMP server, heart-beats, and the reconnect schedule.
//!
//! Nothing drives it over a socket yet.

pub mod frame;
mod heart;
pub mod machine;
pub mod retry;
