//! Logins of devices.

use fleet::audit::AuditEntry;
use fleet::certificate::RevocationReason;
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::ids::Fingerprint;
use fleet::job::Actor;
use fleet::login::PutLogin;
use fleet::port::{Admit, StoreError, Written};
use rusqlite::params;

use super::{Tx, certificate, device, enrolment};
use crate::error::Res;
use crate::query::all;
use crate::rows;

/// The device is let in, or found by its name. It has one login at a time.
pub(super) fn put(tx: &mut Tx<'_>, put: PutLogin) -> Res<Written> {
    let PutLogin { tenant, endpoint, proof, device: fresh, name, at, audit } = put;
    let identity = Identity::usp(endpoint);
    let id = match device::by_identity(tx, tenant, &identity)? {
        Some(known) => {
            tx.audit(tenant, at, audit)?;
            known
        }
        None => {
            let admit = Admit { tenant, device: fresh, identity, credential: None, name, at, audit };
            enrolment::admit(tx, admit)?;
            fresh
        }
    };
    let sql = "SELECT value FROM credentials WHERE tenant = ? AND device = ? AND kind = 'password' \
               AND revoked = 0 ORDER BY at, value";
    let key = params![tenant.to_bytes(), id.to_bytes()];
    let earlier: Vec<Fingerprint> = all(tx.connection, sql, key, |row| row.get(0).map(Fingerprint))?;
    for earlier in earlier {
        certificate::end(tx, tenant, earlier, RevocationReason::Superseded, at)?;
        let what = earlier.to_string();
        tx.audit(tenant, at, AuditEntry::new(Actor::system(), "credential.revoke", id, what))?;
    }
    let (kind, origin) = (CredentialKind::Password, CredentialOrigin::Issued);
    let credential = Credential { kind, value: proof, issued_for: id, origin, at, revoked: false };
    device::put_credential(tx, tenant, &credential)?;
    let device = rows::device(tx.connection, tenant, id)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}
