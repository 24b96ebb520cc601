//! Several tenants: what each sees, what comes to whom, and what nobody can have twice.

use std::sync::LazyLock;

use fleet::access::{Caller, EnrolmentToken, SecretHash};
use fleet::device::Identity;
use fleet::enrolment::{Admission, ExpectedDevice, ExpectedKind, Shown};
use fleet::event::EventKind;
use fleet::filter::Filter;
use fleet::ids::{DeviceId, EnrolmentId, Fingerprint, TenantId};
use fleet::port::{
    Admit, DeviceQuery, DeviceSort, Enrol, Found, JobQuery, MoveDevice, PageRequest, PutExpected, Store,
    StoreError, Write, Written,
};
use fleet::service;
use fleet::tenant::Tenant;
use fleet::{Error, Reach};

use super::{
    TENANT, approved, at, audit, caller, create, done, get, issued, new_operation, open_session, seen, stamp,
};

static PLATFORM: LazyLock<Caller> = LazyLock::new(caller);

pub(super) async fn run<S: Store>(store: &S) {
    let (acme, beta) = (tenant(store, "acme", 1).await, tenant(store, "beta", 2).await);
    let taken = service::create_tenant(store, &PLATFORM, stamp(at(1), 3), "acme".parse().expect("a name"));
    assert_eq!(
        taken.await.map(drop),
        Err(Error::Store(StoreError::Conflict("there is a tenant of that name")))
    );
    let names = store.tenants().await.expect("a list").into_iter().map(|tenant| tenant.name.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["acme", "beta", "default"]);
    lists_of_several_are_one_list(store, acme.id, beta.id).await;
    tokens_and_lists_lead_to_their_tenant(store, acme.id, beta.id).await;
    a_name_is_one_tenants(store, acme.id, beta.id).await;
    strangers_are_the_platforms(store, acme.id, beta.id).await;
    moving(store, &acme, &beta).await;
}

async fn tenant<S: Store>(store: &S, name: &str, number: u64) -> Tenant {
    let made = service::create_tenant(store, &PLATFORM, stamp(at(0), number), name.parse().expect("a name"));
    made.await.expect("it is new")
}

fn admit(tenant: TenantId, endpoint: &str, number: u64) -> Write {
    Write::Admit(Admit {
        tenant,
        device: DeviceId::make(stamp(at(2), number)),
        identity: Identity::usp(endpoint),
        credential: None,
        name: None,
        at: at(2),
        audit: audit(),
    })
}

async fn admitted<S: Store>(store: &S, tenant: TenantId, endpoint: &str, number: u64) -> DeviceId {
    match store.submit(admit(tenant, endpoint, number)).await {
        Ok(Written::Device(device)) => device.id,
        other => panic!("{other:?}"),
    }
}

/// All pages of a list of devices.
async fn names<S: Store>(store: &S, reach: impl Into<Reach>, query: &DeviceQuery) -> Vec<String> {
    let (reach, mut query, mut names) = (reach.into(), query.clone(), Vec::new());
    loop {
        let page = store.devices(reach, query.clone()).await.expect("a page");
        assert!(page.items.len() <= 2);
        names.extend(page.items.into_iter().map(|device| device.name));
        match page.next {
            Some(next) => query.page.cursor = Some(next),
            None => return names,
        }
    }
}

