//! The integration tests of `pki`.
