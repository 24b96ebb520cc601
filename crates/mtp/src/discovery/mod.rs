//! Finding endpoints, and being found: DNS-SD over mDNS (RFC 6762, RFC 6763) and over DNS.
//!
//! [`found`] and [`responder`] are plain: packets and time go in, packets and findings come out. [`ask`] and
//! [`advertise`] are their sockets. What may be believed of all this is the caller's to decide: none of it
//! proves who anybody is.

pub mod advertise;
pub mod ask;
pub mod found;
pub mod limits;
mod net;
mod packet;
pub mod responder;

pub use advertise::Advertiser;
pub use found::Found;
pub use responder::Advert;
pub use usp_proto::discovery::service::{self, Attributes, Party, Service};
pub use usp_proto::discovery::{Location, dhcp};
