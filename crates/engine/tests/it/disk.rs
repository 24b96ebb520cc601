//! A disk that loses what was not synced when the power is cut, at any operation, and whose syncs can be
//! held up.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use engine::journal::{FileLayer, LayerFile};

#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    released: Condvar,
    reached: Condvar,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    files: Vec<Data>,
    operations: usize,
    cut_after: Option<usize>,
    held: bool,
    /// Somebody waits in a sync that is held.
    waits: bool,
}

#[derive(Clone, Default)]
struct Data {
    written: Vec<u8>,
    synced: Vec<u8>,
}

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leftover {
    /// Of the bytes behind the synced ones: none (0), half (1), all (2).
    pub(crate) tail: usize,
    /// Whether renames that were not synced happened.
    pub(crate) names: bool,
}

impl Disk {
    /// The power fails at the operation after the next `count`.
    pub(crate) fn cut_after(&self, count: usize) {
        let mut state = self.state();
        state.operations = 0;
        state.cut_after = Some(count);
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> usize {
        self.state().operations
    }

    /// The power is back.
    pub(crate) fn restart(&self, leftover: Leftover) {
        let mut state = self.state();
        state.cut_after = None;
        state.held = false;
        for file in &mut state.files {
            let kept = match file.written.strip_prefix(file.synced.as_slice()) {
                Some(tail) => tail.len() * leftover.tail / 2,
                None => 0,
            };
            let end = file.synced.len() + kept;
            let after = if kept > 0 { file.written[..end].to_vec() } else { file.synced.clone() };
            *file = Data { written: after.clone(), synced: after };
        }
        if leftover.names {
            state.synced_names = state.names.clone();
        } else {
            state.names = state.synced_names.clone();
        }
    }

    /// Syncs wait until this is dropped.
    pub(crate) fn hold(&self) -> Held {
        self.state().held = true;
        Held(self.clone())
    }

    /// Changes one byte of the journal for good.
    pub(crate) fn flip(&self, at: usize) {
        let mut state = self.state();
        let id = state.names["journal"];
        state.files[id].written[at] ^= 0x40;
        state.files[id].synced = state.files[id].written.clone();
    }

    /// The journal's bytes.
    pub(crate) fn journal(&self) -> Vec<u8> {
        let state = self.state();
        state.files[state.names["journal"]].written.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.cut_after == Some(state.operations) {
            return Err(io::Error::other("the power is off"));
        }
        state.operations += 1;
        Ok(state)
    }
}

impl FileLayer for Disk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        Ok(state.names.get(name).map(|id| state.files[*id].written.clone()))
    }

    fn open(&self, name: &str, len: u64) -> io::Result<Box<dyn LayerFile>> {
        let mut state = self.operate()?;
        let id = state.names[name];
        state.files[id].written.truncate(usize::try_from(len).unwrap());
        Ok(Box::new(Handle { disk: self.clone(), id }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LayerFile>> {
        let mut state = self.operate()?;
        let id = state.files.len();
        state.files.push(Data::default());
        state.names.insert(name.to_owned(), id);
        Ok(Box::new(Handle { disk: self.clone(), id }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        let id = state.names.remove(from).unwrap();
        state.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.operate()?;
        state.synced_names = state.names.clone();
        Ok(())
    }
}

pub(crate) struct Held(Disk);

impl Held {
    /// Waits until a sync has come that waits in turn: until its end the journal's thread takes nothing.
    pub(crate) fn until_reached(&self) {
        let mut state = self.0.state();
        while !state.waits {
            state = self.0.0.reached.wait(state).unwrap();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().held = false;
        self.0.0.released.notify_all();
    }
}

struct Handle {
    disk: Disk,
    id: usize,
}

impl LayerFile for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.operate()?;
        state.files[self.id].written.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.operate()?;
        while state.held {
            state.waits = true;
            self.disk.0.reached.notify_all();
            state = self.disk.0.released.wait(state).unwrap();
        }
        state.waits = false;
        let file = &mut state.files[self.id];
        file.synced = file.written.clone();
        Ok(())
    }
}
