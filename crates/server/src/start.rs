//! Starting: everything is opened, then said to be open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fleet::ids::Seq;
use fleet::port::{Store as _, Write, Written};
use mtp::discovery::Advertiser;
use mtp::ws::{ListenConfig, Listener};
use mtp::{Places, Role};
use pki::ServerTls;
use store::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use usp_endpoint::EndpointId;
use usp_endpoint::session::io::{Mode, Policy};

use crate::clock::Clock;
use crate::config::{Config, SessionMode, Tls as TlsFiles};
use crate::connect;
use crate::data_dir::{DataDir, Listeners};
use crate::descriptors;
use crate::discovery;
use crate::doors::Doors;
use crate::gateway::{Readiness, ServerGateway};
use crate::limits::PENDING_LINKS;
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use crate::transports::{ListenersTls, Transports};
use crate::trust::{Authority, News, Reload, SessionKeys, Shelf, Trusting};
use crate::usp::{DialOptions, Inspect, Usp, UspOptions};
use crate::{control, http};

mod serve;

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
        let clock = Clock::start();
        let store = open_store(&folder, clock).await?;
        let endpoint = folder.endpoint(config.usp.endpoint.as_deref())?;
        let metrics = Arc::new(Metrics::default());
        let http = TcpListener::bind(config.http_listen())
            .await
            .with_context(|| format!("http.listen = \"{}\"", config.http_listen()))?;
        let (trust, tls) = open_trust(config, &folder, &endpoint, http.local_addr()?)?;
        // Whatever devices come by, they share what there is.
        let places = Places::new(shares.peers.get());
        let websocket = open_websocket(config, tls.websocket, &endpoint, &places).await?;
        let ca = trust.authority.ca();
        let transports = Transports::open(config, tls.others, &places, &folder, ca, &endpoint).await?;
        let listeners = addresses(&http, &websocket, &transports)?;

        let connect = connect::info(config, &listeners, &endpoint, ca);
        let mdns = discovery::asker(config);
        let dial =
            DialOptions { retry_seconds: config.dial_retry_seconds(), trust: trust.trusting.dial(), mdns };
        let advertiser = discovery::advertiser(config, &listeners, &endpoint);
        let files = config.usp.websocket.tls.clone();
        let (session_keys, shown) =
            SessionKeys::new(&trust.authority, &endpoint, files).context("usp.sessions")?;
        session_keys.recall(&store, None).await?;
        let usp_options = UspOptions {
            pending: PENDING_LINKS.min(shares.peers.get() / 4),
            sessions: session_policy(config),
            crypto: Some(Arc::new(session_keys.clone())),
            session_keys: Some(session_keys.clone()),
            endpoint,
            policy: config.enrolment.policy.into(),
            issuer: Some(Box::new(Arc::clone(&trust.authority))),
            inspect,
            before_write: None,
        };
        let usp =
            Usp::new(store.clone(), clock, usp_options, Doors::new(&config.limits), Arc::clone(&metrics));
        let http_options = http::Options {
            max_connections: shares.http,
            patience: config.limits.handshake(),
            // Its own: devices that fail must not lock the people out who sit behind the same address.
            doors: Doors::new(&config.limits),
            clock,
            metrics: Arc::clone(&metrics),
        };
        let (position, positions) = watch::channel(store.last_event().await?);
        let shelf = Arc::new(Shelf::new(store.clone(), trust.authority, clock));
        let tasks = Tasks::new(Arc::clone(&metrics));
        let readiness = readiness(store.clone(), tasks.clone());
        let keys = session_keys.clone();
        let gateway = ServerGateway::new(usp.clone(), metrics, connect, positions, shelf, keys, readiness);
        let reload = Reload::new(trust.trusting, session_keys.clone(), usp.clone());
        let router = open_api(&store, gateway, tls.http.is_some()).await?;
        let sign_in = sign_in_link(&store, &clock, config, &listeners).await?;

        let (stop, stopped) = watch::channel(false);
        control::serve(&folder, store.clone(), clock, reload.clone(), stopped).await?;
        folder.write_listeners(&listeners)?;
        say(&listeners);
        Ok(Server {
            listeners,
            sign_in,
            http,
            http_tls: tls.http,
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
}

/// Opens the store, and takes note that whatever was under way in the last run is not any more.
async fn open_store(folder: &DataDir, clock: Clock) -> anyhow::Result<SqliteStore> {
    let options = store::Options { seal: Arc::new(folder.sealer()?), ..store::Options::default() };
    let store = SqliteStore::open(folder.path(), &options)?;
    let recovered = store.submit(Write::Recover { at: clock.utc() }).await?;
    if let Written::Count(jobs @ 1..) = recovered {
        tracing::info!(jobs, "jobs of the last run wait again or are in doubt");
    }
    Ok(store)
}

/// Whom the server believes, and what it issues.
struct Trust {
    authority: Arc<Authority>,
    trusting: Trusting,
}

/// TLS of each listener that has any.
struct Tls {
    http: Option<ServerTls>,
    websocket: Option<ServerTls>,
    others: ListenersTls,
}

/// Reads the CA and the certificates of the listeners; `http` is where the list of revoked certificates is.
fn open_trust(
    config: &Config,
    folder: &DataDir,
    endpoint: &EndpointId,
    http: SocketAddr,
) -> anyhow::Result<(Trust, Tls)> {
    let crl = format!("{}{}", connect::http_url(config, http), api::CRL_PATH);
    let lifetime = Duration::from_secs(u64::from(config.certificate_days()) * 24 * 3600);
    let authority = Arc::new(Authority::new(folder.ca()?.with_crl_url(crl), lifetime));
    let files = config.usp.websocket.tls.clone();
    let mut trusting = Trusting::new(Arc::clone(&authority), endpoint, files).context("usp.websocket.tls")?;
    let mut listener = |name: &'static str, files: Option<&TlsFiles>| {
        files.map(|files| trusting.listener(name, files)).transpose()
    };
    let tls = Tls {
        http: listener("http.tls", config.http.tls.as_ref())?,
        websocket: listener("usp.websocket.tls", config.usp.websocket.tls.as_ref())?,
        others: ListenersTls {
            broker: listener("usp.mqtt.broker.tls", config.usp.mqtt.broker.tls.as_ref())?,
            #[cfg(feature = "coap")]
            coap: listener("usp.coap.tls", config.usp.coap.tls.as_ref())?,
        },
    };
    Ok((Trust { authority, trusting }, tls))
}

