//! The one thread that writes. It takes what has gathered while the last commit was under way, does one write
//! after the other, commits once, and then answers all of them. What fails has changed nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use fleet::ids::Seq;
use fleet::port::{Seal, StoreError, Write, Written};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::dictionary::Dictionary;
use crate::error::{Fail, Res};
use crate::write::{Tx, perform};
use crate::{Error, limits};

type Answer = Result<Written, StoreError>;

struct Request {
    write: Write,
    answer: oneshot::Sender<Answer>,
}

/// The way to the writing thread.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
    positions: watch::Receiver<Seq>,
}

#[derive(Default)]
struct Counts {
    commits: AtomicU64,
    writes: AtomicU64,
    /// Why the last commit failed, if it did.
    failed: Mutex<Option<StoreError>>,
}

impl Counts {
    fn failed(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    pub(crate) fn start(connection: Connection, seal: Arc<dyn Seal>) -> Result<Self, Error> {
        let (queue, requests) = mpsc::channel(limits::QUEUE);
        let (position, positions) = watch::channel(crate::read::events::last(&connection)?);
        let counts = Arc::new(Counts::default());
        let worker = Worker {
            connection,
            dictionary: Dictionary::default(),
            seal,
            counts: Arc::clone(&counts),
            position,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || worker.run(requests))
            .map_err(|why| Error::Io { path: "store-writer".into(), why })?;
        Ok(Writer { queue: Some(queue), thread: Some(thread), counts, positions })
    }

    pub(crate) async fn submit(&self, write: Write) -> Answer {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(Request { write, answer }).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// What the last commit came to; closed if there is nobody to make another.
    pub(crate) fn ready(&self) -> Result<(), StoreError> {
        match &self.queue {
            Some(queue) if !queue.is_closed() => self.counts.failed().clone().map_or(Ok(()), Err),
            _ => Err(StoreError::Closed),
        }
    }

    pub(crate) fn positions(&self) -> watch::Receiver<Seq> {
        self.positions.clone()
    }

    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.counts.commits.load(Ordering::Relaxed), self.counts.writes.load(Ordering::Relaxed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        // The last clone may be dropped on the writing thread's own waker; it can't wait for itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

struct Worker {
    connection: Connection,
    dictionary: Dictionary,
    seal: Arc<dyn Seal>,
    counts: Arc<Counts>,
    /// How far the durable event log reaches.
    position: watch::Sender<Seq>,
}

impl Worker {
    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut batch = Vec::with_capacity(limits::BATCH);
        while requests.blocking_recv_many(&mut batch, limits::BATCH) > 0 {
            let (writes, answers): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|one| (one.write, one.answer)).unzip();
            let results = self.commit(writes);
            for (answer, result) in answers.into_iter().zip(results) {
                // A caller that has gone away no longer wants its answer; the write stands.
                let _ = answer.send(result);
            }
        }
        if let Err(why) = self.connection.execute_batch("PRAGMA optimize") {
            tracing::warn!(error = %why, "the store could not be optimised at closing");
        }
    }

    /// One transaction for all. If it can't be committed, none of them has happened.
    fn commit(&mut self, writes: Vec<Write>) -> Vec<Answer> {
        let count = writes.len();
        let mut appended = None;
        let outcome = self.transaction(writes, &mut appended);
        if outcome.is_err() {
            self.dictionary.clear();
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        match outcome {
            Ok(results) => {
                if let Some(last) = appended {
                    self.position.send_replace(last);
                }
                self.counts.commits.fetch_add(1, Ordering::Relaxed);
                self.counts.writes.fetch_add(count as u64, Ordering::Relaxed);
                *self.counts.failed() = None;
                results
            }
            Err(fail) => {
                let why = StoreError::from(fail);
                *self.counts.failed() = Some(why.clone());
                vec![Err(why); count]
            }
        }
    }

    /// Without savepoints first: to keep every page that a write touches as it was before that write costs more
    /// than the write, and hardly any fails after it has changed something. If one does, all begin again.
    fn transaction(&mut self, writes: Vec<Write>, appended: &mut Option<Seq>) -> Res<Vec<Answer>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let results = match self.straight(&writes, appended)? {
            Some(results) => results,
            None => {
                self.connection.prepare_cached("ROLLBACK")?.execute([])?;
                self.dictionary.clear();
                *appended = None;
                self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
                writes.into_iter().map(|write| self.savepoint(write, appended)).collect::<Res<_>>()?
            }
        };
        if self.counts.failed().is_some() {
            self.touch()?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(results)
    }

    /// Writes what is there already: a commit that changes nothing would not show whether the medium works again.
    fn touch(&self) -> Res<()> {
        let form: u32 = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        self.connection.pragma_update(None, "user_version", form)?;
        Ok(())
    }

    /// One write after the other; `None` if one failed half done. `Err` only if the transaction as a whole is lost.
    fn straight(&mut self, writes: &[Write], appended: &mut Option<Seq>) -> Res<Option<Vec<Answer>>> {
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            let before = self.connection.total_changes();
            let result = match self.perform(write.clone(), appended) {
                Err(Fail::Sql(why)) if self.connection.is_autocommit() => return Err(Fail::Sql(why)),
                Err(_) if self.connection.total_changes() != before => return Ok(None),
                result => result,
            };
            results.push(result.map_err(StoreError::from));
        }
        Ok(Some(results))
    }

    /// One write, of which nothing stands if it fails. `Err` only if the transaction as a whole is lost.
    fn savepoint(&mut self, write: Write, appended: &mut Option<Seq>) -> Res<Answer> {
        self.connection.prepare_cached("SAVEPOINT one")?.execute([])?;
        let before = *appended;
        let result = self.perform(write, appended);
        if let Err(Fail::Sql(_)) = &result
            && self.connection.is_autocommit()
        {
            // SQLite has given up the whole transaction (a full disk, an unreadable page).
            return result.map(Ok);
        }
        if result.is_err() {
            self.connection.prepare_cached("ROLLBACK TO one")?.execute([])?;
            *appended = before;
            // It may hold paths that this write has just added.
            self.dictionary.clear();
        }
        self.connection.prepare_cached("RELEASE one")?.execute([])?;
        Ok(result.map_err(StoreError::from))
    }

    /// A panic of a write is a failure of that write.
    fn perform(&mut self, write: Write, appended: &mut Option<Seq>) -> Res<Written> {
        let mut tx = Tx {
            connection: &self.connection,
            dictionary: &mut self.dictionary,
            seal: self.seal.as_ref(),
            appended,
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| perform(&mut tx, write)));
        result.unwrap_or_else(|_| Err(Fail::Answer(StoreError::Failed("a write panicked".to_owned()))))
    }
}
