//! Who may do what: people, roles, API tokens, sign-in links and sessions of the page.
//!
//! Passwords are hashed elsewhere and come here as PHC strings; every other secret is kept as its SHA-256
//! only, which is enough for secrets that are random and long. There is no default password: a user
//! without one can only come in by a link.

use std::fmt;

use dm::UtcTime;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::ids::{EnrolmentId, TokenId, UserId};
use crate::job::Actor;
use crate::tenant::Reach;

/// SHA-256 of a random secret (a token, a link, a session cookie): what is stored in its place, and the
/// key that it is looked up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Of a secret as it is presented.
    pub fn of(secret: &str) -> Self {
        let mut sha = Sha256::new();
        sha.update(b"cusp secret 1\0");
        sha.update(secret.as_bytes());
        SecretHash(sha.finalize().into())
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A password's PHC string (`$argon2id$…`). It is masked wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// One thing that a role allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Permission {
    /// See devices, their values, events and jobs.
    Read,
    /// Ask devices: operations that read.
    Query,
    /// Change devices: operations that write.
    Write,
    /// Write what the device's model does not know.
    Force,
    /// Names, tags, removal of devices.
    ManageDevices,
    /// Approve, reject, enrolment tokens.
    Enrol,
    /// Decoded messages.
    Trace,
    /// People, roles and tokens.
    ManageAccess,
    /// The audit log.
    ReadAudit,
}

impl Permission {
    /// The word in errors and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::Read => "read",
            Permission::Query => "query",
            Permission::Write => "write",
            Permission::Force => "force",
            Permission::ManageDevices => "manage-devices",
            Permission::Enrol => "enrol",
            Permission::Trace => "trace",
            Permission::ManageAccess => "manage-access",
            Permission::ReadAudit => "read-audit",
        }
    }
}

/// A named set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Everything.
    Owner,
    /// Devices, but not people.
    Operator,
    /// Looking only.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Owner, Role::Operator, Role::Viewer];

    /// The word in rows and DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Operator => "operator",
            Role::Viewer => "viewer",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| Error::Invalid {
            field: "role",
            why: "it is one of owner, operator, viewer".to_owned(),
        })
    }

    /// Its rows: each a permission and where it holds.
    pub fn grants(self) -> Vec<Grant> {
        let permissions: &[Permission] = match self {
            Role::Owner => &[
                Permission::Read,
                Permission::Query,
                Permission::Write,
                Permission::Force,
                Permission::ManageDevices,
                Permission::Enrol,
                Permission::Trace,
                Permission::ManageAccess,
                Permission::ReadAudit,
            ],
            Role::Operator => &[
                Permission::Read,
                Permission::Query,
                Permission::Write,
                Permission::ManageDevices,
                Permission::Enrol,
                Permission::Trace,
            ],
            Role::Viewer => &[Permission::Read],
        };
        permissions.iter().map(|permission| Grant { permission: *permission, scope: Scope::All }).collect()
    }
}

/// A permission and the devices that it holds for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// What is allowed.
    pub permission: Permission,
    /// On which devices.
    pub scope: Scope,
}

/// Which devices a grant covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Every device within reach.
    All,
}

/// Who is asking, and what they may do: made by whoever checked their credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Whose devices they see.
    pub reach: Reach,
    /// Under which name their deeds are written down.
    pub actor: Actor,
    /// Their roles.
    pub roles: Vec<Role>,
}

impl Caller {
    /// The server acting by itself.
    pub fn system(reach: impl Into<Reach>) -> Self {
        Caller { reach: reach.into(), actor: Actor::system(), roles: vec![Role::Owner] }
    }

    /// Whether any of their roles grants it.
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().flat_map(|role| role.grants()).any(|grant| grant.permission == permission)
    }

    /// Like [`Self::may`], as a result.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn need(&self, permission: Permission) -> Result<(), Error> {
        if self.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission.as_str())) }
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Name to sign in with, unique in the tenant.
    pub name: String,
    /// `None` until the first password is set.
    pub password: Option<PasswordHash>,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Since when.
    pub created: UtcTime,
    /// May not sign in.
    pub disabled: bool,
}

/// A token for programs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiToken {
    /// Id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Of the token.
    pub hash: SecretHash,
    /// Since when.
    pub created: UtcTime,
    /// Until when.
    pub expires: Option<UtcTime>,
}

/// A sign-in link, good for one use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInLink {
    /// Of the link's secret.
    pub hash: SecretHash,
    /// Whom it signs in.
    pub user: UserId,
    /// Until when.
    pub expires: UtcTime,
}

/// A signed-in browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// Of the cookie.
    pub hash: SecretHash,
    /// Who.
    pub user: UserId,
    /// Since when.
    pub created: UtcTime,
    /// Until when.
    pub expires: UtcTime,
}

/// A token that lets devices in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnrolmentToken {
    /// Id.
    pub id: EnrolmentId,
    /// What it is called; may be empty.
    pub name: String,
    /// Of the token.
    pub hash: SecretHash,
    /// How many devices it still lets in.
    pub uses_left: u32,
    /// A tag that each of them gets.
    pub group: Option<String>,
    /// The one endpoint that it is for, which may then have a certificate already: that one is replaced.
    pub endpoint: Option<String>,
    /// Since when.
    pub created: UtcTime,
    /// Until when.
    pub expires: UtcTime,
}
