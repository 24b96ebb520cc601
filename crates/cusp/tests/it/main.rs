//! The program as a whole: against a small server that answers what the API would, and as the server itself.

mod check;
mod client;
mod fake;
mod local;
mod own_agent;
#[path = "../../../mtp/tests/it/ports.rs"]
mod ports;
mod real;
