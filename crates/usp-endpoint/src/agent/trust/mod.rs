//! Trust in controllers: what the certificate of a connection proves by the tables of the data model, and which
//! roles follow from it (TR-369 figures "check-cert" and "determine-role", R-SEC.22, R-SEC.24).
//!
//! The transport has checked the handshake, the dates and the chain. Here the chain meets the tables: the
//! certificates that a controller's `Credential` names, and those of `ControllerTrust.Credential.`. A machine
//! without [`TrustCrypto`] leaves the question to its transports.

mod brokers;
mod certificates;
mod judge;
mod model;
mod protection;

use std::collections::BTreeMap;
use std::sync::Arc;

use dm::Now;
use dm::tree::{Change, Place, Tree};
use dm::value::split_list;
use usp_proto::EndpointId;
use usp_proto::link::{LinkId, PeerAuth, PeerCertificate, ReturnPath};

pub(super) use certificates::lets_in;
pub use certificates::vouch;
pub use judge::{Trusted, controllers, trusted};
pub use model::{fingerprint, support};

use super::audit::Deed;
use super::controllers::uint;
use super::io::{CloseReason, Output};
use super::request_rows::set;
use super::timers::Timer;
use super::{AgentMachine, places, records};
use judge::{Judgement, controller_row, judge};

/// A certificate that was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Certificate {
    /// Its DER.
    pub der: Vec<u8>,
    /// The same as PEM, in one form for all.
    pub pem: String,
    /// Octets in hexadecimal, as `Certificate.{i}.SerialNumber` shows them.
    pub serial_number: String,
    /// The distinguished name, as `Certificate.{i}.Issuer` shows it.
    pub issuer: String,
    /// The endpoint ids that it names (R-SEC.0a).
    pub endpoint_ids: Vec<EndpointId>,
    /// Whether it may sign others.
    pub is_ca: bool,
}

/// What the machine asks of cryptography. Nothing of it keeps a state or reads a clock.
pub trait TrustCrypto: Send + Sync {
    /// Reads the one certificate in a PEM text.
    fn read_pem(&self, pem: &str) -> Option<Certificate>;
    /// Reads a certificate in DER.
    fn read_der(&self, der: &[u8]) -> Option<Certificate>;
    /// Whether `issuer`, a CA, has signed `certificate` (both DER).
    fn issued(&self, issuer: &[u8], certificate: &[u8]) -> bool;
    /// Whether `issuer`, a CA, has taken `certificate` back (both DER): it stands on a list that the issuer signed.
    fn is_revoked(&self, certificate: &[u8], issuer: &[u8]) -> bool;
    /// The DER of the certificates in a PEM text, in their order; empty where one of them can't be read.
    fn read_chain(&self, pem: &[u8]) -> Vec<Vec<u8>>;
    /// The fingerprint of a DER in upper-case hexadecimal; `None` for an algorithm (`SHA-256`) that is not known.
    fn fingerprint(&self, algorithm: &str, der: &[u8]) -> Option<String>;
    /// What is kept of the answer to a challenge: base64, of which nobody learns the answer.
    fn conceal(&self, salt: [u8; 16], answer: &str) -> String;
    /// Whether a value is what [`TrustCrypto::conceal`] made.
    fn is_concealed(&self, value: &str) -> bool;
    /// Whether this is the answer that was concealed, compared in a time that does not depend on where it differs.
    fn is_answer(&self, concealed: &str, answer: &str) -> bool;
}

/// What is remembered of the connections' certificates. Nothing of it outlives the process (R-SEC.21).
pub(super) struct Trust {
    pub(super) crypto: Arc<dyn TrustCrypto>,
    shown: BTreeMap<LinkId, Shown>,
    /// Connections to be closed once the answers have left.
    closing: Vec<LinkId>,
}

