//! What a Linux system has of TR-181, one provider per file.
//!
//! Each reads the system anew when it is asked, and leaves out what the system does not tell. None keeps
//! a copy of what the system knows better, and none knows instance numbers: rows are named by keys that
//! the system gives them.

pub mod device_info;
pub mod dns;
pub mod ethernet;
pub mod hooks;
pub mod hosts;
pub mod interface_stack;
pub mod ip;
pub mod layers;
pub mod memory;
pub mod netlink;
pub mod processes;
pub mod routing;
pub mod rows;
pub mod support;
pub mod temperature;
pub mod time;
pub mod transaction;
