//! Being let in.

use fleet::Error;
use fleet::TenantId;
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::enrolment::{Admission, DialTarget, RefusedAttempt, Shown};
use fleet::event::EventKind;
use fleet::ids::{DeviceId, Fingerprint};
use fleet::port::{Admit, PageRequest, SessionOpened, Store, StoreError, Write, Written};
use fleet::{limits, service};

use super::{TENANT, approved, at, audit, caller, done, kinds_of, pending, seen, stamp};

pub(super) async fn run<S: Store>(store: &S) {
    approval_creates_and_pins(store).await;
    approval_holds_for_what_was_shown(store).await;
    rejection_holds_until_approval(store).await;
    names_and_certificates_are_exclusive(store).await;
    what_is_revoked_opens_no_session(store).await;
    admission_without_a_person(store).await;
    devices_are_dialled_where_they_listen(store).await;
    lists_are_bounded(store).await;
}

async fn approval_creates_and_pins<S: Store>(store: &S) {
    let pin = Fingerprint([7; 32]);
    let identity = Identity::usp("os::00256D-1");
    assert_eq!(store.admission(&identity).await, Ok(None));
    seen(store, "os::00256D-1", Some(pin), at(0)).await;
    seen(store, "os::00256D-1", Some(pin), at(5)).await;
    let waiting = pending(store).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].attempts, waiting[0].first_seen, waiting[0].last_seen), (2, at(0), at(5)));

    let name = Some("box".to_owned());
    let shown = Some(Shown::Certificate(pin));
    let device = service::approve(store, &caller(), stamp(at(6), 1), "os::00256D-1", shown, name, None).await;
    let device = device.expect("listed");
    assert_eq!((device.name.as_str(), device.first_seen, device.online), ("box", at(6), false));
    assert_eq!(device.endpoints().collect::<Vec<_>>(), ["os::00256D-1"]);
    assert_eq!(pending(store).await, []);
    let known = Admission::Device { device: device.id, pinned: vec![pin], retired: false, rejected: false };
    assert_eq!(store.admission(&identity).await, Ok(Some((TENANT, known))));
    let credential = store.credential(pin).await.expect("readable").expect("pinned").1;
    assert_eq!((credential.issued_for, credential.origin), (device.id, CredentialOrigin::Pinned));
    assert_eq!(kinds_of(store).await, [EventKind::Pending, EventKind::Approved]);

    let again = service::approve(store, &caller(), stamp(at(7), 2), "os::00256D-1", None, None, None).await;
    assert_eq!(again, Err(Error::Store(StoreError::NotFound("pending device"))));
}

async fn approval_holds_for_what_was_shown<S: Store>(store: &S) {
    const ENDPOINT: &str = "os::00256D-9";
    let (plain, one, two) =
        (Shown::Plain, Shown::Certificate(Fingerprint([1; 32])), Shown::Certificate(Fingerprint([2; 32])));
    let approve = async |shown| {
        let name = Some("never".to_owned());
        service::approve(store, &caller(), stamp(at(9), 90), ENDPOINT, shown, name, None).await
    };
    let is_conflict = |result: &Result<_, Error>| matches!(result, Err(Error::Store(StoreError::Conflict(why))) if why.contains("another certificate"));
    let before = store.audit(TENANT, PageRequest::first(100)).await.expect("a page").items.len();
    // What is on the list, and which approvals it must withstand.
    for (now, wrong) in [
        (None, [Some(one), Some(two)].as_slice()),
        (Some([1; 32]), &[Some(plain), Some(two), None]),
        (Some([2; 32]), &[Some(plain), Some(one), None]),
        (None, &[Some(one), Some(two), None]),
    ] {
        seen(store, ENDPOINT, now.map(Fingerprint), at(8)).await;
        for shown in wrong {
            let result = approve(*shown).await;
            assert!(is_conflict(&result), "{shown:?} {now:?}: {result:?}");
        }
    }
    assert_eq!(store.admission(&Identity::usp(ENDPOINT)).await, Ok(None));
    assert_eq!(store.audit(TENANT, PageRequest::first(100)).await.expect("a page").items.len(), before);
    assert!(pending(store).await[0].changed);

    // The attempt that comes between the look and the approval, in one commit with it.
    seen(store, ENDPOINT, Some(Fingerprint([1; 32])), at(8)).await;
    let (_, raced) =
        tokio::join!(seen(store, ENDPOINT, Some(Fingerprint([2; 32])), at(8)), approve(Some(one)));
    assert!(is_conflict(&raced), "{raced:?}");
    let device = approve(Some(two)).await.expect("as it is on the list");
    let known = Admission::Device {
        device: device.id,
        pinned: vec![Fingerprint([2; 32])],
        retired: false,
        rejected: false,
    };
    assert_eq!(store.admission(&Identity::usp(ENDPOINT)).await, Ok(Some((TENANT, known))));
    let last = store.audit(TENANT, PageRequest::first(1)).await.expect("a page").items.remove(0);
    assert_eq!((last.action.as_str(), last.detail), ("device.approve", "02".repeat(32)));
}

