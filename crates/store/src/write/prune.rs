//! What is past its retention goes, a bounded number of rows at a time, so that nobody waits for it.

use dm::UtcTime;
use fleet::limits as bounds;
use fleet::port::{Prune, Written};
use rusqlite::params;

use super::Tx;
use crate::error::Res;
use crate::limits;
use crate::query::{all, run};

const DAY_MICROS: i64 = 86_400 * 1_000_000;

pub(super) fn prune(tx: &mut Tx<'_>, prune: &Prune) -> Res<Written> {
    let before = |days: Option<u32>| days.map(|days| prune.at.0.saturating_sub(i64::from(days) * DAY_MICROS));
    let now = prune.at.0;
    let mut count = 0;
    let mut sweep = |sql: &str, before: Option<i64>| -> Res<()> {
        if let Some(before) = before {
            count += run(tx.connection, sql, params![before, limits::PRUNE_ROWS])? as u64;
        }
        Ok(())
    };
    // The log is in the order of time, so that its oldest rows are its first.
    sweep(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT ?2) AND at < ?1",
        before(prune.events_days),
    )?;
    sweep(
        "DELETE FROM jobs WHERE rowid IN (SELECT rowid FROM jobs INDEXED BY jobs_finished \
         WHERE state NOT IN ('queued', 'sent', 'accepted') AND updated < ?1 ORDER BY updated LIMIT ?2)",
        before(prune.jobs_days),
    )?;
    sweep(
        "DELETE FROM sessions WHERE (tenant, device, epoch) IN (SELECT tenant, device, epoch FROM sessions \
         WHERE until != 0 AND until < ?1 ORDER BY until LIMIT ?2)",
        before(prune.sessions_days),
    )?;
    sweep(
        "DELETE FROM notifications WHERE (tenant, device, key) IN (SELECT tenant, device, key FROM notifications \
         WHERE at < ?1 ORDER BY at LIMIT ?2)",
        Some(now.saturating_sub(bounds::DUPLICATE_WINDOW_MICROS)),
    )?;
    for (table, key) in
        [("links", "hash"), ("logins", "hash"), ("enrolments", "id"), ("certificates", "fingerprint")]
    {
        let sql = format!(
            "DELETE FROM {table} WHERE (tenant, {key}) IN (SELECT tenant, {key} FROM {table} \
             WHERE expires < ?1 ORDER BY expires LIMIT ?2)"
        );
        sweep(&sql, Some(now))?;
    }
    if let Some(before) = before(prune.audit_days) {
        count += prune_audit(tx, UtcTime(before))?;
    }
    Ok(Written::Count(count))
}

/// A chain is cut from its beginning, and the hash of the last row that goes is kept as its anchor.
fn prune_audit(tx: &mut Tx<'_>, before: UtcTime) -> Res<u64> {
    let chains: Vec<([u8; 16], u32)> =
        all(tx.connection, "SELECT DISTINCT tenant, chain FROM audit", [], |row| row.try_into())?;
    let mut count = 0;
    for (tenant, chain) in chains {
        // Only rows before the first one that stays, so that the chain has no gap.
        let last = "SELECT max(seq) FROM (SELECT seq, at FROM audit WHERE tenant = ?1 AND chain = ?2 \
                    ORDER BY seq LIMIT ?4) WHERE at < ?3 AND seq < (SELECT ifnull(min(seq), 9223372036854775807) \
                    FROM audit WHERE tenant = ?1 AND chain = ?2 AND at >= ?3)";
        let anchor = format!(
            "INSERT OR REPLACE INTO audit_anchors (tenant, chain, seq, hash) \
             SELECT tenant, chain, seq, hash FROM audit WHERE tenant = ?1 AND chain = ?2 AND seq = ({last})"
        );
        let values = params![tenant, chain, before.0, limits::PRUNE_ROWS];
        if run(tx.connection, &anchor, values)? > 0 {
            let sql = "DELETE FROM audit WHERE tenant = ?1 AND chain = ?2 AND seq <= \
                       (SELECT seq FROM audit_anchors WHERE tenant = ?1 AND chain = ?2)";
            count += run(tx.connection, sql, params![tenant, chain])? as u64;
        }
    }
    Ok(count)
}
