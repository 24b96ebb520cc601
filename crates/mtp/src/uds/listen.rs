//! The listening side (R-UDS.2, R-UDS.3): the socket's file and its rights, an accept loop with a limit on
//! connections, handshakes under a time-out, admission.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use usp_proto::EndpointId;
use usp_proto::link::PeerAuth;

use super::dial::link_up;
use super::machine::{Event, Machine};
use super::session::{Failed, Session, Shaking, peer_auth};
use super::{Admission, Candidate};
use crate::limits::{ACCEPT_PAUSE, CLOSE_GRACE, DEFAULT_MAX_LOCAL_CONNECTIONS};
use crate::link::{LinkHandler, LinkSender, Role, Shared, Side, drive};

/// RFC 6455 close code of a side that goes away.
const GOING_AWAY: u16 = 1001;

/// How a listener behaves.
#[derive(Clone, Debug)]
pub struct ListenConfig {
    /// Our id.
    pub own_id: EndpointId,
    /// What we are to those who connect.
    pub role: Role,
    /// The rights of the socket's file: who may connect at all. 0o600 is our own user alone.
    pub mode: u32,
    /// More connections than these are turned away.
    pub max_connections: usize,
}

impl ListenConfig {
    /// A listener of `own_id` for processes of its own user, with the default limits.
    pub fn new(own_id: EndpointId, role: Role) -> ListenConfig {
        ListenConfig { own_id, role, mode: 0o600, max_connections: DEFAULT_MAX_LOCAL_CONNECTIONS }
    }
}

/// A bound socket that does not accept yet. Its file goes when it goes.
pub struct Listener {
    socket: UnixListener,
    file: SocketFile,
    config: ListenConfig,
}

impl Listener {
    /// Binds. A socket that a dead process left behind is replaced; anything else in its place is not
    /// touched. The file has its rights from the first moment that it can be seen under its name.
    ///
    /// # Errors
    /// When somebody listens there, something else lies there, or the folder can't be written to.
    pub fn bind(path: impl Into<PathBuf>, config: ListenConfig) -> io::Result<Listener> {
        let path = path.into();
        check_vacant(&path)?;
        let mut hidden = path.clone().into_os_string();
        hidden.push(format!(".{}", std::process::id()));
        let hidden = PathBuf::from(hidden);
        // What a process with this number left when it was killed in between.
        let _ = fs::remove_file(&hidden);
        let socket = UnixListener::bind(&hidden)?;
        let placed = fs::set_permissions(&hidden, Permissions::from_mode(config.mode))
            .and_then(|()| fs::rename(&hidden, &path))
            .and_then(|()| fs::metadata(&path));
        match placed {
            Ok(placed) => {
                let file = SocketFile { path, inode: (placed.dev(), placed.ino()) };
                Ok(Listener { socket, file, config })
            }
            Err(error) => {
                // What is left lies under a name that nobody looks for.
                let _ = fs::remove_file(&hidden);
                Err(error)
            }
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Accepts until `stop` is done; then every link is closed, and this returns when they are gone or the
    /// time for that is over.
    pub async fn run<H, A>(self, handler: Arc<H>, admission: Arc<A>, stop: impl Future<Output = ()>)
    where
        H: LinkHandler,
        A: Admission,
    {
        let limit = self.config.max_connections.min(Semaphore::MAX_PERMITS);
        let connections = Arc::new(Semaphore::new(limit));
        let (stopping, stopped) = watch::channel(false);
        let host = Arc::new(Host { config: self.config, handler, admission, stopped });
        tokio::select! {
            () = stop => {}
            () = accept_all(&self.socket, &host, &connections) => {}
        }
        drop(self.socket);
        drop(self.file);
        stopping.send_replace(true);
        let all = u32::try_from(limit).unwrap_or(u32::MAX);
        let _ = timeout(2 * CLOSE_GRACE, connections.acquire_many(all)).await;
    }
}

/// The file of a socket; removed when it is dropped, unless another has taken its place.
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.inode) {
            // Nobody can be told, and the next one to bind replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether nobody listens at a path, and nothing but an abandoned socket lies there.
fn check_vacant(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "something that is no socket lies there"))
        }
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            _ => Err(io::ErrorKind::AddrInUse.into()),
        },
    }
}

/// What all connections of a listener share.
struct Host<H, A> {
    config: ListenConfig,
    handler: Arc<H>,
    admission: Arc<A>,
    stopped: watch::Receiver<bool>,
}

async fn accept_all<H: LinkHandler, A: Admission>(
    socket: &UnixListener,
    host: &Arc<Host<H, A>>,
    connections: &Arc<Semaphore>,
) {
    loop {
        let io = match socket.accept().await {
            Ok((io, _)) => io,
            Err(error) => {
                // Out of descriptors, most likely: trying again at once would only burn the processor.
                tracing::warn!(%error, "accepting a connection failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match connections.clone().try_acquire_owned() {
            Ok(slot) => {
                tokio::spawn(serve(host.clone(), io, slot));
            }
            Err(_) => tracing::info!("turned away: too many connections"),
        }
    }
}

/// A connection from its first byte to its last.
async fn serve<H: LinkHandler, A: Admission>(
    host: Arc<Host<H, A>>,
    io: UnixStream,
    slot: OwnedSemaphorePermit,
) {
    let mut stopped = host.stopped.clone();
    let shaken = tokio::select! {
        shaken = Box::pin(host.shake(io)) => shaken,
        () = told_to_stop(&mut stopped) => None,
    };
    let Some((shaking, endpoint, peer)) = shaken else { return };
    let shared = Shared::new();
    let sender = LinkSender(shared.clone());
    let up = link_up(&shared, endpoint, peer, Side::Accepted, host.config.role);
    let session = Session { link: up.link, machine: shaking.machine };
    let mut running = Box::pin(drive(shaking.io, session, shared, up, &*host.handler));
    tokio::select! {
        _ = &mut running => {}
        () = told_to_stop(&mut stopped) => {
            sender.close(GOING_AWAY, "the listener stops");
            running.await;
        }
    }
    drop(slot);
}

/// Done when the listener stops, or is gone.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

impl<H: LinkHandler, A: Admission> Host<H, A> {
    /// Everything up to the answered Handshake; `None` when there will be no link.
    async fn shake(&self, io: UnixStream) -> Option<(Shaking, EndpointId, PeerAuth)> {
        let peer = peer_auth(&io).ok()?;
        let PeerAuth::Local { uid } = peer else { unreachable!("it is what peer_auth gives") };
        let mut shaking = Shaking { io, machine: Machine::accepted(self.config.own_id.clone()) };
        let candidate = match shaking.peer().await {
            Ok(Event::Peer { endpoint, password }) => Candidate { endpoint, uid, password },
            Ok(_) => unreachable!("a machine names its peer first"),
            Err(Failed::Io(_)) => return None,
            Err(Failed::End(end)) => {
                tracing::info!(uid, %end, "no handshake");
                shaking.part().await;
                return None;
            }
        };
        if let Err(reason) = self.admission.admit(&candidate).await {
            tracing::info!(uid, endpoint = %candidate.endpoint, reason, "refused");
            shaking.machine.refuse(&reason);
            shaking.part().await;
            return None;
        }
        if !shaking.machine.accept() {
            shaking.part().await;
            return None;
        }
        shaking.flush().await.ok()?;
        Some((shaking, candidate.endpoint, peer))
    }
}
