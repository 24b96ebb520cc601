//! Whose certificates count for DTLS: the same as on every other listener.

use std::net::SocketAddr;
use std::sync::Arc;

use mtp::PeerAuth;
use mtp::coap::dtls::Trust;
use mtp::coap::{Caller, Socket};
use pki::{Identity, ServerTls};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::clock::chance;

/// Has a socket speak DTLS.
///
/// # Errors
/// When the certificate of the configuration can't be used for it.
pub(super) fn secured(socket: Socket, tls: ServerTls) -> anyhow::Result<Socket> {
    if tls.identity().chain().len() > 1 {
        tracing::warn!("usp.coap.tls: DTLS shows the first certificate alone; devices must know its issuer");
    }
    Ok(socket.secured(Arc::new(Rules(tls)), &chance())?)
}

/// Has a socket judge its associations again whenever others count, as long as it is open.
pub(super) async fn follow(mut retrusted: watch::Receiver<()>, caller: Caller) {
    while retrusted.changed().await.is_ok() && caller.reconsider().await {}
}

struct Rules(ServerTls);

impl Trust for Rules {
    fn own(&self) -> Identity {
        self.0.identity()
    }

    fn judge(&self, _: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        if by_us {
            return Err("who wants to be answered there has another certificate".to_owned());
        }
        self.0.judge(std::slice::from_ref(leaf)).map_err(|error| error.to_string())
    }
}
