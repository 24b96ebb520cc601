//! The agent's memory: what must survive a restart, written before anyone is told that it was done.
//!
//! Appending costs a copy into memory. One thread writes what has gathered as one frame, syncs, and
//! tells the [`OnSync`] listeners up to which [`Position`] all is on stable storage: whoever answers a
//! request waits for that. When the file is mostly history it is written anew and renamed into place.
//! After a failed write or sync nothing more is ever reported as durable; the process has to start again.

mod entry;
mod files;
mod frame;
mod live;
mod tail;
mod thread;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

pub use entry::{Entry, Lexical};
pub(crate) use entry::{UNDO, of_text as entries_of_text, to_text as entries_to_text};
pub use files::{FileLayer, Folder, LayerFile};
pub use live::{Live, Remembered};

use crate::limits::{MAX_UNSYNCED_BYTES, MAX_UNSYNCED_OWN_BYTES};

/// Where in the order of appends something stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Position(u64);

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk.
    #[error("the journal: {0}")]
    Io(#[from] io::Error),
    /// Not a journal, or of a later version.
    #[error("the journal file has an unknown format")]
    Format,
    /// Something other than a torn tail.
    #[error("the journal file is damaged at byte {at}")]
    Damaged {
        /// Where the first bad frame begins.
        at: usize,
    },
    /// An earlier write or sync failed.
    #[error("the journal cannot be written any more: {0}")]
    Failed(String),
    /// More is waiting for the disk than may.
    #[error("too much is waiting for the disk")]
    Full,
}

/// Told when more is on stable storage. Called from the journal's thread; must not block.
pub trait OnSync: Send + Sync {
    /// Everything up to `position` is durable.
    fn synced(&self, position: Position);
    /// Nothing more ever will be.
    fn failed(&self);
}

/// How much work a journal has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Appends since it was opened.
    pub appends: u64,
    /// Syncs of the file: fewer than appends when they come in groups.
    pub syncs: u64,
    /// Rewrites of the file.
    pub compactions: u64,
}

/// A journal. Clones are the same journal; the last one writes out what is left.
#[derive(Clone, Debug)]
pub struct Journal(Option<Arc<Open>>);

#[derive(Debug)]
struct Open {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// The thread waits on it for work, and [`Journal::flush`] for syncs.
    turn: Condvar,
}

struct State {
    live: Live,
    /// An open frame.
    buffer: Vec<u8>,
    appended: u64,
    synced: u64,
    /// Write the file anew instead of appending.
    rewrite: bool,
    failed: Option<String>,
    closing: bool,
    listeners: Vec<Weak<dyn OnSync>>,
    syncs: u64,
    compactions: u64,
}

impl Journal {
    /// Remembers nothing and is always synced: for simulated devices.
    pub fn memory() -> Journal {
        Journal(None)
    }

