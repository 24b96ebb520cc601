//! The journal's thread: groups of entries to frames, frames to the disk, compaction.

use std::io;
use std::sync::{Arc, PoisonError, Weak};

use super::entry::Entry;
use super::files::{FileLayer, LayerFile};
use super::frame::{FRAME_HEAD, HEADER, open_frame, scan, seal};
use super::live::Live;
use super::{JournalError, OnSync, Position, Shared, State};
use crate::limits::{COMPACTION_FLOOR, COMPACTION_RATIO};

const NAME: &str = "journal";
const FRESH_NAME: &str = "journal.new";

/// Bytes of a frame in a rewritten file: more is split, so that no frame outgrows its limit.
const SNAPSHOT_FRAME: usize = 1 << 20;

/// The file and how long it is.
pub(super) struct Writer {
    files: Box<dyn FileLayer>,
    file: Box<dyn LayerFile>,
    len: u64,
    /// Length after the last rewrite.
    base: u64,
}

/// What the thread found to do.
struct Work {
    /// A sealed frame, or nothing.
    frame: Option<Vec<u8>>,
    /// Everything, if the file is to be written anew; it covers the frame.
    snapshot: Option<Vec<Entry>>,
    target: u64,
}

impl Writer {
    pub(super) fn open(files: Box<dyn FileLayer>) -> Result<(Writer, Live), JournalError> {
        let mut live = Live::default();
        let bytes = files.read(NAME)?.unwrap_or_default();
        // The first file, too, comes by rename, so a file without its header was never a journal.
        if bytes.is_empty() {
            let (file, len) = write_whole(files.as_ref(), &[])?;
            return Ok((Writer { files, file, len, base: len }, live));
        }
        if !bytes.starts_with(HEADER) {
            return Err(JournalError::Format);
        }
        let scan = scan(&bytes);
        if scan.damaged {
            return Err(JournalError::Damaged { at: scan.len });
        }
        let mut at = HEADER.len();
        for mut payload in scan.frames {
            let end = at + FRAME_HEAD + payload.len();
            while !payload.is_empty() {
                let entry = Entry::read(&mut payload).ok_or(JournalError::Damaged { at })?;
                live.take(&entry);
            }
            at = end;
        }
        let len = scan.len as u64;
        let mut file = files.open(NAME, len)?;
        // A cut tail must not come back behind frames that are written from now on.
        file.sync()?;
        Ok((Writer { files, file, len, base: 0 }, live))
    }

    pub(super) fn run(mut self, shared: &Arc<Shared>) {
        while let Some(work) = self.wait(shared) {
            let compacts = work.snapshot.is_some();
            let target = work.target;
            match self.write(work) {
                Ok(()) => tell(shared, |state| {
                    state.synced = target;
                    state.syncs += 1;
                    state.compactions += u64::from(compacts);
                }),
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be written");
                    return tell(shared, |state| state.failed = Some(error.to_string()));
                }
            }
        }
    }

    /// Waits for entries; `None` when the journal was closed and nothing is left.
    fn wait(&self, shared: &Shared) -> Option<Work> {
        let mut state = shared.lock();
        while state.buffer.len() == FRAME_HEAD && !state.rewrite {
            if state.closing {
                return None;
            }
            state = shared.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut frame = std::mem::replace(&mut state.buffer, open_frame());
        let rewrite = std::mem::take(&mut state.rewrite);
        let grown = self.len + frame.len() as u64;
        let garbage = grown > COMPACTION_FLOOR.max(self.base * COMPACTION_RATIO);
        let snapshot = (rewrite || garbage).then(|| state.live.entries());
        let target = state.appended;
        drop(state);
        let frame = (frame.len() > FRAME_HEAD).then(|| {
            seal(&mut frame);
            frame
        });
        Some(Work { frame, snapshot, target })
    }

    fn write(&mut self, work: Work) -> io::Result<()> {
        if let Some(entries) = work.snapshot {
            (self.file, self.len) = write_whole(self.files.as_ref(), &entries)?;
            self.base = self.len;
        } else if let Some(frame) = work.frame {
            self.file.append(&frame)?;
            self.file.sync()?;
            self.len += frame.len() as u64;
        }
        Ok(())
    }
}

/// Writes a file with these entries and puts it in the journal's place.
fn write_whole(files: &dyn FileLayer, entries: &[Entry]) -> io::Result<(Box<dyn LayerFile>, u64)> {
    let mut file = files.create(FRESH_NAME)?;
    let mut bytes = HEADER.to_vec();
    let mut frame = open_frame();
    for (index, entry) in entries.iter().enumerate() {
        entry.write(&mut frame);
        if frame.len() >= SNAPSHOT_FRAME || index + 1 == entries.len() {
            seal(&mut frame);
            bytes.extend_from_slice(&frame);
            frame = open_frame();
        }
    }
    file.append(&bytes)?;
    file.sync()?;
    files.rename(FRESH_NAME, NAME)?;
    files.sync_names()?;
    Ok((file, bytes.len() as u64))
}

/// Changes the state, wakes those who wait for it, and tells the listeners.
fn tell(shared: &Shared, change: impl FnOnce(&mut State)) {
    let mut state = shared.lock();
    change(&mut state);
    let position = Position(state.synced);
    let failed = state.failed.is_some();
    let listeners: Vec<Arc<dyn OnSync>> = state.listeners.iter().filter_map(Weak::upgrade).collect();
    drop(state);
    shared.turn.notify_all();
    for listener in listeners {
        if failed { listener.failed() } else { listener.synced(position) }
    }
}
