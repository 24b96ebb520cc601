//! REST API, server-sent events, sign-in, OpenAPI, embedded web page.
//!
//! Handlers parse, call the use cases of [`fleet::service`], and print. What only a running server knows
//! (lanes, live events, traces, its own address) comes through [`gateway::Gateway`]; what is stored comes
//! through [`fleet::port::Store`]. It opens no socket: [`router`] is served by whoever owns the listener,
//! who puts a [`Peer`] into each request's extensions.

pub mod auth;
pub mod dto;
pub mod gateway;
pub mod limits;
pub mod openapi;
pub mod problem;

mod app;
mod catalogue;
mod duration;
mod extract;
mod guard;
mod imported;
mod models;
mod query;
mod routes;
mod stream;
mod tenants;
mod web;

pub use app::{App, Clock, Peer, Recognised, Settings, system_clock};
pub use catalogue::is_secret_argument;
pub use gateway::Gateway;
pub use imported::Imported;
pub use problem::Problem;
pub use routes::{CRL_PATH, router};
