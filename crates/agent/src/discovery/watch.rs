//! Noticing that the hook has left or taken away a lease.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::kernel;

/// A folder that is watched.
#[derive(Debug)]
pub(super) struct Watch(AsyncFd<OwnedFd>);

impl Watch {
    /// Watches a folder for files that are renamed into it and removed from it, from now on.
    ///
    /// # Errors
    /// When there is no such folder, or the system has no more watches.
    pub(super) fn new(folder: &Path) -> io::Result<Watch> {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
        let events = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::DELETE;
        inotify::add_watch(&watch, folder, events | inotify::WatchFlags::ONLYDIR)?;
        Ok(Watch(kernel::watch_reading(watch)?))
    }

    /// Ready when something has happened since the last call.
    ///
    /// # Errors
    /// When the watch is lost.
    pub(super) async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            match drain(self.0.get_ref()) {
                Ok(true) => return Ok(()),
                Ok(false) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Reads whatever there is; what exactly happened does not matter.
fn drain(watch: &OwnedFd) -> Result<bool, Errno> {
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut reader = inotify::Reader::new(watch, &mut buffer);
    let mut some = false;
    loop {
        match reader.next() {
            Ok(_) => some = true,
            Err(Errno::WOULDBLOCK) => return Ok(some),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}
