//! One simulated agent: an instance of the engine, and the task of its connection.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use engine::journal::Folder;
use engine::{
    AgentConfig, AgentMachine, CloseReason, EndpointId, EngineError, Instance, InstanceConfig, Journal,
    Outlet, OutletClosed, Version,
};
use mtp::ws::close_code;
use mtp::{
    DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Outbound, PeerAuth, Retry, ReturnPath,
    Schedule, Verdict,
};
use pki::ClientTls;

use super::glance::{Glance, Kind, glance, is_boot};
use super::model::{self, OUI, PRODUCT_CLASS, SOFTWARE_VERSION};
use super::shared::Shared;
use super::way::{Connected, Running};
use crate::limits::{AGENTS_PER_ADDRESS, MAX_TIMED_NOTIFICATIONS};

/// An agent.
pub(super) struct Device {
    /// Another one after a power cut.
    instance: Mutex<Arc<Instance>>,
    pub(super) journal: Journal,
    number: usize,
    endpoint: EndpointId,
    shared: Arc<Shared>,
    /// Told once to whoever approves.
    known: AtomicBool,
    /// It lost power and has not been connected since.
    away: AtomicBool,
    /// It lost power and its Boot! has not been answered yet.
    unheard: AtomicBool,
    /// With a certificate of its own, which is made for its first connection.
    tls: OnceLock<Option<ClientTls>>,
    link: Mutex<Link>,
}

/// How a device begins.
pub(super) enum Start {
    /// With a connection that stands already.
    Connected(Connected),
    /// It connects.
    AtOnce,
    /// It waits first as after a connection that was lost (R-WS.19).
    Waiting,
}

/// Attempts to connect.
struct Attempts {
    /// The next one waits for nothing.
    at_once: bool,
    /// How many have failed since the start or the last connection.
    failed: u32,
    /// Present while the attempts fail.
    retry: Option<Box<Retry>>,
}

/// Takes what the connection brings.
struct Handler(Arc<Device>);

/// The connection, and the notifications on it that wait for their answers.
#[derive(Default)]
struct Link {
    sender: Option<LinkSender>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    msg_id: Box<[u8]>,
    since: Instant,
    /// It is the Boot! after a power cut.
    boots: bool,
}

impl Device {
    /// A device that has not started. `number` counts from 1 and makes its identity.
    pub(super) fn new(shared: &Arc<Shared>, number: usize) -> anyhow::Result<Arc<Device>> {
        let serial = serial(number);
        let endpoint = endpoint(number);
        let journal = match &shared.journals {
            Some(folder) => Journal::open(Folder::open(&folder.join(&serial))?)?,
            None => Journal::memory(),
        };
        let instance = InstanceConfig {
            kind: shared.kind.clone(),
            machine: machine(shared, number),
            providers: Vec::new(),
            defaults: model::identity(&endpoint, &serial),
            journal: journal.clone(),
            software_version: SOFTWARE_VERSION.to_owned(),
            refresh_first: false,
        };
        Ok(Arc::new(Device {
            instance: Mutex::new(Instance::new(shared.host.clone(), instance)?),
            journal,
            number,
            endpoint,
            shared: shared.clone(),
            known: AtomicBool::new(false),
            away: AtomicBool::new(false),
            unheard: AtomicBool::new(false),
            tls: OnceLock::new(),
            link: Mutex::default(),
        }))
    }

    /// The agent as it is now.
    pub(super) fn instance(&self) -> Arc<Instance> {
        lock(&self.instance).clone()
    }

