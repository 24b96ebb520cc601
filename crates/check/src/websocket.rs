//! The bench's own WebSocket, listening or dialling, plain. It is a controller to whoever is at the other end.
//!
//! One connection counts at a time: the newest (R-WS.4). TLS is not offered yet.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mtp::ws::{Dialer, ListenConfig, Listener, close_code};
use mtp::{
    AdmitAll, DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Retry, Role,
    Schedule, Verdict,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use mtp::Error as UrlError;
pub use mtp::ws::WsUrl;

use crate::limits;
use crate::link::{Arrival, Link, Wire};

/// Why a text is no address to listen at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// It asks for TLS.
    #[error("TLS is not offered yet: the address must begin with ws://")]
    Tls,
    /// It is another form.
    #[error("an address to listen at is ws://IP:PORT/PATH")]
    Form,
}

/// Reads `ws://IP:PORT/PATH`, where port 0 picks one.
///
/// # Errors
/// When it is another form.
pub fn listen_address(text: &str) -> Result<(SocketAddr, String), AddressError> {
    if text.starts_with("wss://") {
        return Err(AddressError::Tls);
    }
    let rest = text.strip_prefix("ws://").ok_or(AddressError::Form)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let addr = host.parse().map_err(|_| AddressError::Form)?;
    if path.contains(['?', '#']) {
        return Err(AddressError::Form);
    }
    Ok((addr, if path.is_empty() { "/".to_owned() } else { path.to_owned() }))
}

/// Accepts agents at this address and path; port 0 picks one. Must be called inside a tokio runtime.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn listen(addr: SocketAddr, path: &str, own: EndpointId) -> io::Result<(Link, SocketAddr)> {
    let listener = Listener::bind(addr, None, ListenConfig::new(path, own, Role::Controller)).await?;
    let addr = listener.local_addr()?;
    let (handler, arrivals) = handler();
    let running = handler.clone();
    let task = tokio::spawn(async move {
        Box::pin(listener.run(running, Arc::new(AdmitAll), std::future::pending())).await;
    });
    Ok((Link { wire: Box::new(Way { handler, task }), arrivals }, addr))
}

/// Connects to an agent that listens, and again whenever the connection is gone. Must be called inside a tokio
/// runtime.
pub fn dial(url: WsUrl, own: EndpointId) -> Link {
    let (handler, arrivals) = handler();
    let running = handler.clone();
    let dialer = Dialer::new(url, own, Role::Controller);
    let task = tokio::spawn(async move {
        // Every run may wait differently; nothing here is secret.
        let mut retry = Retry::new(Schedule::default(), [7; 32]);
        loop {
            match dialer.connect().await {
                Ok(dialled) => {
                    dialled.run(&*running).await;
                    retry = Retry::new(Schedule::default(), [7; 32]);
                }
                Err(error) => running.tell(Arrival::Away(error.to_string())),
            }
            tokio::time::sleep(retry.next_wait()).await;
        }
    });
    Link { wire: Box::new(Way { handler, task }), arrivals }
}

fn handler() -> (Arc<Handler>, mpsc::Receiver<Arrival>) {
    let (arrivals, receiver) = mpsc::channel(limits::ARRIVALS);
    (Arc::new(Handler { arrivals, current: Mutex::default() }), receiver)
}

struct Handler {
    arrivals: mpsc::Sender<Arrival>,
    current: Mutex<Option<LinkSender>>,
}

impl Handler {
    fn current(&self) -> MutexGuard<'_, Option<LinkSender>> {
        // Every change is one step.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody may wait here: with a full queue the bench learns of it by its next send.
    fn tell(&self, arrival: Arrival) {
        let _ = self.arrivals.try_send(arrival);
    }
}

impl LinkHandler for Handler {
    fn up(&self, link: LinkUp) {
        link.sender.authorise();
        if let Some(older) = self.current().replace(link.sender) {
            older.close(close_code::POLICY, "another connection took its place");
        }
        self.tell(Arrival::Up);
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let is_current = self.current().as_ref().is_some_and(|sender| sender.link() == record.link);
        if is_current {
            // A closed channel is the end of the run.
            let _ = self.arrivals.send(Arrival::Record(record.record)).await;
        }
        Verdict::Accepted
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|sender| sender.link() == link) {
            *current = None;
            drop(current);
            self.tell(Arrival::Down(reason.to_string()));
        }
    }
}

/// The way out; the task goes with it.
struct Way {
    handler: Arc<Handler>,
    task: JoinHandle<()>,
}

impl Wire for Way {
    fn send(&self, record: Bytes) -> Result<(), String> {
        match &*self.handler.current() {
            Some(sender) => sender.send(record).map_err(|error| error.to_string()),
            None => Err("no connection stands".to_owned()),
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}
