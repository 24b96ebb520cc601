//! The bench's own WebSocket, listening or dialling. It is a controller to whoever is at the other end, and can
//! break every rule of the protocol when a check wants it: that is why it is not the product's.
//!
//! One connection counts at a time: the newest (R-WS.4).

mod conn;
pub mod frame;
mod head;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use mtp::EndpointId;
use mtp::ws::close_code;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub use conn::Io;
pub use frame::Frame;
pub use head::{EXPECTED, Head, Manners};
pub use mtp::Error as UrlError;
pub use mtp::ws::WsUrl;
pub use tls::{Certificates, Shown};

use crate::hub::{self, lock};
use crate::limits;
use crate::link::{self, Arrival, Link, Unsent, Wire};
use conn::{Conn, Out};

/// Why a text is no address to listen at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// It is another form.
    #[error("an address to listen at is ws://IP:PORT/PATH or wss://IP:PORT/PATH")]
    Form,
}

/// An address to listen at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenAddress {
    /// Whether with TLS.
    pub secure: bool,
    /// Address and port; 0 picks one.
    pub addr: SocketAddr,
    /// The path that names us.
    pub path: String,
}

/// Reads `ws://IP:PORT/PATH` or `wss://…`.
///
/// # Errors
/// When it is another form.
pub fn listen_address(text: &str) -> Result<ListenAddress, AddressError> {
    let (secure, rest) = match (text.strip_prefix("wss://"), text.strip_prefix("ws://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(AddressError::Form),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let addr = host.parse().map_err(|_| AddressError::Form)?;
    if path.contains(['?', '#']) {
        return Err(AddressError::Form);
    }
    Ok(ListenAddress { secure, addr, path: if path.is_empty() { "/".to_owned() } else { path.to_owned() } })
}

/// Accepts agents at this address and path; port 0 picks one. Must be called inside a tokio runtime.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn listen(
    addr: SocketAddr,
    path: &str,
    own: EndpointId,
    tls: Option<Certificates>,
) -> io::Result<(Link, SocketAddr)> {
    let (connections, addr) = hub::tcp(addr).await?;
    Ok((accept(connections, path, own, tls), addr))
}

/// Accepts agents on these connections. Must be called inside a tokio runtime.
pub fn accept(
    mut connections: mpsc::Receiver<Box<dyn Io>>,
    path: &str,
    own: EndpointId,
    tls: Option<Certificates>,
) -> Link {
    let (shared, arrivals) = Shared::new(Side::AgentDials, tls);
    let (running, path) = (shared.clone(), path.to_owned());
    let task = tokio::spawn(async move {
        while let Some(io) = connections.recv().await {
            let (shared, path, own) = (running.clone(), path.clone(), own.clone());
            tokio::spawn(async move {
                let shaken = timeout(limits::HANDSHAKE, shared.answer(io, &path, &own)).await;
                match shaken {
                    Ok(Ok((io, read))) => shared.run(io, read, false).await,
                    Ok(Err(error)) => shared.tell(Arrival::Away(error.to_string())).await,
                    Err(_) => shared.tell(Arrival::Away("the handshake took too long".to_owned())).await,
                }
            });
        }
    });
    shared.link(task, arrivals)
}

/// Connects to an agent that listens, and again whenever the connection is gone. Must be called inside a tokio
/// runtime.
pub fn dial(url: WsUrl, own: EndpointId, tls: Option<Certificates>) -> Link {
    let (host, port) = (url.host.clone(), url.port);
    let connect = move || {
        let host = host.clone();
        async move {
            let socket = TcpStream::connect((host.as_str(), port)).await?;
            let _ = socket.set_nodelay(true);
            Ok(Box::new(socket) as Box<dyn Io>)
        }
    };
    dial_by(connect, url, own, tls)
}

/// The same over connections that somebody else makes.
pub fn dial_by<F, C>(connect: C, url: WsUrl, own: EndpointId, tls: Option<Certificates>) -> Link
where
    C: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = io::Result<Box<dyn Io>>> + Send + 'static,
{
    let (shared, arrivals) = Shared::new(Side::AgentListens, tls);
    let running = shared.clone();
    let task = tokio::spawn(async move {
        loop {
            let shaken = async { running.ask(connect().await?, &url, &own).await };
            match timeout(limits::HANDSHAKE, shaken).await {
                Ok(Ok((io, read))) => {
                    let shared = running.clone();
                    let connection = tokio::spawn(async move { shared.run(io, read, true).await });
                    // A check may want a second one beside it.
                    tokio::select! {
                        _ = connection => {}
                        () = running.again.notified() => continue,
                    }
                }
                Ok(Err(error)) => running.tell(Arrival::Away(error.to_string())).await,
                Err(_) => running.tell(Arrival::Away("the handshake took too long".to_owned())).await,
            }
            sleep(limits::REDIAL).await;
        }
    });
    shared.link(task, arrivals)
}

/// Who makes connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The agent: it is the client.
    AgentDials,
    /// We do: the agent is the server.
    AgentListens,
}

