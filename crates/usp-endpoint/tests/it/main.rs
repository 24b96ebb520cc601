//! Tests of the machines through their inputs and outputs.

mod agent;
mod broker;
mod controller;
mod debug;
mod device;
mod msg_id;
mod retry;
mod session;
mod shared_id;
mod translate;
mod world;
