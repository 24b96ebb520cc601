//! The audit log: a file of lines in the agent's folder, shown as a `DeviceInfo.VendorLogFile.{i}.`, so that a
//! controller can have it uploaded.
//!
//! A line has the time, who, what, to what, and more: `2026-01-31T12:00:00Z proto::one set
//! Device.LocalAgent.Controller.1.Enable "true"`. What came from peers is escaped. One thread writes; what
//! came together is synced together, so that a burst costs one sync. A full file becomes the old one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use dm::Now;
use engine::{Audit, Auditor};

use crate::limits::{MAX_AUDIT_BYTES, MAX_AUDIT_WAITING};

/// The log of an agent.
#[derive(Debug)]
pub struct AuditLog {
    lines: Mutex<Option<SyncSender<String>>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl AuditLog {
    /// Goes on with the file at this path, or begins it.
    ///
    /// # Errors
    /// When it can't be opened, or there is no thread to be had.
    pub fn open(path: &Path) -> Result<Arc<AuditLog>> {
        let pages = Pages::open(path).with_context(|| format!("{}", path.display()))?;
        let (sender, lines) = sync_channel(MAX_AUDIT_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        let writer = std::thread::Builder::new().name("audit".to_owned());
        let writer =
            writer.spawn(move || write(pages, &lines, &counted)).context("the audit log's thread")?;
        Ok(Arc::new(AuditLog { lines: Mutex::new(Some(sender)), lost, writer: Mutex::new(Some(writer)) }))
    }

    /// Ends it: ready when everything is written and synced. What comes later is left out.
    pub fn close(&self) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

impl Auditor for AuditLog {
    fn note(&self, now: Now, entry: Audit) {
        let line = line(now, &entry);
        if let Some(lines) = &*self.lines.lock().unwrap_or_else(PoisonError::into_inner)
            && lines.try_send(line).is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An entry as it is written, with the end of its line.
pub fn line(now: Now, entry: &Audit) -> String {
    let time = now.utc.map_or_else(|| "-".to_owned(), |utc| utc.to_string());
    let by = entry.by.as_ref().map_or("agent", |by| by.as_str()).escape_debug();
    let (deed, subject) = (entry.deed.name(), entry.subject.escape_debug());
    let subject = if entry.subject.is_empty() { "-".to_owned() } else { subject.to_string() };
    match entry.detail.is_empty() {
        true => format!("{time} {by} {deed} {subject}\n"),
        false => format!("{time} {by} {deed} {subject} \"{}\"\n", entry.detail.escape_debug()),
    }
}

/// Where the old file is: beside the new one.
pub fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// Writes what comes, and syncs when nothing more is there to be written.
fn write(mut pages: Pages, lines: &Receiver<String>, lost: &AtomicU64) {
    while let Ok(first) = lines.recv() {
        let waiting = std::iter::once(first).chain(lines.try_iter());
        let mut written: std::io::Result<()> = Ok(());
        for line in waiting.take(MAX_AUDIT_WAITING) {
            written = written.and(pages.append(&line));
        }
        let left_out = lost.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            written =
                written.and(pages.append(&format!("- agent refused - \"{left_out} entries left out\"\n")));
        }
        if let Err(error) = written.and_then(|()| pages.file.sync_data()) {
            tracing::error!(%error, "the audit log can't be written");
        }
    }
}

/// The file and the one before it.
struct Pages {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Pages {
    fn open(path: &Path) -> std::io::Result<Pages> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = File::options().create(true).append(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        Ok(Pages { path: path.to_owned(), file, length })
    }

    fn append(&mut self, line: &str) -> std::io::Result<()> {
        let more = line.len() as u64;
        if self.length > 0 && self.length + more > MAX_AUDIT_BYTES {
            self.file.sync_data()?;
            fs::rename(&self.path, old(&self.path))?;
            *self = Pages::open(&self.path)?;
        }
        self.file.write_all(line.as_bytes())?;
        self.length += more;
        Ok(())
    }
}
