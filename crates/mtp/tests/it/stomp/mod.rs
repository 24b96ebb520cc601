//! STOMP without a socket: literal frames, the rules of a connection, the reconnect schedule.

mod frame;
mod machine;
mod retry;
