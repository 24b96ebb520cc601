//! The framing of end-to-end sessions.

mod mac;
mod sar;
