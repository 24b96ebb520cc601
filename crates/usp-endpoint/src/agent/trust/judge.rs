//! What the tables say of a certificate.

use dm::Value;
use dm::path::ReferenceValue;
use dm::tree::{Place, Tree};
use dm::value::split_list;
use usp_proto::EndpointId;
use usp_proto::link::PeerCertificate;

use super::{Certificate, TrustCrypto, fingerprint};
use crate::agent::places;
use crate::limits::{MAX_CHAIN, MAX_CONTROLLERS};

/// What a certificate is by the tables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    /// The controller's own: its `Credential` names it, or it is pinned; and the row of
    /// `ControllerTrust.Credential.` whose CA vouches for it beside.
    Own(Option<Place>),
    /// A CA vouches for it: by its row of `ControllerTrust.Credential.`, or for this controller alone.
    Vouched(Option<Place>),
    /// A CA vouches for it that may say who belongs to the network, and not who is a controller.
    Transport,
    /// The tables name nothing for this controller.
    Open,
    /// Nothing that they name leads to it.
    Unknown,
    /// Its CA has taken it back; whether whoever shows it is banned for that: it is the one that is known of this
    /// controller, or the first that is heard of it.
    Revoked {
        /// To be given the BannedRole.
        bans: bool,
    },
}

/// A certificate of the tables, and what it stands there for.
struct Anchor {
    certificate: Certificate,
    /// The row of `ControllerTrust.Credential.`; `None`: the controller's own `Credential`.
    credential: Option<Place>,
}

/// Whose certificates may be accepted from the side that a host dials.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trusted {
    /// Certificates that count by themselves, or as issuers where they are CAs, and whether they may say who is a
    /// controller: those that are MTP-only may not.
    pub certificates: Vec<(Certificate, bool)>,
    /// SHA-256 fingerprints of certificates that count by themselves.
    pub pins: Vec<[u8; 32]>,
    /// Whether any other may be accepted for once (TR-181 `TOFUAllowed`). Only where nothing else is named.
    pub first_use: bool,
}

/// What the tables name for a controller; for nobody in particular (`None`), what they name for any.
pub fn trusted(tree: &Tree, crypto: &dyn TrustCrypto, controller: Option<&EndpointId>) -> Trusted {
    let rows = match controller {
        Some(controller) => controller_row(tree, controller).into_iter().collect(),
        None => places::table(tree, places::CONTROLLER)
            .map(|table| places::rows(tree, &table))
            .unwrap_or_default(),
    };
    let anchors = anchors(tree, crypto, &rows);
    let pins: Vec<[u8; 32]> = rows.iter().filter_map(|row| pin(tree, row)).collect();
    let first_use =
        controller.is_some() && !rows.is_empty() && tofu(tree) && anchors.is_empty() && pins.is_empty();
    let certificates = anchors.into_iter().map(|anchor| {
        let names_controllers = vouched(tree, &anchor) != Judgement::Transport;
        (anchor.certificate, names_controllers)
    });
    let certificates = certificates.collect();
    Trusted { certificates, pins, first_use }
}

/// Judges the certificate of a connection, or of a session, with a controller (figure "check-cert"). R-SEC.25: the
/// chain is followed from the leaf, and the first certificate of the tables decides. A certificate that was only put
/// into the chain, and signed nothing of it, leads nowhere.
pub(super) fn judge(
    tree: &Tree,
    crypto: &dyn TrustCrypto,
    controller: &EndpointId,
    peer: &PeerCertificate,
) -> Judgement {
    let row = controller_row(tree, controller);
    let pin = row.as_ref().and_then(|row| pin(tree, row));
    let anchors = anchors(tree, crypto, row.as_slice());
    let judgement = match (pin, &*anchors) {
        (None, []) => Judgement::Open,
        (pin, anchors) => by_tables(tree, crypto, anchors, pin == Some(peer.fingerprint), peer),
    };
    let counts = !matches!(judgement, Judgement::Unknown | Judgement::Transport);
    if counts && is_revoked(crypto, &anchors, peer) {
        let is_known = row.is_some();
        let bans = match judgement {
            Judgement::Own(_) => true,
            Judgement::Vouched(credential) => !is_known && credential.is_some(),
            _ => false,
        };
        return Judgement::Revoked { bans };
    }
    judgement
}

