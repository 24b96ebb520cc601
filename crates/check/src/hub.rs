//! One connection after another over a stream of bytes, for transports without a handshake of their own below their
//! frames: what comes is given to a [`Speaker`], and what that says goes back. Which bytes mean what, it does not know.
//!
//! One connection counts at a time: the newest.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::limits;
use crate::link::{Arrival, Unsent, Wire};
use crate::websocket::{Certificates, Io, Shown};

/// What makes of bytes what a transport means by them.
pub(crate) trait Speaker: Send + 'static {
    /// A connection stands.
    fn begin(&mut self, _: &mut Said) {}

    /// Takes what was read, as far as it is whole; the rest stays.
    fn hear(&mut self, read: &mut BytesMut, said: &mut Said);

    /// A Record for the agent.
    fn record(&mut self, record: Bytes, said: &mut Said);
}

/// What a speaker says.
#[derive(Default)]
pub(crate) struct Said {
    /// To the agent.
    pub(crate) bytes: BytesMut,
    /// To the bench.
    pub(crate) arrivals: Vec<Arrival>,
    /// The connection is to end, and why.
    pub(crate) end: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Out {
    /// A Record, as the transport carries one.
    Record(Bytes),
    /// Bytes as they are.
    Raw(Bytes),
    /// The end, without a word.
    Cut,
}

/// Where connections come from, and which one counts.
pub(crate) struct Hub {
    arrivals: mpsc::Sender<Arrival>,
    /// Number of the newest connection, and the way to it.
    current: Mutex<(u64, Option<mpsc::Sender<Out>>)>,
    /// Which certificate is shown, over TLS.
    shown: Mutex<Shown>,
}

/// Every change under a lock here is one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens, and gives what connects. Must be called inside a tokio runtime.
pub(crate) async fn tcp(addr: SocketAddr) -> io::Result<(mpsc::Receiver<Box<dyn Io>>, SocketAddr)> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let (connections, accepted) = mpsc::channel::<Box<dyn Io>>(1);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = connections.closed() => return,
            };
            let Ok((socket, _)) = accepted else { continue };
            // Without it small frames wait for each other.
            let _ = socket.set_nodelay(true);
            let _ = connections.send(Box::new(socket)).await;
        }
    });
    Ok((accepted, addr))
}

impl Hub {
    pub(crate) fn new() -> (Arc<Hub>, mpsc::Receiver<Arrival>) {
        let (arrivals, receiver) = mpsc::channel(limits::ARRIVALS);
        (Arc::new(Hub { arrivals, current: Mutex::default(), shown: Mutex::default() }), receiver)
    }

    /// Shows this certificate from now on, over TLS.
    pub(crate) fn show(&self, shown: Shown) {
        *lock(&self.shown) = shown;
    }

    /// # Errors
    /// When no connection stands.
    pub(crate) fn out(&self, out: Out) -> Result<(), Unsent> {
        let current = lock(&self.current);
        Ok(current.1.as_ref().ok_or(Unsent::Gone)?.try_send(out)?)
    }