async fn rejection_holds_until_approval<S: Store>(store: &S) {
    let identity = Identity::usp("os::00256D-2");
    seen(store, "os::00256D-2", None, at(10)).await;
    service::reject(store, &caller(), at(11), "os::00256D-2").await.expect("listed");
    assert_eq!(store.admission(&identity).await, Ok(Some((TenantId::PLATFORM, Admission::Rejected))));
    let device = approved(store, "os::00256D-2", 3).await;
    let known = Admission::Device { device: device.id, pinned: Vec::new(), retired: false, rejected: false };
    assert_eq!(store.admission(&identity).await, Ok(Some((TENANT, known))));
}

async fn lists_are_bounded<S: Store>(store: &S) {
    for number in 0..limits::PENDING + 3 {
        let when = at(100 + i64::try_from(number).expect("small"));
        seen(store, &format!("proto::{number}"), None, when).await;
        let attempt = RefusedAttempt {
            at: when,
            peer: format!("192.0.2.1:{number}"),
            endpoint: (number % 2 == 0).then(|| format!("proto::{number}")),
            reason: "closed".to_owned(),
        };
        done(store, Write::Refused { tenant: TENANT, attempt }).await;
    }
    let waiting = pending(store).await;
    assert_eq!(waiting.len(), limits::PENDING);
    assert_eq!(waiting[0].endpoint, "proto::258");
    assert_eq!(waiting[255].endpoint, "proto::3");
    let refused = store.refused(TENANT).await.expect("a list");
    assert_eq!(refused.len(), limits::REFUSED);
    assert_eq!(refused[0].peer, "192.0.2.1:258");
}

async fn names_and_certificates_are_exclusive<S: Store>(store: &S) {
    let (one, two) = (approved(store, "self::one", 10).await, approved(store, "self::two", 11).await);
    let name = |device: DeviceId, identity: &str| Write::PutIdentity {
        tenant: TENANT,
        device,
        identity: Identity::usp(identity),
        at: at(20),
    };
    done(store, name(one.id, "self::alias")).await;
    done(store, name(one.id, "self::alias")).await;
    let taken = Err(StoreError::Conflict("another device goes by this name"));
    assert_eq!(store.submit(name(two.id, "self::alias")).await, taken);
    let certificate = |device: DeviceId, revoked: bool| Write::PutCredential {
        tenant: TENANT,
        credential: Credential {
            kind: CredentialKind::CertificateFingerprint,
            value: Fingerprint([9; 32]),
            issued_for: device,
            origin: CredentialOrigin::Issued,
            at: at(21),
            revoked,
        },
        audit: audit(),
    };
    done(store, certificate(one.id, false)).await;
    let taken = Err(StoreError::Conflict("the certificate is another device's"));
    assert_eq!(store.submit(certificate(two.id, false)).await, taken);
    let login = |device: DeviceId| Write::PutCredential {
        tenant: TENANT,
        credential: Credential {
            kind: CredentialKind::Password,
            value: Fingerprint([0x91; 32]),
            issued_for: device,
            origin: CredentialOrigin::Issued,
            at: at(21),
            revoked: true,
        },
        audit: audit(),
    };
    done(store, login(one.id)).await;
    let taken = Err(StoreError::Conflict("the login is another device's"));
    assert_eq!(store.submit(login(two.id)).await, taken);
    done(store, certificate(one.id, true)).await;
    let credential = store.credential(Fingerprint([9; 32])).await.expect("readable").expect("on record").1;
    assert!(credential.revoked);
    // Seen again, it stays revoked.
    done(store, certificate(one.id, false)).await;
    let credential = store.credential(Fingerprint([9; 32])).await.expect("readable");
    assert!(credential.is_some_and(|(_, credential)| credential.revoked));
    let known = store.admission(&Identity::usp("self::alias")).await;
    assert_eq!(
        known,
        Ok(Some((
            TENANT,
            Admission::Device { device: one.id, pinned: Vec::new(), retired: true, rejected: false }
        )))
    );
}

