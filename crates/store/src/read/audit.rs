//! The audit log, and its check.

use fleet::Reach;
use fleet::audit::{self, AuditRow, Break, Chain, Tip};
use fleet::ids::{Digest, Seq, TenantId};
use fleet::port::{Page, PageRequest};
use rusqlite::{Connection, params};

use super::cursor;
use crate::error::Res;
use crate::limits;
use crate::query::{all, limit_and_one, one, signed, unsigned};
use crate::rows::{self, AUDIT};

pub(super) fn list(connection: &Connection, reach: Reach, page: &PageRequest) -> Res<Page<AuditRow>> {
    match reach {
        Reach::Tenant(tenant) => of_one(connection, tenant, page),
        Reach::Platform => of_all(connection, page),
    }
}

/// Every chain, in the order of time.
fn of_all(connection: &Connection, page: &PageRequest) -> Res<Page<AuditRow>> {
    let limit = limit_and_one(page.limit);
    let (at, tenant, chain, seq) = match &page.cursor {
        Some(cursor) => cursor::read::<(i64, [u8; 16], u32, i64)>("audit of all", cursor)?,
        None => (i64::MAX, [0xff; 16], u32::MAX, i64::MAX),
    };
    let sql = format!(
        "SELECT {AUDIT}, tenant, chain FROM audit WHERE (at, tenant, chain, seq) < (?, ?, ?, ?) \
         ORDER BY at DESC, tenant DESC, chain DESC, seq DESC LIMIT ?"
    );
    let found = all(connection, &sql, params![at, tenant, chain, seq, limit], |row| {
        rows::audit(TenantId::from_bytes(row.get(8)?), Chain(row.get(9)?), row)
    })?;
    let next = |last: &AuditRow| {
        cursor::make("audit of all", (last.at.0, last.tenant.to_bytes(), last.chain.0, signed(last.seq.0)))
    };
    Ok(cursor::page(found, limit, next))
}

fn of_one(connection: &Connection, tenant: TenantId, page: &PageRequest) -> Res<Page<AuditRow>> {
    let chain = Chain(0);
    let limit = limit_and_one(page.limit);
    let before = match &page.cursor {
        Some(cursor) => cursor::read("audit", cursor)?,
        None => i64::MAX,
    };
    let sql = format!(
        "SELECT {AUDIT} FROM audit WHERE tenant = ? AND chain = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    );
    let key = params![tenant.to_bytes(), chain.0, before, limit];
    let found = all(connection, &sql, key, |row| rows::audit(tenant, chain, row))?;
    Ok(cursor::page(found, limit, |last| cursor::make("audit", signed(last.seq.0))))
}

pub(super) fn verify(connection: &Connection, tenant: TenantId, chain: Chain) -> Res<Result<Tip, Break>> {
    let sql = "SELECT seq, hash FROM audit_anchors WHERE tenant = ? AND chain = ?";
    let anchor = one(connection, sql, params![tenant.to_bytes(), chain.0], |row| {
        Ok(Tip { seq: Seq(unsigned(row.get(0)?)), hash: Digest(row.get(1)?) })
    })?;
    let mut tip = anchor.unwrap_or(Tip::EMPTY);
    let sql =
        format!("SELECT {AUDIT} FROM audit WHERE tenant = ? AND chain = ? AND seq > ? ORDER BY seq LIMIT ?");
    loop {
        let key = params![tenant.to_bytes(), chain.0, signed(tip.seq.0), limits::AUDIT_ROWS];
        let piece = all(connection, &sql, key, |row| rows::audit(tenant, chain, row))?;
        if piece.is_empty() {
            return Ok(Ok(tip));
        }
        match audit::verify(tip, &piece) {
            Ok(next) => tip = next,
            Err(broken) => return Ok(Err(broken)),
        }
    }
}
