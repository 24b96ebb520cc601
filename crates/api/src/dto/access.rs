//! Sign-in, tokens, audit.

use fleet::access::{ApiToken, Role};
use fleet::audit::AuditRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time;
use super::words::RoleName;
use crate::auth::{Minted, Who};

/// Signs in: by name and password, or by a link that works once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// The user's name.
    pub user: Option<String>,
    /// Their password.
    pub password: Option<String>,
    /// The secret of a sign-in link, instead of both.
    pub link: Option<String>,
}

/// Sets one's password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The new one, of 12 characters or more.
    pub password: String,
    /// The one so far, where there is one.
    pub current: Option<String>,
}

/// Who is asking.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The user's name, or `token:<name>`.
    pub user: String,
    /// Their roles.
    pub roles: Vec<RoleName>,
    /// They came in by a link and have no password yet.
    pub password_needed: bool,
    /// Whose devices they see: the name of a tenant; null for the platform, which sees those of all.
    pub tenant: Option<String>,
}

impl From<&Who> for Me {
    fn from(who: &Who) -> Self {
        let user = who.user.as_ref();
        Me {
            user: user.map_or_else(|| who.caller.actor.as_str().to_owned(), |user| user.name.clone()),
            roles: who.caller.roles.iter().map(|role| RoleName::from(*role)).collect(),
            password_needed: user.is_some_and(|user| user.password_needed),
            tenant: who.tenant.clone(),
        }
    }
}

/// Makes an API token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    /// What it is called.
    pub name: String,
    /// What it may do.
    #[schema(value_type = RoleName)]
    pub role: String,
    /// How long it works (`30d`); for ever if absent.
    pub expires_in: Option<String>,
    /// The tenant that it is for. If absent it reaches what its maker reaches: every tenant, if that is the platform.
    pub tenant: Option<String>,
}

/// An API token, without its secret.
#[derive(Serialize, ToSchema)]
pub struct TokenInfo {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub role: RoleName,
    /// Since when.
    pub created: String,
    /// Until when; null for ever.
    pub expires: Option<String>,
    /// The tenant that it is for; null for the platform's, which reach every tenant.
    pub tenant: Option<String>,
}

impl TokenInfo {
    /// A token of this tenant.
    pub(crate) fn new(token: ApiToken, tenant: Option<String>) -> Self {
        TokenInfo {
            tenant,
            id: token.id.to_string(),
            name: token.name,
            role: token.role.into(),
            created: time(token.created),
            expires: token.expires.map(time),
        }
    }
}

/// A new API token, shown once.
#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub role: RoleName,
    /// Until when; null for ever.
    pub expires: Option<String>,
    /// The tenant that it is for; null for the platform's.
    pub tenant: Option<String>,
    /// The secret.
    pub token: String,
}

impl CreatedToken {
    /// A token of this tenant.
    pub(crate) fn new(minted: Minted<ApiToken>, tenant: Option<String>) -> Self {
        let TokenInfo { id, name, role, expires, tenant, .. } = TokenInfo::new(minted.row, tenant);
        CreatedToken { id, name, role, expires, tenant, token: minted.secret.expose().to_owned() }
    }
}

/// A role by its word.
pub(crate) fn role(text: &str) -> Result<Role, fleet::Error> {
    Role::parse(text)
}

/// A row of the audit log.
#[derive(Serialize, ToSchema)]
pub struct Audited {
    /// Its place in the chain.
    pub seq: u64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// What else there is to know.
    pub detail: String,
    /// Over this row and the hash of the one before, hexadecimal.
    pub hash: String,
    /// Whose log it stands in, which is a chain of its own; null for the platform's.
    pub tenant: Option<String>,
}

impl Audited {
    /// A row of this tenant's log.
    pub(crate) fn new(row: AuditRow, tenant: Option<String>) -> Self {
        Audited {
            tenant,
            seq: row.seq.0,
            at: time(row.at),
            actor: row.actor.as_str().to_owned(),
            action: row.action,
            target: row.target,
            detail: row.detail,
            hash: row.hash.to_string(),
        }
    }
}
