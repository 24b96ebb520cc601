//! What is read about certificates.

use std::cmp::Reverse;

use dm::UtcTime;
use fleet::Reach;
use fleet::certificate::{Certificate, CertificateQuery, RevocationReason, RevokedCertificate};
use fleet::device::CredentialOrigin;
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::limits as bounds;
use fleet::port::Page;
use rusqlite::{Connection, Row, params};

use super::cursor;
use crate::error::Res;
use crate::query::all;
use crate::{reach, rows};

const LIST: &str = "certificates";

pub(super) fn list(
    connection: &Connection,
    reach: Reach,
    query: &CertificateQuery,
) -> Res<Page<Certificate>> {
    let limit = i64::try_from(query.page.limit.min(bounds::PAGE)).unwrap_or(1) + 1;
    let (device, at, value) = match &query.page.cursor {
        Some(cursor) => cursor::read::<([u8; 16], i64, [u8; 32])>(LIST, cursor)?,
        None => ([0; 16], i64::MAX, [0xff; 32]),
    };
    let sql = "SELECT c.value, c.device, d.name, c.origin, c.at, c.revoked, i.serial, i.expires, i.revoked, i.reason, c.kind \
               FROM credentials c JOIN devices d ON d.tenant = c.tenant AND d.id = c.device \
               LEFT JOIN certificates i ON i.fingerprint = c.value \
               WHERE c.tenant = ?1 AND (?2 IS NULL OR c.device = ?2) AND (?3 IS NULL OR c.revoked = ?3) \
               AND c.device >= ?4 AND (c.device > ?4 OR c.at < ?5 OR (c.at = ?5 AND c.value < ?6)) \
               ORDER BY c.device, c.at DESC, c.value DESC LIMIT ?7";
    let wanted = query.device.map(DeviceId::to_bytes);
    let read = |tenant: TenantId| {
        let key = params![tenant.to_bytes(), wanted, query.revoked, device, at, value, limit];
        all(connection, sql, key, |row| certificate(tenant, row))
    };
    let place = |row: &Certificate| (row.device, Reverse(row.at.0), Reverse(row.fingerprint));
    let by_place = |one: &Certificate, two: &Certificate| place(one).cmp(&place(two));
    let rows = reach::merged(&reach::tenants(connection, reach)?, limit, read, by_place)?;
    let next = |row: &Certificate| cursor::make(LIST, (row.device.to_bytes(), row.at.0, row.fingerprint.0));
    Ok(cursor::page(rows, limit, next))
}

fn certificate(tenant: TenantId, row: &Row<'_>) -> rusqlite::Result<Certificate> {
    let serial: Option<String> = row.get(6)?;
    let expires: Option<i64> = row.get(7)?;
    let since: Option<i64> = row.get(8)?;
    let reason: Option<String> = row.get(9)?;
    let origin: String = row.get(3)?;
    let since = since.filter(|since| *since != 0);
    Ok(Certificate {
        kind: rows::kind(&row.get::<_, String>(10)?),
        fingerprint: Fingerprint(row.get(0)?),
        device: DeviceId::from_bytes(row.get(1)?),
        tenant,
        name: row.get(2)?,
        origin: if origin == "issued" { CredentialOrigin::Issued } else { CredentialOrigin::Pinned },
        at: UtcTime(row.get(4)?),
        revoked: row.get(5)?,
        issued: serial.zip(expires.map(UtcTime)),
        revocation: since.map(|since| (UtcTime(since), self::reason(reason.as_deref()))),
    })
}

/// A word that nobody knows says nothing.
fn reason(word: Option<&str>) -> RevocationReason {
    word.and_then(|word| RevocationReason::parse(word).ok()).unwrap_or_default()
}

/// Of every tenant: the CA is one for all.
pub(super) fn revoked(connection: &Connection, now: UtcTime) -> Res<Vec<RevokedCertificate>> {
    let sql = "SELECT serial, revoked, reason FROM certificates WHERE tenant IN (SELECT id FROM tenants) \
               AND revoked != 0 AND expires > ? ORDER BY revoked DESC LIMIT ?";
    all(connection, sql, params![now.0, bounds::REVOKED], |row| {
        let word: String = row.get(2)?;
        Ok(RevokedCertificate { serial: row.get(0)?, at: UtcTime(row.get(1)?), reason: reason(Some(&word)) })
    })
}
