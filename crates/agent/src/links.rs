//! Connections to controllers: which ones there should be according to `LocalAgent.Controller.`, one task
//! for each, dialling again as R-WS.19 says; and sockets for controllers that dial in.

use std::collections::BTreeMap;
use std::sync::Arc;
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
use tokio::task::JoinHandle;

use crate::enrol::Credentials;
use crate::limits::RECONCILE_PERIOD;
use crate::state::random;

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
    let Some(table) = table(tree, "Device.LocalAgent.Controller.") else { return plans };
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

/// Keeps the connections that there are the ones that there should be, for ever.
pub async fn keep(instance: Arc<Instance>, credentials: Arc<Credentials>, endpoint: EndpointId) {
    let mut running: BTreeMap<String, (Plan, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let wanted = instance.with_tree(plans).unwrap_or_default();
        running.retain(|path, (plan, task)| {
            let stays = wanted.get(path) == Some(plan);
            if !stays {
                task.abort();
            }
            stays
        });
        for (path, plan) in wanted {
            running.entry(path).or_insert_with(|| {
                let (instance, credentials, endpoint) =
                    (instance.clone(), credentials.clone(), endpoint.clone());
                (plan.clone(), tokio::spawn(dial(instance, credentials, endpoint, plan)))
            });
        }
        tokio::time::sleep(RECONCILE_PERIOD).await;
    }
}

/// Connects, and again whenever the connection is gone.
async fn dial(instance: Arc<Instance>, credentials: Arc<Credentials>, endpoint: EndpointId, plan: Plan) {
    let seed = match random() {
        Ok(seed) => seed,
        Err(error) => return tracing::error!(%error, "no connection is made"),
    };
    let mut retry = Retry::new(plan.schedule, seed);
    let keep_alive = KeepAlive::start(plan.keep_alive);
    let handler = Links { instance, controller: Some(plan.controller.clone()) };
    loop {
        match connect(&credentials, &endpoint, &plan, &keep_alive).await {
            Ok(link) => {
                // R-WS.20
                retry.reset();
                tracing::info!(controller = %plan.controller, url = %plan.url, "connected");
                let reason = link.run(&handler).await;
                tracing::info!(controller = %plan.controller, %reason, "disconnected");
            }
            Err(error) => {
                tracing::warn!(controller = %plan.controller, url = %plan.url, error = format!("{error:#}"), "not connected");
            }
        }
        // R-WS.19
        tokio::time::sleep(retry.next_wait()).await;
    }
}

async fn connect(
    credentials: &Credentials,
    endpoint: &EndpointId,
    plan: &Plan,
    keep_alive: &KeepAlive,
) -> Result<mtp::ws::Dialled> {
    let mut dialer = Dialer::new(plan.url.clone(), endpoint.clone(), Role::Agent);
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

/// What becomes of links: they are the instance's.
#[derive(Debug)]
pub struct Links {
    /// Whose.
    pub instance: Arc<Instance>,
    /// Who is dialled; none where controllers dial in.
    pub controller: Option<EndpointId>,
}

impl LinkHandler for Links {
    fn up(&self, link: LinkUp) {
        // Who dials in is believed only what its certificate says.
        let certified = match &link.peer {
            PeerAuth::Certificate(peer) => peer.endpoint_ids.first().cloned(),
            PeerAuth::Unproven => None,
        };
        let named = self.controller.clone().or(certified).or_else(|| link.eid.clone());
        let Some(controller) = named else {
            link.sender.close(close_code::PROTOCOL, "no endpoint id");
            return;
        };
        link.sender.authorise();
        let outlet = Arc::new(Link(link.sender));
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

struct Link(LinkSender);

impl Outlet for Link {
    fn send(&self, record: Bytes) -> Result<(), OutletClosed> {
        self.0.send(record).map_err(|error| {
            tracing::warn!(%error, "a Record was not sent");
            OutletClosed
        })
    }

    fn close(&self, reason: CloseReason) {
        match reason {
            CloseReason::BadRecord => self.0.close(close_code::UNACCEPTABLE, "the Record can't be decoded"),
            CloseReason::ControllerGone => self.0.close(close_code::NORMAL, "the controller is not served"),
            CloseReason::Replaced => self.0.close(close_code::NORMAL, "another connection takes its place"),
            CloseReason::GoingAway => self.0.close(close_code::GOING_AWAY, "the agent shuts down"),
        }
    }
}
