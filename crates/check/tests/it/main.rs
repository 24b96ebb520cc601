//! The checks against an agent that keeps the rules, and one that breaks a single rule.

mod agent;
mod away;
mod bench;
mod clock;
mod faults;
mod keys;
mod listeners;
mod mqtt;
mod pairs;
mod reboot;
mod reports;
mod responder;
mod socket;
mod stomp;
mod transports;
mod uds;
mod websocket;
