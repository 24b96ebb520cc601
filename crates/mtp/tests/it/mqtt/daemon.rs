//! Debian's mosquitto on a loopback port of its own, with its own folder. It ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::ports::free_port;

/// How often it is started before something is wrong with more than its port.
const TRIES: u32 = 10;

/// A running broker.
pub(crate) struct Mosquitto {
    folder: TempDir,
    child: Child,
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
}

impl Mosquitto {
    /// Starts one with these lines of configuration besides its listener's; `files` are written into its
    /// folder before, and `DIR` in lines stands for it.
    ///
    /// A missing mosquitto fails the test: install the package of that name.
    pub(crate) fn start(lines: &str, files: &[(&str, &str)]) -> Mosquitto {
        Mosquitto::start_with(|| lines.to_owned(), files)
    }

    /// The same, with lines of their own for each attempt.
    fn start_with(mut lines: impl FnMut() -> String, files: &[(&str, &str)]) -> Mosquitto {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let dir = folder.path().to_str().unwrap();
        // Somebody else may take a port before the daemon does: then the next one is tried.
        for _ in 0..TRIES {
            let port = free_port();
            std::fs::write(folder.path().join("lines"), lines().replace("DIR", dir)).unwrap();
            if let Some(child) = launch(folder.path(), port) {
                return Mosquitto { folder, child, port };
            }
        }
        panic!("mosquitto does not start");
    }

    /// One that listens for WebSockets, too; their port. Debian's does not start with that listener alone.
    pub(crate) fn with_websockets() -> (Mosquitto, u16) {
        let mut port = 0;
        let lines = || {
            port = free_port();
            format!("allow_anonymous true\nlistener {port} 127.0.0.1\nprotocol websockets\n")
        };
        (Mosquitto::start_with(lines, &[]), port)
    }

    /// Kills it, and starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let again = (0..TRIES).find_map(|_| launch(self.folder.path(), self.port));
        self.child = again.expect("mosquitto starts again");
    }

    /// The path of a file in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Kills it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it says that it runs; None when it ended instead.
fn launch(folder: &Path, port: u16) -> Option<Child> {
    let lines = std::fs::read_to_string(folder.join("lines")).unwrap();
    let own = "per_listener_settings false\npersistence false\nlog_dest stderr\nlog_type all\n";
    let config = folder.join("mosquitto.conf");
    // TLS lines belong to a listener, and must come after it.
    std::fs::write(&config, format!("{own}user root\nlistener {port} 127.0.0.1\n{lines}")).unwrap();
    let mut child = Command::new(program())
        .arg("-c")
        .arg(&config)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("mosquitto (Debian package mosquitto) is needed for this test");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while said.read_line(&mut line).unwrap_or(0) > 0 {
        if line.trim_end().ends_with("running") {
            // It stalls when nobody reads what it says.
            std::thread::spawn(move || {
                let mut rest = [0; 4096];
                while said.read(&mut rest).is_ok_and(|n| n > 0) {}
            });
            return Some(child);
        }
        line.clear();
    }
    let _ = child.wait();
    None
}

/// Debian puts it where only root's PATH looks.
fn program() -> PathBuf {
    let installed = Path::new("/usr/sbin/mosquitto");
    if installed.exists() { installed.into() } else { "mosquitto".into() }
}