async fn lists_of_several_are_one_list<S: Store>(store: &S, acme: TenantId, beta: TenantId) {
    for (number, (tenant, endpoint)) in
        [(acme, "os::A-1"), (beta, "os::A-2"), (TENANT, "os::A-3"), (acme, "os::A-4"), (beta, "os::A-5")]
            .into_iter()
            .enumerate()
    {
        admitted(store, tenant, endpoint, 10 + number as u64).await;
    }
    let by = |sort, descending| DeviceQuery {
        sort,
        descending,
        page: PageRequest::first(2),
        ..DeviceQuery::default()
    };
    for sort in [DeviceSort::Name, DeviceSort::FirstSeen, DeviceSort::Serial] {
        let all = ["os::A-1", "os::A-2", "os::A-3", "os::A-4", "os::A-5"];
        assert_eq!(names(store, Reach::Platform, &by(sort, false)).await, all, "{sort:?}");
        let mut backwards = all;
        backwards.reverse();
        assert_eq!(names(store, Reach::Platform, &by(sort, true)).await, backwards, "{sort:?}");
        assert_eq!(names(store, acme, &by(sort, false)).await, ["os::A-1", "os::A-4"]);
        assert_eq!(names(store, TenantId::from_bytes([9; 16]), &by(sort, false)).await, Vec::<String>::new());
    }
    let filter = Some(Filter::parse("endpoint =~ \"os::A-[235]\"").expect("a filter"));
    let filtered = DeviceQuery { filter, ..by(DeviceSort::Name, false) };
    assert_eq!(names(store, Reach::Platform, &filtered).await, ["os::A-2", "os::A-3", "os::A-5"]);
    assert_eq!(names(store, beta, &filtered).await, ["os::A-2", "os::A-5"]);
    for text in ["os::A", "A-"] {
        let found = DeviceQuery { text: Some(text.to_owned()), ..by(DeviceSort::Name, false) };
        assert_eq!(names(store, Reach::Platform, &found).await.len(), 5, "{text}");
        assert_eq!(names(store, beta, &found).await, ["os::A-2", "os::A-5"], "{text}");
    }
    assert_eq!(store.device_counts(acme).await, Ok((2, 0)));
    assert_eq!(store.device_counts(Reach::Platform).await, Ok((5, 0)));
    let found = |reach: Reach| async move { store.find_device(reach, "os::A-2").await.expect("readable") };
    assert!(matches!(found(Reach::Platform).await, Found::One(device) if device.tenant == beta));
    assert!(matches!(found(beta.into()).await, Found::One(_)));
    assert_eq!(found(acme.into()).await, Found::None);
    let events = store.events(acme, None, PageRequest::first(50)).await.expect("a page").items;
    assert!(!events.is_empty() && events.iter().all(|event| event.tenant == acme));
    let followed = store.events_after(acme, fleet::Seq(0), 50).await.expect("readable");
    assert_eq!(followed.len(), events.len());
    let (own, all) = (
        store.audit(acme, PageRequest::first(50)).await.expect("a page").items,
        store.audit(Reach::Platform, PageRequest::first(50)).await.expect("a page").items,
    );
    assert!(own.iter().all(|row| row.tenant == acme) && !own.is_empty());
    // Two tenants were made, and five devices let in.
    assert_eq!(all.len(), 7);
    let mut piece = PageRequest::first(3);
    let mut paged = Vec::new();
    loop {
        let page = store.audit(Reach::Platform, piece.clone()).await.expect("a page");
        paged.extend(page.items);
        match page.next {
            Some(next) => piece.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(paged, all);
}

fn token(secret: &str, number: u64, endpoint: Option<&str>) -> EnrolmentToken {
    EnrolmentToken {
        id: EnrolmentId::make(stamp(at(3), number)),
        name: String::new(),
        hash: SecretHash::of(secret),
        uses_left: 5,
        group: None,
        endpoint: endpoint.map(str::to_owned),
        created: at(3),
        expires: at(1000),
    }
}

fn expect(tenant: TenantId, kind: ExpectedKind, value: &str) -> Write {
    let device = ExpectedDevice { kind, value: value.to_owned(), name: None, group: None, at: at(4) };
    let (devices, tokens) = (vec![device], Vec::new());
    Write::PutExpected(PutExpected { tenant, devices, tokens, at: at(4), audit: audit() })
}

fn enrol(tenant: TenantId, secret: &str, endpoint: &str, number: u8) -> Write {
    Write::Enrol(Enrol {
        tenant,
        token: SecretHash::of(secret),
        endpoint: endpoint.to_owned(),
        device: DeviceId::make(stamp(at(5), 100 + u64::from(number))),
        issued: issued(number),
        at: at(5),
    })
}

async fn tokens_and_lists_lead_to_their_tenant<S: Store>(store: &S, acme: TenantId, beta: TenantId) {
    for (tenant, secret, number) in [(acme, "for acme", 1), (beta, "for beta", 2)] {
        let put = Write::PutEnrolmentToken { tenant, token: token(secret, number, None), audit: audit() };
        done(store, put).await;
        let (owner, _) = store
            .enrolment_token(SecretHash::of(secret), at(5))
            .await
            .expect("readable")
            .expect("it is good");
        assert_eq!(owner, tenant);
        let own = store.enrolment_tokens(tenant, at(5), PageRequest::first(50)).await.expect("a page");
        assert_eq!(own.items.len(), 1);
    }
    // The newest first, whosever it is; the place in the list holds for all of them.
    let mut page = PageRequest::first(1);
    for (owner, more) in [(beta, true), (acme, false)] {
        let piece = store.enrolment_tokens(Reach::Platform, at(5), page).await.expect("a page");
        assert_eq!(piece.items.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(), [owner]);
        assert_eq!(piece.next.is_some(), more);
        page = PageRequest { limit: 1, cursor: piece.next };
    }
    // A token counts with its own tenant alone.
    let stolen = store.submit(enrol(beta, "for acme", "os::E-1", 31)).await;
    assert_eq!(stolen, Err(StoreError::NotFound("enrolment token")));
    let Ok(Written::Device(device)) = store.submit(enrol(acme, "for acme", "os::E-1", 31)).await else {
        panic!("not enrolled")
    };
    assert_eq!(device.tenant, acme);
    let (owner, _) = store.credential(Fingerprint([31; 32])).await.expect("readable").expect("on record");
    assert_eq!(owner, acme);

    for (kind, value) in [(ExpectedKind::Endpoint, "os::X-1"), (ExpectedKind::Serial, "S1")] {
        assert_eq!(store.submit(expect(acme, kind, value)).await, Ok(Written::Count(1)));
    }
    for (endpoint, owner) in [("os::X-1", Some(acme)), ("os::00256D-S1", Some(acme)), ("os::X-2", None)] {
        let found = store.expected(endpoint).await.expect("readable").map(|(tenant, _)| tenant);
        assert_eq!(found, owner, "{endpoint}");
    }
    let count = async |reach: Reach| {
        store.expected_devices(reach, PageRequest::first(9)).await.expect("a page").items.len()
    };
    assert_eq!((count(acme.into()).await, count(beta.into()).await, count(Reach::Platform).await), (2, 0, 2));
    let remove =
        |reach: Reach| Write::RemoveExpected { reach, value: "S1".to_owned(), at: at(6), audit: audit() };
    let hidden = Err(StoreError::NotFound("expected device"));
    assert_eq!(store.submit(remove(beta.into())).await, hidden);
    done(store, remove(Reach::Platform)).await;
}

/// An endpoint id that one tenant has, or expects, is had by no other: neither by a token, nor by a list, nor by a
/// person, nor by a URL.
async fn a_name_is_one_tenants<S: Store>(store: &S, acme: TenantId, beta: TenantId) {
    let before = store.audit(beta, PageRequest::first(100)).await.expect("a page").items;
    // "os::A-1" is acme's, and "os::X-1" is expected by it.
    for endpoint in ["os::A-1", "os::X-1"] {
        let dial =
            service::add_dialled(store, &PLATFORM, stamp(at(7), 200), beta, endpoint, "ws://192.0.2.1/");
        assert_eq!(dial.await.map(drop), Err(Error::Store(StoreError::Taken)), "{endpoint}");
        for write in [
            enrol(beta, "for beta", endpoint, 41),
            expect(beta, ExpectedKind::Endpoint, endpoint),
            admit(beta, endpoint, 201),
        ] {
            assert_eq!(store.submit(write).await, Err(StoreError::Taken), "{endpoint}");
        }
    }
    assert_eq!(store.submit(expect(acme, ExpectedKind::Serial, "S2")).await, Ok(Written::Count(1)));
    assert_eq!(store.submit(expect(beta, ExpectedKind::Serial, "S2")).await, Err(StoreError::Taken));
    let own = store.find_device(beta, "os::A-2").await.expect("readable");
    let Found::One(own) = own else { panic!("{own:?}") };
    for endpoint in ["os::A-1", "os::X-1"] {
        let identity = Identity::usp(endpoint);
        let another = Write::PutIdentity { tenant: beta, device: own.id, identity, at: at(8) };
        assert_eq!(store.submit(another).await, Err(StoreError::Taken), "{endpoint}");
    }
    // What failed has changed nothing.
    let after = store.audit(beta, PageRequest::first(100)).await.expect("a page").items;
    assert_eq!(after, before);
    assert_eq!(store.credential(Fingerprint([41; 32])).await, Ok(None));
    let (owner, _) = store.admission(&Identity::usp("os::A-1")).await.expect("readable").expect("known");
    assert_eq!(owner, acme);
    // A serial number on one list is no claim to a device that another has a token for.
    let Ok(Written::Device(device)) = store.submit(enrol(beta, "for beta", "os::00256D-S2", 42)).await else {
        panic!("not enrolled")
    };
    assert_eq!(device.tenant, beta);
    assert!(store.expected("os::00256D-S2").await.expect("readable").is_some());
}

async fn strangers_are_the_platforms<S: Store>(store: &S, acme: TenantId, beta: TenantId) {
    seen(store, "os::P-1", None, at(20)).await;
    let count = async |reach: Reach| store.pending(reach).await.expect("a list").len();
    for reach in [acme, beta, TENANT] {
        assert_eq!(count(reach.into()).await, 0);
    }
    assert_eq!(count(Reach::Platform).await, 1);
    let by = Caller::system(acme);
    let hidden = Error::Store(StoreError::NotFound("pending device"));
    let plain = Some(Shown::Plain);
    let tried = service::approve(store, &by, stamp(at(21), 300), "os::P-1", plain, None, None).await;
    assert_eq!(tried, Err(hidden.clone()));
    assert_eq!(service::reject(store, &by, at(21), "os::P-1").await, Err(hidden));
    let approve = service::approve(store, &PLATFORM, stamp(at(22), 301), "os::P-1", plain, None, Some(beta));
    assert_eq!(approve.await.expect("listed").tenant, beta);
    // Whoever is known waits with its own tenant, and goes to no other.
    let known = fleet::enrolment::PendingDevice {
        endpoint: "os::P-1".to_owned(),
        transport: "websocket".to_owned(),
        peer: "192.0.2.9:1".to_owned(),
        proven: true,
        fingerprint: Some(Fingerprint([51; 32])),
        first_seen: at(23),
        last_seen: at(23),
        attempts: 1,
        changed: false,
    };
    let again = Write::SeenPending { tenant: beta, pending: known };
    done(store, again.clone()).await;
    assert_eq!((count(acme.into()).await, count(beta.into()).await, count(Reach::Platform).await), (0, 1, 1));
    let elsewhere = service::approve(store, &PLATFORM, stamp(at(24), 302), "os::P-1", None, None, Some(acme));
    assert_eq!(elsewhere.await, Err(Error::Store(StoreError::Taken)));
    // Whom the tenant turns away is turned away until it lets him in after all.
    let own = Caller::system(beta);
    let rejected = async || match store.admission(&Identity::usp("os::P-1")).await {
        Ok(Some((owner, Admission::Device { rejected, .. }))) => (owner, rejected),
        other => panic!("{other:?}"),
    };
    assert_eq!(rejected().await, (beta, false));
    service::reject(store, &own, at(24), "os::P-1").await.expect("listed");
    assert_eq!((rejected().await, count(Reach::Platform).await), ((beta, true), 0));
    done(store, again).await;
    let approve = service::approve(store, &own, stamp(at(24), 303), "os::P-1", None, None, None).await;
    assert_eq!(approve.expect("listed").tenant, beta);
    assert_eq!((rejected().await, count(Reach::Platform).await), ((beta, false), 0));
}

async fn moving<S: Store>(store: &S, acme: &Tenant, beta: &Tenant) {
    let device = approved(store, "os::M-1", 400).await;
    open_session(store, device.id, at(30)).await;
    super::rename(store, device.id, "van", &["gold"]).await;
    let job = create(store, 31, new_operation(device.id, get("Device."))).await;
    let device = store.device(TENANT, device.id).await.expect("readable").expect("known");
    let go = async |from: &fleet::device::Device, to: &Tenant| {
        service::move_device(store, &PLATFORM, at(40), from, to).await
    };
    let busy = go(&device, acme).await;
    assert!(matches!(busy, Err(Error::Store(StoreError::Conflict(why))) if why.contains("under way")));
    service::cancel_job(store, &PLATFORM, at(39), job.id).await.expect("it waits");
    let by = Caller::system(TENANT);
    let forbidden = service::move_device(store, &by, at(40), &device, acme).await;
    assert_eq!(forbidden, Err(Error::Forbidden("platform")));

    let moved = go(&device, acme).await.expect("nothing is under way");
    assert_eq!((moved.tenant, moved.online, moved.name.as_str()), (acme.id, false, "van"));
    assert!(moved.tags.is_empty(), "labels are the old tenant's words");
    assert_eq!(store.device(TENANT, device.id).await, Ok(None));
    let (owner, admission) =
        store.admission(&Identity::usp("os::M-1")).await.expect("readable").expect("known");
    assert_eq!(
        (owner, admission),
        (
            acme.id,
            Admission::Device { device: device.id, pinned: Vec::new(), retired: false, rejected: false }
        )
    );
    let find =
        DeviceQuery { text: Some("os::M".to_owned()), page: PageRequest::first(2), ..Default::default() };
    assert_eq!(names(store, acme.id, &find).await, ["van"]);
    assert_eq!(names(store, TENANT, &find).await, Vec::<String>::new());
    // What happened stays where it happened.
    let of = async |tenant: TenantId| {
        let page = store.events(tenant, Some(device.id), PageRequest::first(50)).await.expect("a page");
        page.items.into_iter().map(|event| event.body.kind).collect::<Vec<_>>()
    };
    assert_eq!(of(acme.id).await, [EventKind::Approved]);
    assert_eq!(of(TENANT).await.first(), Some(&EventKind::Offline));
    assert_eq!(store.job(acme.id, job.id).await, Ok(None));
    assert!(store.job(TENANT, job.id).await.expect("readable").is_some());
    let jobs = JobQuery { device: Some(device.id), page: PageRequest::first(9), ..JobQuery::default() };
    assert_eq!(store.jobs(acme.id, jobs).await.expect("a page").items, []);
    assert_eq!(store.sessions(acme.id, device.id, 9).await, Ok(Vec::new()));
    for tenant in [TENANT, acme.id] {
        let last = store.audit(tenant, PageRequest::first(1)).await.expect("a page").items.remove(0);
        assert_eq!((last.action.as_str(), last.detail.as_str()), ("device.move", "to acme"), "{tenant:?}");
        assert!(store.verify_audit(tenant, fleet::audit::Chain(0)).await.expect("readable").is_ok());
    }
    // A session of before is nobody's.
    let stale = super::close_session(device.id, fleet::Epoch(1), at(41));
    assert_eq!(store.submit(stale).await, Err(StoreError::NotFound("device")));
    // The same way on, and to nowhere.
    assert_eq!(go(&moved, beta).await.expect("idle").tenant, beta.id);
    let nowhere = MoveDevice {
        from: beta.id,
        to: TenantId::from_bytes([9; 16]),
        device: device.id,
        at: at(42),
        audit: audit(),
    };
    assert_eq!(store.submit(Write::MoveDevice(nowhere)).await, Err(StoreError::NotFound("tenant")));
    // An operation on a device of another tenant is on none.
    let foreign =
        fleet::service::NewOperation { tenant: acme.id, ..new_operation(device.id, get("Device.")) };
    let refused =
        service::create_operation(store, &PLATFORM, stamp(at(43), 43), foreign, &fleet::check::NoSchema);
    assert_eq!(refused.await.map(drop), Err(Error::Store(StoreError::NotFound("device"))));
}
