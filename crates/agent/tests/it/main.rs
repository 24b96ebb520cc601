//! Tests of the agent: parsers on fixture trees, providers on the running system, changes and diagnostics
//! in a network namespace of their own.

mod agent;
mod audit;
mod coap;
mod config;
mod discovery;
mod guard;
mod icmp;
mod identity;
mod kill;
mod links;
mod local;
mod lookup;
mod mqtt;
mod namespace;
mod network;
mod peer;
mod plans;
#[path = "../../../mtp/tests/it/ports.rs"]
mod ports;
mod process;
mod renewal;
mod services;
mod stomp;
mod support;
mod system_files;
mod trust;
mod upload;
