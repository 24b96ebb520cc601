//! The program as a whole, against a small server that answers what the API would.

mod client;
mod fake;
mod local;
