//! The HTTP listener: its own accept loop with a limit on connections, TLS, and a time-out for heads.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// How long the handshake and each request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connections may finish what they are doing when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `stop` turns true; then connections finish their request.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    router: Router,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(max_connections));
    let acceptor = tls.map(TlsAcceptor::from);
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
                let (router, acceptor, stop) = (router.clone(), acceptor.clone(), stop.clone());
                tokio::spawn(async move {
                    let _ = socket.set_nodelay(true);
                    match acceptor {
                        None => connection(socket, peer, router, stop, place).await,
                        Some(acceptor) => match timeout(HEAD_TIMEOUT, acceptor.accept(socket)).await {
                            Ok(Ok(stream)) => connection(stream, peer, router, stop, place).await,
                            Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake"),
                            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
                        },
                    }
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
    let all = u32::try_from(max_connections).unwrap_or(u32::MAX);
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

async fn connection<IO>(
    stream: IO,
    peer: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(api::Peer(peer.ip()));
        request
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
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
