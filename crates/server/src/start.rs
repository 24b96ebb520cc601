//! Starting and stopping: everything is opened, then said to be open, then served until told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use fleet::ids::Seq;
use fleet::port::{Prune, Store as _, Write, Written};
use mtp::discovery::Advertiser;
use mtp::ws::{ListenConfig, Listener};
use mtp::{Places, Role};
use pki::ServerTls;
use store::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use usp_endpoint::session::io::{Mode, Policy};

use crate::clock::Clock;
use crate::config::{Config, SessionMode};
use crate::connect;
use crate::data_dir::{DataDir, Listeners};
use crate::descriptors;
use crate::discovery;
use crate::doors::Doors;
use crate::gateway::{Readiness, ServerGateway};
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use crate::transports::{ListenersTls, Transports};
use crate::trust::{Authority, News, Reload, SessionKeys, Shelf, Trusting};
use crate::usp::{DialOptions, Inspect, Usp, UspOptions, dial};
use crate::{control, http};

/// How often overdue jobs, and lanes that came to a halt, are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);
/// How often rows past their retention are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// A server that listens already, and serves once it is run.
pub struct Server {
    /// Where it listens.
    pub listeners: Listeners,
    /// The URL of the one-time sign-in link; only as long as nobody has set a password.
    pub sign_in: Option<String>,
    http: TcpListener,
    http_tls: Option<ServerTls>,
    websocket: Listener,
    router: axum::Router,
    usp: Usp<SqliteStore>,
    dial: DialOptions,
    transports: Transports,
    advertiser: Option<Advertiser>,
    store: SqliteStore,
    clock: Clock,
    position: watch::Sender<Seq>,
    stop: watch::Sender<bool>,
    http_options: http::Options,
    reload: Reload<SqliteStore>,
    session_keys: (SessionKeys, News),
    tasks: Tasks,
}

impl Server {
    /// Opens store, keys and listeners, and writes `listeners.json`.
    ///
    /// # Errors
    /// What can't be opened, and why.
    pub async fn start(config: &Config) -> anyhow::Result<Server> {
        Server::start_inspected(config, None).await
    }

