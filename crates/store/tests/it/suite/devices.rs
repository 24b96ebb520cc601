//! Devices: presence, lists, filters, names, models, and the end of them.

use dm::operation::{SchemaObject, SchemaResult};
use fleet::Error;
use fleet::check::NoSchema;
use fleet::device::{Device, FactsUpdate, Identity};
use fleet::event::EventKind;
use fleet::filter::Filter;
use fleet::ids::{DeviceId, Epoch, TenantId};
use fleet::model::StoredModel;
use fleet::port::{
    Cursor, DeviceFields, DeviceQuery, DeviceSort, Found, PageRequest, PutModel, Store, StoreError, Write,
};
use fleet::service;

use super::{
    TENANT, approved, at, audit, caller, close_session, create, done, get, kinds_of, new_operation,
    open_session, rename, stamp,
};

pub(super) async fn run<S: Store>(store: &S) {
    let devices = fleet_of_seven(store).await;
    presence(store, &devices[0]).await;
    paging(store).await;
    filters(store).await;
    finding(store, &devices).await;
    models(store, &devices).await;
    search_follows(store, &devices[6]).await;
    forgetting(store, &devices[6]).await;
}

async fn fleet_of_seven<S: Store>(store: &S) -> Vec<Device> {
    let mut devices = Vec::new();
    for number in 0..7u64 {
        let device = approved(store, &format!("os::00256D-SN{number}"), 100 + number).await;
        rename(
            store,
            device.id,
            &format!("router {}", 6 - number),
            [&["pilot"][..], &["lab", "pilot"], &[]][(number % 3) as usize],
        )
        .await;
        let facts = FactsUpdate {
            model: Some(["hAP ax3", "RB5009"][(number % 2) as usize].to_owned()),
            manufacturer: Some("MikroTik".to_owned()),
            serial: Some(format!("SN{number}")),
            software: Some(format!("7.{}", 18 + number)),
            ..FactsUpdate::default()
        };
        let fields = DeviceFields { tenant: TENANT, device: device.id, facts, delta: None, at: at(10) };
        done(store, Write::PutDeviceFields(Box::new(fields))).await;
        devices.push(device);
    }
    devices
}

async fn presence<S: Store>(store: &S, device: &Device) {
    let before = kinds_of(store).await.len();
    assert_eq!(open_session(store, device.id, at(20)).await, Epoch(1));
    assert_eq!(open_session(store, device.id, at(30)).await, Epoch(2));
    assert_eq!(store.submit(close_session(device.id, Epoch(1), at(31))).await, Err(StoreError::StaleEpoch));
    let now = store.device(TENANT, device.id).await.expect("readable").expect("known");
    assert_eq!((now.online, now.proven, now.epoch, now.last_seen), (true, true, Epoch(2), Some(at(30))));
    assert_eq!(now.address, "192.0.2.7:5000");
    assert_eq!(store.device_counts(TENANT).await, Ok((7, 1)));
    done(store, close_session(device.id, Epoch(2), at(40))).await;
    let sessions = store.sessions(TENANT, device.id, 10).await.expect("readable");
    let times: Vec<_> = sessions.iter().map(|one| (one.epoch.0, one.since, one.until)).collect();
    assert_eq!(times, [(2, at(30), Some(at(40))), (1, at(20), Some(at(30)))]);
    let kinds = kinds_of(store).await;
    assert_eq!(kinds[before..], [EventKind::Online, EventKind::Online, EventKind::Offline]);
    // It stays online for the filters that follow.
    open_session(store, device.id, at(50)).await;
}

async fn names<S: Store>(store: &S, mut query: DeviceQuery) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let page = store.devices(TENANT, query.clone()).await.expect("a page");
        assert!(page.items.len() <= query.page.limit);
        names.extend(page.items.into_iter().map(|device| device.name));
        match page.next {
            Some(next) => query.page.cursor = Some(next),
            None => return names,
        }
    }
}

