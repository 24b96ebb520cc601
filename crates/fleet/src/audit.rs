//! The audit log: who did what, in a chain of hashes in which a changed, removed or inserted row shows.

use dm::UtcTime;
use sha2::{Digest as _, Sha256};

use crate::ids::{Digest, Seq, TenantId};
use crate::job::Actor;
use crate::limits;

/// Which chain a row belongs to. There is one per tenant and writer; a single server writes chain 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Chain(pub u32);

/// What is to be written down. It never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Who.
    pub actor: Actor,
    /// What was done: `device.approve`, `job.create`, ….
    pub action: &'static str,
    /// To what: an id, an endpoint, a name.
    pub target: String,
    /// What else there is to know, in one line.
    pub detail: String,
}

impl AuditEntry {
    /// An entry; the detail is cut to [`limits::AUDIT_DETAIL`].
    #[expect(clippy::needless_pass_by_value, reason = "targets are ids and borrowed texts")]
    pub fn new(actor: Actor, action: &'static str, target: impl ToString, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > limits::AUDIT_DETAIL {
            let end = (0..=limits::AUDIT_DETAIL).rev().find(|at| detail.is_char_boundary(*at)).unwrap_or(0);
            detail.truncate(end);
        }
        AuditEntry { actor, action, target: target.to_string(), detail }
    }
}

/// A row of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// Whose log.
    pub tenant: TenantId,
    /// Which chain.
    pub chain: Chain,
    /// Its place in the chain, from 1.
    pub seq: Seq,
    /// When.
    pub at: UtcTime,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// What else.
    pub detail: String,
    /// The hash of the row before; zeros for the first.
    pub prev_hash: Digest,
    /// Over everything above.
    pub hash: Digest,
}

/// The end of a chain: what the next row is linked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tip {
    /// The last row's place; 0 if there is none.
    pub seq: Seq,
    /// Its hash; zeros if there is none.
    pub hash: Digest,
}

impl Tip {
    /// Of an empty chain.
    pub const EMPTY: Tip = Tip { seq: Seq(0), hash: Digest([0; 32]) };
}

/// The row that follows `tip`.
pub fn link(tenant: TenantId, chain: Chain, tip: Tip, at: UtcTime, entry: AuditEntry) -> AuditRow {
    let AuditEntry { actor, action, target, detail } = entry;
    let mut row = AuditRow {
        tenant,
        chain,
        seq: Seq(tip.seq.0 + 1),
        at,
        actor,
        action: action.to_owned(),
        target,
        detail,
        prev_hash: tip.hash,
        hash: Digest([0; 32]),
    };
    row.hash = hash_of(&row);
    row
}

/// Where a chain does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Break {
    /// The row's content is not what was hashed.
    #[error("row {0:?} was changed")]
    Changed(Seq),
    /// The row doesn't follow the one before it: rows were removed, inserted or exchanged.
    #[error("row {found:?} stands where row {expected:?} belongs")]
    Order {
        /// The place that comes next.
        expected: Seq,
        /// The place that the row claims.
        found: Seq,
    },
    /// The row is linked to another predecessor.
    #[error("row {0:?} is linked to another row than the one before it")]
    Link(Seq),
}

/// Checks rows of one chain that follow `tip`, oldest first, and gives the tip after them, so that a long
/// chain can be checked in pieces. A cut-off end can only be seen by comparing the last tip with a copy.
pub fn verify<'a>(mut tip: Tip, rows: impl IntoIterator<Item = &'a AuditRow>) -> Result<Tip, Break> {
    for row in rows {
        let expected = Seq(tip.seq.0 + 1);
        if row.seq != expected {
            return Err(Break::Order { expected, found: row.seq });
        }
        if row.prev_hash != tip.hash {
            return Err(Break::Link(row.seq));
        }
        if hash_of(row) != row.hash {
            return Err(Break::Changed(row.seq));
        }
        tip = Tip { seq: row.seq, hash: row.hash };
    }
    Ok(tip)
}

/// SHA-256 over a tag and every field; each text is led by its length, so that no two rows share an
/// encoding.
fn hash_of(row: &AuditRow) -> Digest {
    let mut sha = Sha256::new();
    sha.update(b"cusp audit 1\0");
    sha.update(row.tenant.to_bytes());
    sha.update(row.chain.0.to_be_bytes());
    sha.update(row.seq.0.to_be_bytes());
    sha.update(row.at.0.to_be_bytes());
    for text in [row.actor.as_str(), &row.action, &row.target, &row.detail] {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text.as_bytes());
    }
    sha.update(row.prev_hash.0);
    Digest(sha.finalize().into())
}