    /// It forgets what it has not kept, and has not started. Its task has ended.
    pub(super) fn lose_power(&self) -> Result<(), EngineError> {
        let mut instance = lock(&self.instance);
        *instance = instance.restarted(machine(&self.shared, self.number))?;
        self.away.store(true, Ordering::Relaxed);
        self.unheard.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Starts the agent and keeps it connected.
    pub(super) async fn run(self: Arc<Device>, start: Start) {
        let instance = self.instance();
        if let Err(error) = Box::pin(instance.start()).await {
            tracing::error!(%error, endpoint = %self.endpoint, "an agent does not start");
            return;
        }
        drop(instance);
        let handler = Handler(self.clone());
        let at_once = matches!(start, Start::AtOnce);
        let mut attempts = Attempts { at_once, failed: 0, retry: None };
        let mut connected = match start {
            Start::Connected(first) => Some(first.run(&handler)),
            Start::AtOnce | Start::Waiting => None,
        };
        loop {
            if let Some(link) = connected.take() {
                let reason = link.await;
                tracing::debug!(endpoint = %self.endpoint, %reason, "disconnected");
            }
            // Large, and needed seldom: an idle device must not pay for it.
            connected = Box::pin(self.connect(&mut attempts, &handler)).await;
        }
    }

    /// One attempt, after the wait that the schedule asks for (R-WS.19).
    async fn connect<'h>(&self, attempts: &mut Attempts, handler: &'h Handler) -> Option<Running<'h>> {
        if !std::mem::replace(&mut attempts.at_once, false) {
            let retry = attempts.retry.get_or_insert_with(|| Box::new(self.retry()));
            tokio::time::sleep(retry.next_wait()).await;
        }
        let _permit = self.shared.handshakes.acquire().await.ok()?;
        let end = match self.tls() {
            Ok(tls) => self.shared.dial(&self.endpoint, self.number, tls).await.map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        match end {
            Ok(connected) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    self.shared.recovery.back(attempts.failed == 0);
                }
                (attempts.retry, attempts.failed) = (None, 0);
                Some(connected.run(handler))
            }
            Err(error) => {
                attempts.failed += 1;
                tracing::debug!(endpoint = %self.endpoint, error = format!("{error:#}"), "not connected");
                None
            }
        }
    }

    /// `None` where it has no certificate of its own.
    fn tls(&self) -> anyhow::Result<Option<ClientTls>> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let own = self.shared.own_tls(&self.endpoint)?;
        Ok(self.tls.get_or_init(|| own).clone())
    }

    fn retry(&self) -> Retry {
        Retry::new(Schedule::default(), self.shared.seed(self.number))
    }

    /// Says goodbye, if it is connected.
    pub(super) fn close(&self) {
        if let Some(sender) = &self.lock().sender {
            sender.close(close_code::GOING_AWAY, "the simulation is over");
        }
    }

    /// Makes the counters move; `passed` is the time since they did last.
    pub(super) async fn move_counters(&self, passed: Duration, turn: u64) {
        // Neighbours and turns differ, and a run can be repeated.
        let wobble = (self.number as u64).wrapping_mul(2_654_435_761).wrapping_add(turn * 40_503) >> 7;
        let movement = &self.shared.movement;
        self.report(self.instance().change(|tree| movement.counters(tree, passed, wobble)).await);
    }

    /// Makes something happen that controllers want to know, if one can hear it.
    pub(super) async fn move_status(&self) {
        if self.lock().sender.is_none() {
            return;
        }
        self.report(self.instance().change(|tree| self.shared.movement.status(tree)).await);
    }

    fn report(&self, end: Result<(), EngineError>) {
        if let Err(error) = end {
            tracing::debug!(%error, endpoint = %self.endpoint, "nothing moves in this agent");
        }
    }

    fn sent(&self, record: &[u8]) {
        self.shared.tally.records_sent.add();
        let Some(Glance { kind: Kind::Notify, msg_id }) = glance(record) else { return };
        self.shared.tally.notifications.add();
        let boots = self.unheard.load(Ordering::Relaxed) && is_boot(record);
        let mut link = self.lock();
        if boots || link.waiting.len() < MAX_TIMED_NOTIFICATIONS {
            link.waiting.push(Waiting { msg_id: msg_id.into(), since: Instant::now(), boots });
        }
    }

    fn received(&self, record: &[u8]) {
        self.shared.tally.records_received.add();
        match glance(record) {
            Some(Glance { kind: Kind::NotifyResp, msg_id }) => {
                self.shared.tally.notifications_answered.add();
                let mut link = self.lock();
                if let Some(at) = link.waiting.iter().position(|waiting| *waiting.msg_id == *msg_id) {
                    let Waiting { since, boots, .. } = link.waiting.swap_remove(at);
                    self.shared.tally.notification_latency.record(since.elapsed());
                    if boots && self.unheard.swap(false, Ordering::Relaxed) {
                        self.shared.recovery.acknowledged(since.elapsed());
                    }
                }
                if link.waiting.is_empty() {
                    link.waiting = Vec::new();
                }
            }
            Some(Glance { kind: Kind::Request, .. }) => self.shared.tally.requests.add(),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        lock(&self.link)
    }
}

