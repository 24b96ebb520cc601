//! What each write of the port does. One file per subject; a write that fails is rolled back by the writer.

use dm::UtcTime;
use fleet::audit::{self, AuditEntry, Chain, Tip};
use fleet::dto;
use fleet::event::EventBody;
use fleet::ids::{DeviceId, Digest, Seq, TenantId};
use fleet::port::{Seal, Write, Written};
use rusqlite::{Connection, params};

use crate::codec::pack;
use crate::dictionary::Dictionary;
use crate::error::Res;
use crate::query::{one, run, signed, unsigned};

mod access;
mod certificate;
mod datamodel;
mod device;
mod enrol;
mod enrolment;
mod expected;
mod job;
mod login;
mod notification;
mod prune;
mod search;
mod session;
mod tenant;
pub(crate) mod twin;

/// The transaction that a write works in.
pub(crate) struct Tx<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) dictionary: &'a mut Dictionary,
    pub(crate) seal: &'a dyn Seal,
    /// The last event that was appended, if any was.
    pub(crate) appended: &'a mut Option<Seq>,
}

/// Does a write.
pub(crate) fn perform(tx: &mut Tx<'_>, write: Write) -> Res<Written> {
    match write {
        Write::Recover { at } => session::recover(tx, at),
        Write::StoreNotification(notification) => notification::store(tx, *notification),
        Write::SessionOpened(opened) => session::opened(tx, &opened),
        Write::SessionClosed(closed) => session::closed(tx, &closed),
        Write::SeenPending { tenant, pending } => enrolment::seen(tx, tenant, &pending),
        Write::Approve(approve) => enrolment::approve(tx, approve),
        Write::Reject { reach, endpoint, at, audit } => enrolment::reject(tx, reach, &endpoint, at, audit),
        Write::Admit(admit) => enrolment::admit(tx, admit),
        Write::Enrol(enrol) => enrol::enrol(tx, enrol),
        Write::Renew(renew) => certificate::renew(tx, renew),
        Write::PutDeviceLogin(login) => login::put(tx, login),
        Write::RevokeCertificate { tenant, fingerprint, reason, at, audit } => {
            certificate::revoke(tx, tenant, fingerprint, reason, at, audit)
        }
        Write::PutExpected(put) => expected::put(tx, put),
        Write::RemoveExpected { reach, value, at, audit } => expected::remove(tx, reach, &value, at, &audit),
        Write::PutDial(dial) => enrolment::put_dial(tx, dial),
        Write::RemoveDial { tenant, device, at, audit } => {
            enrolment::remove_dial(tx, tenant, device, at, audit)
        }
        Write::Refused { tenant, attempt } => enrolment::refused(tx, tenant, &attempt),
        Write::CreateJob(create) => job::create(tx, *create),
        Write::JobSent { tenant, job, epoch, at } => job::sent(tx, tenant, job, epoch, at),
        Write::StepJob { tenant, job, epoch, event, outcome, at } => {
            job::step(tx, (tenant, job), epoch, event, outcome.map(|outcome| *outcome), at)
        }
        Write::FinishJob(finish) => job::finish(tx, *finish),
        Write::CancelJob { tenant, job, at, audit } => job::cancel(tx, tenant, job, at, audit),
        Write::ExpireJobs { at } => job::expire(tx, at),
        Write::PutModel(model) => device::put_model(tx, &model),
        Write::PutDataModel(put) => datamodel::put(tx, *put),
        Write::RemoveDataModel { tenant, id, at, audit } => datamodel::remove(tx, tenant, id, at, audit),
        Write::Onboarded { tenant, device, problems, answers, at } => {
            device::confirm_model(tx, tenant, device, answers)?;
            device::onboarded(tx, tenant, device, problems, at)
        }
        Write::ModelConfirmed { tenant, device, answers } => {
            device::confirm_model(tx, tenant, device, Some(answers))?;
            Ok(Written::Done)
        }
        Write::PutDeviceFields(fields) => device::put_fields(tx, &fields),
        Write::PutTenant { tenant, audit } => tenant::put(tx, &tenant, audit),
        Write::MoveDevice(going) => tenant::hand_over(tx, going),
        Write::PatchDevice(patch) => device::patch(tx, patch),
        Write::ForgetDevice { tenant, device, at, audit } => device::forget(tx, tenant, device, at, audit),
        Write::PutIdentity { tenant, device, identity, at } => {
            device::put_identity(tx, tenant, device, &identity, at)?;
            Ok(Written::Done)
        }
        Write::PutCredential { tenant, credential, audit } => {
            device::put_credential(tx, tenant, &credential)?;
            tx.audit(tenant, credential.at, audit)?;
            Ok(Written::Done)
        }
        Write::Audit { tenant, at, entry } => {
            tx.audit(tenant, at, entry)?;
            Ok(Written::Done)
        }
        Write::Prune(prune) => prune::prune(tx, &prune),
        access => access::perform(tx, access),
    }
}

impl Tx<'_> {
    /// Appends to the event log.
    pub(crate) fn event(
        &mut self,
        tenant: TenantId,
        device: Option<DeviceId>,
        at: UtcTime,
        body: EventBody,
    ) -> Res<Seq> {
        let body = body.bounded();
        let sql = "INSERT INTO events (tenant, device, at, kind, path, params, duplicate, job) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        run(
            self.connection,
            sql,
            params![
                tenant.to_bytes(),
                device.map(DeviceId::to_bytes),
                at.0,
                body.kind.as_str(),
                body.path,
                pack(&dto::encode_params(&body.params)),
                body.duplicate,
                body.job.map(fleet::JobId::to_bytes)
            ],
        )?;
        let seq = Seq(unsigned(self.connection.last_insert_rowid()));
        *self.appended = Some(seq);
        Ok(seq)
    }

    /// Appends to the audit chain.
    pub(crate) fn audit(&mut self, tenant: TenantId, at: UtcTime, entry: AuditEntry) -> Res<()> {
        let chain = Chain(0);
        let tip = "SELECT seq, hash FROM audit WHERE tenant = ?1 AND chain = ?2 \
                   UNION ALL SELECT seq, hash FROM audit_anchors WHERE tenant = ?1 AND chain = ?2 \
                   ORDER BY seq DESC LIMIT 1";
        let tip = one(self.connection, tip, params![tenant.to_bytes(), chain.0], |row| {
            Ok(Tip { seq: Seq(unsigned(row.get(0)?)), hash: Digest(row.get(1)?) })
        })?;
        let row = audit::link(tenant, chain, tip.unwrap_or(Tip::EMPTY), at, entry);
        let sql = "INSERT INTO audit (tenant, chain, seq, at, actor, action, target, detail, prev_hash, hash) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        run(
            self.connection,
            sql,
            params![
                tenant.to_bytes(),
                chain.0,
                signed(row.seq.0),
                at.0,
                row.actor.as_str(),
                row.action,
                row.target,
                row.detail,
                row.prev_hash.0,
                row.hash.0
            ],
        )?;
        Ok(())
    }
}
