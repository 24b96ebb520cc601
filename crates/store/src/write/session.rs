//! Sessions: presence, epochs, and what becomes of jobs when a session is over.

use dm::UtcTime;
use fleet::device::CredentialKind;
use fleet::event::{EventBody, EventKind};
use fleet::ids::{DeviceId, Epoch, Fingerprint, TenantId};
use fleet::port::{SessionClosed, SessionOpened, StoreError, Written};
use rusqlite::params;

use super::{Tx, job, search};
use crate::error::Res;
use crate::query::{all, must, one, run, signed, unsigned};
use crate::rows;

pub(super) fn opened(tx: &mut Tx<'_>, session: &SessionOpened) -> Res<Written> {
    let SessionOpened { tenant, device, transport, peer, proven, fingerprint, at } = session;
    let key = (tenant.to_bytes(), device.to_bytes());
    match fingerprint {
        Some(fingerprint) => check_not_revoked(tx, *tenant, *fingerprint)?,
        None => check_unproven(tx, *tenant, *device)?,
    }
    let epoch = epoch_of(tx, *tenant, *device)?.0 + 1;
    end_open(tx, *tenant, *device, *at)?;
    let sql = "INSERT INTO sessions (tenant, device, epoch, transport, peer, proven, since) VALUES (?, ?, ?, ?, ?, ?, ?)";
    run(tx.connection, sql, params![key.0, key.1, signed(epoch), transport, peer, proven, at.0])?;
    let sql = "UPDATE devices SET online = 1, epoch = ?, proven = ?, address = ?, last_seen = ? \
               WHERE tenant = ? AND id = ?";
    run(tx.connection, sql, params![signed(epoch), proven, peer, at.0, key.0, key.1])?;
    search::refresh(tx, *tenant, *device)?;
    let body = EventBody::new(EventKind::Online)
        .with("transport", transport)
        .with("peer", peer)
        .with("proven", proven.to_string());
    tx.event(*tenant, Some(*device), *at, body)?;
    Ok(Written::Session(Epoch(epoch)))
}

pub(super) fn closed(tx: &mut Tx<'_>, session: &SessionClosed) -> Res<Written> {
    let SessionClosed { tenant, device, epoch, at, reason } = session;
    check_epoch(tx, *tenant, *device, *epoch)?;
    end_open(tx, *tenant, *device, *at)?;
    let sql = "UPDATE devices SET online = 0, last_seen = ? WHERE tenant = ? AND id = ?";
    must(tx.connection, "device", sql, params![at.0, tenant.to_bytes(), device.to_bytes()])?;
    tx.event(*tenant, Some(*device), *at, EventBody::new(EventKind::Offline).with("reason", reason))?;
    Ok(Written::Done)
}

/// After a start: nobody is connected, and nothing is under way.
pub(super) fn recover(tx: &mut Tx<'_>, at: UtcTime) -> Res<Written> {
    job::check_sealed(tx, at)?;
    let sql = "SELECT DISTINCT tenant, device FROM jobs WHERE state = 'sent'";
    let lanes: Vec<([u8; 16], [u8; 16])> = all(tx.connection, sql, [], |row| row.try_into())?;
    let mut jobs = 0;
    for (tenant, device) in lanes {
        jobs += job::lose_sent(tx, TenantId::from_bytes(tenant), DeviceId::from_bytes(device), at)?;
    }
    run(tx.connection, "UPDATE sessions SET until = ? WHERE until = 0", [at.0])?;
    let online: Vec<([u8; 16], [u8; 16])> =
        all(tx.connection, "SELECT tenant, id FROM devices WHERE online = 1", [], |row| row.try_into())?;
    for (tenant, device) in online {
        let body = EventBody::new(EventKind::Offline).with("reason", "the server was restarted");
        tx.event(TenantId::from_bytes(tenant), Some(DeviceId::from_bytes(device)), at, body)?;
    }
    run(tx.connection, "UPDATE devices SET online = 0 WHERE online = 1", [])?;
    Ok(Written::Count(jobs))
}

/// The epoch of a device's present or last session.
pub(super) fn epoch_of(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<Epoch> {
    let sql = "SELECT epoch FROM devices WHERE tenant = ? AND id = ?";
    let epoch = one(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |row| row.get(0))?;
    Ok(Epoch(unsigned(epoch.ok_or(StoreError::NotFound("device"))?)))
}

/// Between the decision to let a device in and its session, its certificate or login may have been revoked.
fn check_not_revoked(tx: &Tx<'_>, tenant: TenantId, fingerprint: Fingerprint) -> Res<()> {
    let sql = "SELECT kind FROM credentials WHERE tenant = ? AND value = ? AND revoked = 1";
    let revoked: Option<String> =
        one(tx.connection, sql, params![tenant.to_bytes(), fingerprint.0], |row| row.get(0))?;
    let Some(kind) = revoked else { return Ok(()) };
    let why = match rows::kind(&kind) {
        CredentialKind::CertificateFingerprint => "the certificate was revoked",
        CredentialKind::Password => "the login was revoked",
    };
    Err(StoreError::Conflict(why).into())
}

/// The device was given a certificate or a login since it was decided to let it in by its name.
fn check_unproven(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    let sql = "SELECT 1 FROM credentials WHERE tenant = ? AND device = ? AND revoked = 0 LIMIT 1";
    match one(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |_| Ok(()))? {
        Some(()) => Err(StoreError::Conflict("the device has something that proves it").into()),
        None => Ok(()),
    }
}

/// A report of a session that has been followed by another is refused.
pub(super) fn check_epoch(tx: &Tx<'_>, tenant: TenantId, device: DeviceId, epoch: Epoch) -> Res<()> {
    if epoch_of(tx, tenant, device)? == epoch { Ok(()) } else { Err(StoreError::StaleEpoch.into()) }
}

pub(super) fn end_open(tx: &mut Tx<'_>, tenant: TenantId, device: DeviceId, at: UtcTime) -> Res<()> {
    let sql = "UPDATE sessions SET until = ? WHERE tenant = ? AND device = ? AND until = 0";
    run(tx.connection, sql, params![at.0, tenant.to_bytes(), device.to_bytes()])?;
    job::lose_sent(tx, tenant, device, at)?;
    Ok(())
}
