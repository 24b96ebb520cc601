//! Devices that are expected.

use fleet::access::{EnrolmentToken, SecretHash};
use fleet::device::Identity;
use fleet::enrolment::{ExpectedDevice, ExpectedKind};
use fleet::ids::{DeviceId, EnrolmentId};
use fleet::port::{Admit, PageRequest, PutExpected, Store, StoreError, Write, Written};

use super::{TENANT, at, audit, done, stamp};

fn device(kind: ExpectedKind, value: &str, name: Option<&str>, group: Option<&str>) -> ExpectedDevice {
    let (name, group) = (name.map(str::to_owned), group.map(str::to_owned));
    ExpectedDevice { kind, value: value.to_owned(), name, group, at: at(0) }
}

fn put(devices: &[ExpectedDevice], tokens: &[EnrolmentToken]) -> Write {
    let (devices, tokens) = (devices.to_vec(), tokens.to_vec());
    Write::PutExpected(PutExpected { tenant: TENANT, devices, tokens, at: at(0), audit: audit() })
}

async fn values<S: Store>(store: &S, limit: usize) -> Vec<String> {
    let (mut values, mut page) = (Vec::new(), PageRequest::first(limit));
    loop {
        let got = store.expected_devices(TENANT, page.clone()).await.expect("a page");
        values.extend(got.items.into_iter().map(|(_, row)| row.value));
        let Some(next) = got.next else { return values };
        page.cursor = Some(next);
    }
}

pub(super) async fn run<S: Store>(store: &S) {
    let by_id = device(ExpectedKind::Endpoint, "os::00256D-1", Some("attic"), Some("pilot"));
    let by_serial = device(ExpectedKind::Serial, "A-2", None, None);
    let token = |number: u64| EnrolmentToken {
        id: EnrolmentId::make(stamp(at(0), number)),
        name: String::new(),
        hash: SecretHash::of("made elsewhere"),
        uses_left: 1,
        group: None,
        endpoint: Some("os::00256D-1".to_owned()),
        created: at(0),
        expires: at(100),
    };
    let written = store.submit(put(&[by_id.clone(), by_serial.clone()], &[token(1)])).await;
    assert_eq!(written, Ok(Written::Count(2)));
    assert_eq!(values(store, 1).await, ["os::00256D-1", "A-2"]);
    let known = store.enrolment_token(SecretHash::of("made elsewhere"), at(1)).await;
    assert_eq!(known, Ok(Some((TENANT, token(1)))));
    // A token that is known takes the whole list back.
    let other = device(ExpectedKind::Serial, "B", None, None);
    let twice = store.submit(put(&[other], &[token(2)])).await;
    assert!(matches!(twice, Err(StoreError::Conflict(_))), "{twice:?}");
    assert_eq!(values(store, 10).await, ["os::00256D-1", "A-2"]);

    for (endpoint, expected) in [
        ("os::00256D-1", Some(&by_id)),
        ("os::00256D-A-2", Some(&by_serial)),
        ("ops::00256D-Router-A-2", Some(&by_serial)),
        ("os::00256D-2", None),
        ("self::A-2", None),
    ] {
        assert_eq!(
            store.expected(endpoint).await.expect("readable").map(|(_, row)| row).as_ref(),
            expected,
            "{endpoint}"
        );
    }
    admitted_once(store).await;
    let remove =
        Write::RemoveExpected { reach: TENANT.into(), value: "A-2".to_owned(), at: at(2), audit: audit() };
    done(store, remove.clone()).await;
    assert_eq!(store.submit(remove).await, Err(StoreError::NotFound("expected device")));
    assert_eq!(values(store, 10).await, Vec::<String>::new());
}

/// However it is let in, it is called and tagged as the list says, and no longer expected.
async fn admitted_once<S: Store>(store: &S) {
    let admit = Admit {
        tenant: TENANT,
        device: DeviceId::make(stamp(at(1), 1)),
        identity: Identity::usp("os::00256D-1"),
        credential: None,
        name: None,
        at: at(1),
        audit: audit(),
    };
    let Ok(Written::Device(device)) = store.submit(Write::Admit(admit)).await else { panic!("not let in") };
    assert_eq!((device.name.as_str(), device.tags.contains("pilot")), ("attic", true));
    assert_eq!(values(store, 10).await, ["A-2"]);
}