    /// Reads what is remembered, cuts a torn tail off, and starts the thread.
    ///
    /// # Errors
    /// When the files cannot be read, are of another format, or are damaged elsewhere than at the end.
    pub fn open(files: impl FileLayer) -> Result<Journal, JournalError> {
        let (writer, live) = thread::Writer::open(Box::new(files))?;
        let state = State {
            live,
            buffer: frame::open_frame(),
            appended: 0,
            synced: 0,
            rewrite: false,
            failed: None,
            closing: false,
            listeners: Vec::new(),
            syncs: 0,
            compactions: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), turn: Condvar::new() });
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn({
            let shared = shared.clone();
            move || writer.run(&shared)
        })?;
        Ok(Journal(Some(Arc::new(Open { shared, thread: Some(thread) }))))
    }

    /// Whether it forgets.
    pub fn is_memory(&self) -> bool {
        self.0.is_none()
    }

    /// What is remembered now, synced or not.
    pub fn live(&self) -> Live {
        self.0.as_ref().map(|open| open.shared.lock().live.clone()).unwrap_or_default()
    }

    /// One fact about the agent itself.
    pub fn meta(&self, key: &str) -> Option<String> {
        self.0.as_ref()?.shared.lock().live.meta.get(key).cloned()
    }

    /// The facts about the agent itself whose names begin like this, in the order of their names.
    pub(crate) fn metas(&self, prefix: &str) -> Vec<(String, String)> {
        let Some(open) = &self.0 else { return Vec::new() };
        let shared = open.shared.lock();
        let named =
            shared.live.meta.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        named.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Remembers entries, all or none, without waiting for the disk.
    ///
    /// # Errors
    /// When the disk has failed, or too much is waiting for it; then nothing is remembered.
    pub fn append(&self, entries: &[Entry]) -> Result<Position, JournalError> {
        self.append_within(MAX_UNSYNCED_BYTES, entries)
    }

    /// The same for what has happened already and can't be refused: there is room for it where
    /// [`Journal::append`] is full.
    ///
    /// # Errors
    /// As for [`Journal::append`].
    pub fn append_own(&self, entries: &[Entry]) -> Result<Position, JournalError> {
        self.append_within(MAX_UNSYNCED_OWN_BYTES, entries)
    }

    fn append_within(&self, limit: usize, entries: &[Entry]) -> Result<Position, JournalError> {
        let Some(open) = &self.0 else { return Ok(Position(0)) };
        let mut state = open.shared.lock();
        if let Some(reason) = &state.failed {
            return Err(JournalError::Failed(reason.clone()));
        }
        if entries.is_empty() {
            return Ok(Position(state.appended));
        }
        let before = state.buffer.len();
        for entry in entries {
            entry.write(&mut state.buffer);
        }
        if state.buffer.len() > limit {
            state.buffer.truncate(before);
            return Err(JournalError::Full);
        }
        for entry in entries {
            state.live.take(entry);
        }
        state.appended += 1;
        open.shared.turn.notify_all();
        Ok(Position(state.appended))
    }

    /// Forgets everything but these entries.
    ///
    /// # Errors
    /// When the disk has failed.
    pub fn reset(&self, entries: &[Entry]) -> Result<Position, JournalError> {
        let Some(open) = &self.0 else { return Ok(Position(0)) };
        let mut state = open.shared.lock();
        if let Some(reason) = &state.failed {
            return Err(JournalError::Failed(reason.clone()));
        }
        state.live = Live::default();
        for entry in entries {
            state.live.take(entry);
        }
        state.buffer.truncate(frame::FRAME_HEAD);
        state.rewrite = true;
        state.appended += 1;
        open.shared.turn.notify_all();
        Ok(Position(state.appended))
    }

    /// Whether everything up to `position` is on stable storage.
    pub fn is_synced(&self, position: Position) -> bool {
        self.0.as_ref().is_none_or(|open| open.shared.lock().synced >= position.0)
    }

    /// Where the last append stands.
    pub fn appended(&self) -> Position {
        self.0.as_ref().map(|open| Position(open.shared.lock().appended)).unwrap_or_default()
    }

    /// Why nothing can be written any more, if so.
    pub fn failure(&self) -> Option<String> {
        self.0.as_ref()?.shared.lock().failed.clone()
    }

    /// Adds a listener; it is held weakly.
    pub fn listen(&self, listener: Weak<dyn OnSync>) {
        if let Some(open) = &self.0 {
            let mut state = open.shared.lock();
            state.listeners.retain(|known| known.strong_count() > 0);
            state.listeners.push(listener);
        }
    }

    /// Blocks until everything appended so far is on stable storage.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn flush(&self) -> Result<(), JournalError> {
        let Some(open) = &self.0 else { return Ok(()) };
        let mut state = open.shared.lock();
        let target = state.appended;
        while state.synced < target {
            if let Some(reason) = &state.failed {
                return Err(JournalError::Failed(reason.clone()));
            }
            state = open.shared.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        let Some(open) = &self.0 else { return Stats::default() };
        let state = open.shared.lock();
        Stats { appends: state.appended, syncs: state.syncs, compactions: state.compactions }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.turn.notify_all();
        // A listener may have held the last journal, and then this is the journal's own thread.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is only changed by code that does not panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
