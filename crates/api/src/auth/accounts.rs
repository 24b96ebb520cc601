//! Making users, links, tokens: the use cases of handlers, and of the server's own command socket.

use std::time::Duration;

use dm::UtcTime;
use fleet::access::{ApiToken, Caller, EnrolmentToken, Permission, Role, SignInLink, User};
use fleet::audit::AuditEntry;
use fleet::ids::UserId;
use fleet::port::{Store, Write};
use fleet::{EnrolmentId, Error, Reach, Stamp, TenantId, TokenId, service};

use super::{Secret, random};
use crate::limits;

/// What was made, and its secret, which is shown once and stored nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Minted<T> {
    /// The stored row.
    pub row: T,
    /// The secret.
    pub secret: Secret,
}

/// An enrolment token to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEnrolment {
    /// What it is called; may be empty.
    pub name: String,
    /// How long it works.
    pub lifetime: Duration,
    /// How many devices it lets in.
    pub uses: u32,
    /// A tag that each of them gets.
    pub group: Option<String>,
    /// The one endpoint that it is for, which may have a certificate already.
    pub endpoint: Option<String>,
}

/// Makes a person who has no password yet.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`]; the store's if the name is taken.
pub async fn create_user<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    name: &str,
    role: Role,
) -> Result<User, Error> {
    caller.need(Permission::ManageAccess)?;
    check_name(name)?;
    // People are the platform's.
    caller.reach.need_platform()?;
    if store.user(caller.reach.home(), name).await?.is_some() {
        return Err(Error::Invalid { field: "name", why: "there is a user of that name".to_owned() });
    }
    let user = User {
        id: UserId::make(stamp),
        name: name.to_owned(),
        password: None,
        roles: vec![role],
        created: stamp.at,
        disabled: false,
    };
    let audit = AuditEntry::new(caller.actor.clone(), "user.create", name, role.as_str());
    store
        .submit(Write::PutUser { tenant: caller.reach.home(), user: user.clone(), at: stamp.at, audit })
        .await?;
    Ok(user)
}

/// Makes a link that signs a person in once.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn create_link<S: Store>(
    store: &S,
    caller: &Caller,
    now: UtcTime,
    name: &str,
) -> Result<Minted<SignInLink>, Error> {
    caller.need(Permission::ManageAccess)?;
    caller.reach.need_platform()?;
    let user = store.user(caller.reach.home(), name).await?.ok_or(Error::NotFound("user"))?;
    let secret = Secret::mint("");
    let row = SignInLink { hash: secret.hash(), user: user.id, expires: now + limits::LINK_LIFETIME };
    let audit = AuditEntry::new(caller.actor.clone(), "user.link", name, "");
    store.submit(Write::PutLink { tenant: caller.reach.home(), link: row.clone(), at: now, audit }).await?;
    Ok(Minted { row, secret })
}

/// If there is nobody yet: makes the user `owner`, and a link to sign in with.
///
/// # Errors
/// The store's.
pub async fn ensure_owner<S: Store>(store: &S, now: UtcTime) -> Result<Option<Minted<SignInLink>>, Error> {
    let system = Caller::system(Reach::Platform);
    let users = store.users(TenantId::PLATFORM).await?;
    if users.iter().any(|user| user.password.is_some() || user.name != "owner") {
        return Ok(None);
    }
    if users.is_empty() {
        create_user(store, &system, Stamp { at: now, chance: random() }, "owner", Role::Owner).await?;
    }
    create_link(store, &system, now, "owner").await.map(Some)
}

/// Makes an API token with the reach that is asked for, which is no wider than the caller's.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`]; [`Error::NotFound`] for a tenant beyond the caller's reach.
pub async fn create_token<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    reach: impl Into<Reach> + Send,
    name: &str,
    role: Role,
    lifetime: Option<Duration>,
) -> Result<Minted<ApiToken>, Error> {
    caller.need(Permission::ManageAccess)?;
    let owner = reach.into().home();
    if !caller.reach.covers(owner) {
        return Err(Error::NotFound("tenant"));
    }
    check_name(name)?;
    if name.contains('/') {
        // `token:acme/ci` is the token `ci` of the tenant `acme`, wherever it is told who did something.
        return Err(Error::Invalid { field: "name", why: "a token's name has no `/`".to_owned() });
    }
    if lifetime.is_some_and(|lifetime| lifetime.is_zero() || lifetime > limits::TOKEN_LIFETIME) {
        return Err(Error::Invalid { field: "expires_in", why: "it is between 1s and 3650d".to_owned() });
    }
    let secret = Secret::mint("cusp_");
    let row = ApiToken {
        id: TokenId::make(stamp),
        name: name.to_owned(),
        role,
        hash: secret.hash(),
        created: stamp.at,
        expires: lifetime.map(|lifetime| stamp.at + lifetime),
    };
    let audit =
        AuditEntry::new(caller.actor.clone(), "token.create", row.id, format!("{name} as {}", role.as_str()));
    store.submit(Write::PutToken { tenant: owner, token: row.clone(), audit }).await?;
    Ok(Minted { row, secret })
}

/// Makes an enrolment token: the devices that it lets in will be this tenant's.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`]; [`Error::NotFound`] for a tenant beyond the caller's reach.
pub async fn create_enrolment<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    tenant: TenantId,
    new: NewEnrolment,
) -> Result<Minted<EnrolmentToken>, Error> {
    caller.need(Permission::Enrol)?;
    // The platform owns no device.
    if !caller.reach.covers(tenant) || tenant == TenantId::PLATFORM {
        return Err(Error::NotFound("tenant"));
    }
    let invalid = |field, why: &str| Err(Error::Invalid { field, why: why.to_owned() });
    if !new.name.is_empty() {
        check_name(&new.name)?;
    }
    if new.lifetime.is_zero() || new.lifetime > limits::ENROLMENT_LIFETIME {
        return invalid("ttl", "it is between 1s and 30d");
    }
    if new.uses == 0 || new.uses > limits::ENROLMENT_USES {
        return invalid("uses", "it is between 1 and 10000");
    }
    if let Some(group) = &new.group {
        service::check_tag("group", group)?;
    }
    if let Some(endpoint) = &new.endpoint {
        if endpoint.is_empty() || endpoint.len() > fleet::limits::ENDPOINT {
            return invalid("endpoint", "it has 1 to 512 bytes");
        }
        if new.uses != 1 {
            return invalid("uses", "a token for one endpoint is good for one use");
        }
    }
    let secret = Secret::mint("enrol_");
    let row = EnrolmentToken {
        id: EnrolmentId::make(stamp),
        name: new.name,
        hash: secret.hash(),
        uses_left: new.uses,
        group: new.group,
        endpoint: new.endpoint,
        created: stamp.at,
        expires: stamp.at + new.lifetime,
    };
    let audit = AuditEntry::new(
        caller.actor.clone(),
        "enrolment.create",
        row.id,
        [
            Some(format!("{} use(s) until {}", row.uses_left, row.expires)),
            row.group.as_ref().map(|group| format!("group {group}")),
            row.endpoint.as_ref().map(|endpoint| format!("for {endpoint}")),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", "),
    );
    store.submit(Write::PutEnrolmentToken { tenant, token: row.clone(), audit }).await?;
    Ok(Minted { row, secret })
}

fn check_name(name: &str) -> Result<(), Error> {
    let good = !name.trim().is_empty()
        && name.chars().count() <= limits::NAME
        && !name.chars().any(char::is_control);
    if good {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "name",
        why: format!("it has 1 to {} characters, none of them control characters", limits::NAME),
    })
}
