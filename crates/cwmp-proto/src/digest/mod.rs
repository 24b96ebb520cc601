//! HTTP authentication as ACSs and CPEs use it: Digest (RFC 2069, 2617 and 7616; `auth` only) and Basic.
//!
//! Headers are read as devices write them, and written as the standards want them. Nonces, `cnonce` and counts are
//! arguments: who uses them knows how they are made, and which ones are still good.

mod authorization;
mod basic;
mod challenge;
mod hash;
mod header;

pub use authorization::Authorization;
pub use basic::{Basic, basic_challenge};
pub use challenge::{Challenge, Offer};
pub use hash::{Algorithm, ha1};

pub(crate) use hash::{hex, same};
