//! What a bench does with a UNIX domain socket that a Record can't say: values of frames.

use std::time::Duration;

use tokio::time::Instant;

use super::Bench;
use crate::limits;
use crate::link::Way;
use crate::uds::{Socket, Value};
use crate::verdict::Stop;

impl Bench {
    /// The socket, whose connection may break from now on.
    pub(crate) fn unix(&mut self) -> Result<Socket, Stop> {
        self.may_break();
        match self.way() {
            Way::Unix(socket) => Ok(socket.clone()),
            _ => Err(Stop::Skip("the agent is not connected by a UNIX domain socket".to_owned())),
        }
    }

    pub(super) fn take_values(&mut self, values: Vec<Value>) {
        let room = limits::MAX_FRAMES.saturating_sub(self.values.len());
        self.values.extend(values.into_iter().take(room));
    }

    /// The values that came, the first after they were forgotten the last time, or the connection began.
    pub(crate) fn unix_values(&self) -> &[Value] {
        &self.values
    }

    /// Forgets them.
    pub(crate) fn forget_values(&mut self) {
        self.values.clear();
    }

    /// Waits for a value that is meant.
    pub(crate) async fn unix_value(
        &mut self,
        patience: Duration,
        meant: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, Stop> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = self.values.iter().find(|value| meant(value)) {
                return Ok(Some(found.clone()));
            }
            if !self.pump(deadline).await? {
                return Ok(None);
            }
        }
    }
}
