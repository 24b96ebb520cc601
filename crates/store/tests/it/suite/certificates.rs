//! Certificates: registered, renewed, revoked, listed.

use fleet::access::{EnrolmentToken, SecretHash};
use fleet::certificate::{Certificate, CertificateQuery, RevocationReason, RevokedCertificate};
use fleet::device::{CredentialOrigin, Device};
use fleet::enrolment::Shown;
use fleet::ids::{DeviceId, EnrolmentId, Fingerprint};
use fleet::port::{Enrol, PageRequest, Prune, Renew, Store, StoreError, Write, Written};
use fleet::service;

use super::{TENANT, at, audit, caller, done, issued, seen, stamp};

const ENDPOINT: &str = "os::00256D-C1";

pub(super) async fn run<S: Store>(store: &S) {
    let token = EnrolmentToken {
        id: EnrolmentId::make(stamp(at(0), 1)),
        name: String::new(),
        hash: SecretHash::of("token"),
        uses_left: 2,
        group: None,
        endpoint: None,
        created: at(0),
        expires: at(100),
    };
    done(store, Write::PutEnrolmentToken { tenant: TENANT, token, audit: audit() }).await;
    let device = device(store.submit(enrol(ENDPOINT, 1)).await);
    let other = self::device(store.submit(enrol("os::00256D-C2", 2)).await);
    renewal(store, device.id).await;
    revocation(store, device.id).await;
    lists(store, device.id, other.id).await;
    what_is_revoked_outlives_its_device(store, device.id).await;
}

fn enrol(endpoint: &str, number: u8) -> Write {
    let (token, endpoint) = (SecretHash::of("token"), endpoint.to_owned());
    let device = DeviceId::make(stamp(at(10), number.into()));
    Write::Enrol(Enrol { tenant: TENANT, token, endpoint, device, issued: issued(number), at: at(10) })
}

fn device(written: Result<Written, StoreError>) -> Device {
    match written {
        Ok(Written::Device(device)) => *device,
        other => panic!("{other:?}"),
    }
}

fn renew(shown: u8, endpoint: &str, next: u8, now: i64) -> Write {
    let (shown, endpoint) = (Fingerprint([shown; 32]), endpoint.to_owned());
    Write::Renew(Renew { tenant: TENANT, shown, endpoint, issued: issued(next), at: at(now) })
}

async fn certificates<S: Store>(store: &S, device: Option<DeviceId>, revoked: Option<bool>) -> Vec<u8> {
    let query = CertificateQuery { device, revoked, page: PageRequest::first(100) };
    let page = store.certificates(TENANT, query).await.expect("a page");
    page.items.iter().map(|one| one.fingerprint.0[0]).collect()
}

/// The certificate that was shown stays good, and so does the next; any other is superseded.
async fn renewal<S: Store>(store: &S, id: DeviceId) {
    let gone = Err(StoreError::NotFound("certificate"));
    assert_eq!(store.submit(renew(9, ENDPOINT, 10, 20)).await, gone, "unknown");
    let conflict = store.submit(renew(1, "os::00256D-C2", 10, 20)).await;
    assert!(matches!(conflict, Err(StoreError::Conflict(_))), "{conflict:?}");
    assert_eq!(device(store.submit(renew(1, ENDPOINT, 10, 20)).await).id, id);
    assert_eq!(certificates(store, Some(id), Some(false)).await, [10, 1]);
    // The answer was lost: asked again, with the same proof.
    device(store.submit(renew(1, ENDPOINT, 11, 30)).await);
    assert_eq!(certificates(store, Some(id), Some(false)).await, [11, 1]);
    device(store.submit(renew(11, ENDPOINT, 12, 40)).await);
    assert_eq!(certificates(store, Some(id), Some(false)).await, [12, 11]);
    assert_eq!(certificates(store, Some(id), Some(true)).await, [10, 1]);
    assert_eq!(store.submit(renew(1, ENDPOINT, 13, 50)).await, gone, "revoked");
    let revoked = store.revoked_certificates(at(50)).await.expect("a list");
    let expected = [("4A:01", 40), ("4A:0A", 30)].map(|(serial, seconds)| RevokedCertificate {
        serial: serial.to_owned(),
        at: at(seconds),
        reason: RevocationReason::Superseded,
    });
    assert_eq!(revoked, expected);
    let log = store.audit(TENANT, PageRequest::first(2)).await.expect("a page").items;
    let log: Vec<_> = log.iter().rev().map(|row| (row.action.as_str(), row.detail.clone())).collect();
    let proof = format!("{} on the proof of {}", "0c".repeat(32), "0b".repeat(32));
    assert_eq!(log, [("credential.revoke", "01".repeat(32)), ("credential.renew", proof)]);
}

