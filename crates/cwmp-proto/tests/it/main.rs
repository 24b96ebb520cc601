//! Tests of the codec through its public face.

mod charset;
mod connreq;
mod digest;
mod event;
mod fault;
mod hostile;
mod notice;
mod quirk;
mod rpc;
mod session;
mod value;
mod version;
