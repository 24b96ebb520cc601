//! One controller: the first of its MTPs by which it can be reached, in their `Order`, and the next one when
//! that is gone. One is used at a time, so nothing is said or heard twice. An MTP that works is kept until it
//! fails, even if an earlier one would work again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mtp::uds;
use mtp::ws::KeepAlive;
use mtp::{DownReason, EndpointId, LinkSender, Retry};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Context;
use super::broker::Broker;
use super::handler::{Connection, Links};
use super::plan::{By, Reach, Way};
use super::websocket;
use crate::state::random;

/// The task that reaches a controller.
pub(super) struct Controller {
    pub(super) endpoint: EndpointId,
    ways: watch::Sender<Vec<Way>>,
    stop: watch::Sender<bool>,
}

impl Controller {
    pub(super) fn start(context: &Arc<Context>, reach: Reach) -> Controller {
        let (ways, follow) = watch::channel(reach.ways);
        let (stop, stopped) = watch::channel(false);
        let (context, controller) = (context.clone(), reach.controller.clone());
        let task = Task { context, controller, follow, stopped, attempts: BTreeMap::new() };
        tokio::spawn(task.run());
        Controller { endpoint: reach.controller, ways, stop }
    }

    /// What the tables ask for now. One that is in use and still there goes on; none ends the task.
    pub(super) fn set(&self, ways: &[Way]) {
        self.ways.send_if_modified(|old| {
            *old != ways && {
                *old = ways.to_vec();
                true
            }
        });
    }

    /// Makes no connection any more; one that stands goes on.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// The same, and closes the one that stands, after what is queued has left.
    pub(super) fn end(&self) {
        self.set(&[]);
        self.stop();
    }
}

/// When a way may be tried again.
struct Attempt {
    way: Way,
    due: Instant,
    pause: Pause,
    keep_alive: Option<KeepAlive>,
}

enum Pause {
    /// R-WS.19; also for a controller behind a broker whose link ended though the broker is there.
    Growing(Retry),
    /// R-UDS.5
    Steady(uds::Reconnect),
}

impl Attempt {
    fn new(way: &Way) -> anyhow::Result<Attempt> {
        let seed = random()?;
        let (pause, keep_alive) = match &way.by {
            By::WebSocket { schedule, keep_alive, .. } => {
                (Pause::Growing(Retry::new(*schedule, seed)), Some(KeepAlive::start(*keep_alive)))
            }
            By::Broker { .. } => (Pause::Growing(Retry::new(mtp::Schedule::default(), seed)), None),
            By::Local(_) => (Pause::Steady(uds::Reconnect::new(seed)), None),
            #[cfg(feature = "coap")]
            By::Coap(_) => (Pause::Growing(Retry::new(mtp::Schedule::default(), seed)), None),
        };
        Ok(Attempt { way: way.clone(), due: Instant::now(), pause, keep_alive })
    }

    fn put_off(&mut self) {
        let wait: Duration = match &mut self.pause {
            Pause::Growing(retry) => retry.next_wait(),
            Pause::Steady(reconnect) => reconnect.next_wait(),
        };
        self.due = Instant::now() + wait;
    }

    /// R-WS.20
    fn worked(&mut self) {
        if let Pause::Growing(retry) = &mut self.pause {
            retry.reset();
        }
    }
}

struct Task {
    context: Arc<Context>,
    controller: EndpointId,
    follow: watch::Receiver<Vec<Way>>,
    stopped: watch::Receiver<bool>,
    /// By row of the MTP.
    attempts: BTreeMap<String, Attempt>,
}

