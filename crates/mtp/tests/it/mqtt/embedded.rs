//! The embedded broker on a loopback port of its own, with a gate that a test writes.

use std::net::SocketAddr;
use std::sync::Arc;

use mtp::mqtt::broker::{
    Broker, ConnectFacts, Denied, Gate, Incident, ListenConfig, Listener, Offence, Rights,
};
use mtp::{Cause, PeerCertificate};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::PATIENCE;

type Judge = dyn Fn(&ConnectFacts, Option<Arc<PeerCertificate>>) -> Result<Rights, Denied> + Send + Sync;

/// Admits whom a function admits, and keeps what it is told.
pub(crate) struct Door {
    judge: Box<Judge>,
    told: mpsc::UnboundedSender<Incident>,
}

impl Gate for Door {
    async fn admit(
        &self,
        facts: &ConnectFacts,
        certificate: Option<Arc<PeerCertificate>>,
    ) -> Result<Rights, Denied> {
        (self.judge)(facts, certificate)
    }

    fn incident(&self, incident: &Incident) {
        let _ = self.told.send(incident.clone());
    }
}

/// A running broker; it ends with the test.
pub(crate) struct Embedded {
    pub(crate) broker: Broker<Door>,
    pub(crate) addr: SocketAddr,
    told: mpsc::UnboundedReceiver<Incident>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Embedded {
    pub(crate) async fn start(
        judge: impl Fn(&ConnectFacts, Option<Arc<PeerCertificate>>) -> Result<Rights, Denied>
        + Send
        + Sync
        + 'static,
    ) -> Embedded {
        Embedded::with(None, ListenConfig::default(), judge).await
    }

    pub(crate) async fn with(
        tls: Option<pki::ServerTls>,
        config: ListenConfig,
        judge: impl Fn(&ConnectFacts, Option<Arc<PeerCertificate>>) -> Result<Rights, Denied>
        + Send
        + Sync
        + 'static,
    ) -> Embedded {
        let (sender, told) = mpsc::unbounded_channel();
        let broker = Broker::new(Arc::new(Door { judge: Box::new(judge), told: sender }), [7; 32]);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls, config).await.expect("loopback");
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(listener.run(broker.clone(), async move {
            let _ = stopped.await;
        }));
        Embedded { broker, addr, told, stop: Some(stop), running }
    }

    /// The next thing that was not allowed.
    pub(crate) async fn told(&mut self) -> Incident {
        timeout(PATIENCE, self.told.recv()).await.expect("in time").expect("the gate lives")
    }

    /// Why somebody was turned away of whom the gate was not asked.
    pub(crate) async fn turned_away(&mut self) -> Cause {
        match self.told().await.what {
            Offence::TurnedAway(refusal) => refusal.cause,
            other => panic!("{other:?}"),
        }
    }

    /// Stops it, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        timeout(PATIENCE, &mut self.running).await.expect("in time").expect("the listener ends in peace");
    }
}
