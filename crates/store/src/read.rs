//! The port, over the writer and the readers. Each query is a function of a connection, in a file of its
//! subject.

use dm::UtcTime;
use fleet::Reach;
use fleet::access::{ApiToken, EnrolmentToken, Login, SecretHash, User};
use fleet::audit::{AuditRow, Break, Chain, Tip};
use fleet::certificate::{Certificate, CertificateQuery, RevokedCertificate};
use fleet::datamodel::DataModel;
use fleet::device::{Credential, Device, Identity, SessionRow};
use fleet::enrolment::{Admission, DialTarget, ExpectedDevice, PendingDevice, RefusedAttempt};
use fleet::event::Event;
use fleet::ids::{DeviceId, Fingerprint, JobId, ModelHash, Seq, TenantId, UserId};
use fleet::job::Job;
use fleet::lane::JobRef;
use fleet::model::StoredModel;
use fleet::port::{DeviceQuery, Found, JobQuery, Page, PageRequest, Store, StoreError, Write, Written};
use fleet::tenant::Tenant;
use fleet::twin::Twin;

use crate::SqliteStore;
use crate::reach;
use crate::write::twin;

pub(crate) mod access;
mod audit;
mod certificate;
mod cursor;
mod datamodel;
mod devices;
pub(crate) mod enrolment;
pub(crate) mod events;
pub(crate) mod expected;
mod jobs;

impl Store for SqliteStore {
    async fn submit(&self, write: Write) -> Result<Written, StoreError> {
        self.write(write).await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.pool().read(move |reader| access::tenants(&reader.connection)).await
    }

    async fn device(
        &self,
        reach: impl Into<Reach> + Send,
        id: DeviceId,
    ) -> Result<Option<Device>, StoreError> {
        let reach = reach.into();
        let find = move |reader: &mut crate::pool::Reader| {
            let among = reach::tenants(&reader.connection, reach)?;
            reach::first(&among, |tenant| crate::rows::device(&reader.connection, tenant, id))
        };
        self.pool().glance(find).await
    }

    async fn find_device(&self, reach: impl Into<Reach> + Send, text: &str) -> Result<Found, StoreError> {
        let (reach, text) = (reach.into(), text.to_owned());
        self.pool().read(move |reader| devices::find(&reader.connection, reach, &text)).await
    }

