//! Trusted brokers (R-SEC.26, figures "broker-with-received-record" and "broker-with-sent-record"): whose word on who
//! sent a Record counts, and which roles that gives to those behind them.
//!
//! A broker that the tables do not name is none: what it passes on is as if nothing had been proved.

use std::sync::Arc;

use dm::Now;
use dm::tree::Tree;
use usp_proto::EndpointId;
use usp_proto::link::{LinkId, PeerAuth, PeerCertificate, ReturnPath};

use super::judge::{Judgement, trusted_broker};
use super::{Shown, Standing};
use crate::agent::AgentMachine;

impl AgentMachine {
    /// A controller is reached through a broker that showed this certificate: what may be believed of it.
    pub(super) fn broker_shown(
        &mut self,
        now: Now,
        tree: &mut Tree,
        controller: &EndpointId,
        path: &ReturnPath,
        certificate: Arc<PeerCertificate>,
    ) -> PeerAuth {
        let controller = controller.clone();
        let shown = Shown { controller, certificate, standing: Standing::Refused, is_brokers: true };
        if let Some(trust) = &mut self.trust {
            trust.shown.insert(path.link(), shown.clone());
        }
        self.judge_broker(now, tree, path.link(), &shown)
    }

    /// Asks the tables whether this broker's word counts, and gives the controller behind it the role that follows:
    /// the broker's, or the UntrustedRole where nothing is assigned (figure "determine-role").
    pub(super) fn judge_broker(
        &mut self,
        now: Now,
        tree: &mut Tree,
        link: LinkId,
        shown: &Shown,
    ) -> PeerAuth {
        let Some(trust) = &mut self.trust else { return PeerAuth::Unproven };
        let credential = match shown.certificate.vouched {
            true => trusted_broker(tree, &*trust.crypto, &shown.certificate),
            false => None,
        };
        let peer = match credential {
            Some(_) => PeerAuth::Broker(shown.certificate.clone()),
            None => PeerAuth::Unproven,
        };
        let standing = if credential.is_some() { Standing::Accepted } else { Standing::Refused };
        trust.shown.entry(link).and_modify(|shown| shown.standing = standing);
        if let Some(link) = self.links.get_mut(&link) {
            link.peer = peer.clone();
        }
        match credential {
            Some(_) => self.determine_role(now, tree, &shown.controller, &Judgement::Vouched(credential)),
            None => self.nothing_shown(now, tree, &shown.controller),
        }
        peer
    }
}
