//! The agent machine.

pub mod io;
