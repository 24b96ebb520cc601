//! A connection to a broker: one for each row of `MQTT.Client.` and `STOMP.Connection.` in use, connected again as
//! its parameters say (R-MQTT.10, R-MQTT.33, R-STOMP.7), with a link of its own for each controller behind it that
//! is to be reached by it.

mod mqtt;
mod session;
mod stomp;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dm::tree::{Change, Tree};
use engine::Instance;
use mtp::mqtt::{Meter, Subscriptions};
use mtp::{DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkUp, Peers, Verdict};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::handler::{Behind, Connection};
use super::plan::{self, By};
use super::{Context, plan::Broker as Plan, plan::Server};
use session::{Session, Waits};

/// How a connection to a broker fares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It is being made; `again` says whether it stood or failed before.
    Trying { again: Option<Failure> },
    /// It stands.
    Up {
        /// The topic or destination that the broker chose for our answers, if it did.
        given: Option<String>,
    },
    /// It will be tried again.
    Waiting(Failure),
    /// It will not, before its rows change.
    Off(Failure),
}

/// Why there is none, as the row's `Status` has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// What we are configured with can't be used.
    Misconfigured,
    /// The broker does not let us in.
    Refused,
    /// It can't be reached.
    Unreachable,
    /// Anything else.
    Other,
}

/// A broker, and those to be reached through it.
pub(super) struct Broker {
    /// The row in `MQTT.Client.` or `STOMP.Connection.`.
    path: String,
    plan: watch::Sender<Plan>,
    /// What went through it, if it speaks MQTT.
    meter: Arc<Meter>,
    /// How to change what the connection that stands is subscribed to, if it speaks MQTT.
    subscriptions: Mutex<Option<Subscriptions>>,
    connection: Arc<Connection>,
    peers: Peers<Behind>,
    /// Who is to be reached by it now, and by which topic or destination.
    known: Mutex<BTreeMap<EndpointId, Arc<str>>>,
    /// The links that stand.
    links: watch::Sender<BTreeMap<EndpointId, LinkId>>,
    state: watch::Sender<State>,
    stop: watch::Sender<bool>,
}

impl Broker {
    /// Begins to connect.
    pub(super) fn start(context: &Arc<Context>, path: &str, plan: Plan) -> (Arc<Broker>, JoinHandle<()>) {
        let connection = Arc::new(Connection::default());
        let links = watch::Sender::default();
        let behind = Behind::new(context.instance.clone(), connection.clone(), links.clone(), "the broker");
        let meter = match &plan.server {
            Server::Mqtt(mqtt) => context.clients.begin(path, &mqtt.address),
            Server::Stomp(_) => Arc::default(),
        };
        let broker = Arc::new(Broker {
            path: path.to_owned(),
            plan: watch::Sender::new(plan),
            meter,
            subscriptions: Mutex::default(),
            connection,
            peers: Peers::known(behind),
            known: Mutex::default(),
            links,
            state: watch::Sender::new(State::Trying { again: None }),
            stop: watch::Sender::new(false),
        });
        let task = tokio::spawn(broker.clone().run(context.clone()));
        (broker, task)
    }

    /// Whether this is the connection that the tables ask for. What needs no new one is followed.
    pub(super) fn is(&self, plan: &Plan) -> bool {
        self.plan.send_if_modified(|own| {
            let before = own.clone();
            own.follow(plan);
            *own != before
        });
        let own = self.plan.borrow();
        self.subscribe(&own);
        *own == *plan
    }

    /// R-MQTT.34: the connection that stands is subscribed to what the plan says.
    fn subscribe(&self, plan: &Plan) {
        if let (Server::Mqtt(mqtt), Some(subscriptions)) = (&plan.server, &*lock(&self.subscriptions)) {
            subscriptions.change(mqtt.filters.clone());
        }
    }

    /// Makes a connection that stands anew.
    pub(super) fn renew(&self) {
        if self.is_up() {
            self.connection.renew();
        }
    }

