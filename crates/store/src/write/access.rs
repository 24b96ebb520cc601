//! People, links, logins and tokens.

use dm::UtcTime;
use fleet::access::{EnrolmentToken, Login, PasswordHash, SecretHash, SignInLink, User};
use fleet::audit::AuditEntry;
use fleet::ids::{TenantId, UserId};
use fleet::port::{StoreError, Write, Written};
use rusqlite::params;

use super::Tx;
use crate::error::Res;
use crate::query::{must, one, run};
use crate::reach;
use crate::read::access as reading;

/// The writes of this subject; the caller has done all others.
pub(super) fn perform(tx: &mut Tx<'_>, write: Write) -> Res<Written> {
    match write {
        Write::PutUser { tenant, user, at, audit } => {
            put_user(tx, tenant, &user)?;
            tx.audit(tenant, at, audit)?;
        }
        Write::SetPassword { tenant, user, password, keep, at, audit } => {
            set_password(tx, tenant, user, &password, keep)?;
            tx.audit(tenant, at, audit)?;
        }
        Write::PutLink { tenant, link, at, audit } => {
            put_link(tx, tenant, &link)?;
            tx.audit(tenant, at, audit)?;
        }
        Write::UseLink { tenant, hash, at } => return use_link(tx, tenant, hash, at),
        Write::PutLogin { tenant, login, audit } => {
            put_login(tx, tenant, &login)?;
            tx.audit(tenant, login.created, audit)?;
        }
        Write::EndLogin { tenant, hash } => {
            let sql = "DELETE FROM logins WHERE tenant = ? AND hash = ?";
            run(tx.connection, sql, params![tenant.to_bytes(), hash.0])?;
        }
        Write::PutToken { tenant, token, audit } => {
            let sql = "INSERT INTO tokens (tenant, id, hash, name, role, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)";
            let expires = token.expires.map_or(0, |at| at.0);
            let id = token.id.to_bytes();
            let row = params![
                tenant.to_bytes(),
                id,
                token.hash.0,
                token.name,
                token.role.as_str(),
                token.created.0,
                expires
            ];
            run(tx.connection, sql, row)?;
            tx.audit(tenant, token.created, audit)?;
        }
        Write::RevokeToken { reach, token, at, audit } => {
            let sql = "DELETE FROM tokens WHERE tenant = ? AND id = ?";
            let homes = reach::homes(tx.connection, reach)?;
            end(tx, "token", &homes, sql, token.to_bytes(), at, audit)?;
        }
        Write::PutEnrolmentToken { tenant, token, audit } => {
            put_enrolment(tx, tenant, &token)?;
            tx.audit(tenant, token.created, audit)?;
        }
        Write::RevokeEnrolmentToken { reach, token, at, audit } => {
            let sql = "DELETE FROM enrolments WHERE tenant = ? AND id = ?";
            let tenants = reach::tenants(tx.connection, reach)?;
            end(tx, "enrolment token", &tenants, sql, token.to_bytes(), at, audit)?;
        }
        other => {
            debug_assert!(false, "not a write about access: {other:?}");
            return Err(StoreError::Failed("a write that nobody does".to_owned()).into());
        }
    }
    Ok(Written::Done)
}

/// Removes what one of these tenants has under an id, and writes it down there.
fn end(
    tx: &mut Tx<'_>,
    what: &'static str,
    among: &[TenantId],
    sql: &str,
    id: [u8; 16],
    at: UtcTime,
    audit: AuditEntry,
) -> Res<()> {
    let connection = tx.connection;
    let owner = reach::first(among, |tenant| {
        Ok((run(connection, sql, params![tenant.to_bytes(), id])? > 0).then_some(tenant))
    })?;
    tx.audit(owner.ok_or(StoreError::NotFound(what))?, at, audit)
}

