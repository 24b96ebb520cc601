//! Discovery: what DHCP clients hand over, the rows that come of it, and the real program with real peers.

mod controller;
mod dhcp;
mod gateway;
mod hook;
mod lease;
mod mdns;
mod program;