/// What a check can do with the WebSocket beside sending Records.
#[derive(Clone)]
pub struct Socket(Arc<Shared>);

impl Socket {
    /// Who makes connections.
    pub fn side(&self) -> Side {
        self.0.side
    }

    /// Whether it goes over TLS.
    pub fn is_secure(&self) -> bool {
        self.0.tls.is_some()
    }

    /// How hands are shaken from now on.
    pub fn set_manners(&self, manners: Manners) {
        *lock(&self.0.manners) = manners;
    }

    /// Sends a frame; its mask is what belongs there.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn send(&self, frame: Frame) -> Result<(), String> {
        Ok(self.0.out(Out::Frame(frame))?)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn send_raw(&self, bytes: Bytes) -> Result<(), String> {
        Ok(self.0.out(Out::Raw(bytes))?)
    }

    /// Closes the connection with this code.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn close(&self, code: u16) -> Result<(), String> {
        Ok(self.0.out(Out::Close(code))?)
    }

    /// Ends the connection without a word.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn cut(&self) -> Result<(), String> {
        Ok(self.0.out(Out::Cut)?)
    }

    /// Connects once more to an agent that listens, while the connection that stands is left alone.
    pub fn again(&self) {
        self.0.again.notify_one();
    }
}

struct Shared {
    side: Side,
    arrivals: mpsc::Sender<Arrival>,
    tls: Option<Certificates>,
    manners: Mutex<Manners>,
    /// Number of the newest connection, and the way to it.
    current: Mutex<(u64, Option<mpsc::Sender<Out>>)>,
    again: Notify,
}

impl Shared {
    fn new(side: Side, tls: Option<Certificates>) -> (Arc<Shared>, mpsc::Receiver<Arrival>) {
        let (arrivals, receiver) = mpsc::channel(limits::ARRIVALS);
        let shared = Shared {
            side,
            arrivals,
            tls,
            manners: Mutex::default(),
            current: Mutex::default(),
            again: Notify::new(),
        };
        (Arc::new(shared), receiver)
    }

    fn link(self: Arc<Shared>, task: JoinHandle<()>, arrivals: mpsc::Receiver<Arrival>) -> Link {
        let way = link::Way::WebSocket(Socket(self.clone()));
        Link { wire: Box::new(Way { shared: self, task }), arrivals, way }
    }

    async fn tell(&self, arrival: Arrival) {
        // A closed channel is the end of the run.
        let _ = self.arrivals.send(arrival).await;
    }

    fn out(&self, out: Out) -> Result<(), Unsent> {
        let current = lock(&self.current);
        Ok(current.1.as_ref().ok_or(Unsent::Gone)?.try_send(out)?)
    }

