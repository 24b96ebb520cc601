//! Tests of the codec through its public face.

mod codegen;
mod describe;
mod differential;
mod discovery;
mod endpoint_id;
mod error_code;
mod exchange;
mod hostile;
mod mask;
mod msg;
mod record;
mod samples;
mod session;
mod theirs;
mod verbs;
mod version;
mod wire;
