//! The server, whole, in its own thread and runtime: scripted agents on real sockets, requests over HTTP.

mod agent;
mod bad_input;
mod config;
mod control;
mod dial;
mod enrolment;
mod http;
mod jobs;
mod limits;
mod notifications;
mod secrets;
mod tls;
mod world;
