//! Connection requests: how an ACS asks a CPE for a session, and what a CPE says between sessions.
//!
//! The HTTP form is a GET without a body, and needs only [`digest`](crate::digest). Here are the datagram of
//! TR-069 Annex G, the stanza of Annex K, and the lightweight notification of Annex M.

mod hmac_sha1;
pub mod lightweight;
pub mod udp;
mod url;
pub mod xmpp;
