//! Starting and stopping: everything is opened, then said to be open, then served until told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use fleet::ids::{Seq, TenantId};
use fleet::port::{Prune, Store as _, Write, Written};
use mtp::Role;
use mtp::discovery::Advertiser;
use mtp::ws::{ListenConfig, Listener};
use pki::{Ca, CertificateRequest, DeviceVerifier, Identity, ServerNames, ServerTls, Validity};
use rustls::pki_types::CertificateDer;
use store::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use usp_endpoint::EndpointId;

use crate::clock::Clock;
use crate::config::{Config, Tls};
use crate::connect;
use crate::data_dir::{DataDir, Listeners};
use crate::descriptors::{self, Shares};
use crate::discovery;
use crate::gateway::ServerGateway;
use crate::metrics::Metrics;
use crate::usp::{DialOptions, Inspect, Issued, Issuer, Usp, UspOptions, dial};
use crate::{control, http};

/// How long a device's certificate is valid.
const DEVICE_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long the certificate is valid that devices see when we dial them.
const CONTROLLER_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
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
    shares: Shares,
    http: TcpListener,
    http_tls: Option<ServerTls>,
    websocket: Listener,
    router: axum::Router,
    usp: Usp<SqliteStore>,
    dial: DialOptions,
    advertiser: Option<Advertiser>,
    store: SqliteStore,
    clock: Clock,
    position: watch::Sender<Seq>,
    stop: watch::Sender<bool>,
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
        let ca = folder.ca()?;
        let endpoint = folder.endpoint(config.usp.endpoint.as_deref())?;
        let metrics = Arc::new(Metrics::default());

        let http = TcpListener::bind(config.http_listen())
            .await
            .with_context(|| format!("http.listen = \"{}\"", config.http_listen()))?;
        let http_tls =
            config.http.tls.as_ref().map(|tls| tls_of(tls, &ca)).transpose().context("http.tls")?;
        let websocket_tls = config
            .usp
            .websocket
            .tls
            .as_ref()
            .map(|tls| tls_of(tls, &ca))
            .transpose()
            .context("usp.websocket.tls")?;
        let mut listen = ListenConfig::new(config.websocket_path(), endpoint.clone(), Role::Controller);
        listen.max_connections = shares.peers.get();
        let websocket = Listener::bind(config.websocket_listen(), websocket_tls, listen)
            .await
            .with_context(|| format!("usp.websocket.listen = \"{}\"", config.websocket_listen()))?;
        let listeners = Listeners { http: http.local_addr()?, usp_websocket: websocket.local_addr()? };

        let connect = connect::info(config, &listeners, &endpoint, &ca);
        let dial = dial_options(config, &ca, &endpoint).context("usp.dial")?;
        let advertiser = discovery::advertiser(config, &listeners, &endpoint);
        let usp_options = UspOptions {
            endpoint,
            tenant: TenantId::DEFAULT,
            policy: config.enrolment.policy.into(),
            issuer: Some(Box::new(CaIssuer(ca))),
            inspect,
        };
        let usp = Usp::new(store.clone(), clock, usp_options, Arc::clone(&metrics));
        let (position, positions) = watch::channel(store.last_event().await?);
        let gateway = ServerGateway::new(usp.clone(), metrics, connect, positions);
        let settings = api::Settings { tls: http_tls.is_some(), ..api::Settings::default() };
        let app = api::App::new(store.clone(), Arc::new(gateway), settings);
        app.reload_data_models()
            .await
            .map_err(|problem| anyhow::anyhow!("the imported data models: {problem:?}"))?;
        let router = api::router(app);
        let sign_in = sign_in_link(&store, &clock, config, &listeners).await?;

        let (stop, stopped) = watch::channel(false);
        control::serve(&folder, store.clone(), clock, stopped).await?;
        folder.write_listeners(&listeners)?;
        tracing::info!(http = %listeners.http, usp_websocket = %listeners.usp_websocket, "listening");
        Ok(Server {
            listeners,
            sign_in,
            shares,
            http,
            http_tls,
            websocket,
            router,
            usp,
            dial,
            advertiser,
            store,
            clock,
            position,
            stop,
        })
    }

    /// Serves until `shutdown` is done, then lets connections finish.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let Server {
            shares,
            http,
            http_tls,
            websocket,
            router,
            usp,
            dial,
            advertiser,
            store,
            clock,
            position,
            stop,
            ..
        } = self;
        let tls = http_tls.map(|tls| Arc::clone(tls.config()));
        let serving = tokio::spawn(http::serve(http, tls, router, shares.http, stop.subscribe()));
        let mut stopped = stop.subscribe();
        let admission = Arc::new(usp.clone());
        let links = tokio::spawn(websocket.run(Arc::new(usp.clone()), admission, async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
        let mut stopped = stop.subscribe();
        let advertising = advertiser.map(|advertiser| {
            tokio::spawn(advertiser.run(async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            }))
        });
        let dialling = tokio::spawn(dial::run(usp.clone(), dial, stop.subscribe()));
        let follower = tokio::spawn(follow_log(store.positions(), position));
        let workers = tokio::spawn(work(store, usp, clock));
        shutdown.await;
        tracing::info!("stopping");
        let _ = stop.send(true);
        let _ = links.await;
        let _ = dialling.await;
        if let Some(advertising) = advertising {
            let _ = advertising.await;
        }
        follower.abort();
        workers.abort();
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
async fn work(store: SqliteStore, usp: Usp<SqliteStore>, clock: Clock) {
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
            }
        }
    }
}

