//! Connections to controllers: those that `LocalAgent.Controller.`, `LocalAgent.MTP.`, `MQTT.Client.` and
//! `STOMP.Connection.` ask for, kept while the tables change; and sockets for controllers that dial in.
//!
//! [`plan`] reads what there should be. One task for each controller goes through its MTPs, one for each broker
//! keeps the connection that controllers behind it share, one for each socket listens.

mod broker;
pub mod clients;
#[cfg(feature = "coap")]
mod coap;
mod controller;
mod handler;
mod listen;
pub mod plan;
mod status;
mod websocket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dm::path::ObjectPath;
use dm::tree::Tree;
use engine::Instance;
use mtp::EndpointId;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::ListenerConfig;
use crate::discovery::keep::Names;
use crate::enrol::Credentials;
use crate::limits::BROKER_GOOD_BYE;
use broker::Broker;
use clients::Clients;
use controller::Controller;
use listen::Socket;
use plan::{Plans, connections};
use status::Fares;

/// What all connections of the agent share.
pub struct Context {
    instance: Arc<Instance>,
    credentials: Arc<Credentials>,
    endpoint: EndpointId,
    listeners: Vec<ListenerConfig>,
    names: Names,
    clients: Arc<Clients>,
    /// The ports of the WebSockets that controllers may dial now, by the number of the listener, from 0.
    ports: watch::Sender<BTreeMap<usize, u16>>,
    brokers: Mutex<BTreeMap<String, Arc<Broker>>>,
    #[cfg(feature = "coap")]
    coap: coap::Door,
    /// Counts the turns that connections and sockets take.
    turns: watch::Sender<u64>,
}

impl Context {
    /// Connections of `instance`, which is `endpoint`; `listeners` as the configuration has them. `names` tells where
    /// hosts are; `clients` is one of the instance's providers.
    pub fn new(
        instance: Arc<Instance>,
        credentials: Arc<Credentials>,
        endpoint: EndpointId,
        listeners: Vec<ListenerConfig>,
        names: Names,
        clients: Arc<Clients>,
    ) -> Arc<Context> {
        let (ports, brokers) = (watch::Sender::default(), Mutex::default());
        let turns = watch::Sender::default();
        Arc::new(Context {
            instance,
            credentials,
            endpoint,
            listeners,
            names,
            clients,
            ports,
            brokers,
            #[cfg(feature = "coap")]
            coap: coap::Door::default(),
            turns,
        })
    }

    /// The ports of the WebSockets that controllers may dial, by the number of the listener, from 0.
    pub fn ports(&self) -> watch::Receiver<BTreeMap<usize, u16>> {
        self.ports.subscribe()
    }

    fn turned(&self) {
        self.turns.send_modify(|turns| *turns += 1);
    }

