//! What a bench does with a WebSocket that a Record can't say: frames and handshakes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Bench;
use crate::limits;
use crate::link::Way;
use crate::verdict::Stop;
use crate::websocket::{Frame, Head, Manners, Side, Socket, frame};

/// What a bench knows of its WebSocket.
#[derive(Default)]
pub(super) struct SocketState {
    /// The agent's half of the last handshake.
    head: Option<Head>,
    frames: VecDeque<Frame>,
}

impl Bench {
    /// Who makes connections; `None` over another transport than WebSocket.
    pub(crate) fn side(&self) -> Option<Side> {
        match self.way() {
            Way::WebSocket(socket) => Some(socket.side()),
            _ => None,
        }
    }

    /// Ends the connection, and shakes hands with these manners: whether a connection came of it.
    pub(crate) async fn shaken(&mut self, manners: Manners) -> Result<bool, Stop> {
        self.socket()?.set_manners(manners);
        self.cut().await?;
        self.stood().await
    }

    /// The WebSocket, whose connection may break from now on.
    pub(crate) fn socket(&mut self) -> Result<Socket, Stop> {
        self.may_break();
        match self.way() {
            Way::WebSocket(socket) => Ok(socket.clone()),
            _ => Err(Stop::Skip("the agent is not connected by WebSocket".to_owned())),
        }
    }

    pub(super) fn begin_socket(&mut self) {
        self.socket.frames.clear();
    }

    pub(super) fn take_head(&mut self, head: Head) {
        self.socket.head = Some(head);
    }

    pub(super) fn take_frame(&mut self, frame: Frame) {
        if frame.opcode == frame::TEXT {
            self.broken.push("a text frame (R-WS.14)".to_owned());
        }
        if self.socket.frames.len() == limits::MAX_FRAMES {
            self.socket.frames.pop_front();
        }
        self.socket.frames.push_back(frame);
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
        (self.socket.head, self.connections.has_failed) = (None, false);
        let deadline = Instant::now() + patience;
        while self.socket.head.is_none() && !self.connections.has_failed {
            if !self.pump(deadline).await? {
                return Err(Stop::Error("there was no other handshake".to_owned()));
            }
        }
        Ok(self.socket.head.clone())
    }

    /// Ends the connection, and waits for one that was made with these manners.
    pub(crate) async fn anew(&mut self, manners: Manners) -> Result<Instant, Stop> {
        self.socket()?.set_manners(manners);
        self.renew().await
    }
}
