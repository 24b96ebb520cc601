//! The CWMP session machine of an ACS (feature `acs`): what may be said when, and what is owed to whom.
//!
//! It does no IO and reads no clock: messages and the time come in as values, and what has to be done comes out
//! ([`acs::Output`]). Who the device is, what is kept of what it says, and what is asked of it, its host decides.

#[cfg(feature = "acs")]
pub mod acs;
pub mod limits;
