//! The integration tests of `mtp`.

mod coap;
mod daemons;
mod discovery;
mod enrol;
mod frames;
mod handshake;
mod keepalive;
mod loopback;
mod memory;
mod mqtt;
mod ports;
mod pressure;
mod raw;
mod refusals;
mod retry;
mod stomp;
mod support;
mod tls;
mod uds;
mod url;
