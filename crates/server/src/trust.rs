//! Whose certificates count here, what ours are, and what is revoked: everything of it can change while the
//! server runs. Who a proven peer is, and what becomes of it, is admission's to say.

mod authority;
mod listening;
mod session_keys;
mod shelf;

pub(crate) use authority::Authority;
pub(crate) use listening::{DialTrust, Reload, Trusting};
#[cfg(test)]
pub(crate) use session_keys::tests::counts;
pub(crate) use session_keys::{News, SessionKeys};
pub(crate) use shelf::Shelf;
