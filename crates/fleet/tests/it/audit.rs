//! The chain of the audit log.

use fleet::audit::{AuditEntry, AuditRow, Break, Chain, Tip, link, verify};
use fleet::ids::{Digest, Seq, TenantId};
use fleet::job::Actor;
use fleet::limits;

use crate::at;

fn chain() -> Vec<AuditRow> {
    let mut tip = Tip::EMPTY;
    (0..4)
        .map(|number| {
            let entry = AuditEntry::new(Actor::user("alice"), "job.create", format!("t{number}"), "d");
            let row = link(TenantId::DEFAULT, Chain(0), tip, at(number), entry);
            tip = Tip { seq: row.seq, hash: row.hash };
            row
        })
        .collect()
}

fn check(change: impl FnOnce(&mut Vec<AuditRow>), expected: Break) {
    let mut rows = chain();
    change(&mut rows);
    assert_eq!(verify(Tip::EMPTY, &rows), Err(expected));
}

#[test]
fn a_whole_chain_holds_also_in_pieces() {
    let rows = chain();
    let tip = verify(Tip::EMPTY, &rows).expect("untouched");
    assert_eq!((tip.seq, tip.hash), (Seq(4), rows[3].hash));
    let half = verify(Tip::EMPTY, &rows[..2]).expect("untouched");
    assert_eq!(verify(half, &rows[2..]), Ok(tip));
    assert_eq!(
        rows[0].hash.to_string(),
        "04da5f89485f557613607abd344aee1b8bb582673cd55f1ee041d23d9f0ce6fc",
        "the encoding of a row is fixed for ever"
    );
}

#[test]
fn every_change_shows() {
    check(|rows| rows[1].detail = "other".to_owned(), Break::Changed(Seq(2)));
    check(|rows| rows[1].actor = Actor::user("bob"), Break::Changed(Seq(2)));
    check(|rows| rows[1].action = "job.cancel".to_owned(), Break::Changed(Seq(2)));
    check(|rows| rows[2].at = at(99), Break::Changed(Seq(3)));
    check(|rows| rows[2].tenant = TenantId::from_bytes([1; 16]), Break::Changed(Seq(3)));
    check(|rows| rows[3].hash = Digest([0; 32]), Break::Changed(Seq(4)));
    check(|rows| rows[3].prev_hash = Digest([0; 32]), Break::Link(Seq(4)));
    check(|rows| drop(rows.remove(1)), Break::Order { expected: Seq(2), found: Seq(3) });
    check(|rows| rows.swap(1, 2), Break::Order { expected: Seq(2), found: Seq(3) });
    // A field that takes a letter from its neighbour is another row.
    check(
        |rows| {
            rows[0].target = "t".to_owned();
            rows[0].detail = "0d".to_owned();
        },
        Break::Changed(Seq(1)),
    );
}

#[test]
fn a_long_detail_is_cut_between_characters() {
    let entry = AuditEntry::new(Actor::system(), "x", "y", "ä".repeat(limits::AUDIT_DETAIL));
    assert_eq!(entry.detail.len(), limits::AUDIT_DETAIL);
    let entry = AuditEntry::new(Actor::system(), "x", "y", format!("a{}", "ä".repeat(limits::AUDIT_DETAIL)));
    assert_eq!(entry.detail.len(), limits::AUDIT_DETAIL - 1);
}
