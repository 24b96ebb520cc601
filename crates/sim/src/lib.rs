//! Simulated fleets behind `cusp sim`: many agents in one process, each the real engine with the real
//! protocol machine, over real sockets.
//!
//! Only the devices are made up: their model, their values, and what moves in them. It knows nothing of the
//! server, and prints nothing: the command line does.

pub mod descriptors;
pub mod latency;
pub mod limits;
pub mod memory;
pub mod usp;
