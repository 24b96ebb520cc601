//! What both sides share: the handshake over a socket, and the machine as the driver wants it.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use usp_proto::link::{LinkId, PeerAuth, ReturnPath};

use super::machine::{End, Event, Machine};
use crate::limits::{CLOSE_GRACE, MAX_LINGER, READ_BUFFER};
use crate::link::{DownReason, Got, Protocol};

/// A connection whose machine has not ended.
pub(super) struct Shaking {
    pub(super) io: UnixStream,
    pub(super) machine: Machine,
}

/// Why there will be no link.
pub(super) enum Failed {
    /// The connection broke.
    Io(io::Error),
    /// The handshake did.
    End(End),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Io(error)
    }
}

impl Shaking {
    /// Goes on until the peer has named itself, for as long as the machine allows.
    pub(super) async fn peer(&mut self) -> Result<Event, Failed> {
        let Some(patience) = self.machine.timeout() else { return self.until_event().await };
        if let Ok(event) = timeout(patience, self.until_event()).await {
            return event;
        }
        self.machine.timed_out();
        self.until_event().await
    }

    async fn until_event(&mut self) -> Result<Event, Failed> {
        loop {
            self.flush().await?;
            match self.machine.poll() {
                Some(Event::End(end)) => return Err(Failed::End(end)),
                Some(event) => return Ok(event),
                None => {}
            }
            let mut room = [0; READ_BUFFER];
            match self.io.read(&mut room).await? {
                0 => return Err(Failed::Io(io::ErrorKind::UnexpectedEof.into())),
                read => self.machine.receive(&room[..read]),
            }
        }
    }

    /// Writes what the machine has to say.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let out = self.machine.take_out();
        self.io.write_all(&out).await
    }

    /// Says why there will be no link, and waits for a while that the peer closes (R-UDS.25).
    pub(super) async fn part(mut self) {
        let parting = async {
            self.flush().await?;
            self.io.shutdown().await?;
            let mut rest = (&mut self.io).take(MAX_LINGER as u64);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // A peer that neither reads nor closes has been told what it could be told.
        let _ = timeout(CLOSE_GRACE, parting).await;
    }
}

/// What the kernel knows of the peer.
pub(super) fn peer_auth(io: &UnixStream) -> io::Result<PeerAuth> {
    Ok(PeerAuth::Local { uid: io.peer_cred()?.uid() })
}

/// The machine after its handshake.
pub(super) struct Session {
    pub(super) link: LinkId,
    pub(super) machine: Machine,
}

impl Protocol for Session {
    fn receive(&mut self, bytes: &[u8]) {
        self.machine.receive(bytes);
    }

    fn poll(&mut self) -> Option<Got> {
        Some(match self.machine.poll()? {
            Event::Record(record) => Got::Record(ReturnPath::Uds(self.link), record),
            Event::End(end) => Got::End(down(end)),
            Event::Peer { .. } => unreachable!("a machine names its peer once, before the link stands"),
        })
    }

    fn send(&mut self, record: &Bytes) {
        self.machine.send(record);
    }

    fn close(&mut self, code: u16, reason: &str) {
        // R-UDS.23: an error is told; an orderly end is told by the end of the stream.
        if code > GOING_AWAY {
            self.machine.refuse(reason);
        }
    }

    fn take_out(&mut self) -> Bytes {
        self.machine.take_out()
    }

    fn set_limit(&mut self, record_bytes: usize) {
        self.machine.set_limit(record_bytes);
    }
}

/// The last of the close codes (RFC 6455) that stand for no error.
const GOING_AWAY: u16 = 1001;

fn down(end: End) -> DownReason {
    use super::frame::FrameError;
    match end {
        End::PeerError(reason) => DownReason::ClosedByPeer { code: 1005, reason },
        End::Frame(FrameError::TooLong { limit }) => DownReason::TooLong { limit },
        other => DownReason::Protocol(other.to_string()),
    }
}
