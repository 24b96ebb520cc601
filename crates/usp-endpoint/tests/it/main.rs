//! Tests of the machines through their inputs and outputs.

mod agent;
mod controller;
mod msg_id;
mod retry;
mod translate;
mod world;
