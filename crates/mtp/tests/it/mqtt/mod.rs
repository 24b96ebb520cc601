//! MQTT: the pure parts on literals, the client against a broker from Debian.

mod broker;
mod brokers;
mod daemon;
mod embedded;
mod machine;
mod topics;
mod websocket;