impl Task {
    async fn run(mut self) {
        let mut turns = self.context.turns.subscribe();
        loop {
            if self.is_over() {
                return;
            }
            turns.mark_unchanged();
            let ways = self.follow.borrow_and_update().clone();
            if let Err(error) = self.prepare(&ways) {
                return tracing::error!(%error, "no connection is made");
            }
            if self.go_through(&ways).await {
                continue;
            }
            let due = self.next_due();
            tokio::select! {
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                _ = turns.changed() => {}
                changed = self.follow.changed() => if changed.is_err() { return },
                _ = self.stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// Remembers when ways that stay may be tried again, and forgets the others.
    fn prepare(&mut self, ways: &[Way]) -> anyhow::Result<()> {
        self.attempts.retain(|_, attempt| ways.contains(&attempt.way));
        for way in ways {
            if !self.attempts.contains_key(&way.row) {
                self.attempts.insert(way.row.clone(), Attempt::new(way)?);
            }
        }
        Ok(())
    }

    /// Tries one way after the other, and stays with the first that works until it is gone. False when none
    /// did, and none is to be tried now.
    async fn go_through(&mut self, ways: &[Way]) -> bool {
        for way in ways {
            let is_due = self.attempts.get(&way.row).is_some_and(|attempt| attempt.due <= Instant::now());
            if is_due && self.go(way).await || self.is_over() || self.follow.has_changed().unwrap_or(true) {
                return true;
            }
        }
        false
    }

    /// When the next way may be tried. Those through brokers are, as soon as their broker is there.
    fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let waits = |attempt: &&Attempt| attempt.due > now || !attempt.way.is_shared();
        self.attempts.values().filter(waits).map(|attempt| attempt.due).min()
    }

    fn is_over(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    /// Tries a way; true when it worked, and is gone.
    async fn go(&mut self, way: &Way) -> bool {
        match &way.by {
            By::WebSocket { .. } | By::Local(_) => self.dial(way).await,
            By::Broker { broker, address } => match self.context.broker(broker) {
                Some(broker) => self.go_through_broker(way, &broker, address).await,
                None => false,
            },
            #[cfg(feature = "coap")]
            By::Coap(uri) => self.go_by_coap(way, uri).await,
        }
    }

    async fn dial(&mut self, way: &Way) -> bool {
        let connection = Arc::new(Connection::default());
        let (context, controller) = (self.context.clone(), self.controller.clone());
        let handler = Links::new(context.instance.clone(), Some(controller.clone()), connection.clone());
        let keep_alive = self.attempts.get(&way.row).and_then(|attempt| attempt.keep_alive.clone());
        let connecting = connect(&context, &controller, &way.by, keep_alive);
        let connected = tokio::select! {
            connected = connecting => connected,
            () = not_wanted(self.follow.clone(), way) => return true,
            _ = self.stopped.wait_for(|stopped| *stopped) => return true,
        };
        let link = match connected {
            Ok(link) => link,
            Err(error) => {
                tracing::warn!(%controller, mtp = way.row, error = format!("{error:#}"), "not connected");
                if let Some(attempt) = self.attempts.get_mut(&way.row) {
                    attempt.put_off();
                }
                return false;
            }
        };
        tracing::info!(%controller, mtp = way.row, "connected");
        connection.set(Some(link.sender()));
        let mut running = Box::pin(link.run(&handler));
        let reason = tokio::select! {
            reason = &mut running => reason,
            () = not_wanted(self.follow.clone(), way) => {
                connection.end();
                running.await
            }
        };
        tracing::info!(%controller, mtp = way.row, %reason, "disconnected");
        if let Some(attempt) = self.attempts.get_mut(&way.row) {
            attempt.worked();
            // Somebody has to prove soon that the way still stands.
            if !connection.take_renewal() {
                attempt.put_off();
            }
        }
        true
    }

    async fn go_through_broker(&mut self, way: &Way, broker: &Broker, address: &Arc<str>) -> bool {
        let controller = self.controller.clone();
        let reached = tokio::select! {
            reached = broker.reach(&controller, address) => reached,
            () = not_wanted(self.follow.clone(), way) => return true,
            _ = self.stopped.wait_for(|stopped| *stopped) => return true,
        };
        let Some(link) = reached else { return false };
        let by_us = tokio::select! {
            () = broker.gone(&controller, link) => false,
            () = not_wanted(self.follow.clone(), way) => true,
        };
        broker.leave(&controller);
        if let Some(attempt) = self.attempts.get_mut(&way.row) {
            attempt.worked();
            // It was this agent that closed the link: at once it would do so again.
            if !by_us && broker.is_up() {
                attempt.put_off();
            }
        }
        true
    }
}

#[cfg(feature = "coap")]
impl Task {
    async fn go_by_coap(&mut self, way: &Way, uri: &mtp::coap::CoapUri) -> bool {
        let (controller, context) = (self.controller.clone(), self.context.clone());
        let reached = tokio::select! {
            reached = context.coap.reach(&controller, uri) => reached,
            () = not_wanted(self.follow.clone(), way) => return true,
            _ = self.stopped.wait_for(|stopped| *stopped) => return true,
        };
        let (socket, link) = match reached {
            Ok(Some(reached)) => reached,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(%controller, mtp = way.row, error = format!("{error:#}"), "not reached");
                if let Some(attempt) = self.attempts.get_mut(&way.row) {
                    attempt.put_off();
                }
                return false;
            }
        };
        let by_us = tokio::select! {
            () = socket.gone(&controller, link) => false,
            () = not_wanted(self.follow.clone(), way) => true,
        };
        socket.leave(&controller);
        // There is no connection that could tell that it works: only that it does not.
        if !by_us && let Some(attempt) = self.attempts.get_mut(&way.row) {
            attempt.put_off();
        }
        true
    }
}

/// Ready when the tables no longer ask for this way.
async fn not_wanted(mut follow: watch::Receiver<Vec<Way>>, way: &Way) {
    // Who asks for nothing any more is gone at the shutdown only; then what stands goes on.
    if follow.wait_for(|ways| !ways.contains(way)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A link that was dialled.
enum Dialled {
    WebSocket(mtp::ws::Dialled),
    Local(uds::Dialled),
}

impl Dialled {
    fn sender(&self) -> LinkSender {
        match self {
            Dialled::WebSocket(link) => link.sender(),
            Dialled::Local(link) => link.sender(),
        }
    }

    async fn run(self, handler: &Links) -> DownReason {
        match self {
            Dialled::WebSocket(link) => link.run(handler).await,
            Dialled::Local(link) => link.run(handler).await,
        }
    }
}

async fn connect(
    context: &Context,
    controller: &EndpointId,
    by: &By,
    keep_alive: Option<KeepAlive>,
) -> anyhow::Result<Dialled> {
    match by {
        By::WebSocket { url, .. } => {
            let link = websocket::connect(context, controller, url, keep_alive).await?;
            Ok(Dialled::WebSocket(link))
        }
        By::Local(path) => Ok(Dialled::Local(local(context, controller, path).await?)),
        By::Broker { .. } => anyhow::bail!("a broker is not dialled for one controller"),
        #[cfg(feature = "coap")]
        By::Coap(_) => anyhow::bail!("CoAP has no connection"),
    }
}

async fn local(context: &Context, controller: &EndpointId, path: &Path) -> Result<uds::Dialled, mtp::Error> {
    let mut dialer = uds::Dialer::new(path, context.endpoint.clone(), mtp::Role::Agent);
    dialer.expected = Some(controller.clone());
    dialer.connect().await
}
