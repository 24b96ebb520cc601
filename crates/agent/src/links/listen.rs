//! Sockets for controllers that dial in: WebSockets and UNIX domain sockets.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use mtp::uds::{self, AdmitLocal};
use mtp::ws::{self, Listener};
use mtp::{Admission, Candidate, PeerAuth, Refusal, Retry, Role, Schedule};
use pki::{DeviceVerifier, ServerTls};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Context;
use super::handler::{Connection, Links};
use super::plan::Listen;
use crate::config::ListenerConfig;
use crate::state::random;

/// A socket that there should be, and the task that keeps it open.
pub(super) struct Socket {
    pub(super) plan: Listen,
    stop: watch::Sender<bool>,
    status: Arc<Mutex<&'static str>>,
}

impl Socket {
    pub(super) fn start(context: &Arc<Context>, plan: Listen) -> Socket {
        let (stop, stopped) = watch::channel(false);
        let status = Arc::new(Mutex::new("Down"));
        tokio::spawn(keep(context.clone(), plan.clone(), stopped, status.clone()));
        Socket { plan, stop, status }
    }

    /// The value of `LocalAgent.MTP.{i}.Status`.
    pub(super) fn status(&self) -> &'static str {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes it, and the connections that came by it.
    pub(super) fn end(&self) {
        self.stop.send_replace(true);
    }
}

/// Opens the socket, and tries again while that fails, until it is not wanted any more. Links of a process that
/// ends are the instance's to end.
async fn keep(
    context: Arc<Context>,
    plan: Listen,
    mut stopped: watch::Receiver<bool>,
    status: Arc<Mutex<&'static str>>,
) {
    let set = |value| {
        *status.lock().unwrap_or_else(PoisonError::into_inner) = value;
        context.turned();
    };
    #[cfg(feature = "coap")]
    if let Listen::Coap { port, path, secure } = plan {
        return super::coap::keep(context.clone(), (port, path, secure), stopped, set).await;
    }
    let seed = match random() {
        Ok(seed) => seed,
        Err(error) => return tracing::error!(%error, "no socket is opened"),
    };
    let mut retry = Retry::new(Schedule::default(), seed);
    let listening = loop {
        match open(&context, &plan).await {
            Ok(listening) => break listening,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "listen");
                set("Error");
            }
        }
        tokio::select! {
            () = sleep(retry.next_wait()) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    };
    set("Up");
    let handler = Arc::new(Links::new(context.instance.clone(), None, Arc::<Connection>::default()));
    let stop = async move {
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    match listening {
        Listening::WebSocket(listener, doorkeeper, door) => {
            let Door { at, port } = door;
            context.ports.send_modify(|ports| ports.extend([(at, port)]));
            let closed = async {
                stop.await;
                context.ports.send_modify(|ports| ports.retain(|other, _| *other != at));
            };
            listener.run(handler, Arc::new(doorkeeper), closed).await;
        }
        Listening::Local(listener) => listener.run(handler, Arc::new(AdmitLocal), stop).await,
    }
}

enum Listening {
    WebSocket(Listener, Doorkeeper, Door),
    Local(uds::Listener),
}

/// A WebSocket of the configuration, by its number, and the port that it got.
struct Door {
    at: usize,
    port: u16,
}

async fn open(context: &Context, plan: &Listen) -> Result<Listening> {
    match plan {
        Listen::WebSocket(at) => {
            let config = context.listeners.get(*at).context("the configuration has no such listener")?;
            websocket(context, *at, config).await
        }
        Listen::Local(path) => {
            let is_it = |config: &&ListenerConfig| config.socket.as_deref() == Some(path);
            let mut how = uds::ListenConfig::new(context.endpoint.clone(), Role::Agent);
            if let Some(config) = context.listeners.iter().find(is_it) {
                how.mode = config.mode;
            }
            Ok(Listening::Local(local(path, how)?))
        }
        #[cfg(feature = "coap")]
        Listen::Coap { .. } => anyhow::bail!("a socket for CoAP has a keeper of its own"),
    }
}

fn local(path: &Path, how: uds::ListenConfig) -> Result<uds::Listener> {
    uds::Listener::bind(path, how).with_context(|| format!("{}", path.display()))
}

async fn websocket(context: &Context, at: usize, config: &ListenerConfig) -> Result<Listening> {
    let address = config.address.context("the configuration has no such listener")?;
    let tls = if config.tls {
        let roots = context.credentials.roots();
        let devices = DeviceVerifier::new(&roots, true, pki::provider())?;
        let tls = ServerTls::new(&context.credentials.own(), devices)?;
        context.credentials.follow(&tls);
        Some(tls)
    } else {
        None
    };
    let how = ws::ListenConfig::new(&config.path, context.endpoint.clone(), Role::Agent);
    let listener = Listener::bind(address, tls, how).await.with_context(|| format!("{address}"))?;
    let port = listener.local_addr()?.port();
    Ok(Listening::WebSocket(listener, Doorkeeper { tls: config.tls }, Door { at, port }))
}

/// Who may dial in. TLS alone proves only that a peer holds some key: a controller's certificate must be
/// of a CA that this agent trusts. Without TLS only this host itself reaches the socket.
struct Doorkeeper {
    tls: bool,
}

impl Admission for Doorkeeper {
    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        match &candidate.peer {
            PeerAuth::Certificate(certificate) if certificate.trusted => Ok(()),
            PeerAuth::Unproven if !self.tls => Ok(()),
            _ => Err(Refusal::new(403, "a certificate of a trusted CA is needed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mtp::{Admission, Candidate, PeerAuth, PeerCertificate};

    use super::Doorkeeper;

    #[tokio::test]
    async fn only_certificates_of_a_trusted_ca_open_a_tls_listener() {
        let shown = |trusted| {
            PeerAuth::Certificate(Arc::new(PeerCertificate { trusted, ..PeerCertificate::default() }))
        };
        for (tls, peer, admitted) in [
            (true, shown(true), true),
            (true, shown(false), false),
            (true, PeerAuth::Unproven, false),
            (false, PeerAuth::Unproven, true),
        ] {
            let candidate = Candidate { peer_addr: ([127, 0, 0, 1], 4).into(), eid: None, peer };
            assert_eq!(Doorkeeper { tls }.admit(&candidate).await.is_ok(), admitted, "{candidate:?}");
        }
    }
}
