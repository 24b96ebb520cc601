//! DTLS towards controllers: each is called, and is who the tables say, before it has a link.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mtp::coap::dtls::Trust;
use mtp::coap::{Caller, CoapUri, Socket};
use mtp::{EndpointId, LinkHandler, PeerAuth, Peers};
use pki::Identity;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::enrol::Credentials;
use crate::limits::COAP_CALL;
use crate::state::random;

/// What a socket with DTLS has beside it; nothing of one without.
#[derive(Default)]
pub(super) struct Secured(Option<Calls>);

struct Calls {
    caller: Caller,
    rules: Arc<Rules>,
    /// What became of the calls.
    outcomes: watch::Sender<BTreeMap<SocketAddr, Outcome>>,
    /// How long one may take.
    patience: Duration,
}

#[derive(Clone)]
enum Outcome {
    /// An association stands: what it proves, and the word for its certificate.
    Up(PeerAuth, String),
    Gone(String),
}

impl Secured {
    /// Has a socket speak DTLS.
    ///
    /// # Errors
    /// When the device's certificate can't be used for it.
    pub(super) fn open(socket: Socket, credentials: Arc<Credentials>) -> Result<(Socket, Secured)> {
        let rules = Arc::new(Rules { credentials, called: Mutex::default() });
        let socket = socket.secured(rules.clone(), &random()?)?;
        let (caller, outcomes) = (socket.caller(), watch::Sender::default());
        let calls = Calls { caller, rules, outcomes, patience: COAP_CALL };
        Ok((socket, Secured(Some(calls))))
    }

    /// Calls a controller, unless it was; gives what is put behind its URI.
    ///
    /// # Errors
    /// When it does not answer, or is not who it is to be; and when one of the two speaks no DTLS.
    pub(super) async fn reach<H: LinkHandler>(
        &self,
        controller: &EndpointId,
        uri: &CoapUri,
        at: SocketAddr,
        peers: &Peers<H>,
    ) -> Result<String> {
        let calls = match (&self.0, uri.secure) {
            (Some(calls), true) => calls,
            (None, false) => return Ok(String::new()),
            (None, true) => bail!("the agent's socket for CoAP speaks no DTLS"),
            (Some(_), false) => bail!("the agent's socket for CoAP speaks DTLS alone"),
        };
        // As the socket names it.
        let at = SocketAddr::new(at.ip().to_canonical(), at.port());
        let (peer, word) = calls.call(controller, uri, at).await?;
        peers.set_proof(controller, Some(peer));
        Ok(format!("#{word}"))
    }

    /// A controller is not to be reached any more.
    pub(super) fn leave(&self, controller: &EndpointId) {
        let Some(calls) = &self.0 else { return };
        let mut called = calls.rules.called();
        called.remove(controller);
        let is_called = |at: &SocketAddr| called.values().any(|other| other.at == *at);
        calls.outcomes.send_modify(|outcomes| outcomes.retain(|at, _| is_called(at)));
    }

    pub(super) fn up(&self, at: SocketAddr, peer: &PeerAuth, word: &str) {
        self.tell(at, Outcome::Up(peer.clone(), word.to_owned()));
    }

    pub(super) fn gone(&self, at: SocketAddr, why: &str) {
        self.tell(at, Outcome::Gone(why.to_owned()));
    }

    fn tell(&self, at: SocketAddr, outcome: Outcome) {
        let Some(calls) = &self.0 else { return };
        if calls.rules.called().values().any(|other| other.at == at) {
            calls.outcomes.send_modify(|outcomes| drop(outcomes.insert(at, outcome)));
        }
    }
}

impl Calls {
    async fn call(
        &self,
        controller: &EndpointId,
        uri: &CoapUri,
        at: SocketAddr,
    ) -> Result<(PeerAuth, String)> {
        let host = ServerName::try_from(uri.host.clone()).context("its host is no name of a certificate")?;
        self.rules.called().insert(controller.clone(), Called { at, host: host.clone() });
        let mut follow = self.outcomes.subscribe();
        // What failed before says nothing of this time.
        self.outcomes.send_if_modified(|outcomes| {
            matches!(outcomes.get(&at), Some(Outcome::Gone(_))) && outcomes.remove(&at).is_some()
        });
        if !self.caller.call(at).await {
            bail!("the socket is closed");
        }
        let outcome = {
            let told = timeout(self.patience, follow.wait_for(|outcomes| outcomes.contains_key(&at))).await;
            told.context("what became of the call is not known in time")??.get(&at).cloned()
        };
        let (shown, word) = match outcome {
            Some(Outcome::Up(PeerAuth::Certificate(shown), word)) => (shown, word),
            Some(Outcome::Gone(why)) => bail!(why),
            _ => bail!("no certificate"),
        };
        // It may stand for another controller at the same place, or since other certificates counted: what it proves of
        // this one is asked again.
        let chain: Vec<_> = shown.chain.iter().map(|der| CertificateDer::from(&der[..])).collect();
        let judged = self.rules.credentials.tls(controller)?.judge(&host, &chain);
        if judged.is_err() {
            // Where it counts for nobody any more, the next call begins with another.
            self.caller.reconsider().await;
        }
        Ok((judged?, word))
    }
}

/// Whom this agent has called, and whose certificates count.
struct Rules {
    credentials: Arc<Credentials>,
    called: Mutex<BTreeMap<EndpointId, Called>>,
}

struct Called {
    at: SocketAddr,
    /// What the certificate is to name (R-MTP.4).
    host: ServerName<'static>,
}

impl Rules {
    fn called(&self) -> MutexGuard<'_, BTreeMap<EndpointId, Called>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trust for Rules {
    fn own(&self) -> Identity {
        self.credentials.own()
    }

    fn judge(&self, at: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        if !by_us {
            return Err("this agent is called by those alone whom it has called".to_owned());
        }
        let mut why = "nobody is called there".to_owned();
        let called = self.called();
        for (controller, Called { host, .. }) in called.iter().filter(|(_, called)| called.at == at) {
            let judged = self.credentials.tls(controller).map_err(|error| format!("{error:#}"));
            let judged = judged.and_then(|tls| {
                tls.judge(host, std::slice::from_ref(leaf)).map_err(|error| error.to_string())
            });
            match judged {
                Ok(peer) => return Ok(peer),
                Err(refused) => why = refused,
            }
        }
        Err(why)
    }
}
