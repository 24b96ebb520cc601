//! Tests of the agent: parsers on fixture trees, providers on the running system, changes and diagnostics
//! in a network namespace of their own.

mod agent;
mod config;
mod discovery;
mod icmp;
mod identity;
mod kill;
mod links;
mod lookup;
mod namespace;
mod network;
mod peer;
mod process;
mod support;
mod system_files;
mod upload;
