//! Devices that listen (R-WS.6): one supervisor for all that are to be dialled, one task for each.
//!
//! A link that comes of it is like any other: the same handler, the same decision about who it is. A
//! device that is connected already, whoever opened that link, is not dialled.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::Reach;
use fleet::device::Identity as Name;
use fleet::enrolment::{Admission, DialTarget, RefusedAttempt};
use fleet::port::{Store, StoreError, Write};
use mtp::discovery::ask::Asker;
use mtp::ws::{Dialer, KeepAlive, WsUrl, close_code};
use mtp::{DownReason, Retry, Role, Schedule};
use pki::ClientTls;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use usp_endpoint::EndpointId;
use usp_endpoint::link::PeerAuth;

use super::{Usp, lock};
use crate::clock::chance;
use crate::trust::DialTrust;

/// Most handshakes under way at once.
const HANDSHAKES: usize = 64;
/// How often each link is pinged.
const PING_EVERY: Duration = Duration::from_secs(60);
/// How soon the store is asked again when it could not say whom to dial.
const STORE_RETRY: Duration = Duration::from_secs(5);
/// A link that has lasted so long was a success: the next wait is short again.
const SETTLED: Duration = Duration::from_secs(30);
/// Each wait is half as long again as the one before. With a first one of 5 seconds the longest is under
/// 5 minutes: what listens is often switched off for the night, and wanted soon after.
const MULTIPLIER: u32 = 1500;

/// How devices are dialled.
#[derive(Clone)]
pub struct DialOptions {
    /// The shortest wait between two attempts, seconds.
    pub retry_seconds: u32,
    /// Whose certificates are believed, and what we show.
    pub(crate) trust: Arc<DialTrust>,
    /// Who knows hosts in `.local`; without it the system's resolver has to (R-DIS.5).
    pub mdns: Option<Asker>,
}

impl<S: Store> Usp<S> {
    /// Whether somebody of this endpoint id could be dialled at this URL.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn can_dial(&self, endpoint: &str, url: &str) -> Result<(), fleet::Error> {
        let invalid = |field, why: String| fleet::Error::Invalid { field, why };
        let id = EndpointId::receive(endpoint).map_err(|error| invalid("endpoint", error.to_string()))?;
        if id == self.0.options.endpoint {
            // R-ARC.2.
            return Err(invalid("endpoint", "it is the controller's own".to_owned()));
        }
        url.parse::<WsUrl>().map(drop).map_err(|error| invalid("connect", error.to_string()))
    }

    /// Whom to dial has changed in the store.
    pub fn dials_changed(&self) {
        self.0.dials.send_replace(());
    }

    fn is_linked(&self, endpoint: &EndpointId) -> bool {
        lock(&self.0.by_endpoint).contains_key(endpoint)
    }
}

/// Dials whom the store says, until it is told to stop.
pub(crate) async fn run<S: Store>(usp: Usp<S>, options: DialOptions, mut stop: watch::Receiver<bool>) {
    let mut changed = usp.0.dials.subscribe();
    let (keep_alive, handshakes) = (KeepAlive::start(PING_EVERY), Semaphore::new(HANDSHAKES));
    let dialling = Arc::new(Dialling { usp, options, keep_alive, handshakes });
    let mut targets = BTreeMap::new();
    loop {
        changed.borrow_and_update();
        let again = match dialling.usp.0.store.dials(Reach::Platform).await {
            Ok(wanted) => {
                targets = reconcile(&dialling, targets, wanted);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "whom to dial could not be read");
                Some(STORE_RETRY)
            }
        };
        tokio::select! {
            _ = changed.changed() => {}
            () = wait(again) => {}
            () = told(&mut stop) => break,
        }
    }
    for (_, target) in targets {
        let _ = target.end().await;
    }
}

/// `None` waits for ever.
async fn wait(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Until the word is given, or can't be given any more.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A device that is dialled.
struct Target {
    wanted: DialTarget,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Target {
    /// Dials from now on; after `before`, which had the same endpoint.
    fn start<S: Store>(
        dialling: &Arc<Dialling<S>>,
        wanted: DialTarget,
        before: Option<JoinHandle<()>>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (dialling, target) = (Arc::clone(dialling), wanted.clone());
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            dialling.keep(&target, stopped).await;
        });
        Target { wanted, stop, task }
    }

    /// Closes its link; done when that is closed.
    fn end(self) -> JoinHandle<()> {
        self.stop.send_replace(true);
        self.task
    }
}

fn reconcile<S: Store>(
    dialling: &Arc<Dialling<S>>,
    mut old: BTreeMap<String, Target>,
    wanted: Vec<DialTarget>,
) -> BTreeMap<String, Target> {
    let mut targets = BTreeMap::new();
    for wanted in wanted {
        let target = match old.remove(&wanted.endpoint) {
            Some(same) if same.wanted == wanted => same,
            Some(other) => Target::start(dialling, wanted, Some(other.end())),
            None => Target::start(dialling, wanted, None),
        };
        targets.insert(target.wanted.endpoint.clone(), target);
    }
    for gone in old.into_values() {
        drop(gone.end());
    }
    targets
}

/// What all targets share.
struct Dialling<S: Store> {
    usp: Usp<S>,
    options: DialOptions,
    keep_alive: KeepAlive,
    handshakes: Semaphore,
}

/// Why no link came of an attempt.
struct Failure {
    /// Somebody is there, and is not whom we want, or does not want us.
    refused: bool,
    why: String,
}

impl From<mtp::Error> for Failure {
    fn from(error: mtp::Error) -> Self {
        use mtp::Error;
        let refused = matches!(
            error,
            Error::Tls(_) | Error::Refused { .. } | Error::Handshake(_) | Error::WrongEndpoint { .. }
        );
        Failure { refused, why: error.to_string() }
    }
}