fn put_user(tx: &Tx<'_>, tenant: TenantId, user: &User) -> Res<()> {
    let sql = "SELECT id FROM users WHERE tenant = ? AND name = ?";
    let owner = one(tx.connection, sql, params![tenant.to_bytes(), user.name], |row| {
        Ok(UserId::from_bytes(row.get(0)?))
    })?;
    if owner.is_some_and(|owner| owner != user.id) {
        return Err(StoreError::Conflict("another user has this name").into());
    }
    let roles: Vec<&str> = user.roles.iter().map(|role| role.as_str()).collect();
    let sql = "INSERT OR REPLACE INTO users (tenant, id, name, password, roles, created, disabled) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        tenant.to_bytes(),
        user.id.to_bytes(),
        user.name,
        user.password.as_ref().map(|hash| hash.0.as_str()),
        roles.join(","),
        user.created.0,
        user.disabled
    ];
    run(tx.connection, sql, values)?;
    if user.disabled {
        let sql = "DELETE FROM logins WHERE tenant = ? AND user = ?";
        run(tx.connection, sql, params![tenant.to_bytes(), user.id.to_bytes()])?;
    }
    Ok(())
}

fn set_password(
    tx: &Tx<'_>,
    tenant: TenantId,
    user: UserId,
    password: &PasswordHash,
    keep: Option<SecretHash>,
) -> Res<()> {
    let sql = "UPDATE users SET password = ? WHERE tenant = ? AND id = ?";
    must(tx.connection, "user", sql, params![password.0, tenant.to_bytes(), user.to_bytes()])?;
    let sql = "DELETE FROM logins WHERE tenant = ? AND user = ? AND hash IS NOT ?";
    run(tx.connection, sql, params![tenant.to_bytes(), user.to_bytes(), keep.map(|hash| hash.0)])?;
    Ok(())
}

fn put_link(tx: &Tx<'_>, tenant: TenantId, link: &SignInLink) -> Res<()> {
    let sql = "INSERT INTO links (tenant, hash, user, expires) VALUES (?, ?, ?, ?)";
    run(tx.connection, sql, params![tenant.to_bytes(), link.hash.0, link.user.to_bytes(), link.expires.0])?;
    Ok(())
}

fn use_link(tx: &Tx<'_>, tenant: TenantId, hash: SecretHash, at: UtcTime) -> Res<Written> {
    let sql = "DELETE FROM links WHERE tenant = ? AND hash = ? RETURNING user, expires";
    let used = one(tx.connection, sql, params![tenant.to_bytes(), hash.0], |row| {
        Ok((UserId::from_bytes(row.get(0)?), UtcTime(row.get(1)?)))
    })?;
    // Refusing an expired link rolls its removal back; pruning removes it.
    let user = used.filter(|(_, expires)| *expires > at).map(|(user, _)| user);
    let user = user.ok_or(StoreError::NotFound("sign-in link"))?;
    let user = reading::user_by_id(tx.connection, tenant, user)?.filter(|user| !user.disabled);
    Ok(Written::User(Box::new(user.ok_or(StoreError::NotFound("sign-in link"))?)))
}

fn put_login(tx: &Tx<'_>, tenant: TenantId, login: &Login) -> Res<()> {
    let sql = "INSERT INTO logins (tenant, hash, user, created, expires) VALUES (?, ?, ?, ?, ?)";
    let values =
        params![tenant.to_bytes(), login.hash.0, login.user.to_bytes(), login.created.0, login.expires.0];
    run(tx.connection, sql, values)?;
    Ok(())
}

pub(super) fn put_enrolment(tx: &Tx<'_>, tenant: TenantId, token: &EnrolmentToken) -> Res<()> {
    let sql = "INSERT INTO enrolments (tenant, id, hash, name, uses_left, created, expires, tag, endpoint) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let id = token.id.to_bytes();
    let values = params![
        tenant.to_bytes(),
        id,
        token.hash.0,
        token.name,
        token.uses_left,
        token.created.0,
        token.expires.0,
        token.group,
        token.endpoint
    ];
    run(tx.connection, sql, values)?;
    Ok(())
}
