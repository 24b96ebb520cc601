//! What DTLS asks of its host, and what it tells.

use std::net::SocketAddr;

use bytes::Bytes;
use pki::Identity;
use rustls_pki_types::CertificateDer;
use usp_proto::link::PeerAuth;

use super::association::Proof;

/// Whose certificates count, and what we show.
pub trait Trust: Send + Sync {
    /// Our certificate and its key, now.
    fn own(&self) -> Identity;

    /// What the certificate of somebody proves who came to us, or to whom we came; its key is proven by the
    /// handshake. Asked again when others count ([`Layer::reconsider`](super::Layer::reconsider)), and about another
    /// address of one who stands at the same host by this certificate, where it is refused for its own.
    ///
    /// # Errors
    /// Why it is refused.
    fn judge(&self, at: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String>;
}

/// What is to be done, or has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A datagram leaves.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// What.
        datagram: Bytes,
    },
    /// An association stands.
    Up {
        /// With whom.
        at: SocketAddr,
    },
    /// What came by it.
    Heard {
        /// From whom.
        from: SocketAddr,
        /// What.
        datagram: Bytes,
    },
    /// It stands no more, or the one that comes after it is somebody else's; or none came about.
    Gone {
        /// With whom.
        at: SocketAddr,
        /// Why.
        why: String,
        /// What was proven of whoever was there.
        was: Option<Proof>,
    },
    /// Somebody is not who may come, or does what one does not do. A cookie has proven that he is at this address.
    Refused {
        /// Who.
        from: SocketAddr,
        /// Why.
        why: String,
    },
    /// Something came that nobody reads. Anybody may have written the address on it.
    Stray {
        /// Whose address is on it.
        from: SocketAddr,
        /// What it was.
        what: &'static str,
    },
}
