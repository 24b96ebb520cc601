//! `cusp serve`: the configuration, the log, the signals; the server itself is a library.

use std::future::Future;
use std::io::{self, IsTerminal};

use anyhow::Context;
use server::{Config, Reload, Server};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::ServeArgs;
use crate::client::Failure;
use crate::{admin, output};

/// `cusp serve`.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = admin::load(&args.local)?;
    log("info")?;
    runtime()?.block_on(async {
        let stop = stop()?;
        let server = start(&config).await?;
        let reloading = tokio::spawn(reload_on_hangup(server.reloading(), signal(SignalKind::hangup())?));
        server.run_until(stop).await;
        reloading.abort();
        Ok(())
    })
}

/// Takes certificates, CAs and lists of revoked certificates as their files are, at each SIGHUP.
async fn reload_on_hangup(reload: Reload, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        if let Err(error) = reload.reload().await {
            tracing::error!(error = format!("{error:#}"), "nothing was read again");
        }
    }
}

/// Opens everything, and says where.
///
/// # Errors
/// What can't be opened.
pub(crate) async fn start(config: &Config) -> Result<Server, Failure> {
    let server = Server::start(config).await?;
    let scheme = if config.http.tls.is_some() { "https" } else { "http" };
    output::note(&format!("Cusp is at {scheme}://{}", server.listeners.http));
    if let Some(link) = &server.sign_in {
        output::note(&format!("Sign in, once, at {link}"));
    }
    Ok(server)
}

/// The threads of a server, or of a simulated fleet.
///
/// # Errors
/// What the system says.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    // A huge page stays resident as long as one small session lives in it. Where they can't be switched
    // off, the process is larger.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Done at the first SIGINT or SIGTERM.
///
/// # Errors
/// When signals can't be caught.
pub(crate) fn stop() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// The log, to standard error: `CUSP_LOG` says what (`debug`, `server=debug,info`), `CUSP_LOG_FORMAT=json` how.
///
/// # Errors
/// When `CUSP_LOG` is not understood.
pub(crate) fn log(default: &str) -> Result<(), Failure> {
    let wanted = std::env::var("CUSP_LOG").unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&wanted).with_context(|| format!("CUSP_LOG={wanted}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    if std::env::var("CUSP_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.init();
    }
    Ok(())
}
