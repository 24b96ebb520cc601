//! Tests of the machines through their inputs and outputs.

mod agent;
mod controller;
mod debug;
mod msg_id;
mod retry;
mod shared_id;
mod translate;
mod world;