async fn revocation<S: Store>(store: &S, id: DeviceId) {
    let revoke = |number: u8| Write::RevokeCertificate {
        tenant: TENANT,
        fingerprint: Fingerprint([number; 32]),
        reason: RevocationReason::KeyCompromise,
        at: at(60),
        audit: audit(),
    };
    assert_eq!(store.submit(revoke(99)).await, Err(StoreError::NotFound("certificate")));
    assert_eq!(device(store.submit(revoke(12)).await).id, id);
    let rows = store.audit(TENANT, PageRequest::first(100)).await.expect("a page").items.len();
    // Said again it changes nothing: neither when, nor why.
    device(store.submit(revoke(12)).await);
    device(store.submit(revoke(1)).await);
    assert_eq!(store.audit(TENANT, PageRequest::first(100)).await.expect("a page").items.len(), rows);
    let list = store.revoked_certificates(at(70)).await.expect("a list");
    let seen: Vec<_> = list.iter().map(|one| (one.serial.as_str(), one.reason)).collect();
    let superseded = RevocationReason::Superseded;
    let expected = [("4A:0C", RevocationReason::KeyCompromise), ("4A:01", superseded), ("4A:0A", superseded)];
    assert_eq!(seen, expected);
    let credential = store.credential(Fingerprint([12; 32])).await.expect("readable");
    assert!(credential.expect("on record").1.revoked);
    // What was pinned is revoked alike; no list of ours names it.
    seen_pinned(store, 77).await;
    device(store.submit(revoke(77)).await);
    assert_eq!(store.revoked_certificates(at(70)).await.expect("a list").len(), 3);
    assert!(store.credential(Fingerprint([77; 32])).await.expect("readable").expect("kept").1.revoked);
    assert_eq!(store.revoked_certificates(at(1000)).await, Ok(Vec::new()), "they have ended");
}

async fn seen_pinned<S: Store>(store: &S, number: u8) {
    let pin = Fingerprint([number; 32]);
    seen(store, "os::00256D-C3", Some(pin), at(50)).await;
    let shown = Some(Shown::Certificate(pin));
    let approved =
        service::approve(store, &caller(), stamp(at(50), 3), "os::00256D-C3", shown, None, None).await;
    approved.expect("it is on the list");
}

async fn lists<S: Store>(store: &S, first: DeviceId, second: DeviceId) {
    let mut seen: Vec<Certificate> = Vec::new();
    let mut page = PageRequest::first(1);
    loop {
        let query = CertificateQuery { page: page.clone(), ..CertificateQuery::default() };
        let got = store.certificates(TENANT, query).await.expect("a page");
        assert!(got.items.len() <= 1);
        seen.extend(got.items);
        let Some(next) = got.next else { break };
        page.cursor = Some(next);
    }
    let numbers: Vec<_> = seen.iter().map(|one| one.fingerprint.0[0]).collect();
    assert_eq!(numbers, [12, 11, 10, 1, 2, 77]);
    assert_eq!(certificates(store, None, None).await, numbers);
    assert_eq!(certificates(store, Some(second), None).await, [2]);
    assert_eq!((seen[0].device, seen[0].name.as_str()), (first, ENDPOINT));
    assert_eq!(seen[0].issued, Some(("4A:0C".to_owned(), at(1000))));
    assert_eq!(seen[0].revocation, Some((at(60), RevocationReason::KeyCompromise)));
    assert_eq!((seen[1].revoked, seen[1].revocation), (false, None));
    let pinned = seen.last().expect("the pinned one");
    assert_eq!((pinned.origin, pinned.revoked), (CredentialOrigin::Pinned, true));
    assert_eq!((&pinned.issued, pinned.revocation), (&None, None));
}

async fn what_is_revoked_outlives_its_device<S: Store>(store: &S, id: DeviceId) {
    done(store, Write::ForgetDevice { tenant: TENANT, device: id, at: at(80), audit: audit() }).await;
    assert_eq!(store.revoked_certificates(at(80)).await.expect("a list").len(), 3);
    for (number, expected) in [(12, Some(true)), (11, None)] {
        let known = store.credential(Fingerprint([number; 32])).await.expect("readable");
        assert_eq!(known.map(|(_, credential)| credential.revoked), expected, "{number}");
    }
    store.submit(Write::Prune(Prune::defaults(at(1001)))).await.expect("pruned");
    assert_eq!(store.credential(Fingerprint([12; 32])).await, Ok(None), "it has ended by now");
}
