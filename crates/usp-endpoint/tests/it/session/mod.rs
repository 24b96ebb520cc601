//! Tests of end-to-end sessions: one machine against records written by hand, and two against each other.

mod integrity;
mod life;
pub(crate) mod peer;
mod records;
mod world;