async fn paging<S: Store>(store: &S) {
    let all: Vec<String> = (0..7).map(|number| format!("router {number}")).collect();
    for limit in [1, 3, 7, 8] {
        for sort in [DeviceSort::Name, DeviceSort::Software, DeviceSort::Model, DeviceSort::LastSeen] {
            for descending in [false, true] {
                let page = PageRequest { limit, cursor: None };
                let mut found =
                    names(store, DeviceQuery { sort, descending, page, ..DeviceQuery::default() }).await;
                if sort == DeviceSort::Name {
                    let mut expected = all.clone();
                    if descending {
                        expected.reverse();
                    }
                    assert_eq!(found, expected);
                }
                found.sort();
                assert_eq!(found, all, "{limit} {sort:?} {descending}");
            }
        }
    }
    for cursor in [&b""[..], b"{}", b"[\"events\",5]", b"[\"devices name false\",[7]]", b"\xff"] {
        let page = PageRequest { limit: 5, cursor: Some(Cursor(cursor.to_vec())) };
        let answer = store.devices(TENANT, DeviceQuery { page, ..DeviceQuery::default() }).await;
        assert_eq!(answer, Err(StoreError::BadCursor), "{cursor:?}");
    }
    let page = PageRequest::first(50);
    for (text, expected) in
        [("sn3", 1), ("ROUTER", 7), ("RB5009", 3), ("00256d-sn6", 1), ("%", 0), ("192.0.2", 1)]
    {
        let text = Some(text.to_owned());
        let found =
            names(store, DeviceQuery { text: text.clone(), page: page.clone(), ..DeviceQuery::default() })
                .await;
        assert_eq!(found.len(), expected, "{text:?}");
    }
}

/// The search finds what a device is known by now, not what it was known by.
async fn search_follows<S: Store>(store: &S, device: &Device) {
    let find = async |text: &str| {
        let query = DeviceQuery {
            text: Some(text.to_owned()),
            page: PageRequest::first(50),
            ..DeviceQuery::default()
        };
        store.devices(TENANT, query).await.expect("a page").items.len()
    };
    rename(store, device.id, "Zöbelin-Halle \"7\" OR x*", &[]).await;
    for (text, expected) in [
        ("halle", 1),
        ("ZÖBEL", 1),
        ("\"7\" or", 1),
        ("x*", 1),
        ("halle 8", 0),
        ("hal*", 0),
        ("NOT halle", 0),
    ] {
        assert_eq!(find(text).await, expected, "{text:?}");
    }
    rename(store, device.id, "elsewhere", &[]).await;
    assert_eq!((find("halle").await, find("elsewhere").await), (0, 1));
    let identity = Identity::usp("self::second-name");
    done(store, Write::PutIdentity { tenant: TENANT, device: device.id, identity, at: at(61) }).await;
    assert_eq!(find("second-name").await, 1);
    let epoch = open_session(store, device.id, at(62)).await;
    // The first device was there too.
    assert_eq!((find("192.0.2.7").await, find("192.0.2.7:5000").await), (2, 0));
    done(store, close_session(device.id, epoch, at(63))).await;
    let stranger = TenantId::from_bytes([8; 16]);
    let query = DeviceQuery { text: Some("elsewhere".to_owned()), ..DeviceQuery::default() };
    assert_eq!(store.devices(stranger, query).await.expect("a page").items, []);
}

/// What the store answers is what the filter says of each device.
async fn filters<S: Store>(store: &S) {
    let now = at(60);
    let all =
        store.devices(TENANT, DeviceQuery { page: PageRequest::first(50), ..DeviceQuery::default() }).await;
    let all = all.expect("a page").items;
    for (text, count) in [
        ("online", 1),
        ("!online", 6),
        ("online == false", 6),
        ("\"pilot\" in tags", 5),
        ("!(\"pilot\" in tags)", 2),
        ("\"lab\" in tags && \"pilot\" in tags", 2),
        ("model == \"hAP ax3\"", 4),
        ("model != \"hAP ax3\" || online", 4),
        ("model in [\"RB5009\", \"x\"]", 3),
        ("model ~ \"HAP\"", 4),
        ("serial =~ \"SN[0-2]\"", 3),
        ("serial =~ \"SN\"", 0),
        ("serial =~ \"(SN|X)(1|3)+\"", 2),
        ("software >= \"7.20\" && software < \"7.22\"", 2),
        ("endpoint == \"os::00256D-SN4\"", 1),
        ("endpoint != \"os::00256D-SN4\"", 6),
        ("endpoint =~ \"os::.*\"", 7),
        ("name > \"router 4\"", 2),
        ("address ~ \"192.0.2.7\"", 1),
        ("last_seen < \"2100-01-01\"", 7),
        ("last_seen > \"2026-09-21T14:14:00Z\"", 1),
        ("!(last_seen == \"2026-01-01\")", 7),
        ("last_seen > 2026-09-21T14:14:00Z", 1),
        ("last_seen > -30s", 1),
        ("last_seen < -30s", 6),
        ("software >= version(\"7.20\")", 5),
        ("software < version(\"7.20\")", 2),
        ("software != version(\"7.20\")", 6),
        ("!(software == version(\"7.20\"))", 6),
        ("manufacturer > version(\"0\")", 0),
        ("manufacturer != version(\"0\")", 7),
        ("manufacturer == \"'; DROP TABLE devices; --\"", 0),
    ] {
        let filter = Filter::parse(text).expect(text);
        let mut expected: Vec<String> = all
            .iter()
            .filter(|device| filter.matches(device, now))
            .map(|device| device.name.clone())
            .collect();
        expected.sort();
        let page = PageRequest::first(50);
        let found =
            names(store, DeviceQuery { filter: Some(filter), now, page, ..DeviceQuery::default() }).await;
        assert_eq!(found, expected, "{text}");
        assert_eq!(found.len(), count, "{text}");
    }
}