    /// [`Server::start`] with somebody who looks at what sessions are given.
    ///
    /// # Errors
    /// The same.
    pub async fn start_inspected(config: &Config, inspect: Option<Inspect>) -> anyhow::Result<Server> {
        let shares = descriptors::raise()?;
        tracing::info!(
            peers = shares.peers,
            http = shares.http,
            "connections that the limit on open files allows"
        );
        let folder = DataDir::open(&config.data())?;
        let options = store::Options { seal: Arc::new(folder.sealer()?), ..store::Options::default() };
        let store = SqliteStore::open(folder.path(), &options)?;
        let clock = Clock::start();
        let recovered = store.submit(Write::Recover { at: clock.utc() }).await?;
        if let Written::Count(jobs @ 1..) = recovered {
            tracing::info!(jobs, "jobs of the last run wait again or are in doubt");
        }
        let endpoint = folder.endpoint(config.usp.endpoint.as_deref())?;
        let metrics = Arc::new(Metrics::default());

        let http = TcpListener::bind(config.http_listen())
            .await
            .with_context(|| format!("http.listen = \"{}\"", config.http_listen()))?;
        let crl = format!("{}{}", connect::http_url(config, http.local_addr()?), api::CRL_PATH);
        let lifetime = Duration::from_secs(u64::from(config.certificate_days()) * 24 * 3600);
        let authority = Arc::new(Authority::new(folder.ca()?.with_crl_url(crl), lifetime));
        let mut trusting = Trusting::new(Arc::clone(&authority), &endpoint, config.usp.websocket.tls.clone())
            .context("usp.websocket.tls")?;
        let http_tls = config.http.tls.as_ref().map(|tls| trusting.listener("http.tls", tls)).transpose()?;
        let websocket_tls = config.usp.websocket.tls.as_ref();
        let websocket_tls =
            websocket_tls.map(|tls| trusting.listener("usp.websocket.tls", tls)).transpose()?;
        let mut listen = ListenConfig::new(config.websocket_path(), endpoint.clone(), Role::Controller);
        // Whatever devices come by, they share what there is.
        let places = Places::new(shares.peers.get());
        listen.places = places.clone();
        listen.handshake_timeout = config.limits.handshake();
        let doors = Doors::new(&config.limits);
        let websocket = Listener::bind(config.websocket_listen(), websocket_tls, listen)
            .await
            .with_context(|| format!("usp.websocket.listen = \"{}\"", config.websocket_listen()))?;
        let broker_tls = config.usp.mqtt.broker.tls.as_ref();
        let broker_tls = broker_tls.map(|tls| trusting.listener("usp.mqtt.broker.tls", tls)).transpose()?;
        #[cfg(feature = "coap")]
        let coap = config.usp.coap.tls.as_ref();
        let tls = ListenersTls {
            broker: broker_tls,
            #[cfg(feature = "coap")]
            coap: coap.map(|tls| trusting.listener("usp.coap.tls", tls)).transpose()?,
        };
        let ca = authority.ca();
        let transports = Transports::open(config, tls, &places, &folder, ca, &endpoint).await?;
        let listeners = Listeners {
            http: http.local_addr()?,
            usp_websocket: websocket.local_addr()?,
            usp_mqtt_broker: transports.broker_address(),
            usp_mqtt_websocket: transports.broker_websocket(),
            usp_coap: transports.coap_address(false),
            usp_coap_secure: transports.coap_address(true),
        };

        let connect = connect::info(config, &listeners, &endpoint, authority.ca());
        let mdns = discovery::asker(config);
        let dial = DialOptions { retry_seconds: config.dial_retry_seconds(), trust: trusting.dial(), mdns };
        let advertiser = discovery::advertiser(config, &listeners, &endpoint);
        let files = config.usp.websocket.tls.clone();
        let (session_keys, shown) = SessionKeys::new(&authority, &endpoint, files).context("usp.sessions")?;
        session_keys.recall(&store, None).await?;
        let usp_options = UspOptions {
            sessions: session_policy(config),
            crypto: Some(Arc::new(session_keys.clone())),
            session_keys: Some(session_keys.clone()),
            endpoint,
            policy: config.enrolment.policy.into(),
            issuer: Some(Box::new(Arc::clone(&authority))),
            inspect,
            before_write: None,
        };
        let usp = Usp::new(store.clone(), clock, usp_options, doors, Arc::clone(&metrics));
        let http_options = http::Options {
            max_connections: shares.http,
            patience: config.limits.handshake(),
            // Its own: devices that fail must not lock the people out who sit behind the same address.
            doors: Doors::new(&config.limits),
            clock,
            metrics: Arc::clone(&metrics),
        };
        let (position, positions) = watch::channel(store.last_event().await?);
        let shelf = Arc::new(Shelf::new(store.clone(), authority, clock));
        let tasks = Tasks::new(Arc::clone(&metrics));
        let readiness = readiness(store.clone(), tasks.clone());
        let keys = session_keys.clone();
        let gateway = ServerGateway::new(usp.clone(), metrics, connect, positions, shelf, keys, readiness);
        let reload = Reload::new(trusting, session_keys.clone(), usp.clone());
        let settings = api::Settings { tls: http_tls.is_some(), ..api::Settings::default() };
        let app = api::App::new(store.clone(), Arc::new(gateway), settings);
        app.reload_data_models()
            .await
            .map_err(|problem| anyhow::anyhow!("the imported data models: {problem:?}"))?;
        let router = api::router(app);
        let sign_in = sign_in_link(&store, &clock, config, &listeners).await?;

        let (stop, stopped) = watch::channel(false);
        control::serve(&folder, store.clone(), clock, reload.clone(), stopped).await?;
        folder.write_listeners(&listeners)?;
        tracing::info!(http = %listeners.http, usp_websocket = %listeners.usp_websocket, "listening");
        if let Some(listen) = listeners.usp_mqtt_broker {
            tracing::info!(usp_mqtt_broker = %listen, "listening");
        }
        if let Some(listen) = listeners.usp_mqtt_websocket {
            tracing::info!(usp_mqtt_websocket = %listen, "listening");
        }
        Ok(Server {
            listeners,
            sign_in,
            http,
            http_tls,
            websocket,
            router,
            usp,
            dial,
            transports,
            advertiser,
            store,
            clock,
            position,
            stop,
            http_options,
            reload,
            session_keys: (session_keys, shown),
            tasks,
        })
    }

    /// Reads certificates, CAs and lists of revoked certificates again when it is asked to.
    pub fn reloading(&self) -> Reload<SqliteStore> {
        self.reload.clone()
    }

