//! A connection to an MQTT broker: one for each row of `MQTT.Client.` in use, connected again as its
//! `ConnectRetry…` parameters say (R-MQTT.10, R-MQTT.33), with a link of its own for each controller behind it
//! that is to be reached by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dm::tree::{Change, Tree};
use engine::Instance;
use mtp::mqtt::machine::End;
use mtp::mqtt::{Client, Session, Settings};
use mtp::{DownReason, EndpointId, Error, Inbound, LinkHandler, LinkId, LinkUp, Peers, Retry, Role, Verdict};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::handler::{Connection, Links};
use super::plan::{self, By};
use super::{Context, plan::Broker as Plan};
use crate::state::random;

/// How a connection to a broker fares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It is being made; `again` says whether it stood or failed before.
    Trying { again: Option<Failure> },
    /// It stands.
    Up {
        /// What the broker said that answers go to, if it did.
        response_information: Option<String>,
    },
    /// It will be tried again.
    Waiting(Failure),
    /// It will not, before the tables change.
    Off(Failure),
}

/// Why there is none, as `MQTT.Client.{i}.Status` has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// The broker does not accept what we are configured with.
    Misconfigured,
    /// It can't be reached.
    Unreachable,
    /// Anything else.
    Other,
}

/// A broker, and those to be reached through it.
pub(super) struct Broker {
    /// The row in `MQTT.Client.`.
    path: String,
    plan: Mutex<Plan>,
    connection: Arc<Connection>,
    peers: Peers<Behind>,
    /// Who is to be reached by it now, and by which topic.
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
        let below = Links::behind(context.instance.clone(), connection.clone());
        let broker = Arc::new(Broker {
            path: path.to_owned(),
            plan: Mutex::new(plan),
            connection,
            peers: Peers::known(Behind { links: below, up: links.clone() }),
            known: Mutex::default(),
            links,
            state: watch::Sender::new(State::Trying { again: None }),
            stop: watch::Sender::new(false),
        });
        let task = tokio::spawn(broker.clone().run(context.clone()));
        (broker, task)
    }

    /// Whether this is the connection that the tables ask for. When to try again is followed without a new one.
    pub(super) fn is(&self, plan: &Plan) -> bool {
        let mut own = lock(&self.plan);
        (own.schedule, own.longest_wait) = (plan.schedule, plan.longest_wait);
        *own == *plan
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
        lock(&self.plan).mtp.clone()
    }

    /// Makes no connection any more; one that stands goes on.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// The same, and ends the one that stands, with a DISCONNECT after what is queued (R-MQTT.35).
    pub(super) fn end(&self) {
        self.stop();
        self.connection.end();
    }

    /// Reaches a controller by its topic; gives its link. When an attempt to connect is under way, it is waited for.
    /// None where there is no connection.
    pub(super) async fn reach(&self, controller: &EndpointId, topic: &Arc<str>) -> Option<LinkId> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Trying { .. })).await.ok()?.clone();
        if !matches!(settled, State::Up { .. }) {
            return None;
        }
        let mut known = lock(&self.known);
        known.insert(controller.clone(), topic.clone());
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
        let mut retry = None;
        let mut stopped = self.stop.subscribe();
        let mut again = None;
        loop {
            self.set_state(&context, State::Trying { again });
            let client = self.client(&context);
            let connecting = async { anyhow::Ok(Box::pin(client?.connect()).await?) };
            let connected = tokio::select! {
                connected = connecting => connected,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            let failure = match connected {
                Ok(session) => {
                    retry = None;
                    self.serve(&context, session).await;
                    if self.connection.take_renewal() && !*stopped.borrow() {
                        again = None;
                        continue;
                    }
                    Failure::Unreachable
                }
                Err(error) => {
                    let (failure, is_final) = judged(&error);
                    tracing::warn!(client = self.path, error = format!("{error:#}"), "no MQTT connection");
                    if is_final {
                        // R-MQTT.16: the MTP counts as disabled.
                        self.set_state(&context, State::Off(failure));
                        let _ = stopped.wait_for(|stopped| *stopped).await;
                        return;
                    }
                    failure
                }
            };
            again = Some(failure);
            self.set_state(&context, State::Waiting(failure));
            let wait = match self.next_wait(&mut retry) {
                Ok(wait) => wait,
                Err(error) => return tracing::error!(%error, "no connection is made"),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// R-MQTT.10: before the next attempt of a row of failures.
    fn next_wait(&self, retry: &mut Option<Retry>) -> anyhow::Result<Duration> {
        let (schedule, longest_wait) = {
            let plan = lock(&self.plan);
            (plan.schedule, plan.longest_wait)
        };
        let retry = match retry {
            Some(retry) => retry,
            None => retry.insert(Retry::new(schedule, random()?)),
        };
        Ok(retry.next_wait().min(longest_wait))
    }

    /// A connection from its beginning to its end.
    async fn serve(self: &Arc<Self>, context: &Arc<Context>, session: Session) {
        if let Some(id) = session.assigned_client_id() {
            self.keep_client_id(&context.instance, id).await;
        }
        let response_information = session.response_information().map(str::to_owned);
        let broker = lock(&self.plan).address.host.clone();
        tracing::info!(client = self.path, broker, reply_to = %session.reply_to(), "connected");
        self.connection.set(Some(session.sender()));
        if *self.stop.borrow() {
            self.connection.end();
        }
        let up = State::Up { response_information };
        let reason = session.run(&Whole { broker: self.clone(), context: context.clone(), up }).await;
        self.connection.set(None);
        tracing::info!(client = self.path, broker, %reason, "disconnected");
    }

    fn client(&self, context: &Context) -> anyhow::Result<Client> {
        let plan = lock(&self.plan).clone();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let settings = Settings {
            client_id: some(plan.client_id),
            username: some(plan.username),
            password: some(plan.password),
            keep_alive_s: plan.keep_alive_s,
            clean_start: plan.clean_start,
            request_response_information: plan.request_response_information,
            filters: plan.filters,
            response_topic: plan.response_topic,
            qos: plan.qos,
            ..Settings::new(plan.version, context.endpoint.clone())
        };
        let secure = plan.address.secure;
        let mut client = Client::new(plan.address, settings, Role::Agent);
        if secure {
            let behind = context.instance.with_tree(|tree| behind(tree, &self.path)).unwrap_or_default();
            client.tls = Some(context.credentials.broker_tls(&behind)?);
        }
        Ok(client)
    }

    /// R-MQTT.9, R-MQTT.11: from now on, and after restarts.
    async fn keep_client_id(&self, instance: &Instance, id: &str) {
        id.clone_into(&mut lock(&self.plan).client_id);
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
    let by_it = |by: &By| matches!(by, By::Mqtt { broker: other, .. } if other == broker);
    reaches
        .filter(|reach| reach.ways.iter().any(|way| by_it(&way.by)))
        .map(|reach| reach.controller)
        .collect()
}

/// What an error says in the table, and whether trying again is of no use.
fn judged(error: &anyhow::Error) -> (Failure, bool) {
    match error.downcast_ref::<Error>() {
        Some(Error::Mqtt(End::NoTopics)) => (Failure::Misconfigured, true),
        Some(Error::Mqtt(End::Refused { code, .. })) => (refused(*code), false),
        Some(Error::Mqtt(End::NoReplyTo | End::Unusable(_) | End::NotSubscribed(_)) | Error::NoTls) => {
            (Failure::Misconfigured, false)
        }
        Some(Error::Resolve(_) | Error::Io(_) | Error::TimedOut) => (Failure::Unreachable, false),
        _ => (Failure::Other, false),
    }
}

/// What a broker's refusal says of us: 3 in 3.1.1, and three codes of 5.0, speak of the broker alone.
fn refused(code: u8) -> Failure {
    const UNAVAILABLE: [u8; 4] = [3, 0x88, 0x89, 0x9f];
    if UNAVAILABLE.contains(&code) { Failure::Unreachable } else { Failure::Misconfigured }
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

/// The link of one controller.
struct Behind {
    links: Links,
    up: watch::Sender<BTreeMap<EndpointId, LinkId>>,
}

impl LinkHandler for Behind {
    fn up(&self, link: LinkUp) {
        if let Some(controller) = link.eid.clone() {
            tracing::info!(%controller, "reached through the broker");
            self.up.send_modify(|up| _ = up.insert(controller, link.link));
        }
        self.links.up(link);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.links.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.up.send_modify(|up| up.retain(|_, known| *known != link));
        self.links.down(link, reason);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io;

    use mtp::Error;
    use mtp::mqtt::machine::End;

    use super::{Failure, judged};

    #[test]
    fn what_an_error_says_and_whether_there_is_a_next_time() {
        let refused = |code| Error::Mqtt(End::Refused { code, reason: String::new() });
        for (error, failure, is_final) in [
            (Error::Mqtt(End::NoTopics), Failure::Misconfigured, true),
            (Error::Mqtt(End::NoReplyTo), Failure::Misconfigured, false),
            (Error::Mqtt(End::NotSubscribed(String::new())), Failure::Misconfigured, false),
            // Bad user name or password, in 3.1.1 and 5.0; not authorised; an unknown client id.
            (refused(4), Failure::Misconfigured, false),
            (refused(0x86), Failure::Misconfigured, false),
            (refused(0x87), Failure::Misconfigured, false),
            (refused(0x85), Failure::Misconfigured, false),
            // Server unavailable in both, and busy.
            (refused(3), Failure::Unreachable, false),
            (refused(0x88), Failure::Unreachable, false),
            (refused(0x89), Failure::Unreachable, false),
            (Error::Io(io::ErrorKind::ConnectionRefused.into()), Failure::Unreachable, false),
            (Error::TimedOut, Failure::Unreachable, false),
            (Error::Tls(io::ErrorKind::InvalidData.into()), Failure::Other, false),
        ] {
            let shown = error.to_string();
            assert_eq!(judged(&error.into()), (failure, is_final), "{shown}");
        }
    }
}
