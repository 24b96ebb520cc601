//! The server, whole, in its own thread and runtime: scripted agents on real sockets, requests over HTTP.

mod agent;
mod bad_input;
mod brokers;
mod coap;
mod config;
mod control;
mod datamodels;
mod dial;
mod discovery;
mod enrolment;
mod foreign;
mod http;
mod jobs;
mod limits;
mod local;
mod logins;
mod metrics;
#[path = "../../../mtp/tests/it/mqtt/daemon.rs"]
mod mosquitto;
mod notifications;
mod own_broker;
mod panic;
#[path = "../../../mtp/tests/it/ports.rs"]
mod ports;
mod ready;
mod renewal;
mod revocation;
mod secrets;
mod services;
mod stomp;
mod tenants;
mod tls;
mod trace;
mod world;
mod zero_touch;