/// The certificate of one connection.
#[derive(Clone)]
struct Shown {
    controller: EndpointId,
    certificate: Arc<PeerCertificate>,
    standing: Standing,
    /// It is that of a broker, and not of the controller behind it.
    is_brokers: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// By the tables, or because they name nothing and a CA of the system counts.
    Accepted,
    /// On first use: it is kept as soon as a Message comes.
    FirstUse,
    Refused,
}

impl AgentMachine {
    /// Lets the tables decide about certificates.
    #[must_use]
    pub fn with_trust(mut self, crypto: Arc<dyn TrustCrypto>) -> AgentMachine {
        self.trust = Some(Box::new(Trust { crypto, shown: BTreeMap::new(), closing: Vec::new() }));
        self
    }

    /// R-SEC.21: roles that certificates earned in an earlier life.
    pub(super) fn forget_inherited(&self, tree: &Tree) -> Vec<Change> {
        let Some(table) = places::table(tree, places::CONTROLLER).filter(|_| self.trust.is_some()) else {
            return Vec::new();
        };
        let rows = places::rows(tree, &table).into_iter();
        let earned = rows.filter(|row| !tree.text_of(row, "InheritedRole").is_empty());
        earned.filter_map(|row| set(tree, &row, "InheritedRole", "")).collect()
    }

    /// A connection stands: judges its certificate, and gives what the machine may believe of it.
    pub(super) fn certificate_shown(
        &mut self,
        now: Now,
        tree: &mut Tree,
        controller: &EndpointId,
        path: &ReturnPath,
        peer: PeerAuth,
    ) -> PeerAuth {
        let Some(trust) = &self.trust else { return peer };
        let crypto = trust.crypto.clone();
        let certificate = match &peer {
            PeerAuth::Certificate(certificate) => certificate.clone(),
            PeerAuth::Broker(certificate) => {
                return self.broker_shown(now, tree, controller, path, certificate.clone());
            }
            PeerAuth::Unproven | PeerAuth::Near | PeerAuth::Login(_) | PeerAuth::Local { .. } => {
                self.nothing_shown(now, tree, controller);
                return peer;
            }
        };
        let judgement = judge(tree, &*crypto, controller, &certificate);
        let standing = match &judgement {
            Judgement::Own(_) | Judgement::Vouched(_) => Standing::Accepted,
            Judgement::Open if certificate.trusted => Standing::Accepted,
            Judgement::Open if judge::allows_first_use(tree, controller, &certificate) => Standing::FirstUse,
            Judgement::Open | Judgement::Transport | Judgement::Unknown | Judgement::Revoked { .. } => {
                Standing::Refused
            }
        };
        let believed = believed(&judgement, standing, &certificate);
        let names_it = records::speaks_for(&believed, controller)
            || certificate.endpoint_ids.iter().any(|id| id.certifies(controller));
        let shown = Shown { controller: controller.clone(), certificate, standing, is_brokers: false };
        if let Some(trust) = &mut self.trust {
            trust.shown.insert(path.link(), shown);
            if standing == Standing::Refused {
                trust.closing.push(path.link());
            }
        }
        let why = match standing {
            Standing::Accepted => None,
            Standing::FirstUse => Some((Deed::FirstUse, "nobody vouches for it")),
            Standing::Refused if matches!(judgement, Judgement::Revoked { .. }) => {
                Some((Deed::NotBelieved, "its CA has revoked it"))
            }
            Standing::Refused => Some((Deed::NotBelieved, "nothing in the tables leads to it")),
        };
        if let Some((deed, why)) = why {
            self.audit_refusal(now, deed, controller, "certificate", why);
        }
        if standing == Standing::FirstUse {
            self.begin_first_use(now, tree, controller, path.link());
        } else if judgement == (Judgement::Revoked { bans: true }) && names_it {
            self.ban(now, tree, controller);
        } else if records::speaks_for(&believed, controller) {
            self.determine_role(now, tree, controller, &judgement);
        }
        believed
    }

