//! What would end a link and proves nothing, where anybody may say it in the name of another: the Endpoint is asked.
//! What it says on its own account shows that it is there; one that has left says nothing, and its link ends some
//! seconds later than it might.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Inner;
use super::peer::Peer;
use crate::limits::{DOUBT_ASKS, DOUBT_PATIENCE};
use crate::link::{DownReason, LinkHandler};

impl<H: LinkHandler> Inner<H> {
    /// Somebody said in its name that it leaves, or what is no Record. However often: it is asked by one task at a
    /// time, and left alone for a while after each answer.
    pub(super) fn doubt(self: &Arc<Self>, peer: &Arc<Peer>, leaves: bool) {
        if peer.doubts.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let (inner, peer) = (Arc::clone(self), Arc::clone(peer));
        tokio::spawn(async move {
            loop {
                let heard = peer.doubts.load(Ordering::Relaxed);
                if !inner.is_there(&peer).await {
                    let words =
                        if leaves { "it said good-bye" } else { "it said what is no Record, and no more" };
                    let reason = DownReason::ClosedByPeer { code: 1000, reason: words.to_owned() };
                    return inner.over(&peer, reason, true);
                }
                tracing::info!(endpoint = %peer.endpoint, "what would have ended a link was not of its own device");
                tokio::time::sleep(DOUBT_PATIENCE).await;
                // What was said since the question may be true.
                let settled = peer.doubts.compare_exchange(heard, 0, Ordering::Relaxed, Ordering::Relaxed);
                if settled.is_ok() {
                    return;
                }
            }
        });
    }

    async fn is_there(&self, peer: &Peer) -> bool {
        let Some(question) = &self.question else { return true };
        let sender = peer.sender();
        for _ in 0..DOUBT_ASKS {
            if sender.answers_question(DOUBT_PATIENCE, || question(&peer.endpoint)).await {
                return true;
            }
        }
        false
    }
}
