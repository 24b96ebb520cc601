//! STOMP without a socket: literal frames, the rules of a connection, the reconnect schedule. The client against a
//! server made of literal frames, and against two from Debian.

mod client;
mod frame;
mod heart;
mod machine;
mod pattern;
mod pressure;
mod retry;
mod script;
mod servers;
