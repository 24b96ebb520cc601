//! Discovery: packets written out, machines on time that the test gives, sockets in a network of the test's own.

mod found;
mod link;
mod packets;
mod responder;
