//! Connections to controllers: which ones there should be according to `LocalAgent.Controller.`, one task
//! for each, dialling again as R-WS.19 says; and sockets for controllers that dial in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use dm::Value;
use dm::path::ObjectPath;
use dm::tree::{Place, Tree};
use engine::{CloseReason, Instance, Outlet, OutletClosed};
use mtp::ws::{Dialer, KeepAlive, WsUrl, close_code};
use mtp::{
    DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, PeerAuth, Retry, Role,
    Schedule, Verdict,
};
use tokio::sync::watch;

use crate::discovery::keep::Names;
use crate::enrol::Credentials;
use crate::state::random;

const CONTROLLERS: &str = "Device.LocalAgent.Controller.";

/// Why a connection is closed that the tables don't ask for any more.
const NOT_WANTED: &str = "this connection is not wanted any more";

/// A connection that there should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// With whom.
    pub controller: EndpointId,
    /// Where.
    pub url: WsUrl,
    /// When to try again.
    pub schedule: Schedule,
    /// Between pings.
    pub keep_alive: Duration,
}

/// The connections that the tables ask for, by path of the MTP row. A controller has one: by its first
/// enabled MTP.
pub fn plans(tree: &Tree) -> BTreeMap<String, Plan> {
    let mut plans = BTreeMap::new();
    let Some(table) = table(tree, CONTROLLERS) else { return plans };
    for number in tree.rows(&table) {
        let row = table.row(number);
        if is_on(tree, &row)
            && let Some((path, plan)) = plan(tree, &row)
        {
            plans.insert(path, plan);
        }
    }
    plans
}

