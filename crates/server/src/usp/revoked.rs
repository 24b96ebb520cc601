//! Certificates that count no more: the links that stand on one end at once.

use std::sync::Arc;

use fleet::ids::{DeviceId, Fingerprint};
use fleet::port::Store;
use mtp::{LinkSender, LinkUp};
use rustls::pki_types::CertificateDer;
use usp_endpoint::EndpointId;
use usp_endpoint::link::{PeerAuth, PeerCertificate};

use super::admission::proof;
use super::{Usp, lock};
use crate::trust::{News, SessionKeys};

/// What a link is closed with.
const REVOKED: &str = "the certificate or login is revoked";

impl<S: Store> Usp<S> {
    /// A certificate, a login or a trusted broker's word was revoked in the store: whatever stands on it ends. Whoever opens a session from here
    /// on is refused by the store.
    pub fn revoked(&self, device: DeviceId, fingerprint: Fingerprint) {
        // Of a certificate with wildcards only this device's share is revoked.
        let stands = |up: &LinkUp| {
            up.eid.as_ref().and_then(|eid| proof(&up.peer, eid).fingerprint()) == Some(fingerprint)
        };
        let links = lock(&self.0.links);
        for entry in links.values().filter(|entry| stands(&entry.up)) {
            tracing::info!(%device, %fingerprint, "a connection ends with its certificate or login");
            entry.up.sender.close(mtp::ws::close_code::POLICY, REVOKED);
        }
    }

    /// An endpoint was given a login: whatever stands on its name alone, or on a login from before, ends.
    pub fn given_login(&self, device: DeviceId, endpoint: &str) {
        self.0.strangers.reconsider();
        let of_device = self.session(device).map(|session| session.link);
        let of_name = EndpointId::receive(endpoint).ok();
        let of_name = of_name.and_then(|endpoint| lock(&self.0.by_endpoint).get(&endpoint).copied());
        for link in [of_device, of_name].into_iter().flatten() {
            let entry = lock(&self.0.links).get(&link).cloned();
            if let Some(entry) = entry
                && !matches!(entry.up.peer, PeerAuth::Certificate(_) | PeerAuth::Broker(_))
            {
                entry.up.sender.close(mtp::ws::close_code::POLICY, "it has another login now");
            }
        }
    }

    /// What these endpoints have shown in end-to-end sessions counts no more: their links end, and their sessions with
    /// them.
    pub(crate) fn end_links_of(&self, endpoints: &[EndpointId]) {
        for endpoint in endpoints {
            let link = lock(&self.0.by_endpoint).get(endpoint).copied();
            if let Some(entry) = link.and_then(|link| lock(&self.0.links).get(&link).cloned()) {
                tracing::info!(%endpoint, "a connection ends with the certificate of its session");
                entry.up.sender.close(mtp::ws::close_code::POLICY, REVOKED);
            }
        }
    }

    /// Asks the store about each certificate that is shown in an end-to-end session for the first time.
    pub(crate) async fn watch_sessions(self, keys: SessionKeys, mut news: News) {
        while let Some((endpoint, fingerprint)) = news.recv().await {
            match self.0.store.credential(fingerprint).await {
                Ok(Some((_, known))) if known.revoked => self.end_links_of(&keys.revoke(fingerprint)),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, %endpoint, "whether a certificate is revoked is not known");
                    self.end_links_of(&[endpoint]);
                }
            }
        }
    }

    /// CAs have other lists of revoked certificates now: links whose chain is on one end. Associations of DTLS, which
    /// outlive links, are judged by their listener.
    pub(crate) async fn end_revoked(&self, revoked: impl Fn(&[CertificateDer<'_>]) -> bool + Send + 'static) {
        self.0.retrusted.send_replace(());
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
