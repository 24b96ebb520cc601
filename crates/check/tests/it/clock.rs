//! Time that passes for the agents that tests play: always on a paused clock, which jumps to whoever waits first.

use std::time::Duration;

use tokio::time::Instant;

/// Lets this much time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits for this moment.
pub(crate) async fn reach(at: Instant) {
    tokio::time::sleep_until(at).await;
}
