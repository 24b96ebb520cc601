//! People, logins and tokens.

use dm::UtcTime;
use fleet::Reach;
use fleet::access::{ApiToken, EnrolmentToken, Login, PasswordHash, Role, SecretHash, User};
use fleet::ids::{EnrolmentId, TenantId, TokenId, UserId};
use fleet::port::{Page, PageRequest};
use fleet::tenant::Tenant;
use rusqlite::{Connection, Row, params};

use super::cursor;
use crate::error::Res;
use crate::query::{all, limit_and_one, one};
use crate::reach;
use crate::rows::time_or_never;

const USER: &str = "id, name, password, roles, created, disabled";

/// A user, with the roles still as text.
fn user_row(row: &Row<'_>) -> rusqlite::Result<(User, String)> {
    let user = User {
        id: UserId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        password: row.get::<_, Option<String>>(2)?.map(PasswordHash),
        roles: Vec::new(),
        created: UtcTime(row.get(4)?),
        disabled: row.get(5)?,
    };
    Ok((user, row.get(3)?))
}

fn with_roles((mut user, roles): (User, String)) -> Res<User> {
    for role in roles.split(',').filter(|role| !role.is_empty()) {
        user.roles.push(Role::parse(role)?);
    }
    Ok(user)
}

pub(super) fn user(connection: &Connection, tenant: TenantId, name: &str) -> Res<Option<User>> {
    let sql = format!("SELECT {USER} FROM users WHERE tenant = ? AND name = ?");
    one(connection, &sql, params![tenant.to_bytes(), name], user_row)?.map(with_roles).transpose()
}

pub(crate) fn user_by_id(connection: &Connection, tenant: TenantId, id: UserId) -> Res<Option<User>> {
    let sql = format!("SELECT {USER} FROM users WHERE tenant = ? AND id = ?");
    one(connection, &sql, params![tenant.to_bytes(), id.to_bytes()], user_row)?.map(with_roles).transpose()
}

pub(super) fn users(connection: &Connection, tenant: TenantId) -> Res<Vec<User>> {
    let sql = format!("SELECT {USER} FROM users WHERE tenant = ? ORDER BY name");
    all(connection, &sql, params![tenant.to_bytes()], user_row)?.into_iter().map(with_roles).collect()
}

pub(super) fn login(
    connection: &Connection,
    tenant: TenantId,
    hash: SecretHash,
    now: UtcTime,
) -> Res<Option<(Login, User)>> {
    let sql = "SELECT user, created, expires FROM logins WHERE tenant = ? AND hash = ? AND expires > ?";
    let login = one(connection, sql, params![tenant.to_bytes(), hash.0, now.0], |row| {
        let user = UserId::from_bytes(row.get(0)?);
        Ok(Login { hash, user, created: UtcTime(row.get(1)?), expires: UtcTime(row.get(2)?) })
    })?;
    let Some(login) = login else { return Ok(None) };
    let user = user_by_id(connection, tenant, login.user)?.filter(|user| !user.disabled);
    Ok(user.map(|user| (login, user)))
}

const TOKEN: &str = "id, name, role, hash, created, expires";

fn token_row(row: &Row<'_>) -> rusqlite::Result<(ApiToken, String)> {
    let token = ApiToken {
        id: TokenId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        role: Role::Viewer,
        hash: SecretHash(row.get(3)?),
        created: UtcTime(row.get(4)?),
        expires: time_or_never(row.get(5)?),
    };
    Ok((token, row.get(2)?))
}

fn with_role((token, role): (ApiToken, String)) -> Res<ApiToken> {
    Ok(ApiToken { role: Role::parse(&role)?, ..token })
}

pub(super) fn token(
    connection: &Connection,
    hash: SecretHash,
    now: UtcTime,
) -> Res<Option<(TenantId, ApiToken)>> {
    let sql = format!("SELECT {TOKEN}, tenant FROM tokens WHERE hash = ? AND (expires = 0 OR expires > ?)");
    let found = one(connection, &sql, params![hash.0, now.0], |row| {
        Ok((TenantId::from_bytes(row.get(6)?), token_row(row)?))
    })?;
    found.map(|(tenant, token)| Ok((tenant, with_role(token)?))).transpose()
}