/// Every change of what is locked is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The machine of a device that starts.
fn machine(shared: &Shared, number: usize) -> Box<AgentMachine> {
    let config = AgentConfig {
        endpoint: endpoint(number),
        versions: Version::SUPPORTED.to_vec(),
        oui: OUI.to_owned(),
        product_class: PRODUCT_CLASS.to_owned(),
        serial_number: serial(number),
        crypto: None,
    };
    Box::new(AgentMachine::new(config, shared.seed(number)))
}

impl LinkHandler for Handler {
    fn up(&self, link: LinkUp) {
        let Handler(device) = self;
        device.shared.tally.up();
        // It answered under the address that the device was told to dial.
        link.sender.authorise();
        let return_path = device.shared.return_path(&link);
        // A broker proves who it is, and nothing of those behind it.
        let is_broker = matches!(return_path, ReturnPath::Mqtt { .. });
        let peer = if is_broker { PeerAuth::Unproven } else { link.peer };
        let outlet = Arc::new(Way { device: device.clone(), sender: link.sender.clone() });
        *device.lock() = Link { sender: Some(link.sender), waiting: Vec::new() };
        let controller = device.shared.controller.clone();
        device.instance().link_up(controller, return_path, link.contact, peer, outlet);
        if !device.known.swap(true, Ordering::Relaxed) {
            device.shared.connected_first(&device.endpoint);
        }
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let Handler(device) = self;
        device.received(&record.record);
        if device.journal.is_memory() {
            // Nothing waits for a disk: there is nothing to await.
            device.instance().handle(record);
        } else {
            let instance = device.instance();
            Box::pin(async move { instance.record(record).await }).await;
        }
        Verdict::Accepted
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.0.shared.tally.down();
        *self.0.lock() = Link::default();
        self.0.instance().link_down(link);
    }
}

/// The way out of an instance.
struct Way {
    device: Arc<Device>,
    sender: LinkSender,
}

impl Outlet for Way {
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed> {
        self.device.sent(&outbound.record);
        self.sender.send_to(&outbound.return_path, outbound.record).map_err(|error| {
            // An agent that loses a Record says so by losing the connection: nothing is passed over.
            self.sender.close(close_code::POLICY, "too much waits for this connection");
            tracing::debug!(%error, "a Record was not sent");
            OutletClosed
        })
    }

    fn close(&self, _: CloseReason) {
        self.sender.close(close_code::UNACCEPTABLE, "the agent ends this connection");
    }
}

/// `SIM0000001`
fn serial(number: usize) -> String {
    format!("SIM{number:07}")
}

/// The endpoint id of a device.
pub(super) fn endpoint(number: usize) -> EndpointId {
    EndpointId::os(OUI, &serial(number)).expect("an OUI and a plain serial number make an endpoint id")
}

/// The source address of a device: `127.1.0.1` and up.
pub(super) fn address(number: usize) -> IpAddr {
    let group = number / AGENTS_PER_ADDRESS;
    let octet = |part: usize| u8::try_from(part % 250).unwrap_or(0);
    IpAddr::V4(Ipv4Addr::new(127, 1 + octet(group / 62_500), octet(group / 250), 1 + octet(group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities() {
        assert_eq!(endpoint(1).as_str(), "os::02C059-SIM0000001");
        assert_eq!(endpoint(1_234_567).as_str(), "os::02C059-SIM1234567");
    }

    #[test]
    fn addresses_spread_over_the_loopback_net() {
        let cases = [
            (1, "127.1.0.1"),
            (99, "127.1.0.1"),
            (100, "127.1.0.2"),
            (24_999, "127.1.0.250"),
            (25_000, "127.1.1.1"),
            (10_000_000, "127.2.150.1"),
        ];
        for (number, expected) in cases {
            assert_eq!(address(number).to_string(), expected, "{number}");
        }
    }
}