    pub(super) fn certificate_gone(&mut self, link: LinkId) {
        if let Some(trust) = &mut self.trust {
            trust.shown.remove(&link);
            self.timers.cancel(&Timer::FirstUse(link));
        }
    }

    /// The tables changed: judges every connection again. Roles follow at once; a connection whose certificate
    /// counts no longer is believed nothing from now on, and closed behind the answers.
    pub(super) fn judge_again(&mut self, now: Now, tree: &mut Tree) {
        let Some(trust) = &self.trust else { return };
        let (crypto, all) = (trust.crypto.clone(), trust.shown.clone());
        for (link, shown) in all {
            if shown.is_brokers {
                self.judge_broker(now, tree, link, &shown);
                continue;
            }
            if shown.standing == Standing::Refused {
                continue;
            }
            let judgement = judge(tree, &*crypto, &shown.controller, &shown.certificate);
            let holds = match judgement {
                Judgement::Own(_) | Judgement::Vouched(_) => true,
                Judgement::Open => shown.certificate.trusted || shown.standing == Standing::FirstUse,
                Judgement::Transport | Judgement::Unknown | Judgement::Revoked { .. } => false,
            };
            if !holds {
                self.distrust(link);
                if judgement == (Judgement::Revoked { bans: true }) {
                    self.ban(now, tree, &shown.controller);
                }
            } else if shown.standing == Standing::Accepted {
                self.determine_role(now, tree, &shown.controller, &judgement);
            }
        }
        self.judge_sessions(now, tree, true);
    }

    /// Believes nothing of a connection any more, and has it closed.
    fn distrust(&mut self, link: LinkId) {
        let Some(trust) = &mut self.trust else { return };
        trust.closing.push(link);
        if let Some(shown) = trust.shown.get_mut(&link) {
            shown.standing = Standing::Refused;
            let nothing = believed(&Judgement::Unknown, Standing::Refused, &shown.certificate);
            if let Some(link) = self.links.get_mut(&link) {
                link.peer = nothing;
            }
        }
    }

    /// Closes what was distrusted; the answers to what led there are on their way.
    pub(super) fn close_distrusted(&mut self) {
        let closing = self.trust.as_mut().map(|trust| std::mem::take(&mut trust.closing)).unwrap_or_default();
        let close = |link| Output::Close { link, reason: CloseReason::Untrusted };
        self.outputs.extend(closing.into_iter().map(close));
    }

    /// Writes what the certificate earns; the UntrustedRole where it earns nothing and nothing was assigned
    /// (figure "determine-role", R-SEC.25).
    fn determine_role(&mut self, now: Now, tree: &mut Tree, endpoint: &EndpointId, judgement: &Judgement) {
        let credential = match judgement {
            Judgement::Vouched(credential) | Judgement::Own(credential) => credential.as_ref(),
            _ => None,
        };
        let mut changes = Vec::new();
        let row = match controller_row(tree, endpoint) {
            Some(row) => row,
            // Only who may say who controllers are brings in new ones.
            None if credential.is_some() => match self.admit(tree, endpoint, &mut changes) {
                Some(row) => row,
                None => return,
            },
            None => return,
        };
        let inherited = credential.map(|row| tree.text_of(row, "Role")).unwrap_or_default();
        if tree.text_of(&row, "InheritedRole") != inherited {
            changes.extend(set(tree, &row, "InheritedRole", &inherited));
        }
        if inherited.is_empty() && tree.text_of(&row, "AssignedRole").is_empty() {
            changes.extend(assign_untrusted(tree, &row));
        }
        if !changes.is_empty() {
            self.write(now, tree, &changes);
        }
    }