    /// As a server: reads the request, and answers it with the manners that hold.
    async fn answer(
        &self,
        mut io: Box<dyn Io>,
        path: &str,
        own: &EndpointId,
    ) -> io::Result<(Box<dyn Io>, BytesMut)> {
        let manners = lock(&self.manners).clone();
        if let Some(tls) = &self.tls {
            let (secured, certificate) = tls.accept(io, manners.certificate).await?;
            self.tell(Arrival::Certificate(certificate)).await;
            io = secured;
        }
        let (request, read) = read_head(&mut io).await?;
        let is_ours = request.target().split('?').next() == Some(path);
        let manners = Manners { refuse: manners.refuse || !is_ours, ..manners };
        let answer = manners.answer(&request, own);
        self.tell(Arrival::Head(request)).await;
        io.write_all(answer.as_bytes()).await?;
        io.flush().await?;
        if manners.refuse { Err(io::Error::other("refused")) } else { Ok((io, read)) }
    }

    /// As a client: asks with the manners that hold, and reads the answer.
    async fn ask(
        &self,
        mut io: Box<dyn Io>,
        url: &WsUrl,
        own: &EndpointId,
    ) -> io::Result<(Box<dyn Io>, BytesMut)> {
        let manners = lock(&self.manners).clone();
        if let Some(tls) = &self.tls {
            let (secured, certificate) = tls.connect(io, &url.host, manners.certificate).await?;
            self.tell(Arrival::Certificate(certificate)).await;
            io = secured;
        }
        // It only has to be sixteen bytes in base64: nothing here is secret.
        let key = format!("{:0>21}A==", lock(&self.current).0);
        io.write_all(manners.request(url, own, &key).as_bytes()).await?;
        io.flush().await?;
        let (mut answer, read) = read_head(&mut io).await?;
        let first = answer.first.clone();
        let is_upgrade = answer.is_upgrade();
        // What the answer has to prove goes with it.
        answer.fields.push((head::EXPECTED.to_owned(), mtp::ws::handshake::accept_key(&key)));
        self.tell(Arrival::Head(answer)).await;
        if is_upgrade { Ok((io, read)) } else { Err(io::Error::other(format!("the agent answers {first}"))) }
    }

    /// A connection from its handshake to its end.
    async fn run(&self, io: Box<dyn Io>, read: BytesMut, is_client: bool) {
        let (sender, outs) = mpsc::channel(limits::ARRIVALS);
        // While it is held, the connection before stays.
        let (number, older) = {
            let mut current = lock(&self.current);
            let older = current.1.replace(sender);
            current.0 += 1;
            (current.0, older)
        };
        // An agent that listens decides itself which of two it keeps (R-WS.4).
        if let (Some(older), Side::AgentDials) = (&older, self.side) {
            let _ = older.try_send(Out::Close(close_code::POLICY));
        }
        self.tell(Arrival::Up).await;
        let why = Conn { io, read, is_client, outs, arrivals: self.arrivals.clone() }.run().await;
        drop(older);
        let is_current = {
            let mut current = lock(&self.current);
            let is_current = current.0 == number;
            if is_current {
                current.1 = None;
            }
            is_current
        };
        self.tell(if is_current { Arrival::Down(why) } else { Arrival::Replaced(why) }).await;
    }
}

async fn read_head(io: &mut Box<dyn Io>) -> io::Result<(Head, BytesMut)> {
    let mut read = BytesMut::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = read.split_to(end + 4);
            return Ok((Head::parse(&String::from_utf8_lossy(&head[..end])), read));
        }
        if read.len() > limits::MAX_HEAD || io.read_buf(&mut read).await? == 0 {
            return Err(io::Error::other("no handshake of HTTP"));
        }
    }
}

/// The way out; the task goes with it.
struct Way {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Wire for Way {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        self.shared.out(Out::Record(record))
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
        // Its connection ends when nobody can send any more.
        lock(&self.shared.current).1 = None;
    }
}
