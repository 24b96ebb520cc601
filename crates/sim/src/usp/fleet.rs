//! A running fleet: how its devices are brought up, moved, cut off from power, and taken down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use dm::Value;
use dm::path::ObjectPath;
use dm::tree::Place;
use engine::journal::Stats;
use futures_util::future;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::device::{Device, Start};
use super::progress::{Notice, Progress};
use super::shared::Shared;
use super::way::Connected;
use super::{Approve, Comeback, Options, PowerCut, Report};
use crate::limits::{AGENTS_PER_ADDRESS, APPROVALS_PER_TURN, MAX_AGENTS, MAX_HANDSHAKES};
use crate::{descriptors, memory};

/// How finely work that is spread over time is spread.
const TICK: Duration = Duration::from_millis(20);
/// How long ids are gathered before they are given to whoever approves.
const GATHER: Duration = Duration::from_millis(200);
/// How often is looked whether all are onboarded.
const LOOK: Duration = Duration::from_millis(500);
/// How long the connections may take to close at the end.
const CLOSING: Duration = Duration::from_secs(5);

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
    let (shared, first) = Shared::prepare(&options, newcomers).await?;
    let fleet = Fleet { shared, options: &options, devices: Mutex::default(), tasks: Mutex::default() };
    let life = async {
        future::join5(
            fleet.bring_up(first),
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
        () = fleet.lose_power() => {}
        () = shutdown => {}
    }
    let report = fleet.report(before);
    fleet.take_down().await;
    fleet.end_tasks().await;
    Ok(report)
}

fn tell(options: &Options, notice: &Notice) {
    if let Some(tell) = &options.tell {
        tell(notice);
    }
}

struct Fleet<'a> {
    shared: Arc<Shared>,
    options: &'a Options,
    devices: Mutex<Vec<Arc<Device>>>,
    /// One for each device.
    tasks: Mutex<JoinSet<()>>,
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

    fn spawn(&self, device: Arc<Device>, start: Start) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(device.run(start));
    }

    /// Ends what the devices do, as if they were gone.
    async fn end_tasks(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    /// Starts devices at the wanted rate; never ends.
    async fn bring_up(&self, mut first: Option<Connected>) {
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
                        let start = first.take().map_or(Start::AtOnce, Start::Connected);
                        self.spawn(device.clone(), start);
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
            connects_per_s: shared.arrivals_per_s(),
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
            power_cut: shared.recovery.report(),
        }
    }

    fn onboarded(&self) -> usize {
        let model = self.shared.kind.model();
        let row = ObjectPath::parse("Device.LocalAgent.Controller.1.").ok();
        let Some(row) = row.and_then(|path| Place::of(model, &path)) else { return 0 };
        let is_onboarded = |device: &&Arc<Device>| {
            let complete = |value: Option<&Value>| value == Some(&Value::Bool(true));
            let found =
                device.instance().with_tree(|tree| complete(tree.value_of(&row, "OnBoardingComplete")));
            found == Some(true)
        };
        self.devices().iter().filter(is_onboarded).count()
    }

    /// Some time after all agents were onboarded, all of them lose power at once: their connections break, and what
    /// they had not kept is lost. Ends when all are back and heard.
    async fn lose_power(&self) {
        let Some(PowerCut { after, comeback }) = self.options.power_cut else {
            return future::pending().await;
        };
        let mut looks = tokio::time::interval(LOOK);
        while self.onboarded() < self.options.count {
            looks.tick().await;
        }
        tokio::time::sleep(after).await;
        let devices = self.devices().clone();
        tell(self.options, &Notice::PowerCut { agents: devices.len() });
        self.shared.recovery.begin(devices.len());
        self.end_tasks().await;
        for at in scattered(devices.len()) {
            let device = &devices[at];
            match device.lose_power() {
                Ok(()) => {
                    let start = match comeback {
                        Comeback::AtOnce => Start::AtOnce,
                        Comeback::Schedule => Start::Waiting,
                    };
                    self.spawn(device.clone(), start);
                }
                Err(error) => tracing::error!(%error, "an agent does not come back"),
            }
        }
        let mut ticks = ticks();
        while !self.shared.recovery.is_over() {
            ticks.tick().await;
        }
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

/// All numbers below `count`, those of one source address far from each other: a server may count the handshakes of
/// each.
fn scattered(count: usize) -> impl Iterator<Item = usize> {
    (0..AGENTS_PER_ADDRESS).flat_map(move |first| (first..count).step_by(AGENTS_PER_ADDRESS))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::scattered;

    #[test]
    fn scattered_is_all_of_them_and_neighbours_are_apart() {
        let order: Vec<usize> = scattered(600).collect();
        assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), (0..600).collect());
        assert_eq!(order[..7], [0, 100, 200, 300, 400, 500, 1]);
        assert_eq!(scattered(3).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
