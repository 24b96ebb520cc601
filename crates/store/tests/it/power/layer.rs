//! A SQLite VFS that works like the system's, and keeps beside it what the disk would hold if the power
//! failed: of each file, what had been written before its last sync. It can also be full.
#![expect(unsafe_code, reason = "a VFS is a table of C functions; SQLite calls them with its own pointers")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

const NAME: &CStr = c"power";

/// Everything that the layer knows.
struct State {
    /// By path.
    files: BTreeMap<String, Image>,
    /// Which path an open file of SQLite's is, and the functions that it had.
    open: BTreeMap<usize, (String, Methods)>,
    /// Folders on a disk without room: nothing can be written to their files.
    full: BTreeSet<PathBuf>,
}

/// One file, as the disk has it, and what it has been told since its last sync.
#[derive(Default)]
struct Image {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// The system's functions for a file; they live as long as the process.
#[derive(Clone, Copy)]
struct Methods(&'static ffi::sqlite3_io_methods);

static STATE: Mutex<State> =
    Mutex::new(State { files: BTreeMap::new(), open: BTreeMap::new(), full: BTreeSet::new() });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Truncate(size) => content.resize(*size, 0),
            Change::Write { at, bytes } => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Image {
    /// All that was written before it is on the disk.
    fn sync(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        pending.iter().for_each(|change| change.apply(&mut self.durable));
    }
}

/// Makes the layer known to SQLite, once; its name.
pub(super) fn register() -> &'static str {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default VFS lives as long as the process; a copy of it with two functions replaced is
        // as valid as it is, and is leaked, so that it lives as long too.
        unsafe {
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            let mut layer = *system;
            layer.pNext = std::ptr::null_mut();
            layer.zName = NAME.as_ptr();
            layer.xOpen = Some(open);
            layer.xDelete = Some(delete);
            let code = ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0);
            assert_eq!(code, ffi::SQLITE_OK);
        }
    });
    NAME.to_str().expect("ASCII")
}

/// What the disk holds of `folder` at this moment, written into `to`. `survives` says of each write that
/// was not synced whether the disk has it all the same.
pub(super) fn cut(folder: &Path, to: &Path, mut survives: impl FnMut() -> bool) {
    let state = state();
    for (path, image) in &state.files {
        let path = Path::new(path);
        if path.parent() != Some(folder) {
            continue;
        }
        let mut content = image.durable.clone();
        image.pending.iter().filter(|_| survives()).for_each(|change| change.apply(&mut content));
        let name = path.file_name().expect("a file in the folder");
        std::fs::write(to.join(name), content).expect("writable");
    }
}

/// From now on the disk under `folder` has no room, or has some again.
pub(super) fn fill(folder: &Path, full: bool) {
    let mut state = state();
    if full {
        state.full.insert(folder.to_owned());
    } else {
        state.full.remove(folder);
    }
}

/// Whether an open file lies on a disk without room.
fn is_full(file: *mut ffi::sqlite3_file) -> bool {
    let state = state();
    let (path, _) = state.open.get(&(file as usize)).expect("it was opened here");
    Path::new(path).parent().is_some_and(|folder| state.full.contains(folder))
}

/// The VFS that this one is a copy of.
fn system() -> &'static ffi::sqlite3_vfs {
    // SAFETY: the default VFS is there from SQLite's first call on, and is never removed.
    unsafe { &*ffi::sqlite3_vfs_find(std::ptr::null()) }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let system_open = system().xOpen.expect("every VFS opens files");
    // SAFETY: the arguments are SQLite's own, handed on; on success the file has a table of functions, of
    // which it is given a copy that is leaked: few files are opened.
    unsafe {
        let code = system_open(vfs, name, file, flags, out_flags);
        if code != ffi::SQLITE_OK || name.is_null() || (*file).pMethods.is_null() {
            return code;
        }
        let methods = Methods(&*(*file).pMethods);
        let mut ours = *methods.0;
        ours.xWrite = Some(write);
        ours.xTruncate = Some(truncate);
        ours.xSync = Some(sync);
        ours.xClose = Some(close);
        (*file).pMethods = Box::leak(Box::new(ours));
        let path = CStr::from_ptr(name).to_string_lossy().into_owned();
        let mut state = state();
        state.files.entry(path.clone()).or_default();
        state.open.insert(file as usize, (path, methods));
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    let system_delete = system().xDelete.expect("every VFS deletes files");
    // SAFETY: the arguments are SQLite's own, handed on.
    unsafe {
        state().files.remove(CStr::from_ptr(name).to_string_lossy().as_ref());
        system_delete(vfs, name, sync_dir)
    }
}

/// Notes what a file was told, under the lock, and lets the system do it.
fn note(file: *mut ffi::sqlite3_file, change: impl FnOnce(&mut Image)) -> Methods {
    let mut state = state();
    let (path, methods) = state.open.get(&(file as usize)).cloned().expect("it was opened here");
    change(state.files.entry(path).or_default());
    methods
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    if is_full(file) {
        return ffi::SQLITE_FULL;
    }
    let length = usize::try_from(count).expect("SQLite counts from 0");
    let place = usize::try_from(at).expect("SQLite counts from 0");
    // SAFETY: SQLite hands over `count` bytes; the rest is handed on.
    unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length).to_vec();
        let methods = note(file, |image| image.pending.push(Change::Write { at: place, bytes }));
        methods.0.xWrite.expect("every file is written")(file, from, count, at)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let length = usize::try_from(size).expect("SQLite counts from 0");
    let methods = note(file, |image| image.pending.push(Change::Truncate(length)));
    // SAFETY: the arguments are SQLite's own, handed on.
    unsafe { methods.0.xTruncate.expect("every file is cut")(file, size) }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let methods = note(file, Image::sync);
    // SAFETY: the arguments are SQLite's own, handed on.
    unsafe { methods.0.xSync.expect("every file is synced")(file, flags) }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let (_, methods) = state().open.remove(&(file as usize)).expect("it was opened here");
    // SAFETY: the file gets its own functions back, and is closed by them.
    unsafe {
        (*file).pMethods = methods.0;
        methods.0.xClose.expect("every file is closed")(file)
    }
}
