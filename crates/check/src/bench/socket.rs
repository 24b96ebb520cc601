//! What a bench does with a WebSocket that a Record can't say: frames, handshakes, and connections that break on
//! purpose.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use usp_proto::Record;

use super::Bench;
use crate::limits;
use crate::link::Arrival;
use crate::verdict::Stop;
use crate::websocket::{Frame, Head, Manners, Side, Socket, frame};

/// What a bench knows of its WebSocket.
#[derive(Default)]
pub(super) struct SocketState {
    /// The agent's half of the last handshake.
    head: Option<Head>,
    /// The certificate of the agent, DER.
    certificate: Option<Vec<u8>>,
    /// A handshake came to nothing.
    pub(super) has_failed: bool,
    frames: VecDeque<Frame>,
    /// A connection that is gone is no failure.
    pub(super) may_break: bool,
    /// When connections came, since the check began.
    pub(super) ups: Vec<Instant>,
    /// When and why the last one went.
    pub(super) down: Option<(Instant, String)>,
    /// An older connection went.
    has_replaced: bool,
}

impl Bench {
    /// Who makes connections; `None` over another transport than WebSocket.
    pub(crate) fn side(&self) -> Option<Side> {
        self.link.socket.as_ref().map(Socket::side)
    }

    /// Whether the WebSocket goes over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.link.socket.as_ref().is_some_and(Socket::is_secure)
    }

    /// The certificate that the agent showed, DER.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.socket.certificate.as_deref()
    }

    /// Ends the connection, and shakes hands with these manners: whether a connection came of it.
    pub(crate) async fn shaken(&mut self, manners: Manners) -> Result<bool, Stop> {
        self.socket()?.set_manners(manners);
        self.cut().await?;
        self.socket.has_failed = false;
        let (deadline, before) = (Instant::now() + limits::RECONNECT, self.socket.ups.len());
        while !self.socket.has_failed && self.socket.ups.len() == before {
            if !self.pump(deadline).await? {
                return Err(Stop::Error("there was no other handshake".to_owned()));
            }
        }
        Ok(self.socket.ups.len() > before)
    }

    /// The WebSocket, whose connection may break from now on.
    pub(crate) fn socket(&mut self) -> Result<Socket, Stop> {
        self.socket.may_break = true;
        self.link
            .socket
            .clone()
            .ok_or_else(|| Stop::Skip("the agent is not connected by WebSocket".to_owned()))
    }

    pub(super) fn begin_socket(&mut self) {
        self.socket.may_break = false;
        self.socket.ups.clear();
        self.socket.frames.clear();
        self.socket.down = None;
        self.socket.has_replaced = false;
        self.socket.has_failed = false;
    }

    /// Good manners again, and a connection for the next check.
    pub(super) async fn end_socket(&mut self) {
        if !self.socket.may_break {
            return;
        }
        if let Some(socket) = &self.link.socket {
            socket.set_manners(Manners::default());
        }
        // What ends on purpose may be about to.
        let _ = self.pause(limits::POLL).await;
        self.socket.may_break = false;
        // An agent that does not come back is said by the next check.
        if self.reconnected().await.is_ok() {
            // R-MTP.8: it speaks first.
            let deadline = Instant::now() + limits::SILENCE;
            while self.greeting.is_none() && self.is_up && self.pump(deadline).await.unwrap_or(false) {}
        }
    }

    pub(super) fn socket_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Head(head) => self.socket.head = Some(head),
            Arrival::Certificate(certificate) => self.socket.certificate = certificate,
            Arrival::Replaced(_) => self.socket.has_replaced = true,
            Arrival::Frame(frame) => {
                if frame.opcode == frame::TEXT {
                    self.broken.push("a text frame (R-WS.14)".to_owned());
                }
                if self.socket.frames.len() == limits::MAX_FRAMES {
                    self.socket.frames.pop_front();
                }
                self.socket.frames.push_back(frame);
            }
            Arrival::Up | Arrival::Record(_) | Arrival::Down(_) | Arrival::Away(_) => {}
        }
    }

    /// The agent's half of the last handshake.
    pub(crate) fn head(&self) -> Result<Head, Stop> {
        self.socket.head.clone().ok_or_else(|| Stop::Error("no handshake was seen".to_owned()))
    }

    /// Forgets the frames that came.
    pub(crate) fn forget_frames(&mut self) {
        self.socket.frames.clear();
    }

    /// The frames that came.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.socket.frames.iter()
    }

    /// Waits for a frame that is meant.
    pub(crate) async fn frame(
        &mut self,
        patience: Duration,
        meant: impl Fn(&Frame) -> bool,
    ) -> Result<Option<Frame>, Stop> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(at) = self.socket.frames.iter().position(&meant) {
                return Ok(self.socket.frames.remove(at));
            }
            if !self.pump(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// Waits until the connection is gone; when.
    pub(crate) async fn gone(&mut self, patience: Duration) -> Result<Option<Instant>, Stop> {
        let deadline = Instant::now() + patience;
        while self.socket.down.is_none() && self.pump(deadline).await? {}
        Ok(self.socket.down.as_ref().map(|(at, _)| *at))
    }

    /// Waits until a connection comes; when.
    pub(crate) async fn back(&mut self, patience: Duration) -> Result<Option<Instant>, Stop> {
        let (deadline, before) = (Instant::now() + patience, self.socket.ups.len());
        while self.socket.ups.len() == before && self.pump(deadline).await? {}
        Ok(self.socket.ups.get(before).copied())
    }

    /// Waits for the agent's half of another handshake; when it came.
    pub(crate) async fn next_head(&mut self, patience: Duration) -> Result<Instant, Stop> {
        self.socket.head = None;
        let deadline = Instant::now() + patience;
        while self.socket.head.is_none() {
            if !self.pump(deadline).await? {
                return Err(Stop::Error("there was no other handshake".to_owned()));
            }
        }
        Ok(Instant::now())
    }

    /// Waits for the agent's answer to another request of ours; `None` when it hangs up without one.
    pub(crate) async fn next_answer(&mut self, patience: Duration) -> Result<Option<Head>, Stop> {
        (self.socket.head, self.socket.has_failed) = (None, false);
        let deadline = Instant::now() + patience;
        while self.socket.head.is_none() && !self.socket.has_failed {
            if !self.pump(deadline).await? {
                return Err(Stop::Error("there was no other handshake".to_owned()));
            }
        }
        Ok(self.socket.head.clone())
    }

    /// The first Record of the connection, if one comes before it is gone.
    pub(crate) async fn first_record(&mut self, patience: Duration) -> Result<Option<Record>, Stop> {
        let deadline = Instant::now() + patience;
        while self.greeting.is_none() && self.is_up && self.pump(deadline).await? {}
        Ok(self.greeting.clone())
    }

    /// Whether the connection that counts is gone.
    pub(crate) fn is_gone(&self) -> bool {
        !self.is_up
    }

    /// How many connections came since the check began.
    pub(crate) fn ups(&self) -> usize {
        self.socket.ups.len()
    }

    /// Waits until one of two connections is gone. The older one may have gone before the newer counted.
    pub(crate) async fn one_of_two_goes(&mut self, patience: Duration) -> Result<bool, Stop> {
        let deadline = Instant::now() + patience;
        let is_gone = |bench: &Bench| bench.socket.has_replaced || bench.socket.down.is_some();
        while !is_gone(self) && self.pump(deadline).await? {}
        Ok(is_gone(self))
    }

    /// Ends the connection; when it was gone.
    pub(crate) async fn cut(&mut self) -> Result<Instant, Stop> {
        self.socket.down = None;
        self.socket()?.cut().map_err(Stop::Error)?;
        let gone = self.gone(limits::HANDSHAKE).await?;
        gone.ok_or_else(|| Stop::Error("the connection can't be ended".to_owned()))
    }

    /// Ends the connection, and waits for one that was made with these manners.
    pub(crate) async fn anew(&mut self, manners: Manners) -> Result<Instant, Stop> {
        self.socket()?.set_manners(manners);
        self.cut().await?;
        let back = self.back(limits::RECONNECT).await?;
        back.ok_or_else(|| Stop::Error("the agent did not come back".to_owned()))
    }
}