fn by_tables(
    tree: &Tree,
    crypto: &dyn TrustCrypto,
    anchors: &[Anchor],
    is_pinned: bool,
    peer: &PeerCertificate,
) -> Judgement {
    let is_leaf = |anchor: &&Anchor| Some(&anchor.certificate.der) == peer.chain.first();
    let is_own =
        is_pinned || anchors.iter().filter(|anchor| anchor.credential.is_none()).any(|own| is_leaf(&own));
    let listed = anchors.iter().filter(is_leaf).find(|anchor| {
        let row = anchor.credential.as_ref();
        row.is_some_and(|row| uses(tree, row) != BROKER)
    });
    let earned = |judgement: Judgement| match judgement {
        Judgement::Vouched(credential) => credential,
        _ => None,
    };
    // What a chain is worth beyond signatures, its transport has judged.
    let led = || lead(tree, crypto, anchors, peer).filter(|_| peer.trusted).map(|found| vouched(tree, found));
    match listed {
        Some(listed) if is_pinned => Judgement::Own(earned(vouched(tree, listed))),
        Some(listed) => vouched(tree, listed),
        None if is_own => Judgement::Own(led().and_then(earned)),
        None => led().unwrap_or(Judgement::Unknown),
    }
}

/// The first certificate of the tables that a chain leads to. A row of ControllerTrust comes before a controller's
/// own: it may have a role. That of a broker comes last.
fn lead<'a>(
    tree: &Tree,
    crypto: &dyn TrustCrypto,
    anchors: &'a [Anchor],
    peer: &PeerCertificate,
) -> Option<&'a Anchor> {
    let is_broker = |anchor: &Anchor| anchor.credential.as_ref().is_some_and(|row| uses(tree, row) == BROKER);
    let rank = |anchor: &Anchor| match &anchor.credential {
        Some(_) if is_broker(anchor) => 2,
        Some(_) => 0,
        None => 1,
    };
    let mut below: Option<&Vec<u8>> = None;
    for der in peer.chain.iter().take(MAX_CHAIN) {
        if below.is_some_and(|below| !crypto.issued(der, below)) {
            return None;
        }
        let leads =
            |anchor: &&Anchor| anchor.certificate.der == *der || crypto.issued(&anchor.certificate.der, der);
        let found = anchors.iter().filter(leads).min_by_key(|anchor| rank(anchor));
        if found.is_some() {
            return found;
        }
        below = Some(der);
    }
    None
}

/// Whether a CA of the chain, or of the tables, has taken a certificate of the chain back (the optional element
/// "Revoked?" of the figures "validate-cert" and "check-cert").
fn is_revoked(crypto: &dyn TrustCrypto, anchors: &[Anchor], peer: &PeerCertificate) -> bool {
    let chain = || peer.chain.iter().take(MAX_CHAIN);
    chain().any(|der| {
        let issuers = chain().chain(anchors.iter().map(|anchor| &anchor.certificate.der));
        issuers.filter(|issuer| *issuer != der).any(|issuer| crypto.is_revoked(der, issuer))
    })
}

/// The row of `ControllerTrust.Credential.` that makes the bearer of a certificate a trusted broker (R-SEC.4a): one
/// for brokers that names it or a CA of its chain.
pub(super) fn trusted_broker(tree: &Tree, crypto: &dyn TrustCrypto, peer: &PeerCertificate) -> Option<Place> {
    let mut anchors = anchors(tree, crypto, &[]);
    anchors.retain(|anchor| anchor.credential.as_ref().is_some_and(|row| uses(tree, row) == BROKER));
    let leaf = anchors.iter().find(|anchor| Some(&anchor.certificate.der) == peer.chain.first());
    let found = match leaf {
        Some(leaf) => Some(leaf),
        None if peer.trusted => lead(tree, crypto, &anchors, peer),
        None => None,
    };
    found.filter(|_| !is_revoked(crypto, &anchors, peer))?.credential.clone()
}

