//! People, links, logins and tokens.

use fleet::access::{ApiToken, EnrolmentToken, Login, PasswordHash, Role, SecretHash, SignInLink, User};
use fleet::ids::{EnrolmentId, TokenId, UserId};
use fleet::port::{Store, StoreError, Write, Written};

use super::{TENANT, at, audit, done, stamp};

fn user(number: u64, name: &str) -> User {
    let id = UserId::make(stamp(at(0), number));
    User {
        id,
        name: name.to_owned(),
        password: None,
        roles: vec![Role::Owner],
        created: at(0),
        disabled: false,
    }
}

fn put(user: &User) -> Write {
    Write::PutUser { tenant: TENANT, user: user.clone(), at: at(1), audit: audit() }
}

pub(super) async fn run<S: Store>(store: &S) {
    let alice = user(1, "alice");
    done(store, put(&alice)).await;
    assert_eq!(store.user(TENANT, "alice").await, Ok(Some(alice.clone())));
    assert_eq!(store.user(TENANT, "Alice").await, Ok(None));
    assert_eq!(
        store.submit(put(&user(2, "alice"))).await,
        Err(StoreError::Conflict("another user has this name"))
    );
    links(store, &alice).await;
    logins(store, &alice).await;
    tokens(store).await;
    enrolment_tokens(store).await;
}

async fn links<S: Store>(store: &S, alice: &User) {
    let link = |secret, expires| {
        let link = SignInLink { hash: SecretHash::of(secret), user: alice.id, expires: at(expires) };
        Write::PutLink { tenant: TENANT, link, at: at(2), audit: audit() }
    };
    done(store, link("one", 100)).await;
    done(store, link("old", 5)).await;
    let follow = |secret| Write::UseLink { tenant: TENANT, hash: SecretHash::of(secret), at: at(10) };
    let gone = Err(StoreError::NotFound("sign-in link"));
    assert_eq!(store.submit(follow("one")).await, Ok(Written::User(Box::new(alice.clone()))));
    for secret in ["one", "old", "never"] {
        assert_eq!(store.submit(follow(secret)).await, gone, "{secret}");
    }
}

async fn logins<S: Store>(store: &S, alice: &User) {
    let hash = |secret| SecretHash::of(secret);
    for secret in ["a", "b"] {
        let login = Login { hash: hash(secret), user: alice.id, created: at(3), expires: at(50) };
        done(store, Write::PutLogin { tenant: TENANT, login, audit: audit() }).await;
    }
    let who = async |secret, now| {
        store.login(TENANT, hash(secret), at(now)).await.expect("readable").map(|one| one.1.name)
    };
    assert_eq!(who("a", 49).await.as_deref(), Some("alice"));
    assert_eq!(who("a", 50).await, None);
    assert_eq!(who("c", 49).await, None);
    let password = PasswordHash("$argon2id$x".to_owned());
    let keep = Some(hash("a"));
    let (user, when) = (alice.id, at(4));
    done(
        store,
        Write::SetPassword {
            tenant: TENANT,
            user,
            password: password.clone(),
            keep,
            at: when,
            audit: audit(),
        },
    )
    .await;
    assert_eq!((who("a", 40).await.as_deref(), who("b", 40).await), (Some("alice"), None));
    assert_eq!(
        store.user_by_id(TENANT, alice.id).await.expect("readable").expect("known").password,
        Some(password)
    );
    done(store, Write::EndLogin { tenant: TENANT, hash: hash("a") }).await;
    assert_eq!(who("a", 40).await, None);
    let disabled = User { disabled: true, ..alice.clone() };
    let login = Login { hash: hash("d"), user: alice.id, created: at(3), expires: at(50) };
    done(store, Write::PutLogin { tenant: TENANT, login, audit: audit() }).await;
    done(store, put(&disabled)).await;
    assert_eq!(who("d", 40).await, None);
    assert_eq!(store.users(TENANT).await, Ok(vec![disabled]));
}

async fn tokens<S: Store>(store: &S) {
    let token = |number, secret, expires: Option<i64>| ApiToken {
        id: TokenId::make(stamp(at(5), number)),
        name: "ci".to_owned(),
        role: Role::Viewer,
        hash: SecretHash::of(secret),
        created: at(5),
        expires: expires.map(at),
    };
    let (lasting, short) = (token(1, "cusp_1", None), token(2, "cusp_2", Some(20)));
    for token in [&lasting, &short] {
        done(store, Write::PutToken { tenant: TENANT, token: token.clone(), audit: audit() }).await;
    }
    assert_eq!(store.token(TENANT, lasting.hash, at(1_000_000)).await, Ok(Some(lasting.clone())));
    assert_eq!(store.token(TENANT, short.hash, at(19)).await, Ok(Some(short.clone())));
    assert_eq!(store.token(TENANT, short.hash, at(20)).await, Ok(None));
    assert_eq!(store.tokens(TENANT).await, Ok(vec![short, lasting.clone()]));
    let revoke = Write::RevokeToken { tenant: TENANT, token: lasting.id, at: at(6), audit: audit() };
    done(store, revoke.clone()).await;
    assert_eq!(store.submit(revoke).await, Err(StoreError::NotFound("token")));
    assert_eq!(store.token(TENANT, lasting.hash, at(7)).await, Ok(None));
}

async fn enrolment_tokens<S: Store>(store: &S) {
    let token = |number, secret, uses_left| EnrolmentToken {
        id: EnrolmentId::make(stamp(at(5), number)),
        name: String::new(),
        hash: SecretHash::of(secret),
        uses_left,
        created: at(5),
        expires: at(100),
    };
    let (twice, other) = (token(1, "e1", 2), token(2, "e2", 1));
    for token in [&twice, &other] {
        done(store, Write::PutEnrolmentToken { tenant: TENANT, token: token.clone(), audit: audit() }).await;
    }
    let spend = |secret, now| {
        let endpoint = "os::00256D-E".to_owned();
        Write::UseEnrolmentToken { tenant: TENANT, hash: SecretHash::of(secret), endpoint, at: at(now) }
    };
    let gone = Err(StoreError::NotFound("enrolment token"));
    assert_eq!(store.submit(spend("e2", 100)).await, gone, "expired");
    for left in [1, 0] {
        let Ok(Written::Enrolment(used)) = store.submit(spend("e1", 10)).await else { panic!("{left}") };
        assert_eq!(used.uses_left, left);
    }
    assert_eq!(store.submit(spend("e1", 10)).await, gone, "used up");
    assert_eq!(store.enrolment_tokens(TENANT, at(10)).await, Ok(vec![other.clone()]));
    let revoke = Write::RevokeEnrolmentToken { tenant: TENANT, token: other.id, at: at(11), audit: audit() };
    done(store, revoke).await;
    assert_eq!(store.submit(spend("e2", 12)).await, gone, "revoked");
}
