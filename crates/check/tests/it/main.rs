//! The checks against an agent that keeps the rules, and one that breaks a single rule.

mod agent;
mod bench;
mod faults;
mod pairs;
mod reports;
mod socket;
mod websocket;