async fn open_websocket(
    config: &Config,
    tls: Option<ServerTls>,
    endpoint: &EndpointId,
    places: &Places,
) -> anyhow::Result<Listener> {
    let mut listen = ListenConfig::new(config.websocket_path(), endpoint.clone(), Role::Controller);
    listen.places = places.clone();
    listen.handshake_timeout = config.limits.handshake();
    Listener::bind(config.websocket_listen(), tls, listen)
        .await
        .with_context(|| format!("usp.websocket.listen = \"{}\"", config.websocket_listen()))
}

fn addresses(http: &TcpListener, websocket: &Listener, transports: &Transports) -> anyhow::Result<Listeners> {
    Ok(Listeners {
        http: http.local_addr()?,
        usp_websocket: websocket.local_addr()?,
        usp_mqtt_broker: transports.broker_address(),
        usp_mqtt_websocket: transports.broker_websocket(),
        usp_coap: transports.coap_address(false),
        usp_coap_secure: transports.coap_address(true),
    })
}

fn say(listeners: &Listeners) {
    tracing::info!(http = %listeners.http, usp_websocket = %listeners.usp_websocket, "listening");
    if let Some(listen) = listeners.usp_mqtt_broker {
        tracing::info!(usp_mqtt_broker = %listen, "listening");
    }
    if let Some(listen) = listeners.usp_mqtt_websocket {
        tracing::info!(usp_mqtt_websocket = %listen, "listening");
    }
}

async fn open_api(
    store: &SqliteStore,
    gateway: ServerGateway<SqliteStore>,
    tls: bool,
) -> anyhow::Result<axum::Router> {
    let settings = api::Settings { tls, ..api::Settings::default() };
    let app = api::App::new(store.clone(), Arc::new(gateway), settings);
    let read = app.reload_data_models().await;
    read.map_err(|problem| anyhow::anyhow!("the imported data models: {problem:?}"))?;
    Ok(api::router(app))
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
