//! Discovery: options, locations, names and TXT strings, byte by byte.

mod dhcp;
mod location;
mod service;
