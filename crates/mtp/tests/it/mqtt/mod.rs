//! MQTT: the pure parts on literals, the client against a broker from Debian.

mod brokers;
mod daemon;
mod machine;
mod topics;
