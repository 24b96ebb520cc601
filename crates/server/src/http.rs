//! The HTTP listener: its own accept loop with limits on connections, TLS, and time-outs for heads, bodies and
//! answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Recognised;

use axum::Router;
use axum::body::Body;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use mtp::Cause;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tower_http::timeout::TimeoutBody;

use crate::clock::Clock;
use crate::doors::Doors;
use crate::metrics::Metrics;
use crate::pace::Paced;

/// How long connections may finish what they are doing when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How the listener behaves.
pub(crate) struct Options {
    /// More connections than these wait in the kernel's queue.
    pub(crate) max_connections: usize,
    /// How long the handshake and each request's head may take, a pause in a body, and waiting for who reads an answer.
    pub(crate) patience: Duration,
    /// What strangers may cost.
    pub(crate) doors: Doors,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
}

/// Serves until `stop` turns true; then connections finish their request.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    router: Router,
    options: Options,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(options.max_connections));
    let acceptor = tls.map(TlsAcceptor::from);
    let options = Arc::new(options);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place.expect("it is never closed"),
            () = told(&mut stop) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stop) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let Some(visit) = Visit::begin(&options, peer) else { continue };
                let (router, acceptor, stop) = (router.clone(), acceptor.clone(), stop.clone());
                tokio::spawn(async move {
                    let _ = socket.set_nodelay(true);
                    match acceptor {
                        None => connection(socket, visit, router, stop, place).await,
                        Some(acceptor) => {
                            match timeout(visit.options.patience, acceptor.accept(socket)).await {
                                Ok(Ok(stream)) => connection(stream, visit, router, stop, place).await,
                                Ok(Err(error)) => visit.refused(Cause::Tls, &error.to_string()),
                                Err(_) => visit.refused(Cause::TimeOut, "the TLS handshake took too long"),
                            }
                        }
                    }
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
    let all = u32::try_from(options.max_connections).unwrap_or(u32::MAX);
    let _ = timeout(DRAIN, places.acquire_many(all)).await;
}

/// Done when the server is told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Out of descriptors, most likely: trying again at once would only burn the processor.
async fn accept_failed(error: &io::Error) {
    tracing::warn!(%error, "accepting an HTTP connection failed");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// A connection as its address is charged for it.
struct Visit {
    options: Arc<Options>,
    peer: SocketAddr,
    recognised: Recognised,
}

impl Visit {
    /// `None` when the address has too many already that proved nothing.
    fn begin(options: &Arc<Options>, peer: SocketAddr) -> Option<Visit> {
        let visit = Visit { options: Arc::clone(options), peer, recognised: Recognised::default() };
        if options.doors.knock(peer.ip(), options.clock.now().mono) {
            return Some(visit);
        }
        visit.refused(Cause::Rate, "too many connections of this address that have proven nothing");
        None
    }

    fn refused(&self, cause: Cause, why: &str) {
        self.options.metrics.refused.inc();
        self.options.metrics.refused_for(cause);
        tracing::debug!(peer = %self.peer, cause = cause.as_str(), why, "HTTP connection");
    }
}

impl Drop for Visit {
    /// Who was signed in costs the address nothing.
    fn drop(&mut self) {
        if self.recognised.get() {
            self.options.doors.welcome(self.peer.ip(), self.options.clock.now().mono);
        }
    }
}

async fn connection<IO>(
    stream: IO,
    visit: Visit,
    router: Router,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (peer, patience) = (visit.peer, visit.options.patience);
    let recognised = visit.recognised.clone();
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(api::Peer(peer.ip()));
        request.extensions_mut().insert(recognised.clone());
        // A body that comes to a halt must not keep its connection for ever.
        request.map(|body| Body::new(TimeoutBody::new(patience, body)))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(Paced::new(stream, patience)), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "HTTP connection");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_the_answer_is_left() {
        let limits = crate::config::Limits::default();
        let (doors, clock, metrics) = (Doors::new(&limits), Clock::start(), Arc::new(Metrics::default()));
        let patience = Duration::from_secs(10);
        let options = Arc::new(Options { max_connections: 1, patience, doors, clock, metrics });
        let visit = Visit::begin(&options, ([127, 0, 0, 1], 1).into()).expect("the first one");
        let router = Router::new().route("/", get(|| async { vec![0_u8; 1 << 20] }));
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.expect("it is open");
        let (_stop, stopped) = watch::channel(false);
        let (near, mut far) = duplex(4096);
        far.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is taken");
        let began = tokio::time::Instant::now();
        let served = timeout(patience * 100, connection(near, visit, router, stopped, place)).await;
        assert!(served.is_ok(), "the connection ends");
        assert_eq!(began.elapsed().as_secs(), 10);
    }
}
