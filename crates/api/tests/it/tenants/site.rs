//! A tenant with one of everything, each of which bears its mark.

use api::auth::create_token;
use dm::operation::{Get, Operation, SchemaObject, SchemaResult};
use fleet::access::{EnrolmentToken, Role, SecretHash};
use fleet::audit::AuditEntry;
use fleet::certificate::IssuedCertificate;
use fleet::check::NoSchema;
use fleet::device::FactsUpdate;
use fleet::enrolment::{ExpectedDevice, ExpectedKind, PendingDevice, RefusedAttempt};
use fleet::ids::Fingerprint;
use fleet::job::{Actor, Priority};
use fleet::model::StoredModel;
use fleet::port::{
    DeviceFields, Enrol, PutDial, PutExpected, PutModel, SessionOpened, Store, Write, Written,
};
use fleet::service::{self, NewOperation};
use fleet::twin::{Change, Delta, Source, TwinPath};
use fleet::{DeviceId, EnrolmentId, Reach, TenantId};

use crate::world::World;

/// What a path names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Thing {
    Device,
    Job,
    Token,
    Enrolment,
    Certificate,
    Expected,
    Pending,
    Model,
}

/// A tenant, and the ids of what it has.
pub(super) struct Site {
    /// The tenant's name, and in capitals its mark in every text.
    pub(super) name: &'static str,
    pub(super) tenant: TenantId,
    pub(super) token: String,
    pub(super) device: DeviceId,
    things: Vec<(Thing, String)>,
}

impl Site {
    /// All names of its thing of a kind.
    pub(super) fn names(&self, thing: Thing) -> Vec<String> {
        self.things.iter().filter(|(one, _)| *one == thing).map(|(_, name)| name.clone()).collect()
    }

    /// A text in which `{device}` and `{tenant}` stand for its own.
    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{device}", &self.device.to_string()).replace("{tenant}", self.name)
    }

    /// What nobody else may read.
    pub(super) fn marks(&self) -> Vec<String> {
        let mut marks: Vec<String> = self.things.iter().map(|(_, name)| name.clone()).collect();
        marks.extend([self.tenant.to_string(), format!("\"{}\"", self.name), self.name.to_uppercase()]);
        marks
    }

    pub(super) async fn build(world: &World, name: &'static str, number: u8) -> Site {
        let (mark, store, at) = (name.to_uppercase(), &world.store, world.now());
        let (system, id) = (World::system(), world.stamp());
        let made = service::create_tenant(store, &system, id, name.parse().expect("a name"));
        let tenant = made.await.expect("it is new").id;
        let audit = || AuditEntry::new(Actor::user(&mark), "test.act", &mark, "");
        let endpoint = format!("os::00256D-{mark}");
        let mut things = Vec::new();
        let reach = Reach::Tenant(tenant);

        let token =
            create_token(store, &World::system(), world.stamp(), reach, &mark, Role::Owner, None).await;
        let token = token.expect("a token");
        things.push((Thing::Token, token.row.id.to_string()));
        let enrolment = |secret: &str, uses_left| EnrolmentToken {
            id: EnrolmentId::make(world.stamp()),
            name: mark.clone(),
            hash: SecretHash::of(&format!("{secret} {mark}")),
            uses_left,
            group: Some(mark.clone()),
            endpoint: None,
            created: at,
            expires: dm::UtcTime(at.0 + 1_000_000_000),
        };
        let lasting = enrolment("lasting", 5);
        things.push((Thing::Enrolment, lasting.id.to_string()));
        for token in [lasting, enrolment("used", 1)] {
            done(world, Write::PutEnrolmentToken { tenant, token, audit: audit() }).await;
        }
        let fingerprint = Fingerprint([number; 32]);
        things.push((Thing::Certificate, fingerprint.to_string()));
        let enrol = Enrol {
            tenant,
            token: SecretHash::of(&format!("used {mark}")),
            endpoint: endpoint.clone(),
            device: DeviceId::make(world.stamp()),
            issued: IssuedCertificate {
                serial: format!("{number:02X}:{mark}"),
                fingerprint,
                expires: dm::UtcTime(at.0 + 1_000_000_000),
            },
            at,
        };
        let Ok(Written::Device(device)) = store.submit(Write::Enrol(enrol)).await else {
            panic!("not enrolled")
        };
        let device = device.id;
        // By each of its names.
        for name in [device.to_string(), endpoint.clone(), format!("serial {mark}")] {
            things.push((Thing::Device, name));
        }
        let url = format!("ws://192.0.2.1/{mark}");
        let dial = PutDial { tenant, device, endpoint: endpoint.clone(), url, at, audit: audit() };
        store.submit(Write::PutDial(dial)).await.expect("dialled");
        let schema = SchemaObject { path: format!("Device.X_{mark}."), ..SchemaObject::default() };
        let schema = SchemaResult { model_uri: "urn:example".into(), objects: vec![schema] };
        let model = StoredModel::new(schema).expect("a model");
        things.push((Thing::Model, model.hash.to_string()));
        done(world, Write::PutModel(Box::new(PutModel { tenant, device, model, at }))).await;
        let change = Change::Put {
            path: TwinPath::parse("Device.DeviceInfo.Description").expect("a path"),
            value: mark.as_str().into(),
        };
        let delta = Some(Delta { at, source: Source::Read, changes: vec![change] });
        let serial = format!("serial {mark}");
        let facts = FactsUpdate::from_params([("Device.DeviceInfo.SerialNumber", serial.as_str())]);
        done(world, Write::PutDeviceFields(Box::new(DeviceFields { tenant, device, facts, delta, at })))
            .await;
        let opened = SessionOpened {
            tenant,
            device,
            transport: "websocket".into(),
            peer: format!("192.0.2.7:{mark}"),
            proven: true,
            fingerprint: Some(fingerprint),
            at,
        };
        store.submit(Write::SessionOpened(opened)).await.expect("opened");
        let new = NewOperation {
            device,
            tenant,
            operation: Operation::Get(Get { paths: vec![format!("Device.X_{mark}.")], max_depth: 0 }),
            priority: Priority::Person,
            deadline: None,
            idempotency_key: None,
            force: false,
        };
        let job = service::create_operation(store, &World::system(), world.stamp(), new, &NoSchema).await;
        things.push((Thing::Job, job.expect("created").job.id.to_string()));
        let value = format!("os::EXPECTED-{mark}");
        things.push((Thing::Expected, value.clone()));
        let expected = ExpectedDevice { kind: ExpectedKind::Endpoint, value, name: None, group: None, at };
        let (devices, tokens) = (vec![expected], Vec::new());
        let put = PutExpected { tenant, devices, tokens, at, audit: audit() };
        store.submit(Write::PutExpected(put)).await.expect("expected");
        things.push((Thing::Pending, endpoint.clone()));
        let pending = PendingDevice {
            endpoint: endpoint.clone(),
            transport: "websocket".into(),
            peer: "192.0.2.8:1".into(),
            proven: true,
            fingerprint: Some(Fingerprint([number + 100; 32])),
            first_seen: at,
            last_seen: at,
            attempts: 1,
            changed: false,
        };
        done(world, Write::SeenPending { tenant, pending }).await;
        let attempt =
            RefusedAttempt { at, peer: "192.0.2.9:1".into(), endpoint: Some(endpoint), reason: mark.clone() };
        done(world, Write::Refused { tenant, attempt }).await;
        world.server.log_grew().await;
        Site { name, tenant, token: token.secret.expose().to_owned(), device, things }
    }
}

async fn done(world: &World, write: Write) {
    assert_eq!(world.store.submit(write).await, Ok(Written::Done));
}
