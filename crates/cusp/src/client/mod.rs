//! The client of the REST API.

pub(crate) mod errors;
pub(crate) mod http;
pub(crate) mod login;

pub(crate) use errors::Failure;
pub(crate) use http::Client;
