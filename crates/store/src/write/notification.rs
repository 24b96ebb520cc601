//! A notification: stored once, recognised when it is repeated.

use fleet::event::EventKind;
use fleet::ids::{Epoch, Seq};
use fleet::limits as bounds;
use fleet::port::{NewNotification, StoreError, Written};
use rusqlite::params;

use super::{Tx, device, job, twin};
use crate::error::Res;
use crate::query::{one, run, signed, unsigned};

/// The same notification, stored earlier.
struct Earlier {
    boots: i64,
    epoch: Epoch,
    at: i64,
    seq: Seq,
}

/// What the earlier one makes of this one.
enum Verdict {
    /// It is not stored again.
    Known(Seq),
    /// It is stored, and perhaps marked.
    Store { duplicate: bool },
}

pub(super) fn store(tx: &mut Tx<'_>, new: NewNotification) -> Res<Written> {
    let key = new.key();
    let (tenant, id) = (new.tenant.to_bytes(), new.device.to_bytes());
    let boots = boots(tx, &new)?;
    let sql = "SELECT boots, epoch, at, seq FROM notifications WHERE tenant = ? AND device = ? AND key = ?";
    let earlier = one(tx.connection, sql, params![tenant, id, key.0], |row| {
        Ok(Earlier {
            boots: row.get(0)?,
            epoch: Epoch(unsigned(row.get(1)?)),
            at: row.get(2)?,
            seq: Seq(unsigned(row.get(3)?)),
        })
    })?;
    let is_boot = new.event.kind == EventKind::Boot;
    let duplicate = match judge(earlier.as_ref(), &new, boots) {
        Verdict::Known(seq) => return Ok(Written::Notified { seq, known: true }),
        Verdict::Store { duplicate } => duplicate,
    };
    let boots = boots + i64::from(is_boot);
    let mut event = new.event;
    event.duplicate |= duplicate;
    event.job = event.job.or(new.finish.as_ref().map(|finish| finish.job));
    let seq = tx.event(new.tenant, Some(new.device), new.at, event)?;
    let sql = "INSERT OR REPLACE INTO notifications (tenant, device, key, boots, epoch, at, seq) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let values = params![tenant, id, key.0, boots, signed(new.epoch.0), new.at.0, signed(seq.0)];
    run(tx.connection, sql, values)?;
    device::seen(tx, new.tenant, new.device, new.at)?;
    if is_boot {
        let sql = "UPDATE devices SET boots = ? WHERE tenant = ? AND id = ?";
        run(tx.connection, sql, params![boots, tenant, id])?;
    }
    if new.doubts_model {
        let sql = "UPDATE devices SET model_doubt = ? WHERE tenant = ? AND id = ?";
        run(tx.connection, sql, params![signed(seq.0), tenant, id])?;
    }
    if let Some(delta) = &new.delta {
        twin::add(tx, new.tenant, new.device, delta)?;
    }
    if let Some(finish) = new.finish {
        job::complete(tx, finish)?;
    }
    Ok(Written::Notified { seq, known: false })
}

fn boots(tx: &Tx<'_>, new: &NewNotification) -> Res<i64> {
    let sql = "SELECT boots FROM devices WHERE tenant = ? AND id = ?";
    let boots =
        one(tx.connection, sql, params![new.tenant.to_bytes(), new.device.to_bytes()], |row| row.get(0))?;
    Ok(boots.ok_or(StoreError::NotFound("device"))?)
}

/// A device without a clock repeats its message ids after each boot, so that the same bytes after a boot
/// are perhaps news; a Boot! in another session is perhaps another boot. In doubt it is stored, and marked.
fn judge(earlier: Option<&Earlier>, new: &NewNotification, boots: i64) -> Verdict {
    let Some(earlier) = earlier else { return Verdict::Store { duplicate: false } };
    if new.at.0.saturating_sub(earlier.at) > bounds::DUPLICATE_WINDOW_MICROS {
        return Verdict::Store { duplicate: false };
    }
    let same_run =
        earlier.boots == boots && (new.event.kind != EventKind::Boot || earlier.epoch == new.epoch);
    if same_run { Verdict::Known(earlier.seq) } else { Verdict::Store { duplicate: true } }
}