fn plan(tree: &Tree, controller: &Place) -> Option<(String, Plan)> {
    let model = tree.model();
    let endpoint = EndpointId::receive(&tree.text_of(controller, "EndpointID")).ok()?;
    let mtps = controller.child(model.find_child(controller.object, "MTP")?);
    let rows = tree.rows(&mtps).into_iter().map(|number| mtps.row(number));
    let mtp =
        rows.into_iter().find(|row| is_on(tree, row) && tree.text_of(row, "Protocol") == "WebSocket")?;
    let ws = mtp.child(model.find_child(mtp.object, "WebSocket")?);
    let number = |name: &str| match tree.value_of(&ws, name) {
        Some(Value::Uint(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    let secure = tree.value_of(&ws, "EnableEncryption") != Some(&Value::Bool(false));
    let host = Some(tree.text_of(&ws, "Host")).filter(|host| !host.is_empty())?;
    let port =
        number("Port").and_then(|port| u16::try_from(port).ok()).unwrap_or(if secure { 443 } else { 80 });
    let path = tree.text_of(&ws, "Path");
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    let usual = Schedule::default();
    let plan = Plan {
        controller: endpoint,
        url: WsUrl { secure, host, port, path, query: None },
        schedule: Schedule {
            minimum_wait_s: number("SessionRetryMinimumWaitInterval").unwrap_or(usual.minimum_wait_s),
            multiplier: number("SessionRetryIntervalMultiplier").unwrap_or(usual.multiplier),
        },
        keep_alive: Duration::from_secs(number("KeepAliveInterval").unwrap_or(60).into()),
    };
    Some((mtp.text(model), plan))
}

fn table(tree: &Tree, path: &str) -> Option<Place> {
    Place::of(tree.model(), &ObjectPath::parse(path).ok()?)
}

fn is_on(tree: &Tree, row: &Place) -> bool {
    tree.value_of(row, "Enable") == Some(&Value::Bool(true))
}

/// A connection that there should be, and the task that makes it.
struct Dial {
    plan: Plan,
    stop: watch::Sender<bool>,
    current: Current,
}

/// The connection that stands now.
type Current = Arc<Mutex<Option<LinkSender>>>;

impl Dial {
    /// Makes no connection any more; one that stands goes on.
    fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// The same, and closes the one that stands, after what is queued has left.
    fn end(&self) {
        self.stop();
        if let Some(sender) = &*self.current.lock().unwrap_or_else(PoisonError::into_inner) {
            sender.close(close_code::NORMAL, NOT_WANTED);
        }
    }
}

/// Keeps the connections that there are the ones that there should be, until `stopped` turns true. Then no
/// more is made; what stands is the instance's to end.
pub async fn keep(
    instance: Arc<Instance>,
    credentials: Arc<Credentials>,
    endpoint: EndpointId,
    names: Names,
    mut stopped: watch::Receiver<bool>,
) {
    let controllers = ObjectPath::parse(CONTROLLERS).expect("a literal");
    let Some(mut changes) = instance.follow(&controllers) else { return };
    let mut dials: BTreeMap<String, Dial> = BTreeMap::new();
    loop {
        let wanted = instance.with_tree(plans).unwrap_or_default();
        dials.retain(|path, dial| {
            let stays = wanted.get(path) == Some(&dial.plan);
            if !stays {
                dial.end();
            }
            stays
        });
        for (path, plan) in wanted {
            dials.entry(path).or_insert_with(|| {
                let (stop, stopped) = watch::channel(false);
                let current = Current::default();
                let (instance, credentials, endpoint) =
                    (instance.clone(), credentials.clone(), endpoint.clone());
                let way = Way { credentials, endpoint, names: names.clone(), plan: plan.clone() };
                let task = dial(instance, way, stopped, current.clone());
                tokio::spawn(task);
                Dial { plan, stop, current }
            });
        }
        // Whoever changed the table is answered on the connection that it ends.
        let changed = async {
            changes.changed().await.is_ok() && {
                instance.settled().await;
                true
            }
        };
        let goes_on = tokio::select! {
            changed = changed => changed,
            _ = stopped.wait_for(|stopped| *stopped) => false,
        };
        if !goes_on {
            return dials.values().for_each(Dial::stop);
        }
    }
}

/// Done when `stopped` turns true.
pub async fn told(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What one connection needs, again and again.
struct Way {
    credentials: Arc<Credentials>,
    endpoint: EndpointId,
    names: Names,
    plan: Plan,
}

/// Connects, and again whenever the connection is gone.
async fn dial(instance: Arc<Instance>, way: Way, mut stopped: watch::Receiver<bool>, current: Current) {
    let plan = &way.plan;
    let seed = match random() {
        Ok(seed) => seed,
        Err(error) => return tracing::error!(%error, "no connection is made"),
    };
    let mut retry = Retry::new(plan.schedule, seed);
    let keep_alive = KeepAlive::start(plan.keep_alive);
    let handler = Links::new(instance, Some(plan.controller.clone()));
    let set = |sender| *current.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    loop {
        let connected = tokio::select! {
            connected = way.connect(&keep_alive) => connected,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match connected {
            Ok(link) => {
                // R-WS.20
                retry.reset();
                tracing::info!(controller = %plan.controller, url = %plan.url, "connected");
                set(Some(link.sender()));
                if *stopped.borrow() {
                    link.sender().close(close_code::NORMAL, NOT_WANTED);
                }
                let reason = link.run(&handler).await;
                set(None);
                tracing::info!(controller = %plan.controller, %reason, "disconnected");
                // Somebody has to prove soon that the way still stands.
                if handler.renews.swap(false, Ordering::Relaxed) {
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(controller = %plan.controller, url = %plan.url, error = format!("{error:#}"), "not connected");
            }
        }
        // R-WS.19
        tokio::select! {
            () = tokio::time::sleep(retry.next_wait()) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

impl Way {
    /// Tries the places of the URL in their order.
    async fn connect(&self, keep_alive: &KeepAlive) -> Result<mtp::ws::Dialled> {
        let mut last = anyhow::anyhow!("mDNS knows no address of {}", self.plan.url.host);
        for url in self.names.places(&self.plan.url).await {
            match self.connect_to(url, keep_alive).await {
                Ok(dialled) => return Ok(dialled),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, url: WsUrl, keep_alive: &KeepAlive) -> Result<mtp::ws::Dialled> {
        let Way { credentials, plan, .. } = self;
        let mut dialer = Dialer::new(url, self.endpoint.clone(), Role::Agent);
        dialer.expected = Some(plan.controller.clone());
        dialer.keep_alive = Some(keep_alive.clone());
        let secure = plan.url.secure;
        dialer.tls = if secure { Some(credentials.tls(&plan.controller)?) } else { None };
        if let Some(token) = credentials.token(&plan.controller) {
            match credentials.enrol(&dialer, &token).await {
                Ok(()) => {
                    tracing::info!(controller = %plan.controller, "given a certificate");
                    dialer.tls = if secure { Some(credentials.tls(&plan.controller)?) } else { None };
                }
                // Without one the device may still be approved by its own certificate.
                Err(error) => {
                    tracing::warn!(controller = %plan.controller, error = format!("{error:#}"), "not enrolled");
                }
            }
        }
        Ok(dialer.connect().await?)
    }
}

/// What becomes of links: they are the instance's.
#[derive(Debug)]
pub struct Links {
    instance: Arc<Instance>,
    controller: Option<EndpointId>,
    /// The instance wants the connection made anew.
    renews: Arc<AtomicBool>,
}

impl Links {
    /// Links of `instance` with a controller that is dialled; none where controllers dial in.
    pub fn new(instance: Arc<Instance>, controller: Option<EndpointId>) -> Links {
        Links { instance, controller, renews: Arc::default() }
    }
}

impl LinkHandler for Links {
    fn up(&self, link: LinkUp) {
        // Who dials in is believed only what its certificate says.
        let certified = match &link.peer {
            PeerAuth::Certificate(peer) => peer.endpoint_ids.first().cloned(),
            PeerAuth::Unproven | PeerAuth::Local { .. } => None,
        };
        let named = self.controller.clone().or(certified).or_else(|| link.eid.clone());
        let Some(controller) = named else {
            link.sender.close(close_code::PROTOCOL, "no endpoint id");
            return;
        };
        link.sender.authorise();
        let outlet = Arc::new(Link { sender: link.sender, renews: self.renews.clone() });
        self.instance.link_up(controller, link.return_path, link.peer, outlet);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        // The machine itself asks for the close of a link whose Record can't be decoded.
        let taken = Box::pin(self.instance.record(record));
        async move {
            taken.await;
            Verdict::Accepted
        }
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.instance.link_down(link);
    }
}

struct Link {
    sender: LinkSender,
    renews: Arc<AtomicBool>,
}

impl Outlet for Link {
    fn send(&self, record: Bytes) -> Result<(), OutletClosed> {
        self.sender.send(record).map_err(|error| {
            tracing::warn!(%error, "a Record was not sent");
            OutletClosed
        })
    }

    fn close(&self, reason: CloseReason) {
        match reason {
            CloseReason::BadRecord => {
                self.sender.close(close_code::UNACCEPTABLE, "the Record can't be decoded");
            }
            CloseReason::ControllerGone => {
                self.sender.close(close_code::NORMAL, "the controller is not served");
            }
            CloseReason::Replaced => {
                self.sender.close(close_code::NORMAL, "another connection takes its place");
            }
            CloseReason::GoingAway => self.sender.close(close_code::GOING_AWAY, "the agent shuts down"),
        }
    }

    fn renew(&self) {
        self.renews.store(true, Ordering::Relaxed);
        self.sender.close(close_code::NORMAL, "made anew after a change of the network");
    }
}