    /// How it fares.
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Whether the connection stands.
    pub(super) fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), State::Up { .. })
    }

    /// The row of `LocalAgent.MTP.` that it is for.
    pub(super) fn mtp(&self) -> String {
        self.plan.borrow().mtp.clone()
    }

    /// Makes no connection any more; one that stands goes on.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// The same, and ends the one that stands, with a DISCONNECT after what is queued (R-MQTT.35, R-STOMP.28).
    pub(super) fn end(&self) {
        self.stop();
        self.connection.end();
    }

    /// Reaches a controller by its topic or destination; gives its link. When an attempt to connect is under way, it is waited for.
    /// None where there is no connection.
    pub(super) async fn reach(&self, controller: &EndpointId, address: &Arc<str>) -> Option<LinkId> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Trying { .. })).await.ok()?.clone();
        if !matches!(settled, State::Up { .. }) {
            return None;
        }
        let mut known = lock(&self.known);
        known.insert(controller.clone(), address.clone());
        self.peers.set_known(&known);
        self.links.borrow().get(controller).copied()
    }

    /// Ready when this link is gone.
    pub(super) async fn gone(&self, controller: &EndpointId, link: LinkId) {
        let mut links = self.links.subscribe();
        let _ = links.wait_for(|links| links.get(controller) != Some(&link)).await;
    }

    /// Reaches a controller by this broker no more.
    pub(super) fn leave(&self, controller: &EndpointId) {
        let mut known = lock(&self.known);
        if known.remove(controller).is_some() {
            self.peers.set_known(&known);
        }
    }

    fn set_state(&self, context: &Context, state: State) {
        let turn = |old: &mut State| {
            let is_new = *old != state;
            *old = state;
            is_new
        };
        if self.state.send_if_modified(turn) {
            context.turned();
        }
    }

    /// Connects, and again whenever the connection is gone.
    async fn run(self: Arc<Self>, context: Arc<Context>) {
        let mut waits = Waits::default();
        let (mut stopped, mut plan) = (self.stop.subscribe(), self.plan.subscribe());
        let mut again = None;
        loop {
            self.set_state(&context, State::Trying { again });
            let tried = self.server();
            let connected = tokio::select! {
                connected = self.connect(&context, tried.clone()) => connected,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            let failure = match connected {
                Ok(session) => {
                    let began = Instant::now();
                    self.serve(&context, session).await;
                    waits.stood(began.elapsed());
                    if self.connection.take_renewal() && !*stopped.borrow() {
                        again = None;
                        continue;
                    }
                    Failure::Unreachable
                }
                Err(error) => {
                    let (failure, is_final) = session::judged(&error);
                    tracing::warn!(connection = self.path, error = format!("{error:#}"), "not connected");
                    if is_final {
                        // R-MQTT.16: the MTP counts as disabled. What the next CONNECT says may lead to topics.
                        self.set_state(&context, State::Off(failure));
                        tokio::select! {
                            _ = plan.wait_for(|plan| plan.server != tried) => {}
                            _ = stopped.wait_for(|stopped| *stopped) => return,
                        }
                        again = Some(failure);
                        continue;
                    }
                    failure
                }
            };
            again = Some(failure);
            self.set_state(&context, State::Waiting(failure));
            let wait = match waits.next(&self.server()) {
                Ok(wait) => wait,
                Err(error) => return tracing::error!(%error, "no connection is made"),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    fn server(&self) -> Server {
        self.plan.borrow().server.clone()
    }

    async fn connect(&self, context: &Context, server: Server) -> anyhow::Result<Session> {
        let tls = if server.is_secure() {
            let behind = context.instance.with_tree(|tree| behind(tree, &self.path)).unwrap_or_default();
            Some(context.credentials.broker_tls(&behind)?)
        } else {
            None
        };
        Ok(match server {
            Server::Mqtt(plan) => {
                let connecting = mqtt::connect(plan, &context.endpoint, tls, self.meter.clone());
                Session::Mqtt(Box::new(connecting.await?))
            }
            Server::Stomp(plan) => {
                Session::Stomp(Box::new(stomp::connect(plan, &context.endpoint, tls).await?))
            }
        })
    }

    /// A connection from its beginning to its end.
    async fn serve(self: &Arc<Self>, context: &Arc<Context>, session: Session) {
        if let Some(id) = session.assigned_client_id() {
            self.keep_client_id(&context.instance, id).await;
        }
        let own = session.own_address();
        tracing::info!(connection = self.path, own, "connected");
        self.connection.set(Some(session.sender()));
        *lock(&self.subscriptions) = session.subscriptions();
        // They may have changed since the connection began to be made, and may not meanwhile.
        self.subscribe(&self.plan.borrow());
        if *self.stop.borrow() {
            self.connection.end();
        }
        let up = State::Up { given: session.given().map(str::to_owned) };
        let reason = session.run(&Whole { broker: self.clone(), context: context.clone(), up }).await;
        self.connection.set(None);
        *lock(&self.subscriptions) = None;
        tracing::info!(connection = self.path, %reason, "disconnected");
    }

    /// R-MQTT.9, R-MQTT.11: from now on, and after restarts.
    async fn keep_client_id(&self, instance: &Instance, id: &str) {
        self.plan.send_modify(|plan| {
            if let Server::Mqtt(mqtt) = &mut plan.server {
                id.clone_into(&mut mqtt.client_id);
            }
        });
        let change = |tree: &Tree| {
            let row = plan::place(tree, &self.path);
            row.and_then(|row| super::status::set(tree, &row, "ClientID", id)).into_iter().collect()
        };
        let kept = instance.change(|tree| -> Vec<Change> { change(tree) }).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the client id that the broker gave is not kept");
        }
    }
}

/// The controllers whose credentials vouch for a broker: those behind it.
fn behind(tree: &Tree, broker: &str) -> Vec<EndpointId> {
    let reaches = plan::plans(tree).controllers.into_values();
    let by_it = |by: &By| matches!(by, By::Broker { broker: other, .. } if other == broker);
    reaches
        .filter(|reach| reach.ways.iter().any(|way| by_it(&way.by)))
        .map(|reach| reach.controller)
        .collect()
}

/// The connection as a whole: passes everything to the links of the controllers behind it.
struct Whole {
    broker: Arc<Broker>,
    context: Arc<Context>,
    up: State,
}

impl LinkHandler for Whole {
    fn up(&self, link: LinkUp) {
        self.broker.peers.up(link);
        self.broker.set_state(&self.context, self.up.clone());
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.broker.peers.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.broker.peers.down(link, reason);
        // Who is to be reached by the next connection is decided anew.
        let mut known = lock(&self.broker.known);
        known.clear();
        self.broker.peers.set_known(&known);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