const TOKENS: &str = "tokens";

pub(super) fn tokens(
    connection: &Connection,
    reach: Reach,
    page: &PageRequest,
) -> Res<Page<(TenantId, ApiToken)>> {
    let (limit, before) = piece(TOKENS, page)?;
    let sql = format!("SELECT {TOKEN} FROM tokens WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?");
    let read = |tenant: TenantId| -> Res<Vec<(TenantId, ApiToken)>> {
        let rows = all(connection, &sql, params![tenant.to_bytes(), before, limit], token_row)?;
        rows.into_iter().map(|row| Ok((tenant, with_role(row)?))).collect()
    };
    let newest = |one: &(TenantId, ApiToken), two: &(TenantId, ApiToken)| two.1.id.cmp(&one.1.id);
    let rows = reach::merged(&reach::homes(connection, reach)?, limit, read, newest)?;
    Ok(cursor::page(rows, limit, |(_, last)| cursor::make(TOKENS, last.id.to_bytes())))
}

/// How many rows of a list that is ordered by id are read, and before which one, the newest first.
fn piece(list: &str, page: &PageRequest) -> Res<(i64, [u8; 16])> {
    let before = match &page.cursor {
        Some(cursor) => cursor::read(list, cursor)?,
        None => [u8::MAX; 16],
    };
    Ok((limit_and_one(page.limit), before))
}

pub(crate) const ENROLMENT: &str = "id, name, hash, uses_left, created, expires, tag, endpoint";

/// Reads the columns of [`ENROLMENT`].
pub(crate) fn enrolment(row: &Row<'_>) -> rusqlite::Result<EnrolmentToken> {
    Ok(EnrolmentToken {
        id: EnrolmentId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        hash: SecretHash(row.get(2)?),
        uses_left: row.get(3)?,
        created: UtcTime(row.get(4)?),
        expires: UtcTime(row.get(5)?),
        group: row.get(6)?,
        endpoint: row.get(7)?,
    })
}

pub(super) fn enrolment_token(
    connection: &Connection,
    hash: SecretHash,
    now: UtcTime,
) -> Res<Option<(TenantId, EnrolmentToken)>> {
    let sql = format!(
        "SELECT {ENROLMENT}, tenant FROM enrolments WHERE hash = ? AND expires > ? AND uses_left > 0"
    );
    one(connection, &sql, params![hash.0, now.0], |row| {
        Ok((TenantId::from_bytes(row.get(8)?), enrolment(row)?))
    })
}

const ENROLMENTS: &str = "enrolments";

pub(super) fn enrolments(
    connection: &Connection,
    reach: Reach,
    now: UtcTime,
    page: &PageRequest,
) -> Res<Page<(TenantId, EnrolmentToken)>> {
    let (limit, before) = piece(ENROLMENTS, page)?;
    let sql = format!(
        "SELECT {ENROLMENT} FROM enrolments WHERE tenant = ? AND id < ? AND expires > ? AND uses_left > 0 \
         ORDER BY id DESC LIMIT ?"
    );
    let read = |tenant: TenantId| {
        let key = params![tenant.to_bytes(), before, now.0, limit];
        all(connection, &sql, key, |row| Ok((tenant, enrolment(row)?)))
    };
    let newest = |one: &(TenantId, EnrolmentToken), two: &(TenantId, EnrolmentToken)| two.1.id.cmp(&one.1.id);
    let rows = reach::merged(&reach::tenants(connection, reach)?, limit, read, newest)?;
    Ok(cursor::page(rows, limit, |(_, last)| cursor::make(ENROLMENTS, last.id.to_bytes())))
}

/// The tenants, by name.
pub(super) fn tenants(connection: &Connection) -> Res<Vec<Tenant>> {
    let rows = all(connection, "SELECT id, name, created FROM tenants ORDER BY name", [], |row| {
        Ok((TenantId::from_bytes(row.get(0)?), row.get::<_, String>(1)?, UtcTime(row.get(2)?)))
    })?;
    rows.into_iter().map(|(id, name, created)| Ok(Tenant { id, name: name.parse()?, created })).collect()
}
