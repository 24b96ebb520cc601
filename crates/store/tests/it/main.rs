//! The store: one suite against the port, run on SQLite, and what only SQLite's file can show.

mod durable;
mod power;
mod sqlite;
mod suite;