    async fn devices(
        &self,
        reach: impl Into<Reach> + Send,
        query: DeviceQuery,
    ) -> Result<Page<Device>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| devices::list(&reader.connection, reach, &query)).await
    }

    async fn device_counts(&self, reach: impl Into<Reach> + Send) -> Result<(u64, u64), StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| devices::counts(&reader.connection, reach)).await
    }

    async fn admission(&self, identity: &Identity) -> Result<Option<(TenantId, Admission)>, StoreError> {
        let identity = identity.clone();
        self.pool().glance(move |reader| enrolment::admission(&reader.connection, &identity)).await
    }

    async fn credential(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<Option<(TenantId, Credential)>, StoreError> {
        self.pool().glance(move |reader| enrolment::credential(&reader.connection, fingerprint)).await
    }

    async fn certificates(
        &self,
        reach: impl Into<Reach> + Send,
        query: CertificateQuery,
    ) -> Result<Page<Certificate>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| certificate::list(&reader.connection, reach, &query)).await
    }

    async fn revoked_certificates(&self, now: UtcTime) -> Result<Vec<RevokedCertificate>, StoreError> {
        self.pool().read(move |reader| certificate::revoked(&reader.connection, now)).await
    }

    async fn expected(&self, endpoint: &str) -> Result<Option<(TenantId, ExpectedDevice)>, StoreError> {
        let endpoint = endpoint.to_owned();
        self.pool().glance(move |reader| expected::one_of(&reader.connection, &endpoint)).await
    }

    async fn expected_devices(
        &self,
        reach: impl Into<Reach> + Send,
        page: PageRequest,
    ) -> Result<Page<(TenantId, ExpectedDevice)>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| expected::list(&reader.connection, reach, &page)).await
    }

    async fn sessions(
        &self,
        tenant: TenantId,
        device: DeviceId,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError> {
        self.pool().read(move |reader| devices::sessions(&reader.connection, tenant, device, limit)).await
    }

    async fn twin(&self, tenant: TenantId, device: DeviceId) -> Result<Twin, StoreError> {
        let load = move |reader: &mut crate::pool::Reader| {
            twin::load(&reader.connection, &mut reader.dictionary, tenant, device)
        };
        self.pool().read(load).await
    }

    async fn job(&self, reach: impl Into<Reach> + Send, id: JobId) -> Result<Option<Job>, StoreError> {
        let reach = reach.into();
        let find = move |reader: &mut crate::pool::Reader| {
            let among = reach::tenants(&reader.connection, reach)?;
            reach::first(&among, |tenant| jobs::by_id(&reader.connection, tenant, id))
        };
        let row = self.pool().glance(find).await?;
        let Some(row) = row else { return Ok(None) };
        let is_long = row.is_long();
        // A long one is decoded where that holds nobody up.
        let decode = move |reader: &mut crate::pool::Reader| row.decode(reader.seal.as_ref()).map(Some);
        if is_long { self.pool().read(decode).await } else { self.pool().glance(decode).await }
    }

    async fn jobs(&self, reach: impl Into<Reach> + Send, query: JobQuery) -> Result<Page<Job>, StoreError> {
        let reach = reach.into();
        self.pool()
            .read(move |reader| jobs::list(&reader.connection, reader.seal.as_ref(), reach, &query))
            .await
    }

    async fn queued_jobs(
        &self,
        tenant: TenantId,
        device: DeviceId,
        limit: usize,
    ) -> Result<Vec<JobRef>, StoreError> {
        self.pool().glance(move |reader| jobs::queued(&reader.connection, tenant, device, limit)).await
    }

    async fn job_by_command_key(
        &self,
        tenant: TenantId,
        device: DeviceId,
        command_key: &str,
    ) -> Result<Option<Job>, StoreError> {
        let key = command_key.to_owned();
        let find = move |reader: &mut crate::pool::Reader| {
            jobs::by_command_key(&reader.connection, reader.seal.as_ref(), tenant, device, &key)
        };
        self.pool().glance(find).await
    }

    async fn events(
        &self,
        reach: impl Into<Reach> + Send,
        device: Option<DeviceId>,
        page: PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| events::list(&reader.connection, reach, device, &page)).await
    }

    async fn events_after(
        &self,
        reach: impl Into<Reach> + Send,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| events::after(&reader.connection, reach, after, limit)).await
    }

    async fn last_event(&self) -> Result<Seq, StoreError> {
        self.pool().read(move |reader| events::last(&reader.connection)).await
    }

    async fn model(
        &self,
        reach: impl Into<Reach> + Send,
        hash: ModelHash,
    ) -> Result<Option<StoredModel>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| devices::model(&reader.connection, reach, hash)).await
    }

    async fn data_models(&self, tenant: TenantId) -> Result<Vec<DataModel>, StoreError> {
        self.pool().read(move |reader| datamodel::list(&reader.connection, tenant)).await
    }

    async fn data_model_text(&self, tenant: TenantId, id: ModelHash) -> Result<Option<String>, StoreError> {
        self.pool().read(move |reader| datamodel::text(&reader.connection, tenant, id)).await
    }

    async fn pending(
        &self,
        reach: impl Into<Reach> + Send,
    ) -> Result<Vec<(TenantId, PendingDevice)>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| enrolment::pending(&reader.connection, reach)).await
    }

    async fn dials(&self, reach: impl Into<Reach> + Send) -> Result<Vec<DialTarget>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| enrolment::dials(&reader.connection, reach)).await
    }

    async fn refused(&self, reach: impl Into<Reach> + Send) -> Result<Vec<RefusedAttempt>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| enrolment::refused(&reader.connection, reach)).await
    }

    async fn user(&self, tenant: TenantId, name: &str) -> Result<Option<User>, StoreError> {
        let name = name.to_owned();
        self.pool().read(move |reader| access::user(&reader.connection, tenant, &name)).await
    }

    async fn user_by_id(&self, tenant: TenantId, id: UserId) -> Result<Option<User>, StoreError> {
        self.pool().read(move |reader| access::user_by_id(&reader.connection, tenant, id)).await
    }

    async fn users(&self, tenant: TenantId) -> Result<Vec<User>, StoreError> {
        self.pool().read(move |reader| access::users(&reader.connection, tenant)).await
    }

    async fn login(
        &self,
        tenant: TenantId,
        hash: SecretHash,
        now: UtcTime,
    ) -> Result<Option<(Login, User)>, StoreError> {
        self.pool().glance(move |reader| access::login(&reader.connection, tenant, hash, now)).await
    }

    async fn token(
        &self,
        hash: SecretHash,
        now: UtcTime,
    ) -> Result<Option<(TenantId, ApiToken)>, StoreError> {
        self.pool().glance(move |reader| access::token(&reader.connection, hash, now)).await
    }

    async fn tokens(
        &self,
        reach: impl Into<Reach> + Send,
        page: PageRequest,
    ) -> Result<Page<(TenantId, ApiToken)>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| access::tokens(&reader.connection, reach, &page)).await
    }

    async fn enrolment_token(
        &self,
        hash: SecretHash,
        now: UtcTime,
    ) -> Result<Option<(TenantId, EnrolmentToken)>, StoreError> {
        self.pool().glance(move |reader| access::enrolment_token(&reader.connection, hash, now)).await
    }

    async fn enrolment_tokens(
        &self,
        reach: impl Into<Reach> + Send,
        now: UtcTime,
        page: PageRequest,
    ) -> Result<Page<(TenantId, EnrolmentToken)>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| access::enrolments(&reader.connection, reach, now, &page)).await
    }

    async fn audit(
        &self,
        reach: impl Into<Reach> + Send,
        page: PageRequest,
    ) -> Result<Page<AuditRow>, StoreError> {
        let reach = reach.into();
        self.pool().read(move |reader| audit::list(&reader.connection, reach, &page)).await
    }

    async fn verify_audit(&self, tenant: TenantId, chain: Chain) -> Result<Result<Tip, Break>, StoreError> {
        self.pool().read(move |reader| audit::verify(&reader.connection, tenant, chain)).await
    }
}
