//! Finding controllers, and being found (TR-369 chapter "Discovery and Advertisement").
//!
//! What DHCP clients hand over lies in a folder of the agent's, one file per lease ([`lease`]), put there by
//! `cusp-agent dhcp-hook` ([`hook`]). [`keep`] watches it, asks DNS and mDNS where that is needed, and makes what it
//! finds rows of `LocalAgent.Controller.` ([`controller`]): as far as `[discovery]` allows, and with the role that it
//! says. [`advertise`] is the other way round, and
//! [`gateway`] tells who handed the lease out.

pub mod advertise;
pub mod config;
pub mod controller;
pub mod gateway;
pub mod hook;
pub mod keep;
pub mod lease;
mod watch;

pub use config::DiscoveryConfig;
