//! User names and passwords of devices.

use fleet::certificate::CertificateQuery;
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::enrolment::Admission;
use fleet::ids::{DeviceId, Fingerprint};
use fleet::login::PutLogin;
use fleet::port::{PageRequest, Renew, SessionOpened, Store, StoreError, Write, Written};

use super::{TENANT, approved, at, audit, done, issued, stamp};

const NEW: &str = "os::00256D-L1";

pub(super) async fn run<S: Store>(store: &S) {
    let made = put(store, NEW, 0xd1).await;
    assert_eq!((made.name.as_str(), made.endpoints().collect::<Vec<_>>()), ("attic", vec![NEW]));
    let known = approved(store, "os::00256D-L2", 300).await.id;
    assert_eq!(put(store, "os::00256D-L2", 0xd2).await.id, known);
    without(store, made.id).await;
    one_at_a_time(store, made.id).await;
    beside_certificates(store, made.id).await;
    let write = Write::ForgetDevice { tenant: TENANT, device: made.id, at: at(420), audit: audit() };
    done(store, write).await;
    assert_eq!(store.credential(Fingerprint([0xd3; 32])).await, Ok(None));
}

async fn put<S: Store>(store: &S, endpoint: &str, mark: u8) -> fleet::device::Device {
    let put = PutLogin {
        tenant: TENANT,
        endpoint: endpoint.to_owned(),
        proof: Fingerprint([mark; 32]),
        device: DeviceId::make(stamp(at(400), mark.into())),
        name: Some("attic".to_owned()),
        at: at(400),
        audit: audit(),
    };
    match store.submit(Write::PutDeviceLogin(put)).await {
        Ok(Written::Device(device)) => *device,
        other => panic!("{other:?}"),
    }
}

/// What proves the device now, each with its kind; the newest first.
async fn proofs<S: Store>(store: &S, device: DeviceId, revoked: bool) -> Vec<(u8, CredentialKind)> {
    let page = PageRequest::first(100);
    let query = CertificateQuery { device: Some(device), revoked: Some(revoked), page };
    let page = store.certificates(TENANT, query).await.expect("a page");
    page.items.iter().map(|one| (one.fingerprint.0[0], one.kind)).collect()
}

/// The decision to let it in by its name is older than its login.
async fn without<S: Store>(store: &S, device: DeviceId) {
    let opened = |proof: Option<u8>| SessionOpened {
        tenant: TENANT,
        device,
        transport: "mqtt".to_owned(),
        peer: "192.0.2.1:4".to_owned(),
        proven: proof.is_some(),
        fingerprint: proof.map(|mark| Fingerprint([mark; 32])),
        at: at(401),
    };
    let refused = store.submit(Write::SessionOpened(opened(None))).await;
    assert_eq!(refused, Err(StoreError::Conflict("the device has something that proves it")));
    let session = store.submit(Write::SessionOpened(opened(Some(0xd1)))).await;
    assert!(matches!(session, Ok(Written::Session(_))), "{session:?}");
}

async fn one_at_a_time<S: Store>(store: &S, device: DeviceId) {
    let password = CredentialKind::Password;
    assert_eq!(proofs(store, device, false).await, [(0xd1, password)]);
    assert_eq!(put(store, NEW, 0xd3).await.id, device);
    assert_eq!(proofs(store, device, false).await, [(0xd3, password)]);
    assert_eq!(proofs(store, device, true).await, [(0xd1, password)]);
    let found = store.credential(Fingerprint([0xd3; 32])).await.expect("readable").expect("on record").1;
    assert_eq!((found.kind, found.issued_for, found.revoked), (password, device, false));
    let admission = store.admission(&Identity::usp(NEW)).await;
    let expected =
        Admission::Device { device, pinned: vec![Fingerprint([0xd3; 32])], retired: false, rejected: false };
    assert_eq!(admission, Ok(Some((TENANT, expected))));
}

/// A certificate that is renewed takes the place of certificates alone.
async fn beside_certificates<S: Store>(store: &S, device: DeviceId) {
    let (kind, origin) = (CredentialKind::CertificateFingerprint, CredentialOrigin::Issued);
    let value = Fingerprint([0xd4; 32]);
    let credential = Credential { kind, value, issued_for: device, origin, at: at(401), revoked: false };
    done(store, Write::PutCredential { tenant: TENANT, credential, audit: audit() }).await;
    let renew =
        Renew { tenant: TENANT, shown: value, endpoint: NEW.to_owned(), issued: issued(0xd5), at: at(402) };
    let renewed = store.submit(Write::Renew(renew)).await;
    assert!(matches!(renewed, Ok(Written::Device(_))), "{renewed:?}");
    let expected = [(0xd5, kind), (0xd4, kind), (0xd3, CredentialKind::Password)];
    assert_eq!(proofs(store, device, false).await, expected);
}
