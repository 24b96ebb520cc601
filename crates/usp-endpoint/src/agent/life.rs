//! How an agent's life begins, changes its shape and ends: the start, another supported model, and the
//! orderly shutdown.

use dm::Now;
use dm::tree::{Change, Tree};
use usp_proto::EndpointId;
use usp_proto::error_code::code;
use usp_proto::link::{LinkId, ReturnPath};

use super::io::{Boot, CloseReason, Output};
use super::places::Touched;
use super::requests::Pending;
use super::{AgentMachine, Link, places, records, subscriptions};

impl AgentMachine {
    pub(super) fn started(&mut self, now: Now, tree: &mut Tree, boot: Boot) {
        self.boot = Some(boot);
        let mut changes = tree.apply(&leftovers(now, tree));
        changes.extend(tree.apply(&self.forget_inherited(tree)));
        let concealed = self.conceal_answers(tree);
        changes.extend(tree.apply(&concealed));
        self.challenges.recall(now, tree);
        let resumed = self.resume_timers(now, tree);
        changes.extend(tree.apply(&resumed));
        if !changes.is_empty() {
            self.outputs.push_back(Output::Wrote(changes));
        }
        self.reload(now, tree);
        let touched = Touched { places: self.boot_places(tree), parts: Vec::new() };
        self.refresh(tree, touched, Pending::Boot);
    }

    /// The tree follows another model: everything that was read from it is read again. What runs is known
    /// by its path, and goes on.
    pub(super) fn model_changed(&mut self, now: Now, tree: &mut Tree) {
        let served = self.served();
        self.watched.clear();
        self.outputs.push_back(Output::Watch(Vec::new()));
        // What was compiled from roles holds for one model.
        self.controllers.clear();
        self.reload(now, tree);
        self.close_orphans(&served);
        self.greet(&served);
    }

    /// R-MTP.7: says good-bye on every connection and closes it. Nothing is said after that.
    pub(super) fn shut_down(&mut self) {
        self.shut = true;
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.leave(link, CloseReason::GoingAway, "the agent shuts down");
        }
    }

    /// R-WS.4: a WebSocket connection takes the place of another with the same controller, which is half
    /// open most likely; but not for somebody who could not speak for that controller, and not for somebody
    /// who proves nothing, where the other has proven who it is.
    pub(super) fn replace(&mut self, new: &Link) {
        let (ReturnPath::WebSocket(link), controller) = (&new.return_path, &new.controller) else { return };
        if !records::speaks_for(&new.peer, controller) {
            return;
        }
        let proves = records::proves(&new.peer, controller);
        let is_old = |old: &Link| {
            old.controller == *controller
                && matches!(&old.return_path, ReturnPath::WebSocket(old) if old != link)
                && (proves || !records::proves(&old.peer, controller))
        };
        let old: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| is_old(link)).map(|(id, _)| *id).collect();
        for link in old {
            self.links.remove(&link);
            self.outputs.push_back(Output::Close { link, reason: CloseReason::Replaced });
        }
    }

    /// Ends the connections with controllers that were served and are not any more.
    pub(super) fn close_orphans(&mut self, served: &[EndpointId]) {
        let orphan = |controller| served.contains(controller) && self.controller(controller).is_none();
        let orphans: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| orphan(&link.controller)).map(|(id, _)| *id).collect();
        for link in orphans {
            self.leave(link, CloseReason::ControllerGone, "the controller is not served any more");
        }
    }

    /// Connect records to those that are served from now on, and are connected already.
    pub(super) fn greet(&mut self, served: &[EndpointId]) {
        let mut fresh = Vec::new();
        for link in self.links.values_mut().filter(|link| !served.contains(&link.controller)) {
            if self.controllers.iter().any(|controller| controller.endpoint == link.controller) {
                link.greeted = true;
                fresh.push((link.controller.clone(), link.return_path.clone(), link.contact.clone()));
            }
        }
        for (controller, return_path, contact) in fresh {
            self.send_connect(&controller, return_path, &contact);
        }
    }

    /// The endpoints of the controllers that are served.
    pub(super) fn served(&self) -> Vec<EndpointId> {
        self.controllers.iter().map(|controller| controller.endpoint.clone()).collect()
    }

    /// Forgets a connection: a Disconnect record to whom a Connect record went (R-MTP.7, R-MTP.9), then
    /// the close.
    fn leave(&mut self, link: LinkId, reason: CloseReason, words: &str) {
        let Some(gone) = self.links.remove(&link) else { return };
        if gone.greeted {
            let code = code::SESSION_CONTEXT_TERMINATED;
            self.send_disconnect(&gone.controller, gone.return_path, code, words);
        }
        self.outputs.push_back(Output::Close { link, reason });
    }
}

/// Rows that do not outlive a restart: subscriptions that are not persistent or have expired, and the
/// requests of commands that ran.
fn leftovers(now: Now, tree: &Tree) -> Vec<Change> {
    let requests = places::table(tree, places::REQUEST).map(|table| places::rows(tree, &table));
    let gone = requests.unwrap_or_default().into_iter().chain(subscriptions::leftovers(now, tree));
    gone.map(|row| Change::Remove { row }).collect()
}