    /// A row for a controller that a trusted CA has made known.
    fn admit(&self, tree: &Tree, endpoint: &EndpointId, changes: &mut Vec<Change>) -> Option<Place> {
        let table = places::table(tree, places::CONTROLLER)?;
        if tree.row_count(&table) >= crate::limits::MAX_CONTROLLERS {
            return None;
        }
        let row = places::next_row(tree, &table)?;
        changes.extend(tree.with_defaults(&row));
        let alias = format!("cpe-{}", row.rows().last()?);
        for (name, text) in [("Alias", alias.as_str()), ("EndpointID", endpoint.as_str())] {
            changes.extend(set(tree, &row, name, text));
        }
        let enable = tree.model().param_index(row.object, "Enable")?;
        changes.push(Change::Set { place: row.clone(), param: enable, value: Some(dm::Value::Bool(true)) });
        Some(row)
    }

    /// R-SEC.6: whatever was assigned to it before, it begins as a stranger.
    fn begin_first_use(&mut self, now: Now, tree: &mut Tree, endpoint: &EndpointId, link: LinkId) {
        let Some(row) = controller_row(tree, endpoint) else { return };
        let mut changes: Vec<Change> = assign_untrusted(tree, &row).into_iter().collect();
        changes.extend(set(tree, &row, "InheritedRole", ""));
        self.write(now, tree, &changes);
        let seconds =
            places::table(tree, places::TRUST).and_then(|trust| uint(tree, &trust, "TOFUInactivityTimer"));
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0) {
            self.timers.set(Timer::FirstUse(link), now.mono + std::time::Duration::from_secs(seconds));
        }
    }

    /// A Message came by this connection. A certificate that was trusted on first use is the controller's own
    /// from then on (R-SEC.8); whoever says nothing is not remembered.
    pub(super) fn heard_message(&mut self, now: Now, tree: &mut Tree, link: LinkId) {
        let Some(trust) = &mut self.trust else { return };
        let Some(shown) = trust.shown.get_mut(&link).filter(|shown| shown.standing == Standing::FirstUse)
        else {
            return;
        };
        shown.standing = Standing::Accepted;
        let (endpoint, leaf) = (shown.controller.clone(), shown.certificate.chain.first().cloned());
        let certificate = leaf.and_then(|der| trust.crypto.read_der(&der));
        self.timers.cancel(&Timer::FirstUse(link));
        let kept = certificate.zip(controller_row(tree, &endpoint)).is_some_and(|(certificate, row)| {
            match certificates::keep(tree, &certificate, None, &[row]) {
                Ok((_, changes)) => {
                    self.write(now, tree, &changes);
                    true
                }
                Err(_) => false,
            }
        });
        if !kept {
            self.outputs.push_back(Output::Noticed(format!("no room for the certificate of {endpoint}")));
            self.distrust(link);
        }
    }

    /// Nobody has said anything on a connection that was trusted on first use (TR-181 `TOFUInactivityTimer`).
    pub(super) fn first_use_over(&mut self, link: LinkId) {
        self.distrust(link);
    }
}

/// What the rest of the machine is told of a certificate.
fn believed(judgement: &Judgement, standing: Standing, certificate: &PeerCertificate) -> PeerAuth {
    let (trusted, vouched) = match (standing, judgement) {
        (Standing::Refused, _) => (false, false),
        // R-SEC.4: a stored certificate need not name the controller.
        (Standing::FirstUse, _) | (_, Judgement::Own(_)) => (certificate.trusted, true),
        _ => (certificate.trusted, certificate.vouched),
    };
    PeerAuth::Certificate(Arc::new(PeerCertificate { trusted, vouched, ..certificate.clone() }))
}

/// Writes the UntrustedRole in the place of what is assigned.
fn assign_untrusted(tree: &Tree, row: &Place) -> Option<Change> {
    let trust = places::table(tree, places::TRUST)?;
    let untrusted = tree.text_of(&trust, "UntrustedRole");
    let same = split_list(&tree.text_of(row, "AssignedRole")).eq(split_list(&untrusted));
    if same { None } else { set(tree, row, "AssignedRole", &untrusted) }
}
