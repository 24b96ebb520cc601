//! Tests of the machines through their inputs and outputs.

mod controller;
