//! People, links, logins and tokens.

use fleet::access::{ApiToken, EnrolmentToken, Login, PasswordHash, Role, SecretHash, SignInLink, User};
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Device, Identity};
use fleet::enrolment::{Admission, broker_word};
use fleet::ids::{DeviceId, EnrolmentId, Fingerprint, TokenId, UserId};
use fleet::port::{Enrol, Page, PageRequest, Store, StoreError, Write, Written};

use super::{TENANT, at, audit, done, issued, stamp};

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
    enrolment_again(store).await;
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
    assert_eq!(store.token(lasting.hash, at(1_000_000)).await, Ok(Some((TENANT, lasting.clone()))));
    assert_eq!(store.token(short.hash, at(19)).await, Ok(Some((TENANT, short.clone()))));
    assert_eq!(store.token(short.hash, at(20)).await, Ok(None));
    let first = store.tokens(TENANT, PageRequest::first(1)).await.expect("a page");
    assert_eq!(first.items, [(TENANT, short)]);
    let rest = PageRequest { limit: 1, cursor: first.next };
    assert_eq!(
        store.tokens(TENANT, rest.clone()).await,
        Ok(Page { items: vec![(TENANT, lasting.clone())], next: None })
    );
    // It is a place in this list alone.
    assert_eq!(store.enrolment_tokens(TENANT, at(5), rest).await, Err(StoreError::BadCursor));
    let revoke = Write::RevokeToken { reach: TENANT.into(), token: lasting.id, at: at(6), audit: audit() };
    done(store, revoke.clone()).await;
    assert_eq!(store.submit(revoke).await, Err(StoreError::NotFound("token")));
    assert_eq!(store.token(lasting.hash, at(7)).await, Ok(None));
}

fn enrolment_token(number: u64, secret: &str, uses_left: u32) -> EnrolmentToken {
    EnrolmentToken {
        id: EnrolmentId::make(stamp(at(5), number)),
        name: String::new(),
        hash: SecretHash::of(secret),
        uses_left,
        group: None,
        endpoint: None,
        created: at(5),
        expires: at(100),
    }
}

fn enrol(secret: &str, endpoint: &str, certificate: u8, now: i64) -> Write {
    Write::Enrol(Enrol {
        tenant: TENANT,
        token: SecretHash::of(secret),
        endpoint: endpoint.to_owned(),
        device: DeviceId::make(stamp(at(now), u64::from(certificate))),
        issued: issued(certificate),
        at: at(now),
    })
}

async fn enrolled<S: Store>(store: &S, write: Write) -> Device {
    match store.submit(write).await {
        Ok(Written::Device(device)) => *device,
        other => panic!("{other:?}"),
    }
}

async fn uses_left<S: Store>(store: &S, secret: &str) -> Option<u32> {
    let token = store.enrolment_token(SecretHash::of(secret), at(10)).await.expect("readable");
    token.map(|(_, token)| token.uses_left)
}

async fn enrolment_tokens<S: Store>(store: &S) {
    let other = enrolment_token(2, "e2", 1);
    let twice = EnrolmentToken { group: Some("pilot".to_owned()), ..enrolment_token(1, "e1", 2) };
    for token in [&twice, &other] {
        done(store, Write::PutEnrolmentToken { tenant: TENANT, token: token.clone(), audit: audit() }).await;
    }
    let gone = Err(StoreError::NotFound("enrolment token"));
    assert_eq!(store.submit(enrol("e2", "os::00256D-E0", 1, 100)).await, gone, "expired");
    assert_eq!(store.enrolment_token(twice.hash, at(10)).await, Ok(Some((TENANT, twice.clone()))));
    for (number, left) in [(2, Some(1)), (3, None)] {
        let device = enrolled(store, enrol("e1", &format!("os::00256D-E{number}"), number, 10)).await;
        assert!(device.tags.contains("pilot"), "{:?}", device.tags);
        assert_eq!(uses_left(store, "e1").await, left);
    }
    assert_eq!(store.submit(enrol("e1", "os::00256D-E4", 4, 10)).await, gone, "used up");
    let left = Page { items: vec![(TENANT, other.clone())], next: None };
    assert_eq!(store.enrolment_tokens(TENANT, at(10), PageRequest::first(50)).await, Ok(left));
    let revoke =
        Write::RevokeEnrolmentToken { reach: TENANT.into(), token: other.id, at: at(11), audit: audit() };
    done(store, revoke).await;
    assert_eq!(store.submit(enrol("e2", "os::00256D-E5", 5, 12)).await, gone, "revoked");
}

/// A device that has a certificate is enrolled again by a token that was made for it, and by no other.
async fn enrolment_again<S: Store>(store: &S) {
    const ENDPOINT: &str = "os::00256D-AGAIN";
    let any = EnrolmentToken { name: "any".to_owned(), ..enrolment_token(11, "any", 2) };
    let own = EnrolmentToken { endpoint: Some(ENDPOINT.to_owned()), ..enrolment_token(12, "own", 1) };
    for token in [any, own] {
        done(store, Write::PutEnrolmentToken { tenant: TENANT, token, audit: audit() }).await;
    }
    let first = enrolled(store, enrol("any", ENDPOINT, 21, 10)).await;
    // It comes by a trusted broker, too, which knows it as before when it is enrolled again.
    let word = Credential {
        kind: CredentialKind::CertificateFingerprint,
        value: broker_word(ENDPOINT),
        issued_for: first.id,
        origin: CredentialOrigin::Pinned,
        at: at(9),
        revoked: false,
    };
    done(store, Write::PutCredential { tenant: TENANT, credential: word.clone(), audit: audit() }).await;
    let refused = store.submit(enrol("any", ENDPOINT, 22, 10)).await;
    let why = "this device has a certificate or a login; a token made for its endpoint id enrols it again";
    assert_eq!(refused, Err(StoreError::Conflict(why)));
    assert_eq!(uses_left(store, "any").await, Some(1), "what is refused uses nothing up");
    let other = store.submit(enrol("own", "os::00256D-OTHER", 23, 10)).await;
    assert_eq!(other, Err(StoreError::NotFound("enrolment token")), "it is for one endpoint");
    assert_eq!(uses_left(store, "own").await, Some(1));

    let again = enrolled(store, enrol("own", ENDPOINT, 24, 10)).await;
    assert_eq!(again.id, first.id);
    assert_eq!(uses_left(store, "own").await, None);
    let identity = Identity::usp(ENDPOINT);
    let pinned = vec![Fingerprint([24; 32]), word.value];
    let known = Admission::Device { device: first.id, pinned, retired: false, rejected: false };
    assert_eq!(store.admission(&identity).await, Ok(Some((TENANT, known))));
    let old = store.credential(Fingerprint([21; 32])).await.expect("readable").expect("on record").1;
    assert!(old.revoked && old.issued_for == first.id);
    let log = store.audit(TENANT, PageRequest::first(3)).await.expect("a page").items;
    let log: Vec<_> = log.iter().rev().map(|row| (row.action.as_str(), row.detail.as_str())).collect();
    let (gone, new) = ("15".repeat(32), format!("an enrolment token: {}", "18".repeat(32)));
    let expected =
        [("credential.revoke", gone.as_str()), ("enrolment.use", ENDPOINT), ("device.admit", new.as_str())];
    assert_eq!(log, expected);
}
