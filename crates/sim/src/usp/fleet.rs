//! A running fleet: what its devices share, how they are brought up, moved and taken down.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dm::Value;
use dm::path::ObjectPath;
use dm::tree::Place;
use engine::journal::Stats;
use engine::{EndpointId, Host, Kind, SystemClock};
use futures_util::future;
use mtp::Role;
use mtp::ws::{Dialer, Dialled, KeepAlive, WsUrl};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::device::{self, Device};
use super::model::{self, Setting};
use super::movement::Movement;
use super::progress::{Notice, Progress};
use super::tally::Tally;
use super::{Approve, Options, Report};
use crate::limits::{APPROVALS_PER_TURN, MAX_AGENTS, MAX_HANDSHAKES};
use crate::{descriptors, memory};

/// How finely work that is spread over time is spread.
const TICK: Duration = Duration::from_millis(20);
/// How long ids are gathered before they are given to whoever approves.
const GATHER: Duration = Duration::from_millis(200);
/// How long the connections may take to close at the end.
const CLOSING: Duration = Duration::from_secs(5);

/// What all devices of a fleet share.
pub(super) struct Shared {
    pub(super) host: Arc<Host>,
    pub(super) kind: Arc<Kind>,
    pub(super) controller: EndpointId,
    pub(super) movement: Movement,
    pub(super) handshakes: Semaphore,
    pub(super) tally: Arc<Tally>,
    pub(super) journals: Option<PathBuf>,
    template: Dialer,
    seed: [u8; 32],
    began: Instant,
    /// How many agents have connected at least once, and when the last of them did, µs from the start.
    arrived: AtomicUsize,
    last_arrival_us: AtomicU64,
    newcomers: Option<mpsc::UnboundedSender<String>>,
}

impl Shared {
    /// A seed of its own for each device.
    pub(super) fn seed(&self, number: usize) -> [u8; 32] {
        let mut seed = self.seed;
        for (byte, of_number) in seed.iter_mut().zip(number.to_le_bytes()) {
            *byte ^= of_number;
        }
        seed
    }

    /// How a device connects.
    pub(super) fn dialer(&self, endpoint: EndpointId, number: usize) -> Dialer {
        let mut dialer = self.template.clone();
        dialer.eid = endpoint;
        dialer.bind = dialer.bind.map(|_| device::address(number));
        dialer
    }

    /// One attempt, counted.
    pub(super) async fn dial(&self, dialer: &Dialer) -> Result<Dialled, mtp::Error> {
        dial(&self.tally, dialer).await
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
}

async fn dial(tally: &Tally, dialer: &Dialer) -> Result<Dialled, mtp::Error> {
    let began = Instant::now();
    let end = dialer.connect().await;
    match &end {
        Ok(_) => tally.connect_latency.record(began.elapsed()),
        Err(_) => tally.connect_failures.add(),
    }
    end
}

/// Runs a fleet to its end.
pub(super) async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<Report> {
    ensure!(options.count > 0, "a fleet needs at least one agent");
    ensure!(options.first > 0, "agents are counted from 1");
    ensure!(options.count <= MAX_AGENTS, "a fleet has at most {MAX_AGENTS} agents");
    // A journal is a file and the lock on its folder, and a third while the file is written anew.
    let descriptors_per_agent = if options.journals.is_some() { 4 } else { 1 };
    let allowed = descriptors::raise().map(|descriptors| descriptors / descriptors_per_agent);
    descriptors::check(options.count, allowed)?;
    tell(&options, &Notice::Started { agents: options.count, allowed });

    let before = memory::pss();
    let (newcomers, arrivals) = mpsc::unbounded_channel();
    let (shared, first) = prepare(&options, newcomers).await?;
    let fleet = Fleet { shared, options: &options, devices: Mutex::default() };
    let mut tasks = JoinSet::new();
    let life = async {
        future::join5(
            fleet.bring_up(&mut tasks, first),
            fleet.every(options.move_every, Motion::Counters),
            fleet.every(options.notify_every, Motion::Status),
            fleet.tell_progress(),
            approve(options.approve.clone(), arrivals),
        )
        .await
    };
    let time = async {
        match options.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => future::pending().await,
        }
    };
    tokio::select! {
        _ = life => {}
        () = time => {}
        () = shutdown => {}
    }
    let report = fleet.report(before);
    fleet.take_down().await;
    tasks.shutdown().await;
    Ok(report)
}

fn tell(options: &Options, notice: &Notice) {
    if let Some(tell) = &options.tell {
        tell(notice);
    }
}

