//! The programs themselves: `cusp serve` as a process that can be killed, `cusp-agent` beside it, and a
//! scripted agent where a test must know what was acknowledged.

mod agent;
mod api;
mod coap;
mod device;
mod kill;
mod logins;
mod random;
mod services;
mod sessions;
pub(crate) mod site;
mod stomp;
