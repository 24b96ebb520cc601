//! Tests of the machines through their inputs and outputs.

#[cfg(feature = "agent")]
mod agent;
#[cfg(feature = "controller")]
mod controller;
mod msg_id;
mod retry;
mod translate;
