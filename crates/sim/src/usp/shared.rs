//! What the agents of a fleet share, and how it comes about.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::{EndpointId, Host, Kind, SystemClock};
use mtp::LinkUp;
use mtp::ws::WsUrl;
use pki::ClientTls;
use tokio::sync::{Semaphore, mpsc};

use super::Options;
use super::credentials::Credentials;
use super::model::{self, Setting};
use super::movement::Movement;
use super::recovery::Recovery;
use super::tally::Tally;
use super::way::{Address, Connected, Way};
use crate::limits::MAX_HANDSHAKES;

/// What all devices of a fleet share.
pub(super) struct Shared {
    pub(super) host: Arc<Host>,
    pub(super) kind: Arc<Kind>,
    pub(super) controller: EndpointId,
    pub(super) movement: Movement,
    pub(super) handshakes: Semaphore,
    pub(super) tally: Arc<Tally>,
    pub(super) recovery: Recovery,
    pub(super) journals: Option<PathBuf>,
    pub(super) began: Instant,
    way: Way,
    credentials: Option<Credentials>,
    seed: [u8; 32],
    /// How many agents have connected at least once, and when the last of them did, µs from the start.
    arrived: AtomicUsize,
    last_arrival_us: AtomicU64,
    newcomers: Option<mpsc::UnboundedSender<String>>,
}

impl Shared {
    /// Finds out who the controller is, and makes what all devices share. A connection that was needed for that
    /// is the first device's.
    pub(super) async fn prepare(
        options: &Options,
        newcomers: mpsc::UnboundedSender<String>,
    ) -> anyhow::Result<(Arc<Shared>, Option<Connected>)> {
        let address = Address::parse(&options.to)?;
        let tally = Arc::new(Tally::default());
        let credentials = address.is_secure().then(|| Credentials::open(options)).transpose()?;
        let tls = credentials.as_ref().map(Credentials::shared).transpose()?.flatten();
        let began = Instant::now();
        let named = options.controller.as_deref();
        let named =
            named.map(|text| EndpointId::receive(text).with_context(|| text.to_owned())).transpose()?;
        let (way, controller, first) = match &address {
            Address::WebSocket(url) => {
                let (way, controller, first) =
                    web_socket(url, options, tls, credentials.as_ref(), &tally, named).await?;
                (way, controller, first.map(|first| Connected::WebSocket(Box::new(first))))
            }
            Address::Mqtt(broker) => {
                let controller = named.context("a broker does not say who the controller is: name it")?;
                (Way::mqtt(broker, options, &controller, tls)?, controller, None)
            }
        };
        let (periodic, keep_alive) = (options.periodic, options.keep_alive);
        let kind =
            model::kind(&Setting { controller: &controller, address: &address, periodic, keep_alive })?;
        let movement = Movement::new(kind.model()).context("the model lacks what should move")?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let shared = Shared {
            host: Host::new(Arc::new(SystemClock::new())),
            kind: Arc::new(kind),
            controller,
            movement,
            handshakes: Semaphore::new(MAX_HANDSHAKES),
            tally,
            recovery: Recovery::default(),
            journals: options.journals.clone(),
            began,
            way,
            credentials,
            seed,
            arrived: AtomicUsize::new(0),
            last_arrival_us: AtomicU64::new(0),
            newcomers: options.approve.is_some().then_some(newcomers),
        };
        Ok((Arc::new(shared), first))
    }

    /// A seed of its own for each device.
    pub(super) fn seed(&self, number: usize) -> [u8; 32] {
        let mut seed = self.seed;
        for (byte, of_number) in seed.iter_mut().zip(number.to_le_bytes()) {
            *byte ^= of_number;
        }
        seed
    }

    /// One attempt of a device, counted.
    pub(super) async fn dial(
        &self,
        endpoint: &EndpointId,
        number: usize,
        tls: Option<ClientTls>,
    ) -> Result<Connected, mtp::Error> {
        let began = Instant::now();
        let end = self.way.connect(endpoint.clone(), number, tls).await;
        self.recovery.tried(began.elapsed(), end.is_ok());
        count(&self.tally, began, end)
    }

    /// TLS of a device that has a certificate of its own.
    pub(super) fn own_tls(&self, endpoint: &EndpointId) -> anyhow::Result<Option<ClientTls>> {
        match &self.credentials {
            Some(credentials) => credentials.own(endpoint),
            None => Ok(None),
        }
    }

    /// Where what is for the controller goes.
    pub(super) fn return_path(&self, link: &LinkUp) -> mtp::ReturnPath {
        self.way.return_path(link)
    }

    /// A device has connected for the first time.
    pub(super) fn connected_first(&self, endpoint: &EndpointId) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let at = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_arrival_us.fetch_max(at, Ordering::Relaxed);
        if let Some(newcomers) = &self.newcomers {
            // At the end nobody approves any more.
            let _ = newcomers.send(endpoint.as_str().to_owned());
        }
    }

    /// How many agents have connected at least once, per second until the last of them had.
    pub(super) fn arrivals_per_s(&self) -> f64 {
        let bring_up = Duration::from_micros(self.last_arrival_us.load(Ordering::Relaxed)).as_secs_f64();
        let arrived = self.arrived.load(Ordering::Relaxed);
        if bring_up > 0.0 { arrived as f64 / bring_up } else { 0.0 }
    }
}

fn count<T>(tally: &Tally, began: Instant, end: Result<T, mtp::Error>) -> Result<T, mtp::Error> {
    match &end {
        Ok(_) => tally.connect_latency.record(began.elapsed()),
        Err(_) => tally.connect_failures.add(),
    }
    end
}

/// A server that takes WebSockets says who it is when it is asked.
async fn web_socket(
    url: &WsUrl,
    options: &Options,
    tls: Option<ClientTls>,
    credentials: Option<&Credentials>,
    tally: &Tally,
    named: Option<EndpointId>,
) -> anyhow::Result<(Way, EndpointId, Option<mtp::ws::Dialled>)> {
    let mut template = Way::web_socket(url, options, tls);
    let (controller, first) = match named {
        Some(named) => (named, None),
        None => {
            let mut asking = template.clone();
            asking.offer_extension = true;
            if let Some(credentials) = credentials {
                asking.tls = credentials.own(&asking.eid)?.or(asking.tls);
            }
            let began = Instant::now();
            let dialled = count(tally, began, asking.connect().await).with_context(|| options.to.clone())?;
            let named = dialled.eid().cloned();
            (named.context("the server does not say its endpoint id: name the controller")?, Some(dialled))
        }
    };
    template.expected = Some(controller.clone());
    Ok((Way::WebSocket(Box::new(template)), controller, first))
}
