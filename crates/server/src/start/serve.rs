//! Serving until told to stop: the tasks that a server is made of, and what happens without anybody asking.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fleet::ids::Seq;
use fleet::port::{Prune, Store as _, Write, Written};
use store::SqliteStore;
use tokio::sync::watch;

use super::Server;
use crate::clock::Clock;
use crate::http;
use crate::trust::Reload;
use crate::usp::{Usp, dial};

/// How often overdue jobs, and lanes that came to a halt, are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);
/// How often rows past their retention are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

impl Server {
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
            let running = advertiser.run(async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            tokio::spawn(tasks.clone().once("mDNS", running))
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