/// Finds out who the controller is, and makes what all devices share. A connection that was needed for that
/// is the first device's.
async fn prepare(
    options: &Options,
    newcomers: mpsc::UnboundedSender<String>,
) -> anyhow::Result<(Arc<Shared>, Option<Dialled>)> {
    let url: WsUrl = options.to.parse().with_context(|| options.to.clone())?;
    let tally = Arc::new(Tally::default());
    let mut template = Dialer::new(url.clone(), device::endpoint(options.first), Role::Agent);
    template.tls = url.secure.then(|| tls(options)).transpose()?;
    template.bind = is_loopback(&url).then(|| device::address(options.first));
    template.keep_alive = Some(KeepAlive::start(options.keep_alive));
    let began = Instant::now();
    let (controller, first) = match &options.controller {
        Some(text) => (EndpointId::receive(text).with_context(|| text.clone())?, None),
        None => {
            template.offer_extension = true;
            let dialled = dial(&tally, &template).await.with_context(|| options.to.clone())?;
            let named = dialled.eid().cloned();
            (named.context("the server does not say its endpoint id: name the controller")?, Some(dialled))
        }
    };
    template.offer_extension = false;
    template.expected = Some(controller.clone());
    let (periodic, keep_alive) = (options.periodic, options.keep_alive);
    let kind = model::kind(&Setting { controller: &controller, url: &url, periodic, keep_alive })?;
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
        journals: options.journals.clone(),
        template,
        seed,
        began,
        arrived: AtomicUsize::new(0),
        last_arrival_us: AtomicU64::new(0),
        newcomers: options.approve.is_some().then_some(newcomers),
    };
    Ok((Arc::new(shared), first))
}

/// Source addresses can be chosen only on the way to this host itself.
fn is_loopback(url: &WsUrl) -> bool {
    url.host == "localhost" || url.host.parse::<Ipv4Addr>().is_ok_and(|host| IpAddr::V4(host).is_loopback())
}

fn tls(options: &Options) -> anyhow::Result<pki::ClientTls> {
    let roots = match &options.ca_pem {
        Some(pem) => pki::pem::certificates(pem).context("the CA's certificate")?,
        None => Vec::new(),
    };
    let trust = pki::Trust { roots, first_use: options.ca_pem.is_none(), ..pki::Trust::default() };
    let verifier = pki::ControllerVerifier::new(&trust, None, true, pki::provider())?;
    Ok(pki::ClientTls::new(None, verifier)?)
}

struct Fleet<'a> {
    shared: Arc<Shared>,
    options: &'a Options,
    devices: Mutex<Vec<Arc<Device>>>,
}

/// What is moved in a device.
#[derive(Clone, Copy)]
enum Motion {
    Counters,
    Status,
}