impl From<pki::Error> for Failure {
    fn from(error: pki::Error) -> Self {
        Failure { refused: false, why: error.to_string() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure { refused: false, why: error.to_string() }
    }
}

impl<S: Store> Dialling<S> {
    /// Keeps a link to a device, until it is told to stop.
    async fn keep(&self, target: &DialTarget, mut stop: watch::Receiver<bool>) {
        let (Ok(endpoint), Ok(url)) = (EndpointId::receive(&target.endpoint), target.url.parse::<WsUrl>())
        else {
            tracing::warn!(endpoint = target.endpoint, url = target.url, "cannot be dialled");
            return;
        };
        let schedule = Schedule { minimum_wait_s: self.options.retry_seconds, multiplier: MULTIPLIER };
        let mut retry = Retry::new(schedule, chance());
        let mut told_why = None;
        while !*stop.borrow() {
            let pause = if self.usp.is_linked(&endpoint) {
                Duration::from_secs(self.options.retry_seconds.into())
            } else {
                let began = Instant::now();
                match self.once(&endpoint, &url, &mut stop).await {
                    Ok(Some(reason)) => {
                        tracing::info!(%endpoint, %url, %reason, "a link that we dialled is gone");
                        told_why = None;
                        if began.elapsed() >= SETTLED {
                            retry.reset();
                        }
                    }
                    Ok(None) => return,
                    Err(failure) => self.tell(&endpoint, &url, failure, &mut told_why).await,
                }
                retry.next_wait()
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = told(&mut stop) => {}
            }
        }
    }

    /// One attempt, and the link that comes of it; `None` when it is told to stop before that.
    async fn once(
        &self,
        endpoint: &EndpointId,
        url: &WsUrl,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Option<DownReason>, Failure> {
        let dialled = tokio::select! {
            dialled = self.connect(endpoint, url) => dialled?,
            () = told(stop) => return Ok(None),
        };
        let sender = dialled.sender();
        let mut running = pin!(dialled.run(&self.usp));
        let reason = tokio::select! {
            reason = &mut running => reason,
            () = told(stop) => {
                sender.close(close_code::GOING_AWAY, "the server does not dial this device any more");
                running.await
            }
        };
        Ok(Some(reason))
    }

    async fn connect(&self, endpoint: &EndpointId, url: &WsUrl) -> Result<mtp::ws::Dialled, Failure> {
        let _turn = self.handshakes.acquire().await;
        let hosts = match &self.options.mdns {
            Some(asker) => asker.hosts(&url.host).await,
            None => vec![url.host.clone()],
        };
        let mut last = Failure { refused: false, why: format!("mDNS knows no address of {}", url.host) };
        for host in hosts {
            match self.connect_to(endpoint, &WsUrl { host, ..url.clone() }).await {
                Err(failure) if !failure.refused => last = failure,
                settled => return settled,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, endpoint: &EndpointId, url: &WsUrl) -> Result<mtp::ws::Dialled, Failure> {
        let mut dialer = Dialer::new(url.clone(), self.usp.endpoint().clone(), Role::Controller);
        dialer.expected = Some(endpoint.clone());
        // Whoever answers says who it is, where it knows the old extension.
        dialer.offer_extension = true;
        dialer.keep_alive = Some(self.keep_alive.clone());
        if url.secure {
            dialer.tls = Some(self.tls(endpoint).await?);
        }
        let dialled = dialer.connect().await?;
        // R-SEC.0a: without such a name, whoever holds any certificate of the CA could stand in for it.
        if url.secure && !names(dialled.peer(), endpoint) {
            let why = format!("the certificate does not name {endpoint}");
            return Err(Failure { refused: true, why });
        }
        Ok(dialled)
    }

    /// Believes the CAs, and what was pinned for this device.
    async fn tls(&self, endpoint: &EndpointId) -> Result<ClientTls, Failure> {
        let pinned = match self.usp.0.store.admission(&Name::usp(endpoint.as_str())).await? {
            Some((_, Admission::Device { pinned, .. })) => pinned.into_iter().map(|print| print.0).collect(),
            _ => Vec::new(),
        };
        Ok(self.options.trust.tls(endpoint, pinned)?)
    }

    /// Says once what goes wrong again and again.
    async fn tell(&self, endpoint: &EndpointId, url: &WsUrl, failure: Failure, told: &mut Option<String>) {
        let Failure { refused, why } = failure;
        if told.as_ref() == Some(&why) {
            return;
        }
        tracing::info!(%endpoint, %url, reason = why, "dialling failed");
        *told = Some(why.clone());
        if refused {
            let at = self.usp.0.clock.utc();
            let tenant = self.usp.owner_of(Some(endpoint.as_str())).await;
            let endpoint = Some(endpoint.as_str().to_owned());
            let attempt = RefusedAttempt { at, peer: url.authority(), endpoint, reason: why };
            self.usp.0.metrics.refused.inc();
            self.usp.0.metrics.refused_for(mtp::Cause::Identity);
            if let Err(error) = self.usp.submit(Write::Refused { tenant, attempt }).await {
                tracing::debug!(%error, "a refusal was not kept");
            }
        }
    }
}

fn names(peer: &PeerAuth, endpoint: &EndpointId) -> bool {
    match peer {
        PeerAuth::Unproven
        | PeerAuth::Near
        | PeerAuth::Login(_)
        | PeerAuth::Local { .. }
        | PeerAuth::Broker(_) => false,
        PeerAuth::Certificate(certificate) => {
            certificate.endpoint_ids.iter().any(|id| id.certifies(endpoint))
        }
    }
}