/// Not even where the decision to let it in is older than the revocation.
async fn what_is_revoked_opens_no_session<S: Store>(store: &S) {
    let device = approved(store, "self::revoked", 90).await.id;
    let (certificate, login) = (CredentialKind::CertificateFingerprint, CredentialKind::Password);
    let put = |kind: CredentialKind, mark: u8, revoked: bool| Write::PutCredential {
        tenant: TENANT,
        credential: Credential {
            kind,
            value: Fingerprint([mark; 32]),
            issued_for: device,
            origin: CredentialOrigin::Issued,
            at: at(25),
            revoked,
        },
        audit: audit(),
    };
    let open = async |mark: u8| {
        let opened = SessionOpened {
            tenant: TENANT,
            device,
            transport: "websocket".to_owned(),
            peer: "192.0.2.7:5000".to_owned(),
            proven: true,
            fingerprint: Some(Fingerprint([mark; 32])),
            at: at(26),
        };
        store.submit(Write::SessionOpened(opened)).await
    };
    for (kind, mark, why) in
        [(certificate, 0x90, "the certificate was revoked"), (login, 0x92, "the login was revoked")]
    {
        done(store, put(kind, mark, false)).await;
        assert!(matches!(open(mark).await, Ok(Written::Session(_))));
        done(store, put(kind, mark, true)).await;
        assert_eq!(open(mark).await, Err(StoreError::Conflict(why)));
    }
}

async fn admission_without_a_person<S: Store>(store: &S) {
    let admit = |number: u64| {
        Write::Admit(Admit {
            tenant: TENANT,
            device: DeviceId::make(stamp(at(30), number)),
            identity: Identity::usp("self::lab"),
            credential: Some((Fingerprint([5; 32]), CredentialOrigin::Issued)),
            name: None,
            at: at(30),
            audit: audit(),
        })
    };
    let Ok(Written::Device(first)) = store.submit(admit(50)).await else { panic!("not admitted") };
    assert_eq!(first.name, "self::lab");
    // Admitted again, it is the same device.
    let Ok(Written::Device(second)) = store.submit(admit(51)).await else { panic!("not admitted") };
    assert_eq!(first.id, second.id);
}

async fn devices_are_dialled_where_they_listen<S: Store>(store: &S) {
    let add = async |number: u64, endpoint: &str, url: &str| {
        let when = at(60 + i64::try_from(number).expect("small"));
        service::add_dialled(store, &caller(), stamp(when, 60 + number), TENANT, endpoint, url).await
    };
    let target = |device: DeviceId, endpoint: &str, url: &str, since: i64| DialTarget {
        device,
        endpoint: endpoint.to_owned(),
        url: url.to_owned(),
        since: at(since),
    };
    assert_eq!(store.dials(TENANT).await, Ok(Vec::new()));
    // Someone who was turned away is let in after all.
    seen(store, "self::listens", None, at(55)).await;
    service::reject(store, &caller(), at(56), "self::listens").await.expect("listed");
    let first = add(1, "self::listens", "ws://192.0.2.7:8090/usp").await.expect("let in");
    assert_eq!((first.name.as_str(), first.onboarded, first.first_seen), ("self::listens", false, at(61)));
    let known = Admission::Device { device: first.id, pinned: Vec::new(), retired: false, rejected: false };
    assert_eq!(store.admission(&Identity::usp("self::listens")).await, Ok(Some((TENANT, known))));
    // A device that is known keeps its id; another URL takes the place of the first.
    let known = approved(store, "self::also", 70).await;
    let second = add(2, "self::also", "ws://192.0.2.8/usp").await.expect("known");
    assert_eq!(second.id, known.id);
    let again = add(3, "self::listens", "wss://192.0.2.9/usp").await.expect("known");
    assert_eq!(again.id, first.id);
    let expected = [
        target(second.id, "self::also", "ws://192.0.2.8/usp", 62),
        target(first.id, "self::listens", "wss://192.0.2.9/usp", 63),
    ];
    assert_eq!(store.dials(TENANT).await, Ok(expected.to_vec()));
    let dial = async |id| store.device(TENANT, id).await.expect("readable").expect("known").dial;
    assert_eq!(dial(first.id).await.as_deref(), Some("wss://192.0.2.9/usp"));

    service::remove_dialled(store, &caller(), at(64), &second).await.expect("dialled");
    assert_eq!(store.dials(TENANT).await, Ok(expected[1..].to_vec()));
    let again = service::remove_dialled(store, &caller(), at(64), &second).await;
    assert_eq!(again, Err(Error::Store(StoreError::NotFound("dialled device"))));
    let last = store.audit(TENANT, PageRequest::first(1)).await.expect("a page").items.remove(0);
    assert_eq!((last.action.as_str(), last.target), ("device.dial.remove", second.id.to_string()));
    assert_eq!(dial(second.id).await, None);
    service::forget_device(store, &caller(), at(65), &first).await.expect("known");
    assert_eq!(store.dials(TENANT).await, Ok(Vec::new()));
    for (endpoint, url) in [("", "ws://192.0.2.7/"), ("self::x", ""), ("self::x", &"w".repeat(2049))] {
        assert!(matches!(add(4, endpoint, url).await, Err(Error::Invalid { .. })), "{endpoint} {url}");
    }
}
