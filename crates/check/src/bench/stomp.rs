//! What a bench does with its STOMP server that a Record can't say: frames of the agent.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Bench, push};
use crate::link::Way;
use crate::stomp::{Frame, Manners, Server, Subscribed};
use crate::verdict::Stop;

/// What a bench knows of the connection to its server.
#[derive(Default)]
pub(super) struct StompState {
    /// The first frame.
    opening: Option<Frame>,
    /// The first SUBSCRIBE.
    subscribe: Option<Frame>,
    /// Frames behind the first, the oldest goes first.
    frames: VecDeque<Frame>,
    /// How often heart-beats came.
    pub(super) beats: u64,
}

impl Bench {
    /// The server, whose connection may break from now on.
    pub(crate) fn server(&mut self) -> Result<Server, Stop> {
        self.may_break();
        match self.way() {
            Way::Stomp(server) => Ok(server.clone()),
            _ => Err(Stop::Skip("the agent is not connected by STOMP".to_owned())),
        }
    }

    pub(super) fn take_stomp(&mut self, frame: Frame) {
        if matches!(frame.command.as_str(), "STOMP" | "CONNECT") {
            self.stomp = StompState { opening: Some(frame), ..StompState::default() };
            return;
        }
        if frame.command == "SUBSCRIBE" && self.stomp.subscribe.is_none() {
            self.stomp.subscribe = Some(frame.clone());
        }
        push(&mut self.stomp.frames, frame);
    }

    /// The first frame of the connection.
    pub(crate) fn opening(&self) -> Result<&Frame, Stop> {
        self.stomp.opening.as_ref().ok_or_else(|| Stop::Error("no first frame was seen".to_owned()))
    }

    /// The first SUBSCRIBE of the connection.
    pub(crate) fn subscribe_frame(&self) -> Result<&Frame, Stop> {
        self.stomp.subscribe.as_ref().ok_or_else(|| Stop::Error("no SUBSCRIBE was seen".to_owned()))
    }

    /// What it asks for.
    pub(crate) fn subscribed(&self) -> Result<Subscribed, Stop> {
        let frame = self.subscribe_frame()?;
        let of = |name: &str| frame.raw(name).unwrap_or_default().to_owned();
        Ok(Subscribed { id: of("id"), destination: of("destination") })
    }

    /// The frames that came behind the first.
    pub(crate) fn stomp_frames(&self) -> impl Iterator<Item = &Frame> {
        self.stomp.frames.iter()
    }

    /// Forgets those but SUBSCRIBE.
    pub(crate) fn forget_stomp_frames(&mut self) {
        self.stomp.frames.clear();
    }

    /// Waits for a heart-beat or a frame: whether one came.
    pub(crate) async fn sign_of_life(&mut self, patience: Duration) -> Result<bool, Stop> {
        let before = (self.stomp.beats, self.stomp.frames.len());
        let deadline = Instant::now() + patience;
        while (self.stomp.beats, self.stomp.frames.len()) == before {
            if !self.pump(deadline).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends the connection, and waits for one that the server received with these manners.
    pub(crate) async fn anew_by_stomp(&mut self, manners: Manners) -> Result<(), Stop> {
        self.server()?.set_manners(manners);
        self.cut().await?;
        let back = self.back(self.way().patience()).await?;
        back.map(drop).ok_or_else(|| Stop::Error("the agent did not come back".to_owned()))
    }
}
