//! The integration tests of `mtp`.

mod loopback;
mod support;