/// The endpoints of the Controller table.
pub fn controllers(tree: &Tree) -> Vec<EndpointId> {
    let rows = places::table(tree, places::CONTROLLER).map(|table| places::rows(tree, &table));
    let ids = rows
        .unwrap_or_default()
        .into_iter()
        .filter_map(|row| EndpointId::receive(&tree.text_of(&row, "EndpointID")).ok());
    ids.take(MAX_CONTROLLERS).collect()
}

/// `AllowedUses` of a broker whose word counts on who sent what.
const BROKER: &str = "MTP-and-broker";

fn uses(tree: &Tree, credential: &Place) -> String {
    tree.text_of(credential, "AllowedUses")
}

fn vouched(tree: &Tree, anchor: &Anchor) -> Judgement {
    match &anchor.credential {
        None => Judgement::Vouched(None),
        Some(row) if uses(tree, row) == "MTP-and-USP" => Judgement::Vouched(Some(row.clone())),
        Some(_) => Judgement::Transport,
    }
}

/// Whether a certificate that nothing speaks for may be taken for a controller's: the policy says so, the
/// controller is one that is known, and the certificate names it (R-SEC.5).
pub(super) fn allows_first_use(tree: &Tree, controller: &EndpointId, peer: &PeerCertificate) -> bool {
    tofu(tree)
        && controller_row(tree, controller).is_some()
        && peer.endpoint_ids.iter().any(|id| id.certifies(controller))
}

fn tofu(tree: &Tree) -> bool {
    let trust = places::table(tree, places::TRUST);
    trust.is_some_and(|trust| tree.value_of(&trust, "TOFUAllowed") == Some(&Value::Bool(true)))
}

/// The row of the Controller table with this endpoint id, enabled or not.
pub(super) fn controller_row(tree: &Tree, endpoint: &EndpointId) -> Option<Place> {
    let table = places::table(tree, places::CONTROLLER)?;
    let is_it = |row: &Place| {
        EndpointId::receive(&tree.text_of(row, "EndpointID")).is_ok_and(|known| known == *endpoint)
    };
    places::rows(tree, &table).into_iter().find(is_it)
}

fn pin(tree: &Tree, controller: &Place) -> Option<[u8; 32]> {
    fingerprint(&tree.text_of(controller, "X_CUSP_Pin"))
}

/// The certificates that count for a controller: those of its `Credential`, and those for everybody.
fn anchors(tree: &Tree, crypto: &dyn TrustCrypto, controllers: &[Place]) -> Vec<Anchor> {
    let mut anchors = Vec::new();
    let mut take = |list: &str, credential: Option<&Place>| {
        for certificate in split_list(list).filter_map(|item| enabled(tree, crypto, &item)) {
            anchors.push(Anchor { certificate, credential: credential.cloned() });
        }
    };
    for row in controllers {
        take(&tree.text_of(row, "Credential"), None);
    }
    let rows = places::table(tree, places::CREDENTIAL).map(|table| places::rows(tree, &table));
    for row in rows.unwrap_or_default() {
        if tree.value_of(&row, "Enable") == Some(&Value::Bool(true)) {
            take(&tree.text_of(&row, "Credential"), Some(&row));
        }
    }
    anchors
}

/// The certificate that a reference leads to, if its row is enabled.
fn enabled(tree: &Tree, crypto: &dyn TrustCrypto, reference: &str) -> Option<Certificate> {
    let table = places::table(tree, places::CERTIFICATE)?;
    let row = tree.locate(&ReferenceValue::parse(reference).ok()?.concrete_object()?)?;
    let counts = row.object == table.object && tree.value_of(&row, "Enable") == Some(&Value::Bool(true));
    counts.then(|| crypto.read_pem(&tree.text_of(&row, "X_CUSP_Certificate"))).flatten()
}