async fn sign_in_link(
    store: &SqliteStore,
    clock: &Clock,
    config: &Config,
    listeners: &Listeners,
) -> anyhow::Result<Option<String>> {
    let made = api::auth::ensure_owner(store, TenantId::DEFAULT, clock.utc()).await?;
    let base = connect::http_url(config, listeners);
    Ok(made.map(|made| format!("{base}/sign-in?link={}", made.secret.expose())))
}

fn tls_of(tls: &Tls, ca: &Ca) -> anyhow::Result<ServerTls> {
    let identity = Identity::load(&tls.cert, &tls.key)
        .with_context(|| format!("{} and {}", tls.cert.display(), tls.key.display()))?;
    let roots = roots_of(Some(tls), ca)?;
    // Whether a device must show a certificate is admission's to say: it may be on its way to get one.
    let verifier = DeviceVerifier::new(&roots, false, pki::provider())?;
    Ok(ServerTls::new(&identity, verifier)?)
}

/// CAs of devices: the internal one, and those of the configuration.
fn roots_of(tls: Option<&Tls>, ca: &Ca) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let mut roots = vec![ca.certificate().clone()];
    if let Some(file) = tls.and_then(|tls| tls.client_ca.as_ref()) {
        let pem = std::fs::read(file).with_context(|| file.display().to_string())?;
        roots.extend(pki::pem::certificates(&pem)?);
    }
    Ok(roots)
}

/// What we show to devices that we dial comes from the internal CA, afresh with every start: it is the
/// one CA of which every device that we enrolled knows.
fn dial_options(config: &Config, ca: &Ca, endpoint: &EndpointId) -> anyhow::Result<DialOptions> {
    let names = ServerNames { dns: Vec::new(), ips: Vec::new(), endpoint: Some(endpoint.clone()) };
    let identity = ca.issue_server(&names, Validity::lasting(SystemTime::now(), CONTROLLER_LIFETIME))?;
    let roots = roots_of(config.usp.websocket.tls.as_ref(), ca)?;
    let mdns = discovery::asker(config);
    Ok(DialOptions { retry_seconds: config.dial_retry_seconds(), roots, identity, mdns })
}

/// Issues from the internal CA: the request must name exactly one endpoint.
struct CaIssuer(Ca);

impl Issuer for CaIssuer {
    fn endpoint(&self, request_pem: &str) -> Result<EndpointId, String> {
        subject_of(request_pem).map(|(_, endpoint)| endpoint)
    }

    fn issue(&self, request_pem: &str) -> Result<Issued, String> {
        let (request, endpoint) = subject_of(request_pem)?;
        let validity = Validity::lasting(SystemTime::now(), DEVICE_LIFETIME);
        let chain = self.0.issue_device(&request, &endpoint, validity).map_err(|error| error.to_string())?;
        let leaf = chain.first().ok_or("the CA issued nothing")?;
        Ok(Issued {
            endpoint,
            fingerprint: pki::fingerprint(leaf),
            chain_pem: pki::pem::encode_chain(&chain),
        })
    }
}

fn subject_of(request_pem: &str) -> Result<(CertificateRequest, EndpointId), String> {
    let request = CertificateRequest::parse(request_pem).map_err(|error| error.to_string())?;
    let [endpoint] = request.endpoint_ids.as_slice() else {
        return Err("the request must name exactly one endpoint id".to_owned());
    };
    let endpoint = endpoint.clone();
    Ok((request, endpoint))
}