    fn brokers(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Broker>>> {
        self.brokers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broker(&self, path: &str) -> Option<Arc<Broker>> {
        self.brokers().get(path).cloned()
    }
}

/// Keeps the connections that there are the ones that there should be, until `stopped` turns true. Then no
/// more is made; what stands is the instance's to end, and the connections to brokers that it went by are
/// given back.
pub async fn keep(context: Arc<Context>, mut stopped: watch::Receiver<bool>) -> Standing {
    let follow = |path: &str| context.instance.follow(&ObjectPath::parse(path).expect("a literal"));
    let [Some(mut controllers), Some(mut mtps), Some(mut clients), Some(mut servers)] =
        plan::FOLLOWED.map(follow)
    else {
        return Standing::default();
    };
    let mut services = follow(plan::SERVICES);
    let mut turns = context.turns.subscribe();
    let mut kept = Kept::new(&context);
    let mut plans = context.instance.with_tree(plan::plans).unwrap_or_default();
    kept.follow(&plans);
    loop {
        let next = async {
            kept.tell(&plans).await;
            tokio::select! {
                changed = controllers.changed() => Next::of(changed.is_ok()),
                changed = mtps.changed() => Next::of(changed.is_ok()),
                changed = clients.changed() => Next::of(changed.is_ok()),
                changed = servers.changed() => Next::of(changed.is_ok()),
                _ = turns.changed() => Next::Tell,
                () = turn_of(services.as_mut()) => Next::Tell,
                path = context.clients.wished() => Next::Renew(path),
            }
        };
        let next = tokio::select! {
            next = next => next,
            _ = stopped.wait_for(|stopped| *stopped) => Next::Stop,
        };
        match next {
            Next::Tell => {}
            Next::Renew(path) => {
                // Whoever asks for it is answered on the connection that it ends.
                tokio::select! {
                    () = context.instance.settled() => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return kept.stop(),
                }
                if let Some(broker) = context.broker(&path) {
                    broker.renew();
                }
            }
            Next::Stop => return kept.stop(),
            Next::Follow => {
                // Whoever changed the table is answered on the connection that it ends.
                tokio::select! {
                    () = context.instance.settled() => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return kept.stop(),
                }
                plans = context.instance.with_tree(plan::plans).unwrap_or_default();
                kept.follow(&plans);
            }
        }
    }
}

/// Ready when this part of the tree changes, if there is one.
async fn turn_of(part: Option<&mut watch::Receiver<u64>>) {
    let changed = match part {
        Some(part) => part.changed().await.is_ok(),
        None => false,
    };
    if !changed {
        std::future::pending::<()>().await;
    }
}

/// What there is to do.
enum Next {
    /// The tables changed.
    Follow,
    /// Connections did.
    Tell,
    /// Somebody wants this connection to a broker made anew.
    Renew(String),
    Stop,
}

impl Next {
    fn of(tables_changed: bool) -> Next {
        if tables_changed { Next::Follow } else { Next::Stop }
    }
}

/// The connections to brokers, and what else there is, that stand when no more are made.
#[derive(Default)]
pub struct Standing {
    brokers: Vec<(Arc<Broker>, JoinHandle<()>)>,
    #[cfg(feature = "coap")]
    context: Option<Arc<Context>>,
}

impl Standing {
    /// Ends them, with a DISCONNECT behind the last Record (R-MQTT.35, R-STOMP.28); ready when they are gone, and after
    /// [`BROKER_GOOD_BYE`] in any case.
    pub async fn end(self) {
        for (broker, _) in &self.brokers {
            broker.end();
        }
        let all_gone = async {
            #[cfg(feature = "coap")]
            if let Some(context) = &self.context {
                context.coap.end().await;
            }
            for (_, task) in self.brokers {
                let _ = task.await;
            }
        };
        if timeout(BROKER_GOOD_BYE, all_gone).await.is_err() {
            tracing::warn!("not every broker took the good-bye in time");
        }
    }
}

/// The tasks that there are.
struct Kept {
    context: Arc<Context>,
    controllers: BTreeMap<String, Controller>,
    tasks: BTreeMap<String, JoinHandle<()>>,
    sockets: BTreeMap<String, Socket>,
}

impl Kept {
    fn new(context: &Arc<Context>) -> Kept {
        let (controllers, tasks, sockets) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Kept { context: context.clone(), controllers, tasks, sockets }
    }

    /// Brings the tasks in line with the tables: brokers first, for the controllers behind them.
    fn follow(&mut self, plans: &Plans) {
        self.follow_brokers(plans);
        self.follow_sockets(plans);
        self.controllers.retain(|row, controller| {
            let stays =
                plans.controllers.get(row).is_some_and(|reach| reach.controller == controller.endpoint);
            if !stays {
                controller.end();
            }
            stays
        });
        for (row, reach) in &plans.controllers {
            match self.controllers.get(row) {
                Some(controller) => controller.set(&reach.ways),
                None => {
                    let controller = Controller::start(&self.context, reach.clone());
                    self.controllers.insert(row.clone(), controller);
                }
            }
        }
    }

    fn follow_brokers(&mut self, plans: &Plans) {
        let mut brokers = self.context.brokers();
        let is_wanted = |path: &str, broker: &Broker| plans.brokers.get(path).is_some_and(|it| broker.is(it));
        let gone: Vec<Arc<Broker>> = brokers
            .extract_if(.., |path, broker| !is_wanted(path, broker))
            .map(|(_, broker)| broker)
            .collect();
        for (path, plan) in &plans.brokers {
            brokers.entry(path.clone()).or_insert_with(|| {
                let (broker, task) = Broker::start(&self.context, path, plan.clone());
                self.tasks.insert(path.clone(), task);
                broker
            });
        }
        drop(brokers);
        for broker in gone {
            broker.end();
        }
        let there = |tree: &Tree| connections(tree).map(|row| row.text(tree.model())).collect();
        let there: BTreeSet<String> = self.context.instance.with_tree(there).unwrap_or_default();
        self.context.clients.keep(|path| there.contains(path), |path| plans.brokers.contains_key(path));
    }

    fn follow_sockets(&mut self, plans: &Plans) {
        self.sockets.retain(|row, socket| {
            let stays = plans.listeners.get(row) == Some(&socket.plan);
            if !stays {
                socket.end();
            }
            stays
        });
        for (row, plan) in &plans.listeners {
            if !self.sockets.contains_key(row) {
                self.sockets.insert(row.clone(), Socket::start(&self.context, plan.clone()));
            }
        }
    }

    /// Writes into the tables how everything fares.
    async fn tell(&self, plans: &Plans) {
        let brokers = self.context.brokers().clone();
        let fares = |path: &str| {
            if plans.misconfigured.contains_key(path) {
                return Some(Fares::Misconfigured);
            }
            let broker = brokers.get(path).map(|broker| Fares::Broker(broker.state(), broker.mtp()));
            broker.or_else(|| self.sockets.get(path).map(|socket| Fares::Listener(socket.status())))
        };
        let instance = &self.context.instance;
        let changes = instance.with_tree(|tree| status::changes(tree, fares)).unwrap_or_default();
        if !changes.is_empty()
            && let Err(error) = instance.change(|_| changes).await
        {
            tracing::warn!(%error, "the status of connections is not shown");
        }
    }

    /// Makes no connection any more.
    fn stop(mut self) -> Standing {
        self.controllers.values().for_each(Controller::stop);
        let brokers = std::mem::take(&mut *self.context.brokers());
        let standing = brokers.into_iter().filter_map(|(path, broker)| {
            broker.stop();
            Some((broker, self.tasks.remove(&path)?))
        });
        Standing {
            brokers: standing.collect(),
            #[cfg(feature = "coap")]
            context: Some(self.context),
        }
    }
}
