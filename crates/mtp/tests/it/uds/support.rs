//! A listener in a folder of its own, and a peer made of literal bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mtp::uds::{Admission, AdmitLocal, Candidate, Dialer, ListenConfig, Listener};
use mtp::{LinkUp, Role};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{AGENT, CONTROLLER, Events, Recorder, id};

/// Longer than a handshake may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A Handshake of [`AGENT`].
pub(super) const HANDSHAKE: &[u8] = b"_USP\0\0\0\x14\x01\0\0\0\x0fos::00256D-0001";
/// The answer of [`CONTROLLER`].
pub(super) const ANSWER: &[u8] = b"_USP\0\0\0\x17\x01\0\0\0\x12self::controller-1";

/// A running listener; dropping it stops it.
pub(super) struct Host {
    pub(super) events: Events,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Host {
    pub(super) fn start() -> Host {
        Host::with(config(), AdmitLocal)
    }

    pub(super) fn with<A: Admission>(config: ListenConfig, admission: A) -> Host {
        let (handler, events) = Recorder::new();
        Host::with_handler(config, admission, handler, events)
    }

    pub(super) fn with_handler<A: Admission>(
        config: ListenConfig,
        admission: A,
        handler: Arc<Recorder>,
        events: Events,
    ) -> Host {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = Listener::bind(folder.path().join("usp"), config).expect("a socket");
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(listener.run(handler, Arc::new(admission), async move {
            let _ = stopped.await;
        }));
        Host { events, folder, stop: Some(stop), running: Some(running) }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("usp")
    }

    pub(super) fn dialer(&self) -> Dialer {
        Dialer::new(self.path(), id(AGENT), Role::Agent)
    }

    pub(super) async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            running.await.expect("the listener ends in peace");
        }
    }
}

pub(super) fn config() -> ListenConfig {
    ListenConfig::new(id(CONTROLLER), Role::Controller)
}

/// Connects and runs the link in a task of its own.
pub(super) async fn dial(dialer: &Dialer) -> (Events, LinkUp) {
    let (handler, mut events) = Recorder::new();
    let link = dialer.connect().await.expect("the listener lets us in");
    tokio::spawn(async move { link.run(&*handler).await });
    let up = events.up().await;
    (events, up)
}

/// Lets only those in that know the password.
pub(super) struct WithPassword(pub(super) &'static [u8]);

impl Admission for WithPassword {
    async fn admit(&self, candidate: &Candidate) -> Result<(), String> {
        match &candidate.password {
            Some(password) if password == self.0 => Ok(()),
            Some(_) => Err("wrong password".to_owned()),
            None => Err("a password is needed".to_owned()),
        }
    }
}

/// A peer made of literal bytes: what no well-behaved library would send.
pub(super) struct Raw(pub(super) UnixStream);

impl Raw {
    pub(super) async fn connect(path: &Path) -> Raw {
        Raw(UnixStream::connect(path).await.expect("the listener is there"))
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the peer reads");
    }

    /// The next bytes are these.
    pub(super) async fn expect(&mut self, expected: &[u8]) {
        let mut read = vec![0; expected.len()];
        timeout(PATIENCE, self.0.read_exact(&mut read)).await.expect("in time").expect("so many bytes");
        assert_eq!(read, expected, "{}", String::from_utf8_lossy(&read));
    }

    /// An Error with this text, and then the end of the stream.
    pub(super) async fn expect_error(&mut self, text: &str) {
        let rest = self.rest().await;
        let length = u8::try_from(text.len()).unwrap();
        let expected = [b"_USP\0\0\0", &[length + 5][..], b"\x02\0\0\0", &[length], text.as_bytes()].concat();
        assert_eq!(rest, expected, "{}", String::from_utf8_lossy(&rest));
    }

    /// Everything up to the end of the stream.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("in time").expect("an orderly end");
        rest
    }
}
