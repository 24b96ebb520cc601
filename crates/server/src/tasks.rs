//! The tasks that serve everybody for as long as the server runs. A panic of one is counted and said, and what can be
//! begun again is; what can't makes the server unready.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::metrics::Metrics;

/// How long a task rests before it begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// Which of them are down. Clones share it.
#[derive(Clone)]
pub(crate) struct Tasks(Arc<Inner>);

struct Inner {
    metrics: Arc<Metrics>,
    down: Mutex<BTreeSet<String>>,
}

impl Tasks {
    /// None are down; their panics are counted there.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Tasks(Arc::new(Inner { metrics, down: Mutex::default() }))
    }

    /// Runs a task until it is done. One that panics is down for a moment, and begins again.
    pub(crate) async fn keep<F: Future<Output = ()>>(
        self,
        name: impl Into<String>,
        mut task: impl FnMut() -> F,
    ) {
        let name = name.into();
        while self.panics(&name, task()).await {
            self.down().insert(name.clone());
            tokio::time::sleep(PAUSE).await;
            self.down().remove(&name);
        }
    }

    /// Runs a task whose sockets are gone when it ends: from then on it is down.
    pub(crate) async fn once(self, name: impl Into<String>, task: impl Future<Output = ()>) {
        let name = name.into();
        self.panics(&name, task).await;
        self.down().insert(name);
    }

    /// Whether all of them run.
    ///
    /// # Errors
    /// Which do not, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        let down = self.down();
        if down.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = down.iter().map(String::as_str).collect();
        Err(format!("not running: {}", names.join(", ")))
    }

    async fn panics(&self, task: &str, work: impl Future<Output = ()>) -> bool {
        let panicked = AssertUnwindSafe(work).catch_unwind().await.is_err();
        if panicked {
            self.0.metrics.task_panics.inc();
            tracing::error!(task, "a task panicked");
        }
        panicked
    }

    fn down(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    async fn until_down(tasks: &Tasks) -> String {
        loop {
            match tasks.check() {
                Err(why) => return why,
                Ok(()) => tokio::task::yield_now().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_down_for_a_moment_and_begins_again() {
        let (metrics, runs) = (Arc::new(Metrics::default()), Arc::new(AtomicU32::new(0)));
        let (tasks, runs_of_task) = (Tasks::new(Arc::clone(&metrics)), Arc::clone(&runs));
        let kept = tokio::spawn(tasks.clone().keep("the worker", move || {
            let runs = Arc::clone(&runs_of_task);
            async move { assert_ne!(runs.fetch_add(1, Ordering::SeqCst), 0, "injected") }
        }));
        assert_eq!(until_down(&tasks).await, "not running: the worker");
        kept.await.expect("the panic was caught");
        assert_eq!((runs.load(Ordering::SeqCst), metrics.task_panics.get()), (2, 1));
        assert_eq!(tasks.check(), Ok(()));
    }

    #[tokio::test]
    async fn a_task_that_can_t_begin_again_is_down_from_its_end_on() {
        let (metrics, go) = (Arc::new(Metrics::default()), Arc::new(Semaphore::new(0)));
        let tasks = Tasks::new(Arc::clone(&metrics));
        let panics = tokio::spawn(tasks.clone().once("the WebSocket listener", async { panic!("injected") }));
        panics.await.expect("the panic was caught");
        let waits = Arc::clone(&go);
        let ends = tokio::spawn(tasks.clone().once("a broker", async move {
            let _ = waits.acquire().await;
        }));
        assert_eq!(tasks.check(), Err("not running: the WebSocket listener".to_owned()));
        go.close();
        ends.await.expect("it ended");
        assert_eq!(tasks.check(), Err("not running: a broker, the WebSocket listener".to_owned()));
        assert_eq!(metrics.task_panics.get(), 1);
    }
}
