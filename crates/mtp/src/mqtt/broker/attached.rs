//! Somebody in this process who is attached to the broker, in the shape of a link to one.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc;
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::record::MqttVersion;

use super::limits::ATTACHED_QUEUE;
use super::machine::{Arrived, AttachedId};
use super::rights::Gate;
use super::shared::Hub;
use crate::link::{DownGuard, DownReason, LinkHandler, LinkSender, LinkUp, Out, Role, Shared, Side};
use crate::mqtt::{Filter, Topic};

/// What somebody who is attached holds; dropping it ends the attachment.
pub struct Attached {
    shared: Arc<Shared>,
    records: mpsc::Receiver<Arrived>,
    own: Topic,
}

impl Attached {
    pub(super) fn new<G: Gate>(hub: &Arc<Hub<G>>, filters: Vec<Filter>, own: Topic) -> Attached {
        let (sender, records) = mpsc::channel(ATTACHED_QUEUE);
        let shared = Shared::brokered();
        let id = hub.attach(filters, sender);
        tokio::spawn(publish(hub.clone(), id, shared.clone(), own.clone()));
        Attached { shared, records, own }
    }

    /// The id of the link that stands for the broker in return paths.
    pub fn link(&self) -> LinkId {
        self.shared.link
    }

    /// The topic that answers come to: the `subscribed_topic` of Connect records.
    pub fn own(&self) -> &Topic {
        &self.own
    }

    /// How to send: a Record to a [`ReturnPath::Mqtt`] of this link. Subscribers of either version get it in their
    /// version's form, with QoS 1 if they want it. What nobody has subscribed to is lost, and so is what a
    /// subscriber has no room for.
    pub fn sender(&self) -> LinkSender {
        LinkSender(self.shared.clone())
    }

    /// The next Record; None when the attachment was closed.
    pub async fn next(&mut self) -> Option<Arrived> {
        self.records.recv().await
    }

    /// The Record as those who use links know it.
    pub fn inbound(&self, arrived: Arrived) -> Inbound {
        Inbound {
            link: self.link(),
            peer: arrived.proof,
            return_path: self.path(&arrived.reply_to),
            record: arrived.record,
        }
    }

    /// Runs it as a link to a broker, until it is closed: as a [`Session`](crate::mqtt::Session) of a client, but that
    /// each Record comes with what is proved of its sender. [`Peers`](crate::Peers) make a link of each Endpoint.
    pub async fn run<H: LinkHandler>(mut self, role: Role, handler: &H) -> DownReason {
        let mut guard = DownGuard { handler, shared: self.shared.clone(), reason: None };
        handler.up(LinkUp {
            link: self.link(),
            peer_addr: None,
            eid: None,
            peer: PeerAuth::Unproven,
            return_path: self.path(&self.own),
            contact: Contact::Mqtt { version: MqttVersion::V5, topic: self.own.shared() },
            side: Side::Accepted,
            role,
            sender: self.sender(),
        });
        while let Some(arrived) = self.next().await {
            // What can't be decoded is dropped; the others behind the broker are not to suffer from it.
            handler.inbound(self.inbound(arrived)).await;
        }
        let (code, reason) = self.shared.close_wish();
        let reason = DownReason::ClosedByUs { code, reason };
        guard.reason = Some(reason.clone());
        reason
    }

    fn path(&self, topic: &Topic) -> ReturnPath {
        ReturnPath::Mqtt { link: self.link(), topic: topic.shared() }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.sender().close(1000, "");
    }
}

/// Moves what is sent into the machine, until the attachment is closed; what was sent before still leaves.
async fn publish<G: Gate>(hub: Arc<Hub<G>>, id: AttachedId, shared: Arc<Shared>, own: Topic) {
    let next = || {
        poll_fn(|cx| {
            let closing = shared.attend(cx.waker()).close;
            match shared.next() {
                Out::Nothing if !closing => Poll::Pending,
                out => Poll::Ready(out),
            }
        })
    };
    loop {
        match next().await {
            Out::Nothing => break,
            // It is this very process.
            Out::Ping => shared.heard(),
            Out::Record { to, record } => {
                let to: Option<Topic> = to.and_then(|to| to.parse().ok());
                let taken = to.is_some_and(|to| {
                    hub.act_now(|machine, now| machine.publish(now, id, &to, &own, record))
                });
                if !taken {
                    tracing::debug!(link = shared.link.0, "a Record reached nobody");
                }
            }
        }
    }
    hub.detach(id);
    shared.gone();
}