    /// Serves until `shutdown` is done, then lets connections finish.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let Server {
            http,
            http_tls,
            websocket,
            router,
            usp,
            dial,
            transports,
            advertiser,
            store,
            clock,
            position,
            stop,
            http_options,
            reload,
            session_keys: (session_keys, shown),
            tasks,
            ..
        } = self;
        let tls = http_tls.map(|tls| Arc::clone(tls.config()));
        let serving = http::serve(http, tls, router, http_options, stop.subscribe());
        let serving = tokio::spawn(tasks.clone().once("the HTTP listener", serving));
        let mut stopped = stop.subscribe();
        let admission = Arc::new(usp.clone());
        let links = websocket.run(Arc::new(usp.clone()), admission, async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let links = tokio::spawn(tasks.clone().once("the WebSocket listener", links));
        let mut stopped = stop.subscribe();
        let advertising = advertiser.map(|advertiser| {
            tokio::spawn(advertiser.run(async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            }))
        });
        let (dialler, stopped) = (usp.clone(), stop.subscribe());
        let dialling = move || dial::run(dialler.clone(), dial.clone(), stopped.clone());
        let dialling = tokio::spawn(tasks.clone().keep("the dialler", dialling));
        let others = transports.spawn(&usp, &stop, &tasks);
        let follower =
            tokio::spawn(tasks.clone().once("the event log", follow_log(store.positions(), position)));
        let judging = usp.clone().watch_sessions(session_keys, shown);
        let judging = tokio::spawn(tasks.clone().once("the judge of certificates in sessions", judging));
        let working = move || work(store.clone(), usp.clone(), clock, reload.clone());
        let workers = tokio::spawn(tasks.keep("the worker", working));
        shutdown.await;
        tracing::info!("stopping");
        let _ = stop.send(true);
        let _ = links.await;
        let _ = dialling.await;
        others.join_all().await;
        if let Some(advertising) = advertising {
            let _ = advertising.await;
        }
        follower.abort();
        workers.abort();
        judging.abort();
        let _ = serving.await;
    }
}

/// Tells the readers of the event log how far it reaches. Their streams end with this task, not with the
/// store, which outlives them.
async fn follow_log(mut durable: watch::Receiver<Seq>, position: watch::Sender<Seq>) {
    loop {
        let last = *durable.borrow_and_update();
        position.send_if_modified(|seen| std::mem::replace(seen, last) != last);
        if durable.changed().await.is_err() {
            return;
        }
    }
}

/// What happens without anybody asking: deadlines pass, old rows go.
async fn work(store: SqliteStore, usp: Usp<SqliteStore>, clock: Clock, reload: Reload<SqliteStore>) {
    let mut expire = tokio::time::interval(EXPIRE_EVERY);
    let mut prune = tokio::time::interval(PRUNE_EVERY);
    loop {
        tokio::select! {
            _ = expire.tick() => {
                match store.submit(Write::ExpireJobs { at: clock.utc() }).await {
                    Ok(Written::Jobs(jobs)) => jobs.into_iter().for_each(|(_, device, job)| usp.expired(device, job)),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "overdue jobs were not expired"),
                }
                usp.resume().await;
            }
            _ = prune.tick() => {
                while let Ok(Written::Count(1..)) = store.submit(Write::Prune(Prune::defaults(clock.utc()))).await {}
                reload.renew(SystemTime::now()).await;
            }
        }
    }
}

/// Whether commits come through, and all tasks that serve everybody run.
fn readiness(store: SqliteStore, tasks: Tasks) -> Readiness {
    Box::new(move || {
        store.ready().map_err(|error| error.to_string())?;
        tasks.check()
    })
}

async fn sign_in_link(
    store: &SqliteStore,
    clock: &Clock,
    config: &Config,
    listeners: &Listeners,
) -> anyhow::Result<Option<String>> {
    let made = api::auth::ensure_owner(store, clock.utc()).await?;
    let base = connect::http_url(config, listeners.http);
    Ok(made.map(|made| format!("{base}/sign-in?link={}", made.secret.expose())))
}

fn session_policy(config: &Config) -> Policy {
    let mode = match config.usp.sessions {
        SessionMode::Allow => Mode::Allow,
        SessionMode::Require => Mode::Require,
        SessionMode::Forbid => Mode::Forbid,
    };
    Policy { mode, ..Policy::default() }
}
