//! A device is let in by a token: the token is used up and the device registered, or neither.

use dm::UtcTime;
use fleet::access::EnrolmentToken;
use fleet::audit::AuditEntry;
use fleet::certificate::RevocationReason;
use fleet::device::{CredentialOrigin, Identity};
use fleet::enrolment::broker_word;
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::job::Actor;
use fleet::limits as bounds;
use fleet::port::{Admit, Enrol, StoreError, Written};
use rusqlite::params;

use super::{Tx, certificate, device, enrolment};
use crate::error::Res;
use crate::query::{all, one, run};
use crate::read::access as reading;
use crate::rows;

pub(super) fn enrol(tx: &mut Tx<'_>, enrol: Enrol) -> Res<Written> {
    let Enrol { tenant, token, endpoint, device: fresh, issued, at } = enrol;
    let fingerprint = issued.fingerprint;
    let sql = format!(
        "UPDATE enrolments SET uses_left = uses_left - 1 WHERE tenant = ? AND hash = ? AND uses_left > 0 \
         AND expires > ? AND (endpoint IS NULL OR endpoint = ?) RETURNING {}",
        reading::ENROLMENT
    );
    let key = params![tenant.to_bytes(), token.0, at.0, endpoint];
    let token = one(tx.connection, &sql, key, reading::enrolment)?;
    let token = token.ok_or(StoreError::NotFound("enrolment token"))?;
    let identity = Identity::usp(endpoint.clone());
    if let Some(known) = device::by_identity(tx, tenant, &identity)? {
        retire(tx, tenant, known, &token, &endpoint, at)?;
    }
    let used = AuditEntry::new(Actor::system(), "enrolment.use", token.id, &endpoint);
    tx.audit(tenant, at, used)?;
    let audit = AuditEntry::new(
        Actor::system(),
        "device.admit",
        &endpoint,
        format!("an enrolment token: {fingerprint}"),
    );
    let credential = Some((fingerprint, CredentialOrigin::Issued));
    let admit = Admit { tenant, device: fresh, identity, credential, name: None, at, audit };
    let Written::Device(device) = enrolment::admit(tx, admit)? else {
        return Err(StoreError::Failed("an admission was answered with no device".to_owned()).into());
    };
    certificate::register(tx, tenant, device.id, &issued)?;
    let Some(group) = &token.group else { return Ok(Written::Device(device)) };
    put_tag(tx, tenant, device.id, group)?;
    let device = rows::device(tx.connection, tenant, device.id)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}

/// What proved a known device until now does so no more, but for the word of trusted brokers, which know their clients
/// as before. Only a token that was made for this very device may do that: any other would make its holder another device.
fn retire(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    token: &EnrolmentToken,
    endpoint: &str,
    at: UtcTime,
) -> Res<()> {
    let sql =
        "SELECT value FROM credentials WHERE tenant = ? AND device = ? AND revoked = 0 ORDER BY at, value";
    let valid: Vec<[u8; 32]> =
        all(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |row| row.get(0))?;
    if valid.is_empty() {
        return Ok(());
    }
    if token.endpoint.is_none() {
        let why =
            "this device has a certificate or a login; a token made for its endpoint id enrols it again";
        return Err(StoreError::Conflict(why).into());
    }
    let word = broker_word(endpoint);
    for value in valid.into_iter().map(Fingerprint).filter(|value| *value != word) {
        certificate::end(tx, tenant, value, RevocationReason::Superseded, at)?;
        let what = value.to_string();
        tx.audit(tenant, at, AuditEntry::new(Actor::system(), "credential.revoke", device, what))?;
    }
    Ok(())
}

pub(super) fn put_tag(tx: &Tx<'_>, tenant: TenantId, device: DeviceId, tag: &str) -> Res<()> {
    let key = (tenant.to_bytes(), device.to_bytes());
    run(
        tx.connection,
        "INSERT OR IGNORE INTO tags (tenant, tag, device) VALUES (?, ?, ?)",
        params![key.0, tag, key.1],
    )?;
    let sql = "SELECT count(*) FROM tags WHERE tenant = ? AND device = ?";
    let count: Option<usize> = one(tx.connection, sql, params![key.0, key.1], |row| row.get(0))?;
    if count.unwrap_or(0) > bounds::TAGS {
        return Err(StoreError::Conflict("the device has too many tags").into());
    }
    Ok(())
}
