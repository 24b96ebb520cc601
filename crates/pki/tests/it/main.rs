//! The integration tests of `pki`.

mod ca;
mod cert;
mod crl;
mod identity;
mod seal;
mod session;
mod support;
mod verify_clients;
mod verify_servers;
