//! Tests of the codec through its public face.

mod charset;
mod event;
mod fault;
mod hostile;
mod rpc;
mod session;
mod value;
