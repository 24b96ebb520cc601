//! Keeps a connection to a STOMP server: the connection retry state of the standard.

use std::pin::pin;
use std::time::Duration;

use super::client::Client;
use super::retry::Retry;
use crate::error::Error;
use crate::link::{DownReason, LinkHandler};

/// RFC 6455 close code of somebody who goes away.
const GOING_AWAY: u16 = 1001;

/// Why there is no connection.
#[derive(Debug)]
pub enum Lost<'a> {
    /// None could be made.
    NotConnected(&'a Error),
    /// The one that stood is gone.
    Down(&'a DownReason),
}

impl Client {
    /// Keeps a connection until `stop` is ready: connects, runs the link, and connects again as the schedule says
    /// whenever there is none (R-STOMP.7, R-STOMP.16, R-STOMP.25). `lost` hears each time why, and how long
    /// it is to the next attempt. At the end what is queued still leaves.
    pub async fn keep<H: LinkHandler>(
        &self,
        handler: &H,
        mut retry: Retry,
        stop: impl Future<Output = ()>,
        mut lost: impl FnMut(Lost<'_>, Duration),
    ) {
        let mut stop = pin!(stop);
        loop {
            let connected = tokio::select! {
                connected = Box::pin(self.connect()) => connected,
                () = &mut stop => return,
            };
            let wait = match connected {
                Ok(session) => {
                    retry.reset();
                    let sender = session.sender();
                    let mut running = Box::pin(session.run(handler));
                    let reason = tokio::select! {
                        reason = &mut running => reason,
                        () = &mut stop => {
                            sender.close(GOING_AWAY, "not wanted any more");
                            running.await;
                            return;
                        }
                    };
                    let wait = retry.next_wait();
                    lost(Lost::Down(&reason), wait);
                    wait
                }
                Err(error) => {
                    let wait = retry.next_wait();
                    lost(Lost::NotConnected(&error), wait);
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = &mut stop => return,
            }
        }
    }
}
