//! The port, over the writer and the readers. Each query is a function of a connection, in a file of its
//! subject.

use dm::UtcTime;
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
use fleet::twin::Twin;

use crate::SqliteStore;
use crate::write::twin;

pub(crate) mod access;
mod audit;
mod certificate;
mod cursor;
mod datamodel;
mod devices;
mod enrolment;
pub(crate) mod events;
pub(crate) mod expected;
mod jobs;

impl Store for SqliteStore {
    async fn submit(&self, write: Write) -> Result<Written, StoreError> {
        self.write(write).await
    }

    async fn device(&self, tenant: TenantId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        self.pool().glance(move |reader| crate::rows::device(&reader.connection, tenant, id)).await
    }

    async fn find_device(&self, tenant: TenantId, text: &str) -> Result<Found, StoreError> {
        let text = text.to_owned();
        self.pool().read(move |reader| devices::find(&reader.connection, tenant, &text)).await
    }

    async fn devices(&self, tenant: TenantId, query: DeviceQuery) -> Result<Page<Device>, StoreError> {
        self.pool().read(move |reader| devices::list(&reader.connection, tenant, &query)).await
    }

    async fn device_counts(&self, tenant: TenantId) -> Result<(u64, u64), StoreError> {
        self.pool().read(move |reader| devices::counts(&reader.connection, tenant)).await
    }

    async fn admission(
        &self,
        tenant: TenantId,
        identity: &Identity,
    ) -> Result<Option<Admission>, StoreError> {
        let identity = identity.clone();
        self.pool().glance(move |reader| enrolment::admission(&reader.connection, tenant, &identity)).await
    }

    async fn credential(
        &self,
        tenant: TenantId,
        fingerprint: Fingerprint,
    ) -> Result<Option<Credential>, StoreError> {
        self.pool().glance(move |reader| enrolment::credential(&reader.connection, tenant, fingerprint)).await
    }

    async fn certificates(
        &self,
        tenant: TenantId,
        query: CertificateQuery,
    ) -> Result<Page<Certificate>, StoreError> {
        self.pool().read(move |reader| certificate::list(&reader.connection, tenant, &query)).await
    }

    async fn revoked_certificates(
        &self,
        tenant: TenantId,
        now: UtcTime,
    ) -> Result<Vec<RevokedCertificate>, StoreError> {
        self.pool().read(move |reader| certificate::revoked(&reader.connection, tenant, now)).await
    }

    async fn expected(&self, tenant: TenantId, endpoint: &str) -> Result<Option<ExpectedDevice>, StoreError> {
        let endpoint = endpoint.to_owned();
        self.pool().glance(move |reader| expected::one_of(&reader.connection, tenant, &endpoint)).await
    }

    async fn expected_devices(
        &self,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<ExpectedDevice>, StoreError> {
        self.pool().read(move |reader| expected::list(&reader.connection, tenant, &page)).await
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
            // One snapshot: a fold between the two statements would lose or double the deltas.
            let snapshot = reader.connection.unchecked_transaction()?;
            twin::load(&snapshot, &mut reader.dictionary, tenant, device)
        };
        self.pool().read(load).await
    }

    async fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        let row = self.pool().glance(move |reader| jobs::by_id(&reader.connection, tenant, id)).await?;
        let Some(row) = row else { return Ok(None) };
        let is_long = row.is_long();
        // A long one is decoded where that holds nobody up.
        let decode = move |reader: &mut crate::pool::Reader| row.decode(reader.seal.as_ref()).map(Some);
        if is_long { self.pool().read(decode).await } else { self.pool().glance(decode).await }
    }

    async fn jobs(&self, tenant: TenantId, query: JobQuery) -> Result<Page<Job>, StoreError> {
        self.pool()
            .read(move |reader| jobs::list(&reader.connection, reader.seal.as_ref(), tenant, &query))
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
        tenant: TenantId,
        device: Option<DeviceId>,
        page: PageRequest,
    ) -> Result<Page<Event>, StoreError> {
        self.pool().read(move |reader| events::list(&reader.connection, tenant, device, &page)).await
    }

    async fn events_after(
        &self,
        tenant: Option<TenantId>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.pool().read(move |reader| events::after(&reader.connection, tenant, after, limit)).await
    }

    async fn last_event(&self) -> Result<Seq, StoreError> {
        self.pool().read(move |reader| events::last(&reader.connection)).await
    }

    async fn model(&self, tenant: TenantId, hash: ModelHash) -> Result<Option<StoredModel>, StoreError> {
        self.pool().read(move |reader| devices::model(&reader.connection, tenant, hash)).await
    }

    async fn data_models(&self, tenant: TenantId) -> Result<Vec<DataModel>, StoreError> {
        self.pool().read(move |reader| datamodel::list(&reader.connection, tenant)).await
    }

    async fn data_model_text(&self, tenant: TenantId, id: ModelHash) -> Result<Option<String>, StoreError> {
        self.pool().read(move |reader| datamodel::text(&reader.connection, tenant, id)).await
    }

    async fn pending(&self, tenant: TenantId) -> Result<Vec<PendingDevice>, StoreError> {
        self.pool().read(move |reader| enrolment::pending(&reader.connection, tenant)).await
    }

    async fn dials(&self, tenant: TenantId) -> Result<Vec<DialTarget>, StoreError> {
        self.pool().read(move |reader| enrolment::dials(&reader.connection, tenant)).await
    }

    async fn refused(&self, tenant: TenantId) -> Result<Vec<RefusedAttempt>, StoreError> {
        self.pool().read(move |reader| enrolment::refused(&reader.connection, tenant)).await
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
        tenant: TenantId,
        hash: SecretHash,
        now: UtcTime,
    ) -> Result<Option<ApiToken>, StoreError> {
        self.pool().glance(move |reader| access::token(&reader.connection, tenant, hash, now)).await
    }

    async fn tokens(&self, tenant: TenantId) -> Result<Vec<ApiToken>, StoreError> {
        self.pool().read(move |reader| access::tokens(&reader.connection, tenant)).await
    }

    async fn enrolment_token(
        &self,
        tenant: TenantId,
        hash: SecretHash,
        now: UtcTime,
    ) -> Result<Option<EnrolmentToken>, StoreError> {
        self.pool().glance(move |reader| access::enrolment_token(&reader.connection, tenant, hash, now)).await
    }

    async fn enrolment_tokens(
        &self,
        tenant: TenantId,
        now: UtcTime,
    ) -> Result<Vec<EnrolmentToken>, StoreError> {
        self.pool().read(move |reader| access::enrolments(&reader.connection, tenant, now)).await
    }

    async fn audit(&self, tenant: TenantId, page: PageRequest) -> Result<Page<AuditRow>, StoreError> {
        self.pool().read(move |reader| audit::list(&reader.connection, tenant, &page)).await
    }

    async fn verify_audit(&self, tenant: TenantId, chain: Chain) -> Result<Result<Tip, Break>, StoreError> {
        self.pool().read(move |reader| audit::verify(&reader.connection, tenant, chain)).await
    }
}
