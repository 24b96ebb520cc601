//! The server, whole, in its own thread and runtime: scripted agents on real sockets, requests over HTTP.

mod agent;
mod bad_input;
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
mod metrics;
mod notifications;
mod panic;
mod secrets;
mod tls;
mod trace;
mod world;
