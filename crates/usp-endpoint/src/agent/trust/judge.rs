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
    /// The controller's own: its `Credential` names it, or it is pinned.
    Own,
    /// A CA vouches for it: by its row of `ControllerTrust.Credential.`, or for this controller alone.
    Vouched(Option<Place>),
    /// A CA vouches for it that may say who belongs to the network, and not who is a controller.
    Transport,
    /// The tables name nothing for this controller.
    Open,
    /// Nothing that they name leads to it.
    Unknown,
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

/// Judges the certificate of a connection with a controller. R-SEC.25: the chain is followed from the leaf, and the
/// first certificate of the tables decides. A certificate that was only put into the chain, and signed nothing of
/// it, leads nowhere.
pub(super) fn judge(
    tree: &Tree,
    crypto: &dyn TrustCrypto,
    controller: &EndpointId,
    peer: &PeerCertificate,
) -> Judgement {
    let row = controller_row(tree, controller);
    let pin = row.as_ref().and_then(|row| pin(tree, row));
    if pin == Some(peer.fingerprint) {
        return Judgement::Own;
    }
    let anchors = anchors(tree, crypto, row.as_slice());
    if anchors.is_empty() && pin.is_none() {
        return Judgement::Open;
    }
    let is_leaf = |anchor: &&Anchor| Some(&anchor.certificate.der) == peer.chain.first();
    let listed = anchors.iter().filter(|anchor| anchor.credential.is_some()).find(is_leaf);
    match anchors.iter().find(is_leaf) {
        Some(Anchor { credential: None, .. }) if listed.is_none() => return Judgement::Own,
        Some(anchor) => return vouched(tree, listed.unwrap_or(anchor)),
        None => {}
    }
    // What a chain is worth beyond signatures, its transport has judged.
    if !peer.trusted {
        return Judgement::Unknown;
    }
    let mut below: Option<&Vec<u8>> = None;
    for der in peer.chain.iter().take(MAX_CHAIN) {
        if below.is_some_and(|below| !crypto.issued(der, below)) {
            break;
        }
        let leads =
            |anchor: &&Anchor| anchor.certificate.der == *der || crypto.issued(&anchor.certificate.der, der);
        // A row of ControllerTrust comes first: it may have a role.
        let found = anchors.iter().filter(|anchor| anchor.credential.is_some()).find(leads);
        if let Some(anchor) = found.or_else(|| anchors.iter().find(leads)) {
            return vouched(tree, anchor);
        }
        below = Some(der);
    }
    Judgement::Unknown
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

fn vouched(tree: &Tree, anchor: &Anchor) -> Judgement {
    match &anchor.credential {
        None => Judgement::Vouched(None),
        Some(row) if tree.text_of(row, "AllowedUses") == "MTP-and-USP" => {
            Judgement::Vouched(Some(row.clone()))
        }
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