impl Fleet<'_> {
    fn devices(&self) -> MutexGuard<'_, Vec<Arc<Device>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts devices at the wanted rate; never ends.
    async fn bring_up(&self, tasks: &mut JoinSet<()>, mut first: Option<Dialled>) {
        let mut ticks = ticks();
        let began = Instant::now();
        let mut started = 0;
        while started < self.options.count {
            ticks.tick().await;
            let due = match self.options.rate {
                // The handshakes have a limit of their own.
                0 => started + MAX_HANDSHAKES,
                rate => (began.elapsed().as_secs_f64() * f64::from(rate)) as usize + 1,
            };
            for number in self.options.first + started..self.options.first + due.min(self.options.count) {
                started += 1;
                match Device::new(&self.shared, number) {
                    Ok(device) => {
                        tasks.spawn(device.clone().run(first.take().map(Box::new)));
                        self.devices().push(device);
                    }
                    Err(error) => tracing::error!(%error, number, "an agent could not be made"),
                }
            }
        }
        future::pending::<()>().await;
    }

    /// Moves something in each device once per `period`, spread evenly; never ends.
    async fn every(&self, period: Option<Duration>, motion: Motion) {
        let Some(period) = period.filter(|period| !period.is_zero()) else { return future::pending().await };
        let mut ticks = ticks();
        let (mut owed, mut at, mut turn) = (0.0, 0, 0);
        let mut before = Instant::now();
        loop {
            ticks.tick().await;
            let passed = before.elapsed();
            before += passed;
            let devices = self.devices().len();
            owed += passed.as_secs_f64() / period.as_secs_f64() * devices as f64;
            while owed >= 1.0 {
                owed -= 1.0;
                let device = self.devices().get(at).cloned();
                at += 1;
                if at >= devices {
                    (at, turn) = (0, turn + 1);
                }
                match (device, motion) {
                    (Some(device), Motion::Counters) => device.move_counters(period, turn).await,
                    (Some(device), Motion::Status) => device.move_status().await,
                    (None, _) => {}
                }
            }
        }
    }

    /// Tells how it goes; never ends.
    async fn tell_progress(&self) {
        let tally = &self.shared.tally;
        let mut ticks = tokio::time::interval(self.options.progress_every.max(TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let counts = || [&tally.connects, &tally.notifications, &tally.requests].map(|count| count.get());
        let (mut last, mut before) = (counts(), Instant::now());
        loop {
            ticks.tick().await;
            let passed = before.elapsed();
            before += passed;
            let now = counts();
            let rate = |at: usize| (now[at] - last[at]) as f64 / passed.as_secs_f64();
            let progress = Progress {
                elapsed_s: self.shared.began.elapsed().as_secs_f64(),
                agents: self.options.count,
                connected: tally.connected(),
                connect_failures: tally.connect_failures.get(),
                connects_per_s: rate(0),
                connect_latency: tally.connect_latency.percentiles(),
                notifications_per_s: rate(1),
                notification_latency: tally.notification_latency.percentiles(),
                requests_per_s: rate(2),
            };
            last = now;
            tell(self.options, &Notice::Progress(progress));
        }
    }

    fn report(&self, before: Option<u64>) -> Report {
        let (shared, tally) = (&self.shared, &self.shared.tally);
        let elapsed_s = shared.began.elapsed().as_secs_f64();
        let agents = self.devices().len();
        let bring_up_s = Duration::from_micros(shared.last_arrival_us.load(Ordering::Relaxed)).as_secs_f64();
        let arrived = shared.arrived.load(Ordering::Relaxed);
        let journals: Vec<Stats> = self.devices().iter().map(|device| device.journal.stats()).collect();
        let pss = memory::pss();
        let per_agent = |(now, before): (u64, u64)| now.saturating_sub(before) / agents.max(1) as u64;
        Report {
            agents,
            connected: tally.connected(),
            onboarded: self.onboarded(),
            elapsed_s,
            connects: tally.connects.get(),
            connect_failures: tally.connect_failures.get(),
            disconnects: tally.disconnects.get(),
            connects_per_s: if bring_up_s > 0.0 { arrived as f64 / bring_up_s } else { 0.0 },
            connect_latency: tally.connect_latency.percentiles(),
            notifications: tally.notifications.get(),
            notifications_answered: tally.notifications_answered.get(),
            notifications_per_s: tally.notifications.get() as f64 / elapsed_s.max(f64::EPSILON),
            notification_latency: tally.notification_latency.percentiles(),
            requests: tally.requests.get(),
            records_sent: tally.records_sent.get(),
            records_received: tally.records_received.get(),
            journal_appends: journals.iter().map(|stats| stats.appends).sum(),
            journal_syncs: journals.iter().map(|stats| stats.syncs).sum(),
            pss_bytes: pss,
            bytes_per_agent: pss.zip(before).map(per_agent),
        }
    }

    fn onboarded(&self) -> usize {
        let model = self.shared.kind.model();
        let row = ObjectPath::parse("Device.LocalAgent.Controller.1.").ok();
        let Some(row) = row.and_then(|path| Place::of(model, &path)) else { return 0 };
        let is_onboarded = |device: &&Arc<Device>| {
            let complete = |value: Option<&Value>| value == Some(&Value::Bool(true));
            let found = device.instance.with_tree(|tree| complete(tree.value_of(&row, "OnBoardingComplete")));
            found == Some(true)
        };
        self.devices().iter().filter(is_onboarded).count()
    }

    /// Closes the connections, and waits for a while until they are.
    async fn take_down(&self) {
        for device in self.devices().iter() {
            device.close();
        }
        let mut ticks = ticks();
        let began = Instant::now();
        while self.shared.tally.connected() > 0 && began.elapsed() < CLOSING {
            ticks.tick().await;
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Gives the ids of newcomers to whoever approves, some at a time; never ends.
async fn approve(approve: Option<Approve>, mut arrivals: mpsc::UnboundedReceiver<String>) {
    let Some(approve) = approve else { return future::pending().await };
    let mut batch = Vec::new();
    while arrivals.recv_many(&mut batch, APPROVALS_PER_TURN).await > 0 {
        tokio::time::sleep(GATHER).await;
        while batch.len() < APPROVALS_PER_TURN
            && let Ok(newcomer) = arrivals.try_recv()
        {
            batch.push(newcomer);
        }
        let (approve, ids) = (approve.clone(), std::mem::take(&mut batch));
        if tokio::task::spawn_blocking(move || approve(ids)).await.is_err() {
            tracing::error!("approving panicked");
        }
    }
    future::pending::<()>().await;
}
