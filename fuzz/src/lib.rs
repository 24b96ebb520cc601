//! Fuzz targets as plain functions, replayed by ordinary tests.
//!
//! A target takes any bytes and panics when something that must always hold does not. The seeds and
//! every input that once failed lie in `corpus/<target>/`, one small file each; `tests/it` runs each
//! target on all of them. A new target is a module with such a function, one row in [`TARGETS`], and
//! a corpus folder.

mod coap;
mod cwmp;
mod discovery;
mod dtls;
mod mqtt;
mod mqtt_broker;
mod path;
mod schema;
mod session;
mod stomp;
mod uds;
mod usp;
mod value;
mod ws_upgrade;

pub use coap::{coap_machine, coap_message};
pub use cwmp::{cwmp_datagram, cwmp_digest, cwmp_envelope};
pub use discovery::{dhcp_option, mdns_packet, txt_record};
pub use dtls::{dtls_hello, dtls_layer};
pub use mqtt::{mqtt_client, mqtt_reply_to};
pub use mqtt_broker::mqtt_broker;
pub use path::path;
pub use schema::{blob, pattern, rows, xml};
pub use session::{mac, sar};
pub use stomp::stomp_frame;
pub use uds::uds_frame;
pub use usp::{msg, record};
pub use value::value;
pub use ws_upgrade::ws_upgrade;

/// A function that takes any bytes, and panics when something is wrong with the code.
pub type Target = fn(&[u8]);

/// What can be fuzzed: the name of the corpus folder, and the function.
pub const TARGETS: &[(&str, Target)] = &[
    ("path", path),
    ("value", value),
    ("blob", blob),
    ("rows", rows),
    ("xml", xml),
    ("pattern", pattern),
    ("record", record),
    ("msg", msg),
    ("sar", sar),
    ("mac", mac),
    ("ws_upgrade", ws_upgrade),
    ("stomp_frame", stomp_frame),
    ("uds_frame", uds_frame),
    ("mqtt_client", mqtt_client),
    ("mqtt_reply_to", mqtt_reply_to),
    ("mqtt_broker", mqtt_broker),
    ("coap_message", coap_message),
    ("coap_machine", coap_machine),
    ("dtls_hello", dtls_hello),
    ("dtls_layer", dtls_layer),
    ("dhcp_option", dhcp_option),
    ("txt_record", txt_record),
    ("mdns_packet", mdns_packet),
    ("cwmp_envelope", cwmp_envelope),
    ("cwmp_digest", cwmp_digest),
    ("cwmp_datagram", cwmp_datagram),
];
