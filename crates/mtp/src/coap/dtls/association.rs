//! One association with one address: the library's machine, and what it says put into our words.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use pki::Identity;
use usp_proto::link::PeerAuth;

use super::super::limits::{
    DTLS_MTU, HANDSHAKE_TIME, MAX_CERTIFICATE, MAX_DATAGRAM, MAX_HANDSHAKE_DATAGRAM, MAX_OWN_CERTIFICATE,
};
use super::crypto;
use crate::error::Error;

/// What all associations of a socket share.
pub(super) fn config() -> Result<Arc<Config>, Error> {
    let config = Config::builder()
        .with_crypto_provider(crypto::provider())
        .require_client_certificate(true)
        .use_server_cookie(true)
        .dtls13_cipher_suites(&[])
        .handshake_timeout(HANDSHAKE_TIME)
        .mtu(DTLS_MTU)
        .build();
    config.map(Arc::new).map_err(|_| Error::Dtls("the library refuses its settings"))
}

/// Our certificate and its key, if DTLS can use them: it shows the leaf alone, which is not too long, and its key is on P-256
/// or P-384.
pub(super) fn credential(identity: &Identity) -> Result<DtlsCertificate, Error> {
    let leaf = identity.chain().first().ok_or(Error::Dtls("there is no certificate"))?;
    if leaf.len() > MAX_OWN_CERTIFICATE {
        return Err(Error::Dtls("the certificate is longer than 8 KiB"));
    }
    let key = identity.key();
    let private_key = key.secret_der().to_vec();
    crypto::provider()
        .key_provider
        .load_private_key(&private_key)
        .map_err(|_| Error::Dtls("the key of the certificate is not on P-256 or P-384"))?;
    Ok(DtlsCertificate { certificate: leaf.to_vec(), private_key })
}

/// Why an association is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The library says so.
    #[error(transparent)]
    Library(#[from] dimpl::Error),
    /// Certificates of that size are not put together.
    #[error("a datagram of {0} bytes in a handshake, where {MAX_HANDSHAKE_DATAGRAM} are read")]
    TooLong(usize),
}

impl Fault {
    /// Whether it is we who will not go on, of which the peer knows nothing. An alert is not answered.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Fault::TooLong(_) | Fault::Library(dimpl::Error::ReceiveQueueFull))
    }
}

/// What an association has said.
pub(super) enum Said {
    /// This leaves.
    Packet(Bytes),
    /// The peer shows this; nothing proves yet that it has the key.
    Certificate(Vec<u8>),
    /// The handshake is over: the key is proven.
    Up,
    /// What the peer sends.
    Data(Bytes),
    /// The peer has ended it.
    Closed,
}

/// Who the peer is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// SHA-256 of its certificate's DER.
    pub fingerprint: [u8; 32],
    /// What the certificate means.
    pub auth: PeerAuth,
}

pub(super) struct Association {
    dtls: Dtls,
    base: Instant,
    /// Whether we called.
    pub(super) by_us: bool,
    /// Whether somebody here waits to hear what becomes of it: we called, or were about to.
    pub(super) awaited: bool,
    /// What the caller's hello begins with, which tells one handshake from another.
    pub(super) hello: Vec<u8>,
    /// Who the peer is, as soon as its certificate is believed; proven only when it is up.
    pub(super) proof: Option<Proof>,
    /// At which address, and as whose call, its certificate was judged.
    pub(super) judged: Option<(SocketAddr, bool)>,
    /// When it was last used.
    pub(super) used: Duration,
    /// When the library wants to be woken.
    pub(super) due: Duration,
}

impl Association {
    pub(super) fn new(
        config: &Arc<Config>,
        own: DtlsCertificate,
        base: Instant,
        now: Duration,
    ) -> Association {
        let dtls = Dtls::new_12(config.clone(), own, base + now);
        Association {
            dtls,
            base,
            by_us: false,
            awaited: false,
            hello: Vec::new(),
            proof: None,
            judged: None,
            used: now,
            due: now,
        }
    }

    /// Calls the peer.
    pub(super) fn call(&mut self, now: Duration) -> Result<(), Fault> {
        (self.by_us, self.awaited) = (true, true);
        self.dtls.set_active(true);
        self.expired(now)
    }

    /// The time has come, or has gone on.
    pub(super) fn expired(&mut self, now: Duration) -> Result<(), Fault> {
        Ok(self.dtls.handle_timeout(self.base + now)?)
    }

    pub(super) fn receive(&mut self, now: Duration, datagram: &[u8]) -> Result<(), Fault> {
        self.expired(now)?;
        // Thirty of them may be put together to a certificate, for which `drain` has to have room.
        if self.proof.is_none() && datagram.len() > MAX_HANDSHAKE_DATAGRAM {
            return Err(Fault::TooLong(datagram.len()));
        }
        Ok(self.dtls.handle_packet(datagram)?)
    }

    pub(super) fn send(&mut self, now: Duration, plain: &[u8]) -> Result<(), Fault> {
        self.used = now;
        self.expired(now)?;
        self.dtls.send_application_data(plain)?;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        // What can't be said any more is not missed: nothing confirms it.
        let _ = self.dtls.close();
    }

    /// All that it says now; the last thing is when it wants to be woken.
    pub(super) fn drain(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        // The library has no answer to a certificate that does not fit.
        let mut room = vec![0; if self.proof.is_none() { MAX_CERTIFICATE } else { MAX_DATAGRAM }];
        loop {
            let one = match self.dtls.poll_output(&mut room) {
                Output::Timeout(at) => {
                    self.due = at.saturating_duration_since(self.base);
                    return said;
                }
                Output::BufferTooSmall { needed } if needed <= MAX_CERTIFICATE => {
                    room.resize(needed, 0);
                    continue;
                }
                Output::BufferTooSmall { .. } | Output::CloseNotify => Said::Closed,
                Output::Packet(packet) => Said::Packet(Bytes::copy_from_slice(packet)),
                Output::PeerCert(leaf) => Said::Certificate(leaf.to_vec()),
                Output::Connected => Said::Up,
                Output::ApplicationData(data) => Said::Data(Bytes::copy_from_slice(data)),
                _ => continue,
            };
            let is_over = matches!(one, Said::Closed);
            said.push(one);
            if is_over {
                return said;
            }
        }
    }
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("by_us", &self.by_us)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}
