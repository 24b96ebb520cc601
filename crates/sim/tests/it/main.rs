//! A simulated fleet against controller machines, over real sockets on loopback.

mod controller;
mod fleet;
mod storm;
