//! The agent's host: it owns the tree of an instance and lends it to the protocol machines, asks
//! providers for values, commits transactions over them, keeps the journal, and runs commands.
//!
//! Ten thousand instances live in one process: an idle instance has no task and no timer of its own.

pub mod provider;
