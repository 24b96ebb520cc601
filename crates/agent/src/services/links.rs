//! What becomes of the connections of USP Services: they are the hub's.

use std::sync::Arc;

use mtp::ws::close_code;
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, Verdict};

use super::hub::Hub;

#[derive(Debug)]
pub(super) struct Links(pub(super) Arc<Hub>);

impl LinkHandler for Links {
    fn up(&self, link: LinkUp) {
        let Some(endpoint) = link.eid else {
            return link.sender.close(close_code::PROTOCOL, "no endpoint id");
        };
        link.sender.authorise();
        self.0.link_up(endpoint, link.return_path, link.sender);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.0.record(record);
        std::future::ready(Verdict::Accepted)
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.0.link_down(link);
    }
}
