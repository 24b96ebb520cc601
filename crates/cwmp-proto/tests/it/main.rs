//! Tests of the codec through its public face.

mod rpc;
mod session;