async fn finding<S: Store>(store: &S, devices: &[Device]) {
    let id = devices[2].id.to_string();
    let one = |found: Result<Found, StoreError>| match found {
        Ok(Found::One(device)) => Some(device.id),
        _ => None,
    };
    for text in [id.as_str(), "os::00256D-SN2", "SN2", "router 4"] {
        assert_eq!(one(store.find_device(TENANT, text).await), Some(devices[2].id), "{text}");
    }
    assert_eq!(one(store.find_device(TENANT, &id[..36].to_uppercase()).await), Some(devices[2].id));
    // Ids that were made at one time begin alike.
    let Ok(Found::Ambiguous(candidates)) = store.find_device(TENANT, &id[..13]).await else {
        panic!("not ambiguous")
    };
    assert_eq!(candidates.len(), 7);
    for text in ["", "nobody", "ffffffff", &id[..7]] {
        assert_eq!(store.find_device(TENANT, text).await, Ok(Found::None), "{text:?}");
    }
    let stranger = TenantId::make(stamp(at(0), 1));
    assert_eq!(store.find_device(stranger, &id).await, Ok(Found::None));
    assert_eq!(store.device(stranger, devices[2].id).await, Ok(None));
}

async fn models<S: Store>(store: &S, devices: &[Device]) {
    let object = SchemaObject { path: "Device.".to_owned(), ..SchemaObject::default() };
    let schema = SchemaResult {
        model_uri: "urn:broadband-forum-org:tr-181-2-19-1-usp".to_owned(),
        objects: vec![object],
    };
    let model = StoredModel::new(schema).expect("small");
    let put = |device: DeviceId| {
        let put = PutModel { tenant: TENANT, device, model: model.clone(), at: at(60) };
        Write::PutModel(Box::new(put))
    };
    done(store, put(devices[0].id)).await;
    done(store, put(devices[1].id)).await;
    assert_eq!(store.model(TENANT, model.hash).await, Ok(Some(model.clone())));
    done(
        store,
        Write::Onboarded {
            tenant: TENANT,
            device: devices[0].id,
            problems: Vec::new(),
            answers: None,
            at: at(61),
        },
    )
    .await;
    let device = store.device(TENANT, devices[0].id).await.expect("readable").expect("known");
    assert_eq!((device.onboarded, device.model), (true, Some(model.hash)));
}

async fn forgetting<S: Store>(store: &S, device: &Device) {
    create(store, 500, new_operation(device.id, get("Device."))).await;
    service::forget_device(store, &caller(), at(70), device).await.expect("known");
    assert_eq!(store.device(TENANT, device.id).await, Ok(None));
    let query = DeviceQuery { text: Some("elsewhere".to_owned()), ..DeviceQuery::default() };
    assert_eq!(store.devices(TENANT, query).await.expect("a page").items, []);
    assert_eq!(store.queued_jobs(TENANT, device.id, 10).await, Ok(Vec::new()));
    let write = Write::ForgetDevice { tenant: TENANT, device: device.id, at: at(71), audit: audit() };
    assert_eq!(store.submit(write).await, Err(StoreError::NotFound("device")));
    let new = new_operation(device.id, get("Device."));
    let orphan = service::create_operation(store, &caller(), stamp(at(72), 72), new, &NoSchema).await;
    assert_eq!(orphan, Err(Error::Store(StoreError::NotFound("device"))));
}
