//! The seam to the disk: so few calls that a test can stand in for it and lose what was not synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder with a few files. What was written is on stable storage only after [`LayerFile::sync`], a
/// name only after [`FileLayer::sync_names`].
pub trait FileLayer: Send + 'static {
    /// The whole file, or `None` if there is no such name.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// An existing file, cut to `len` bytes, to be appended to.
    fn open(&self, name: &str, len: u64) -> io::Result<Box<dyn LayerFile>>;
    /// An empty file, whether or not there was one.
    fn create(&self, name: &str) -> io::Result<Box<dyn LayerFile>>;
    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes names durable.
    fn sync_names(&self) -> io::Result<()>;
}

/// An open file.
pub trait LayerFile: Send {
    /// Writes all bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written durable, length included.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system, used by one process at a time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the lock while it is open.
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, readable by its owner only, and locks it.
    ///
    /// # Errors
    /// `WouldBlock` when another process has it.
    pub fn open(path: &Path) -> io::Result<Folder> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let lock = private().write(true).create(true).truncate(false).open(path.join("lock"))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Folder { path: path.to_owned(), _lock: lock })
    }
}

impl FileLayer for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&self, name: &str, len: u64) -> io::Result<Box<dyn LayerFile>> {
        let file = private().append(true).open(self.path.join(name))?;
        file.set_len(len)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LayerFile>> {
        let file = private().write(true).create(true).truncate(true).open(self.path.join(name))?;
        Ok(Box::new(DiskFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

struct DiskFile(File);

impl LayerFile for DiskFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// `fdatasync` keeps the length with the data, and leaves out times that nobody asks for.
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
