//! `cusp serve`: composes the roles, the store, the transports and the API.
//!
//! One module per role; roles meet each other only through the ports of `fleet`.

pub mod clock;
pub mod metrics;
pub mod usp;
