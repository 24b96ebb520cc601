//! Certificates that count no more: the links that stand on one end at once.

use std::sync::Arc;

use fleet::ids::{DeviceId, Fingerprint};
use fleet::port::Store;
use mtp::LinkSender;
use rustls::pki_types::CertificateDer;
use usp_endpoint::link::{PeerAuth, PeerCertificate};

use super::{Usp, lock};

/// What a link is closed with.
const REVOKED: &str = "the certificate is revoked";

impl<S: Store> Usp<S> {
    /// A certificate was revoked in the store: whatever stands on it ends. Whoever opens a session from here
    /// on is refused by the store.
    pub fn revoked(&self, device: DeviceId, fingerprint: Fingerprint) {
        for (sender, certificate) in self.certified() {
            if certificate.fingerprint == fingerprint.0 {
                tracing::info!(%device, %fingerprint, "a connection ends with its certificate");
                sender.close(mtp::ws::close_code::POLICY, REVOKED);
            }
        }
    }

    /// CAs have other lists of revoked certificates now: links whose chain is on one end.
    pub(crate) async fn end_revoked(&self, revoked: impl Fn(&[CertificateDer<'_>]) -> bool + Send + 'static) {
        let links = self.certified();
        // A signature or two for each: not beside the tasks that serve.
        let judged = tokio::task::spawn_blocking(move || {
            for (sender, certificate) in links.iter().filter(|(_, certificate)| certificate.trusted) {
                let chain: Vec<_> =
                    certificate.chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
                if revoked(&chain) {
                    sender.close(mtp::ws::close_code::POLICY, REVOKED);
                }
            }
        });
        if judged.await.is_err() {
            tracing::error!("the links that stand could not be judged again");
        }
    }

    /// The links whose peer showed a certificate.
    fn certified(&self) -> Vec<(LinkSender, Arc<PeerCertificate>)> {
        let links = lock(&self.0.links);
        let certified = links.values().filter_map(|entry| match &entry.up.peer {
            PeerAuth::Certificate(certificate) => Some((entry.up.sender.clone(), Arc::clone(certificate))),
            PeerAuth::Unproven
            | PeerAuth::Near
            | PeerAuth::Local { .. }
            | PeerAuth::Login(_)
            | PeerAuth::Broker(_) => None,
        });
        certified.collect()
    }
}
