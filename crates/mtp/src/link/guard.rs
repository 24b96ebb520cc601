//! What makes sure that a link that was up goes down, whatever happens to its task.

use std::sync::Arc;

use usp_proto::link::LinkId;

use super::{DownReason, LinkHandler, Shared};

/// Says `down` exactly once, also when the handler panics or the task is dropped.
pub(crate) struct DownGuard<'h, H: LinkHandler> {
    pub(crate) handler: &'h H,
    pub(crate) shared: Arc<Shared>,
    /// Why, when it ends in order.
    pub(crate) reason: Option<DownReason>,
}

impl<H: LinkHandler> Drop for DownGuard<'_, H> {
    fn drop(&mut self) {
        self.shared.gone();
        let panicked = std::thread::panicking();
        let broken = if panicked { DownReason::Panicked } else { DownReason::Aborted };
        let link: LinkId = self.shared.link;
        let reason = self.reason.take().unwrap_or(broken);
        tracing::debug!(link = link.0, %reason, "link down");
        self.handler.down(link, reason);
    }
}
