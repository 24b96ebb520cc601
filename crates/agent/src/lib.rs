//! What `cusp-agent` is made of: its configuration, its identity, and the providers that read and change a
//! Linux system. A library so that tests can hold the parts one by one; nothing else depends on it.

pub mod audit;
pub mod challenges;
pub mod config;
pub mod discovery;
pub mod enrol;
pub mod factory;
pub mod guard;
pub mod host;
pub mod identity;
pub mod kernel;
pub mod limits;
pub mod links;
pub mod local_agent;
pub mod providers;
pub mod renewal;
pub mod revoked;
pub mod roles;
pub mod services;
pub mod sessions;
pub mod state;
pub mod system;
pub mod trust;
