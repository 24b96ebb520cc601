//! One simulated agent: an instance of the engine, and the task of its connection.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::journal::Folder;
use engine::{
    AgentConfig, AgentMachine, CloseReason, EndpointId, EngineError, Instance, InstanceConfig, Journal,
    Outlet, OutletClosed, Version,
};
use mtp::ws::{Dialled, close_code};
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Outbound, Retry, Schedule, Verdict};

use super::fleet::Shared;
use super::glance::{Glance, Kind, glance};
use super::model::{self, OUI, PRODUCT_CLASS, SOFTWARE_VERSION};
use crate::limits::{AGENTS_PER_ADDRESS, MAX_TIMED_NOTIFICATIONS};

/// An agent.
pub(super) struct Device {
    pub(super) instance: Arc<Instance>,
    pub(super) journal: Journal,
    number: usize,
    endpoint: EndpointId,
    shared: Arc<Shared>,
    /// Told once to whoever approves.
    known: AtomicBool,
    link: Mutex<Link>,
}

/// Attempts to connect.
struct Attempts {
    /// The first one waits for nothing.
    is_first: bool,
    /// Present while the attempts fail.
    retry: Option<Box<Retry>>,
}

/// A link that runs.
type Running<'h> = Pin<Box<dyn Future<Output = DownReason> + Send + 'h>>;

fn boxed(dialled: Dialled, handler: &Handler) -> Running<'_> {
    Box::pin(dialled.run(handler))
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
        let config = AgentConfig {
            endpoint: endpoint.clone(),
            versions: Version::SUPPORTED.to_vec(),
            oui: OUI.to_owned(),
            product_class: PRODUCT_CLASS.to_owned(),
            serial_number: serial.clone(),
            crypto: None,
        };
        let instance = InstanceConfig {
            kind: shared.kind.clone(),
            machine: Box::new(AgentMachine::new(config, shared.seed(number))),
            providers: Vec::new(),
            defaults: model::identity(&endpoint, &serial),
            journal: journal.clone(),
            software_version: SOFTWARE_VERSION.to_owned(),
            refresh_first: false,
        };
        Ok(Arc::new(Device {
            instance: Instance::new(shared.host.clone(), instance)?,
            journal,
            number,
            endpoint,
            shared: shared.clone(),
            known: AtomicBool::new(false),
            link: Mutex::default(),
        }))
    }

    /// Starts the agent and keeps it connected. `first` is a connection that stands already.
    pub(super) async fn run(self: Arc<Device>, first: Option<Box<Dialled>>) {
        if let Err(error) = Box::pin(self.instance.start()).await {
            tracing::error!(%error, endpoint = %self.endpoint, "an agent does not start");
            return;
        }
        let handler = Handler(self.clone());
        let mut attempts = Attempts { is_first: first.is_none(), retry: None };
        let mut connected = first.map(|dialled| boxed(*dialled, &handler));
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
        if !std::mem::replace(&mut attempts.is_first, false) {
            let retry = attempts.retry.get_or_insert_with(|| Box::new(self.retry()));
            tokio::time::sleep(retry.next_wait()).await;
        }
        let _permit = self.shared.handshakes.acquire().await.ok()?;
        let dialer = self.shared.dialer(self.endpoint.clone(), self.number);
        match self.shared.dial(&dialer).await {
            Ok(dialled) => {
                attempts.retry = None;
                Some(boxed(dialled, handler))
            }
            Err(error) => {
                tracing::debug!(endpoint = %self.endpoint, %error, "not connected");
                None
            }
        }
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
        self.report(self.instance.change(|tree| movement.counters(tree, passed, wobble)).await);
    }

    /// Makes something happen that controllers want to know, if one can hear it.
    pub(super) async fn move_status(&self) {
        if self.lock().sender.is_none() {
            return;
        }
        self.report(self.instance.change(|tree| self.shared.movement.status(tree)).await);
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
        let mut link = self.lock();
        if link.waiting.len() < MAX_TIMED_NOTIFICATIONS {
            link.waiting.push(Waiting { msg_id: msg_id.into(), since: Instant::now() });
        }
    }

    fn received(&self, record: &[u8]) {
        self.shared.tally.records_received.add();
        match glance(record) {
            Some(Glance { kind: Kind::NotifyResp, msg_id }) => {
                self.shared.tally.notifications_answered.add();
                let mut link = self.lock();
                if let Some(at) = link.waiting.iter().position(|waiting| *waiting.msg_id == *msg_id) {
                    let since = link.waiting.swap_remove(at).since;
                    self.shared.tally.notification_latency.record(since.elapsed());
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
        // Every change is one step.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkHandler for Handler {
    fn up(&self, link: LinkUp) {
        let Handler(device) = self;
        device.shared.tally.up();
        // It answered under the address that the device was told to dial.
        link.sender.authorise();
        let outlet = Arc::new(Way { device: device.clone(), sender: link.sender.clone() });
        *device.lock() = Link { sender: Some(link.sender), waiting: Vec::new() };
        let controller = device.shared.controller.clone();
        device.instance.link_up(controller, link.return_path, link.contact, link.peer, outlet);
        if !device.known.swap(true, Ordering::Relaxed) {
            device.shared.connected_first(&device.endpoint);
        }
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let Handler(device) = self;
        device.received(&record.record);
        if device.journal.is_memory() {
            // Nothing waits for a disk: there is nothing to await.
            device.instance.handle(record);
        } else {
            Box::pin(device.instance.record(record)).await;
        }
        Verdict::Accepted
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.0.shared.tally.down();
        *self.0.lock() = Link::default();
        self.0.instance.link_down(link);
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
            (249, "127.1.0.1"),
            (250, "127.1.0.2"),
            (62_499, "127.1.0.250"),
            (62_500, "127.1.1.1"),
            (10_000_000, "127.1.160.1"),
        ];
        for (number, expected) in cases {
            assert_eq!(address(number).to_string(), expected, "{number}");
        }
    }
}
