//! The bench's own side of a UNIX domain socket, listening or dialling. It is a controller to whoever is at the other end,
//! and can break every rule of the transport when a check wants it.

pub mod frame;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use usp_proto::EndpointId;

pub use frame::{Value, kind};

use crate::hub::{self, Hub, Out, Said, Speaker, lock};
use crate::link::{self, Arrival, Link};
use crate::websocket::{Io, Side};

/// How hands are shaken from now on. The default is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manners {
    /// As it should be.
    Right,
    /// Without a Handshake of ours.
    Silent,
    /// With a Handshake whose endpoint id is none.
    NoEndpoint,
}

/// Accepts agents at this path, where nothing may be. Must be called inside a tokio runtime.
///
/// # Errors
/// When the path is taken, or not ours.
pub fn listen(path: &Path, own: &EndpointId) -> io::Result<Link> {
    let listener = UnixListener::bind(path)?;
    let (connections, accepted) = mpsc::channel::<Box<dyn Io>>(1);
    let file = Unlinked(path.to_owned());
    tokio::spawn(async move {
        let _file = file;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = connections.closed() => return,
            };
            let Ok((socket, _)) = accepted else { continue };
            let _ = connections.send(Box::new(socket)).await;
        }
    });
    Ok(accept(accepted, own))
}

/// A path that goes with its listener.
struct Unlinked(PathBuf);

impl Drop for Unlinked {
    fn drop(&mut self) {
        // Somebody else may have taken it away.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The same over connections that somebody else makes.
pub fn accept(connections: mpsc::Receiver<Box<dyn Io>>, own: &EndpointId) -> Link {
    let (hub, arrivals) = Hub::new();
    let socket =
        Socket { hub: hub.clone(), manners: Arc::new(Mutex::new(Manners::Right)), side: Side::AgentDials };
    let speaker = socket.speaker(own);
    let task = hub.accept(connections, None, move || speaker.clone());
    Link { wire: Box::new(hub::Way { hub, task }), arrivals, way: link::Way::Unix(socket) }
}

/// Connects to an agent that listens at this path, and again whenever the connection is gone. Must be called inside a
/// tokio runtime.
pub fn dial(path: PathBuf, own: &EndpointId) -> Link {
    let connect = move || {
        let path = path.clone();
        async move { Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Io>) }
    };
    dial_by(connect, own)
}

/// The same over connections that somebody else makes.
pub fn dial_by<F>(connect: impl Fn() -> F + Send + 'static, own: &EndpointId) -> Link
where
    F: Future<Output = io::Result<Box<dyn Io>>> + Send,
{
    let (hub, arrivals) = Hub::new();
    let socket =
        Socket { hub: hub.clone(), manners: Arc::new(Mutex::new(Manners::Right)), side: Side::AgentListens };
    let speaker = socket.speaker(own);
    let task = hub.dial(connect, move || speaker.clone());
    Link { wire: Box::new(hub::Way { hub, task }), arrivals, way: link::Way::Unix(socket) }
}

/// What a check can do with the socket beside sending Records.
#[derive(Clone)]
pub struct Socket {
    hub: Arc<Hub>,
    manners: Arc<Mutex<Manners>>,
    side: Side,
}

impl Socket {
    fn speaker(&self, own: &EndpointId) -> Spoken {
        Spoken { own: own.clone(), manners: self.manners.clone(), side: self.side, has_shaken: false }
    }

    /// Who makes connections.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How hands are shaken from now on.
    pub fn set_manners(&self, manners: Manners) {
        *lock(&self.manners) = manners;
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn send(&self, bytes: Bytes) -> Result<(), String> {
        Ok(self.hub.out(Out::Raw(bytes))?)
    }

    /// Ends the connection without a word.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn cut(&self) -> Result<(), String> {
        Ok(self.hub.out(Out::Cut)?)
    }
}

/// Our side of one connection.
#[derive(Clone)]
struct Spoken {
    own: EndpointId,
    manners: Arc<Mutex<Manners>>,
    side: Side,
    has_shaken: bool,
}

impl Spoken {
    fn shake(&self, said: &mut Said) {
        let id = match *lock(&self.manners) {
            Manners::Right => Bytes::copy_from_slice(self.own.as_str().as_bytes()),
            Manners::Silent => return,
            Manners::NoEndpoint => Bytes::from_static(b"\xff\xfe is no endpoint id"),
        };
        said.bytes.extend_from_slice(&frame::encode(&[Value::new(kind::HANDSHAKE, id)]));
    }

    fn take(&mut self, values: &[Value], said: &mut Said) {
        said.arrivals.push(Arrival::Unix(values.to_vec()));
        for value in values {
            match value.kind {
                kind::HANDSHAKE if !self.has_shaken => {
                    self.has_shaken = true;
                    if self.side == Side::AgentDials {
                        self.shake(said);
                    }
                    said.arrivals.push(Arrival::Up);
                }
                kind::RECORD => said.arrivals.push(Arrival::Record(value.bytes.clone())),
                // R-UDS.25
                kind::ERROR => said.end = Some("the agent sent an Error".to_owned()),
                _ => {}
            }
        }
    }
}

impl Speaker for Spoken {
    fn begin(&mut self, said: &mut Said) {
        if self.side == Side::AgentListens {
            self.shake(said);
        }
    }

    fn hear(&mut self, read: &mut BytesMut, said: &mut Said) {
        while said.end.is_none() {
            match frame::decode(read) {
                Ok(Some(values)) => self.take(&values, said),
                Ok(None) => return,
                Err(why) => {
                    said.arrivals.push(Arrival::Broken(why.clone()));
                    said.end = Some(why);
                }
            }
        }
    }

    fn record(&mut self, record: Bytes, said: &mut Said) {
        said.bytes.extend_from_slice(&frame::encode(&[Value::new(kind::RECORD, record)]));
    }
}