    /// Runs what connects.
    pub(crate) fn accept<S: Speaker>(
        self: &Arc<Hub>,
        mut connections: mpsc::Receiver<Box<dyn Io>>,
        tls: Option<Certificates>,
        speaker: impl Fn() -> S + Send + 'static,
    ) -> JoinHandle<()> {
        let (hub, tls) = (self.clone(), tls.map(Arc::new));
        tokio::spawn(async move {
            while let Some(io) = connections.recv().await {
                let (hub, tls, speaker) = (hub.clone(), tls.clone(), speaker());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return hub.run(io, speaker).await };
                    let shown = *lock(&hub.shown);
                    match timeout(limits::HANDSHAKE, tls.accept(io, shown)).await {
                        Ok(Ok((io, certificate))) => {
                            hub.tell(Arrival::Certificate(certificate)).await;
                            hub.run(io, speaker).await;
                        }
                        Ok(Err(error)) => hub.tell(Arrival::Away(error.to_string())).await,
                        Err(_) => hub.tell(Arrival::Away("the handshake took too long".to_owned())).await,
                    }
                });
            }
        })
    }

    /// Connects, and again whenever the connection is gone.
    pub(crate) fn dial<S: Speaker, F>(
        self: &Arc<Hub>,
        connect: impl Fn() -> F + Send + 'static,
        speaker: impl Fn() -> S + Send + 'static,
    ) -> JoinHandle<()>
    where
        F: Future<Output = io::Result<Box<dyn Io>>> + Send,
    {
        let hub = self.clone();
        tokio::spawn(async move {
            loop {
                match connect().await {
                    Ok(io) => hub.run(io, speaker()).await,
                    Err(error) => hub.tell(Arrival::Away(error.to_string())).await,
                }
                sleep(limits::REDIAL).await;
            }
        })
    }

    async fn tell(&self, arrival: Arrival) {
        // A closed channel is the end of the run.
        let _ = self.arrivals.send(arrival).await;
    }

    /// A connection from its beginning to its end.
    async fn run(&self, io: Box<dyn Io>, speaker: impl Speaker) {
        let (sender, outs) = mpsc::channel(limits::ARRIVALS);
        let number = {
            let mut current = lock(&self.current);
            // The connection before ends with its channel.
            current.1 = Some(sender);
            current.0 += 1;
            current.0
        };
        let mut has_stood = false;
        let why = self.speak(io, outs, speaker, &mut has_stood).await;
        let is_current = {
            let mut current = lock(&self.current);
            let is_current = current.0 == number;
            if is_current {
                current.1 = None;
            }
            is_current
        };
        self.tell(match (is_current, has_stood) {
            (true, true) => Arrival::Down(why),
            (true, false) => Arrival::Away(why),
            (false, _) => Arrival::Replaced(why),
        })
        .await;
    }

    /// Runs until the connection is gone; why it is.
    async fn speak(
        &self,
        mut io: Box<dyn Io>,
        mut outs: mpsc::Receiver<Out>,
        mut speaker: impl Speaker,
        has_stood: &mut bool,
    ) -> String {
        let (mut read, mut said) = (BytesMut::new(), Said::default());
        speaker.begin(&mut said);
        loop {
            if !said.bytes.is_empty()
                && let Err(error) = write(&mut io, &said.bytes.split()).await
            {
                return broken(&error);
            }
            for arrival in said.arrivals.drain(..) {
                *has_stood |= matches!(arrival, Arrival::Up);
                self.tell(arrival).await;
            }
            if let Some(why) = said.end.take() {
                return why;
            }
            tokio::select! {
                got = io.read_buf(&mut read) => match got {
                    Ok(0) => return "the agent ended the connection".to_owned(),
                    Ok(_) => speaker.hear(&mut read, &mut said),
                    Err(error) => return broken(&error),
                },
                out = outs.recv() => match out {
                    Some(Out::Record(record)) => speaker.record(record, &mut said),
                    Some(Out::Raw(bytes)) => said.bytes.extend_from_slice(&bytes),
                    Some(Out::Cut) | None => return "we ended the connection".to_owned(),
                },
            }
        }
    }
}

/// Why a connection is gone that could not be read or written, for people.
pub(crate) fn broken(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted => "the agent ended the connection without a word".to_owned(),
        _ => error.to_string(),
    }
}

async fn write(io: &mut Box<dyn Io>, bytes: &[u8]) -> io::Result<()> {
    io.write_all(bytes).await?;
    io.flush().await
}

/// The way out; the task goes with it.
pub(crate) struct Way {
    pub(crate) hub: Arc<Hub>,
    pub(crate) task: JoinHandle<()>,
}

impl Wire for Way {
    fn send(&self, record: Bytes) -> Result<(), Unsent> {
        self.hub.out(Out::Record(record))
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
        // Its connection ends when nobody can send any more.
        lock(&self.hub.current).1 = None;
    }
}
