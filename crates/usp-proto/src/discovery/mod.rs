//! Discovery (TR-369 chapter "Discovery and Advertisement"): what DHCP options and DNS-SD records of USP say.
//!
//! Pure: it reads and writes bytes and names. Who asks a DHCP server, and packets of DNS, are elsewhere; so
//! is the decision whether what was found is believed.

pub mod dhcp;
mod location;
pub mod service;

pub use location::Location;
