//! What a Message has to be protected by before it counts (R-SEC.0, R-SEC.22, R-SEC.23): a connection whose certificate
//! speaks for the controller, a trusted broker, or a session under TLS. And the certificates of such sessions, which
//! earn roles like those of connections.

use sha2::{Digest, Sha256};

use dm::Now;
use dm::tree::Tree;
use usp_proto::EndpointId;
use usp_proto::link::{PeerAuth, PeerCertificate};

use super::TrustCrypto;
use super::judge::{Judgement, controller_row, judge};
use crate::agent::audit::Deed;
use crate::agent::request_rows::set;
use crate::agent::{AgentMachine, places};

impl AgentMachine {
    /// Lets no Message count, and sends none, that nothing protects: neither a certificate of the connection, nor a
    /// trusted broker, nor a session under TLS. Connections within this host ([`PeerAuth::Near`], [`PeerAuth::Local`]) need
    /// no more.
    #[must_use]
    pub fn with_protection(mut self) -> AgentMachine {
        self.protects = true;
        self
    }

    /// Whether a way of which this is proved is no way for Messages outside of sessions under TLS.
    pub(in crate::agent) fn is_open(&self, peer: &PeerAuth) -> bool {
        self.protects && matches!(peer, PeerAuth::Unproven | PeerAuth::Login(_))
    }

    /// A connection proves nothing: what certificates of earlier ones earned ends, unless a session's goes on.
    pub(super) fn nothing_shown(&mut self, now: Now, tree: &mut Tree, controller: &EndpointId) {
        if self.lives_by_session(controller) {
            return;
        }
        let row = controller_row(tree, controller);
        let earned = row.filter(|row| !tree.text_of(row, "InheritedRole").is_empty());
        if let Some(change) = earned.and_then(|row| set(tree, &row, "InheritedRole", "")) {
            self.write(now, tree, &[change]);
        }
    }

    /// The certificate of a session speaks for a controller from now on: the roles that it earns. False where the
    /// tables do not let it (figure "check-cert").
    pub(in crate::agent) fn session_certificate_shown(
        &mut self,
        now: Now,
        tree: &mut Tree,
        controller: &EndpointId,
        pem: &[u8],
    ) -> bool {
        let Some(crypto) = self.trust.as_ref().map(|trust| trust.crypto.clone()) else { return true };
        let certificate = of_session(&*crypto, pem);
        let judgement = match &certificate {
            Some(certificate) => judge(tree, &*crypto, controller, certificate),
            None => Judgement::Unknown,
        };
        match &judgement {
            Judgement::Own(_) | Judgement::Vouched(_) => {
                self.determine_role(now, tree, controller, &judgement);
                true
            }
            Judgement::Revoked { bans } => {
                self.audit_refusal(
                    now,
                    Deed::NotBelieved,
                    controller,
                    "certificate",
                    "its CA has revoked it",
                );
                if *bans {
                    self.ban(now, tree, controller);
                }
                false
            }
            Judgement::Open | Judgement::Transport | Judgement::Unknown => {
                let why = "nothing in the tables leads to it";
                self.audit_refusal(now, Deed::NotBelieved, controller, "certificate", why);
                false
            }
        }
    }

    /// Gives a controller the BannedRole and nothing else, if there is one (figure "check-cert"; its row, too, if it is
    /// not known yet).
    pub(super) fn ban(&mut self, now: Now, tree: &mut Tree, controller: &EndpointId) {
        let banned = places::table(tree, places::TRUST).map(|trust| tree.text_of(&trust, "BannedRole"));
        let Some(banned) = banned.filter(|role| !role.is_empty()) else { return };
        let mut changes = Vec::new();
        let row = controller_row(tree, controller).or_else(|| self.admit(tree, controller, &mut changes));
        let Some(row) = row else { return };
        for (name, roles) in [("AssignedRole", banned.as_str()), ("InheritedRole", "")] {
            if tree.text_of(&row, name) != roles {
                changes.extend(set(tree, &row, name, roles));
            }
        }
        if !changes.is_empty() {
            self.write(now, tree, &changes);
        }
    }
}

/// A certificate that signed Records of a session: the session has checked its chain by the tables.
fn of_session(crypto: &dyn TrustCrypto, pem: &[u8]) -> Option<PeerCertificate> {
    let chain = crypto.read_chain(pem);
    let leaf = crypto.read_der(chain.first()?)?;
    let fingerprint = Sha256::digest(&leaf.der).into();
    Some(PeerCertificate {
        fingerprint,
        endpoint_ids: leaf.endpoint_ids,
        trusted: true,
        vouched: false,
        chain,
    })
}
